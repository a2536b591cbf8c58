// Package clientconf says how mail programs reach this server: hosts, ports,
// TLS and user name, computed from the configuration, for whoever tells it on:
// the command line, the set-up files on HTTP, the settings page, DNS.
package clientconf

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"posthorn/internal/config"
)

// Protocol is what is spoken to a service. SMTP is submission: nobody's mail
// program speaks to port 25.
type Protocol string

// The protocols of mail programs.
const (
	IMAP Protocol = "imap"
	POP3 Protocol = "pop3"
	SMTP Protocol = "smtp"
)

// Security is how TLS comes to a connection, in the words of mail programs.
type Security string

// Implicit is TLS from the first octet on (RFC 8314 §3); None stands where the
// server has no certificate.
const (
	Implicit Security = "SSL/TLS"
	STARTTLS Security = "STARTTLS"
	None     Security = "none"
)

// Service is one way in.
type Service struct {
	Protocol Protocol
	Host     string
	Port     int
	Security Security
}

// Access is how clients reach the server. It is the same for all of its
// domains and addresses.
type Access struct {
	// Host is the server's name: in URLs, and where DNS leads to.
	Host string
	// Services are the ways in, by protocol, the best of each first.
	Services []Service
	// HTTP and HTTPS are where the set-up files are, such as
	// "https://mail.example.org"; empty when they are not.
	HTTP, HTTPS string
	// Pages are the names of what is there (http.pages in the configuration).
	Pages []string
	// Smarthost says that mail goes out by somebody else's server.
	Smarthost bool
}

// New computes the access from a configuration. A listener on a port that the
// system chooses (0) cannot be told of, and is left out.
func New(cfg *config.Config) *Access {
	a := &Access{Host: cfg.Hostname, Pages: cfg.HTTP.Pages, Smarthost: cfg.Relay.Smarthost != (config.Hop{})}
	if cfg.Clients.Host != "" {
		a.Host = cfg.Clients.Host
	}
	certificate := cfg.TLS.Cert != ""
	upgrade := None
	if certificate {
		upgrade = STARTTLS
	}
	for _, l := range []struct {
		protocol  Protocol
		key       string
		addresses config.Addresses
		security  Security
	}{
		{IMAP, "imaps", cfg.Listen.IMAPS, Implicit},
		{IMAP, "imap", cfg.Listen.IMAP, upgrade},
		{POP3, "pop3s", cfg.Listen.POP3S, Implicit},
		{POP3, "pop3", cfg.Listen.POP3, upgrade},
		{SMTP, "submissions", cfg.Listen.Submissions, Implicit},
		{SMTP, "submission", cfg.Listen.Submission, upgrade},
	} {
		host, port, ok := reach(cfg, l.key, l.addresses)
		if ok && (certificate || l.security != Implicit) {
			a.Services = append(a.Services, Service{l.protocol, host, port, l.security})
		}
	}
	if host, port, ok := reach(cfg, "http", cfg.Listen.HTTP); ok {
		a.HTTP = baseURL("http", host, port, 80)
	}
	if host, port, ok := reach(cfg, "https", cfg.Listen.HTTPS); ok && certificate {
		a.HTTPS = baseURL("https", host, port, 443)
	}
	return a
}

// Best is the preferred service of a protocol.
func (a *Access) Best(p Protocol) (Service, bool) {
	for _, s := range a.Services {
		if s.Protocol == p {
			return s, true
		}
	}
	return Service{}, false
}

// URL is where the set-up files are, in TLS if that can be; empty: nowhere.
func (a *Access) URL() string {
	if a.HTTPS != "" {
		return a.HTTPS
	}
	return a.HTTP
}

// Setup is where the settings page is; empty: there is none.
func (a *Access) Setup() string {
	if a.URL() == "" || !a.serves("setup") {
		return ""
	}
	return a.URL() + SetupPath
}

func (a *Access) serves(page string) bool { return slices.Contains(a.Pages, page) }

// reach is how a listener is reached from outside: by the name and port that
// [clients] has for it, else by the server's name. A listener on loopback alone
// is reached by its address, unless the server's name is loopback's own.
func reach(cfg *config.Config, key string, addresses config.Addresses) (host string, port int, ok bool) {
	if len(addresses) == 0 {
		return "", 0, false
	}
	listened, service, err := net.SplitHostPort(addresses[0])
	if err != nil {
		return "", 0, false
	}
	if port, err = strconv.Atoi(service); err != nil {
		return "", 0, false
	}
	if p, told := cfg.Clients.Ports[key]; told {
		port = p
	}
	host = cfg.Hostname
	switch {
	case cfg.Clients.Host != "":
		host = cfg.Clients.Host
	case onLoopback(addresses) && !isLocalhost(cfg.Hostname):
		host = listened
	}
	return host, port, port > 0
}

func onLoopback(addresses config.Addresses) bool {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			return false
		}
		ip, err := netip.ParseAddr(host)
		if !isLocalhost(host) && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// isLocalhost knows the names that are always loopback (RFC 6761 §6.3).
func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

func baseURL(scheme, host string, port, standard int) string {
	if port == standard {
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}
