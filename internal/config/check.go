package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"posthorn/internal/mail"
)

// check finds values that cannot be meant.
func (c *Config) check() error {
	if c.Hostname == "" {
		return c.errorAt("hostname", "the server needs a name: hostname = \"mail.example.org\"")
	}
	if !validHost(c.Hostname) {
		return c.errorAt("hostname", "%q is no host name", c.Hostname)
	}
	if c.Data == "" {
		return c.errorAt("data", "the data folder has no name")
	}
	for name, addresses := range c.Listen.All() {
		for _, a := range addresses {
			if err := checkAddress(a); err != nil {
				return c.errorAt("listen."+name, "%v", err)
			}
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		return c.errorAt("tls.cert", "cert and key go together")
	}
	if c.SMTP.MaxMessage < 64<<10 {
		return c.errorAt("smtp.max_message", "%s is less than the 64 KiB that any server must take (RFC 5321 §4.5.3.1.7)", c.SMTP.MaxMessage)
	}
	if c.SMTP.MaxRecipients < 100 {
		return c.errorAt("smtp.max_recipients", "%d is less than the 100 that any server must take (RFC 5321 §4.5.3.1.8)", c.SMTP.MaxRecipients)
	}
	return errors.Join(c.checkQueue(), c.checkIMAP(), c.checkRelay(), c.checkLog(), c.checkHTTP())
}

// checkQueue wants times that pass: without, a message would be tried again and
// again with no pause.
func (c *Config) checkQueue() error {
	if len(c.Queue.Retry) == 0 {
		return c.errorAt("queue.retry", "the queue needs an interval between attempts")
	}
	for _, d := range []struct {
		key string
		Duration
	}{{"retry", slices.Min(c.Queue.Retry)}, {"give_up", c.Queue.GiveUp}, {"warn_after", c.Queue.WarnAfter}} {
		if d.Duration <= 0 {
			return c.errorAt("queue."+d.key, "%s is no time at all", d)
		}
	}
	return nil
}

// checkHTTP holds [http] and [clients] to names that there are.
func (c *Config) checkHTTP() error {
	for _, page := range c.HTTP.Pages {
		if !oneOf(page, httpPages()...) {
			return c.errorAt("http.pages", "%q is none of %s", page, strings.Join(httpPages(), ", "))
		}
	}
	if c.Clients.Host != "" && !validHost(c.Clients.Host) {
		return c.errorAt("clients.host", "%q is no host name", c.Clients.Host)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Clients.Ports)) {
		known := false
		for name := range c.Listen.All() {
			known = known || name == key
		}
		if port := c.Clients.Ports[key]; !known || port < 1 || port > 65535 {
			return c.errorAt("clients.ports", "%s = %d: want a key of [listen] and a port from 1 to 65535", key, port)
		}
	}
	return nil
}

// checkIMAP holds the message limit to RFC 9738 §3, the admins of quotas to
// addresses, the operator's URI to RFC 5464 §3.2.1.1, and the fields of ID to RFC
// 2971 §3.3.
func (c *Config) checkIMAP() error {
	if n := c.IMAP.MessageLimit; n != 0 && n < 1000 {
		return c.errorAt("imap.message_limit", "%d: at least 1000, or 0 for any number", n)
	}
	for _, a := range c.IMAP.QuotaAdmins {
		if _, err := mail.ParseAddress(a); err != nil {
			return c.errorAt("imap.quota_admins", "%q is no address such as \"postmaster@example.org\"", a)
		}
	}
	if u, err := url.Parse(c.IMAP.Admin); err != nil || u.Scheme == "" && c.IMAP.Admin != "" {
		return c.errorAt("imap.admin", "%q is no URI such as \"mailto:postmaster@example.org\"", c.IMAP.Admin)
	}
	if len(c.IMAP.ID) > 28 {
		return c.errorAt("imap.id", "%d fields: with name and version there may be 30", len(c.IMAP.ID))
	}
	seen := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(c.IMAP.ID)) {
		value, key := c.IMAP.ID[name], "imap.id."+name
		switch {
		case name == "" || len(name) > 30 || !printable(name):
			return c.errorAt(key, "%q: a field's name has 1 to 30 printable ASCII characters", name)
		case len(value) > 1024 || !printable(value):
			return c.errorAt(key, "the value of %s has at most 1024 printable ASCII characters", name)
		case seen[strings.ToLower(name)]:
			return c.errorAt(key, "%s stands there twice", strings.ToLower(name))
		}
		seen[strings.ToLower(name)] = true
	}
	return nil
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

func (c *Config) checkRelay() error {
	if c.Relay.ConnectionsPerHop < 1 {
		return c.errorAt("relay.connections_per_hop", "a hop needs at least one connection")
	}
	if c.Relay.Smarthost != (Hop{}) {
		if err := c.Relay.Smarthost.check(); err != nil {
			return c.errorAt("relay.smarthost", "%v", err)
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(c.Relay.Routes)) {
		if !mail.ValidDomain(domain) {
			return c.errorAt("relay.routes."+domain, "%q is no domain", domain)
		}
		if err := c.Relay.Routes[domain].check(); err != nil {
			return c.errorAt("relay.routes."+domain, "route for %s: %v", domain, err)
		}
	}
	return nil
}

func (c *Config) checkLog() error {
	if !oneOf(c.Log.Level, "debug", "info", "warn", "error") {
		return c.errorAt("log.level", "%q is none of debug, info, warn, error", c.Log.Level)
	}
	if !oneOf(c.Log.Format, "text", "json") {
		return c.errorAt("log.format", "%q is neither text nor json", c.Log.Format)
	}
	return nil
}

func (h Hop) check() error {
	if err := checkAddress(h.Address); err != nil {
		return err
	}
	if host, port, _ := net.SplitHostPort(h.Address); host == "" || port == "0" {
		return fmt.Errorf("%q is no next hop such as \"mail.example.org:25\"", h.Address)
	}
	if !oneOf(h.TLS, "", "opportunistic", "required", "implicit", "none") {
		return fmt.Errorf("tls = %q is none of opportunistic, required, implicit, none", h.TLS)
	}
	if (h.User == "") != (h.PasswordFile == "") {
		return errors.New("user and password_file go together")
	}
	return nil
}

func oneOf(s string, words ...string) bool {
	for _, w := range words {
		if s == w {
			return true
		}
	}
	return false
}

func checkAddress(a string) error {
	host, port, err := net.SplitHostPort(a)
	if err != nil {
		return fmt.Errorf("%q is no address such as \"127.0.0.1:25\", \"[::1]:25\" or \":25\"", a)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q: the port must be a number from 0 to 65535", a)
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil && !validHost(host) {
		return fmt.Errorf("%q: %q is no host", a, host)
	}
	return nil
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$`)

func validHost(s string) bool { return len(s) <= 253 && hostPattern.MatchString(s) }

// All yields the listeners by their keys, in a fixed order.
func (l Listen) All() func(yield func(string, Addresses) bool) {
	return func(yield func(string, Addresses) bool) {
		v := reflect.ValueOf(l)
		for i := range v.NumField() {
			if a, ok := v.Field(i).Interface().(Addresses); ok && !yield(v.Type().Field(i).Tag.Get("toml"), a) {
				return
			}
		}
	}
}

// wrongType is how the library puts a value of another type than the key's.
var wrongType = regexp.MustCompile(`\(last key "(.+)"\): incompatible types: .*; destination has type (\S+)`)

// syntaxError turns the library's error into file:line: message.
func (c *Config) syntaxError(err error) error {
	var pe toml.ParseError
	if errors.As(err, &pe) {
		return fmt.Errorf("%s:%d: %s", c.file, pe.Position.Line, pe.Message)
	}
	if m := wrongType.FindStringSubmatch(err.Error()); m != nil {
		return c.errorAt(m[1], "this must be of type %s", strings.Replace(m[2], "slice", "list", 1))
	}
	return fmt.Errorf("%s: %w", c.file, err)
}

// errorAt blames the line on which key stands.
func (c *Config) errorAt(key, format string, args ...any) error {
	where := c.file
	if line := c.lineOf(key); line > 0 {
		where = fmt.Sprintf("%s:%d", c.file, line)
	}
	return fmt.Errorf("%s: %s: %s", where, key, fmt.Sprintf(format, args...))
}

// lineOf finds a dotted key in the source; 0 when it isn't there.
func (c *Config) lineOf(key string) int {
	table, found := "", 0
	for i, line := range strings.Split(string(c.source), "\n") {
		line = strings.TrimSpace(line)
		if t, ok := strings.CutPrefix(line, "["); ok {
			table = strings.NewReplacer(`"`, "", "[", "", " ", "").Replace(strings.SplitN(t, "]", 2)[0]) + "."
			if strings.HasPrefix(key+".", table) && found == 0 {
				found = i + 1 // the table, when the key itself has no line
			}
			continue
		}
		name, _, ok := strings.Cut(line, "=")
		if ok && !strings.HasPrefix(line, "#") && table+strings.Trim(strings.TrimSpace(name), `"`) == key {
			return i + 1
		}
	}
	return found
}

// nearest suggests a key that was perhaps meant.
func nearest(key string) string {
	best, bestDistance := "", 3
	for _, k := range keys(reflect.TypeFor[Config](), "") {
		if d := distance(k, key); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// keys lists all dotted keys of a configuration struct.
func keys(t reflect.Type, prefix string) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("toml")
		if name == "" {
			continue
		}
		out = append(out, prefix+name)
		if f.Type.Kind() == reflect.Struct {
			out = append(out, keys(f.Type, prefix+name+".")...)
		}
	}
	return out
}

// distance is the number of edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			diagonal, row[j] = row[j], min(row[j]+1, row[j-1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
