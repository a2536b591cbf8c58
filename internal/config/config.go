// Package config is the configuration file: its keys, their defaults, and
// errors that name the line.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is a configuration file, read and checked.
type Config struct {
	Hostname string `toml:"hostname"`
	// Data is the data folder; relative paths count from the file's folder.
	Data string `toml:"data"`
	// User is whom to become once the ports are bound; empty stays.
	User string `toml:"user"`

	Listen  Listen  `toml:"listen"`
	TLS     TLS     `toml:"tls"`
	Auth    Auth    `toml:"auth"`
	SMTP    SMTP    `toml:"smtp"`
	IMAP    IMAP    `toml:"imap"`
	Limits  Limits  `toml:"limits"`
	Queue   Queue   `toml:"queue"`
	Relay   Relay   `toml:"relay"`
	Log     Log     `toml:"log"`
	HTTP    HTTP    `toml:"http"`
	Clients Clients `toml:"clients"`
	Class   Class   `toml:"class"`
	file    string
	source  []byte
}

// Addresses are host:port pairs; in the file a string (empty: off) or an array.
type Addresses []string

// Listen has the addresses of each listener.
type Listen struct {
	SMTP        Addresses `toml:"smtp"`
	Submission  Addresses `toml:"submission"`
	Submissions Addresses `toml:"submissions"`
	POP3        Addresses `toml:"pop3"`
	POP3S       Addresses `toml:"pop3s"`
	IMAP        Addresses `toml:"imap"`
	IMAPS       Addresses `toml:"imaps"`
	HTTP        Addresses `toml:"http"`
	HTTPS       Addresses `toml:"https"`
	// Metrics serves what watches over the server: /metrics and /healthz.
	Metrics Addresses `toml:"metrics"`
	// ProxyFrom are the networks whose PROXY header is believed, and required.
	ProxyFrom []netip.Prefix `toml:"proxy_from"`
}

// TLS names certificate files; relative paths count from the file's folder.
type TLS struct {
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
}

// Auth says how clients may log in.
type Auth struct {
	// ClearFrom are the networks from which a password may come without TLS.
	ClearFrom []netip.Prefix `toml:"clear_from"`
	// LockoutLoopback slows who guesses passwords from loopback too, as it
	// does everybody else.
	LockoutLoopback bool `toml:"lockout_loopback"`
	// ChannelBinding offers SCRAM-SHA-256-PLUS.
	ChannelBinding bool `toml:"channel_binding"`
}

// SMTP has the policy of taking mail.
type SMTP struct {
	MaxMessage    Size `toml:"max_message"`
	MaxRecipients int  `toml:"max_recipients"`
	// AnyHelo takes any name after EHLO and HELO on port 25; otherwise it must
	// look like a host's.
	AnyHelo bool `toml:"any_helo"`
	// AnySender lets accounts send under any address, not only their own.
	AnySender bool `toml:"any_sender"`
}

// IMAP has what IMAP offers beyond what all clients may use.
type IMAP struct {
	// Unauthenticate offers UNAUTHENTICATE (RFC 8437).
	Unauthenticate bool `toml:"unauthenticate"`
	// UIDOnly offers UIDONLY (RFC 9586).
	UIDOnly bool `toml:"uidonly"`
	// MessageLimit is how many messages one command works on (RFC 9738); 0 is any
	// number.
	MessageLimit int `toml:"message_limit"`
	// Compress offers COMPRESS=DEFLATE (RFC 4978).
	Compress bool `toml:"compress"`
	// QuotaAdmins are the addresses of accounts that may set quotas (QUOTASET, RFC
	// 9208).
	QuotaAdmins []string `toml:"quota_admins"`
	// Admin is a URI by which the operator is reached, and Comment a word of
	// theirs, for METADATA (RFC 5464 §3.2.1.1).
	Admin   string `toml:"admin"`
	Comment string `toml:"comment"`
	// ID are fields that ID tells, beside name and version or in their place.
	ID map[string]string `toml:"id"`
	// ClientQuirks does otherwise for clients that are known to be faulty.
	ClientQuirks bool `toml:"client_quirks"`
}

// HTTP says what the listeners http and https serve.
type HTTP struct {
	// Pages are the names of what there is; httpPages has all.
	Pages []string `toml:"pages"`
	// TrustedProxies are networks of proxies whose X-Forwarded-For and
	// X-Forwarded-Proto are believed.
	TrustedProxies []netip.Prefix `toml:"trusted_proxies"`
}

// httpPages are the names that HTTP.Pages may have. All but the last two are
// served unless the file says otherwise.
func httpPages() []string {
	return []string{"autoconfig", "autodiscover", "mobileconfig", "pacc", "setup", "metrics", "healthz"}
}

// Clients says how mail programs reach the server, where that is not what
// [listen] says: behind a router or a proxy, or in a container.
type Clients struct {
	// Host is the name to connect to; empty: the hostname.
	Host string `toml:"host"`
	// Ports are the ports to connect to, by the keys of [listen].
	Ports map[string]int `toml:"ports"`
}

// Limits bound connections.
type Limits struct {
	// Connections is the most of one protocol.
	Connections int `toml:"connections"`
	// SMTP, IMAP and POP3 are the most from one address before login, and of
	// one account and address after.
	SMTP int `toml:"smtp_per_client"`
	IMAP int `toml:"imap_per_client"`
	POP3 int `toml:"pop3_per_client"`
	// Loopback holds clients on loopback to these limits as well.
	Loopback bool `toml:"loopback"`
}

// Queue says how long to keep trying.
type Queue struct {
	// Retry are the waits between attempts; the last repeats.
	Retry []Duration `toml:"retry"`
	// GiveUp is when a message is returned to its sender, WarnAfter when the
	// sender is told of a delay.
	GiveUp    Duration `toml:"give_up"`
	WarnAfter Duration `toml:"warn_after"`
}

// Relay says where mail for other domains goes.
type Relay struct {
	// ConnectionsPerHop is how many there may be to one next hop at a time.
	ConnectionsPerHop int `toml:"connections_per_hop"`
	// Smarthost takes all mail for other domains; empty: none.
	Smarthost Hop `toml:"smarthost"`
	// Routes lead a domain to a next hop of its own.
	Routes map[string]Hop `toml:"routes"`
}

// Hop is a next hop.
type Hop struct {
	Address string `toml:"address"` // host:port
	// TLS is "opportunistic" (the default), "required", "implicit" or "none".
	TLS          string `toml:"tls"`
	CA           string `toml:"ca"` // a PEM file to verify it by; empty: the system's
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
}

// Class is the page that shows what is said in every session, to a class.
type Class struct {
	// Page puts it on the HTTP listeners.
	Page bool `toml:"page"`
	// From are the networks from which it may be seen.
	From []netip.Prefix `toml:"from"`
	// Hosts are the names besides localhost under which it may be asked for.
	Hosts []string `toml:"hosts"`
	// Faults lets whoever has the page's token arm faults.
	Faults bool `toml:"faults"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// Size is a number of octets, written "50 MiB", "900 kB" or plain.
type Size int64

// Duration is a time.Duration, written "90s", "5m", "4h" or "5d".
type Duration time.Duration

// Default is the configuration of a server whose file says nothing.
func Default() *Config {
	return &Config{
		Data: "data",
		Listen: Listen{
			SMTP: Addresses{":25"}, Submission: Addresses{":587"}, Submissions: Addresses{":465"},
			POP3: Addresses{":110"}, POP3S: Addresses{":995"}, IMAP: Addresses{":143"}, IMAPS: Addresses{":993"},
			HTTP: Addresses{":80"}, HTTPS: Addresses{":443"}, Metrics: Addresses{"127.0.0.1:9925"},
		},
		TLS:    TLS{Cert: "cert.pem", Key: "key.pem"},
		Auth:   Auth{LockoutLoopback: true},
		SMTP:   SMTP{MaxMessage: 50 << 20, MaxRecipients: 1000},
		IMAP:   IMAP{Compress: true, ClientQuirks: true},
		Limits: Limits{Connections: 5000, SMTP: 20, IMAP: 20, POP3: 5, Loopback: true},
		Queue: Queue{
			Retry:  durations(time.Minute, 5*time.Minute, 15*time.Minute, 30*time.Minute, time.Hour, 2*time.Hour, 4*time.Hour),
			GiveUp: Duration(5 * 24 * time.Hour), WarnAfter: Duration(4 * time.Hour),
		},
		Relay: Relay{ConnectionsPerHop: 1},
		Class: Class{From: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		Log:   Log{Level: "info", Format: "text"},
		HTTP:  HTTP{Pages: httpPages()[:5]},
	}
}

func durations(ds ...time.Duration) []Duration {
	out := make([]Duration, len(ds))
	for i, d := range ds {
		out[i] = Duration(d)
	}
	return out
}

// Find is the first configuration file there is: $POSTHORN_CONFIG,
// ./posthorn.toml, /etc/posthorn/posthorn.toml, /var/lib/posthorn/posthorn.toml.
func Find() (string, error) {
	if f := os.Getenv("POSTHORN_CONFIG"); f != "" {
		return f, nil
	}
	places := []string{"posthorn.toml", "/etc/posthorn/posthorn.toml", "/var/lib/posthorn/posthorn.toml"}
	for _, f := range places {
		_, err := os.Stat(f)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, fs.ErrPermission):
			return "", forbidden(err)
		}
	}
	return "", fmt.Errorf("no configuration found: neither $POSTHORN_CONFIG nor ./%s; name one with --config FILE, or make one with \"posthorn init\"", strings.Join(places, " nor "))
}

// Load reads and checks a file. Errors begin with file:line where a line is to blame.
func Load(file string) (*Config, error) {
	src, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, forbidden(err)
	case err != nil:
		return nil, err
	}
	return Parse(file, src)
}

// forbidden says who may look at the configuration.
func forbidden(err error) error {
	return fmt.Errorf("%w: posthorn's commands are for root and for the user that the server runs as", err)
}

// Parse is Load of bytes; file is for messages and relative paths.
func Parse(file string, src []byte) (*Config, error) {
	c := Default()
	c.file, c.source = file, src
	meta, err := toml.Decode(string(src), c)
	if err != nil {
		return nil, c.syntaxError(err)
	}
	for _, key := range meta.Undecoded() {
		return nil, c.errorAt(key.String(), "there is no such key%s", nearest(key.String()))
	}
	dir := filepath.Dir(file)
	c.Data = under(dir, c.Data)
	c.TLS.Cert, c.TLS.Key = under(dir, c.TLS.Cert), under(dir, c.TLS.Key)
	c.Relay.Smarthost.resolve(dir)
	for domain, hop := range c.Relay.Routes {
		hop.resolve(dir)
		c.Relay.Routes[domain] = hop
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c, nil
}

func (h *Hop) resolve(dir string) {
	h.CA, h.PasswordFile = under(dir, h.CA), under(dir, h.PasswordFile)
}

// under makes a relative path count from dir; the empty path stays empty.
func under(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// File is the file that the configuration came from.
func (c *Config) File() string { return c.file }
