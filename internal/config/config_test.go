package config

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// TestTemplateShowsDefaults takes the comments off the template's keys: what
// is left must be the defaults, all of them.
func TestTemplateShowsDefaults(t *testing.T) {
	text := Template{Hostname: "mail.example.org"}.String()
	text, _, _ = strings.Cut(text, "# A smarthost takes")
	text += "\n[log]\n# level = \"info\"\n# format = \"text\"\n"
	var lines []string
	seen := map[string]bool{}
	table := ""
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimPrefix(line, "# ")
		if strings.HasPrefix(bare, "[") && !strings.Contains(bare, "\"") {
			table = strings.Trim(bare, "[]") + "."
		}
		if name, _, ok := strings.Cut(bare, " = "); ok && !strings.Contains(name, " ") && !strings.Contains(name, "user") {
			seen[strings.TrimPrefix(table+name, ".")] = true
			line = bare
		}
		lines = append(lines, line)
	}
	got, err := Parse("/etc/posthorn/posthorn.toml", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatalf("%v\n%s", err, strings.Join(lines, "\n"))
	}
	want, err := Parse("/etc/posthorn/posthorn.toml", []byte("hostname = \"mail.example.org\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Config{}), cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{"data", "listen.smtp", "listen.https", "listen.metrics", "http.pages", "clients.host", "clients.ports", "listen.proxy_from", "tls.cert", "auth.clear_from", "auth.lockout_loopback",
		"smtp.max_message", "limits.connections", "limits.loopback", "smtp.any_helo", "imap.unauthenticate", "imap.uidonly", "imap.compress", "imap.message_limit", "imap.id", "imap.client_quirks", "smtp.any_sender", "queue.retry", "queue.give_up", "relay.connections_per_hop", "log.format"} {
		if !seen[key] {
			t.Errorf("the template does not show %s", key)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"hostname = \"a\"\nhostnam = \"b\"\n", "f.toml:2: hostnam: there is no such key; did you mean hostname?"},
		{"hostname = \"a\"\n[listen]\n\nsmpt = \":1\"\n", "f.toml:4: listen.smpt: there is no such key; did you mean listen.smtp?"},
		{"hostname = \"a\"\n[listen]\nsmtp = \"25\"\n", `f.toml:3: listen.smtp: "25" is no address such as`},
		{"hostname = \"a\"\n[listen]\nsmtp = 25\n", "f.toml:3"},
		{"hostname = \"a\"\n[smtp]\nmax_message = \"many\"\n", "f.toml:3"},
		{"hostname = \"a\"\n[smtp]\nmax_message = \"3 kB\"\n", "f.toml:3: smtp.max_message: 3000 B is less"},
		{"hostname = \"a\"\n[queue]\ngive_up = \"soon\"\n", "f.toml:3"},
		{"hostname = \"a\"\n[queue]\nretry = [\"1m\", \"0s\"]\n", "f.toml:3: queue.retry: 0s is no time at all"},
		{"hostname = \"a\"\n[queue]\nwarn_after = \"0s\"\n", "f.toml:3: queue.warn_after: 0s is"},
		{"hostname = \"a\"\n[imap.id]\nsupport-url = \"\\n\"\n", "f.toml:3: imap.id.support-url: the value of support-url has at most"},
		{"hostname = \"a\"\n[imap]\nmessage_limit = 999\n", "f.toml:3: imap.message_limit: 999: at least 1000"},
		{"hostname = \"a\"\n[imap]\nadmin = \"alice@example.org\"\n", `f.toml:3: imap.admin: "alice@example.org" is no URI`},
		{"hostname = \"a\"\n[imap]\nquota_admins = [\"alice\"]\n", `f.toml:3: imap.quota_admins: "alice" is no address`},
		{"hostname = \"a\"\n[imap.id]\na = \"x\"\nA = \"y\"\n", "f.toml:3: imap.id.a: a stands there twice"},
		{"hostname = \"a\"\n[imap.id]\n\"\" = \"x\"\n", "f.toml:3: imap.id.: \"\": a field's name has 1 to 30"},
		{"hostname = \"a\"\n[relay]\nconnections_per_hop = 0\n", "f.toml:3: relay.connections_per_hop"},
		{"hostname = \"a\"\n[relay.routes.\"b.c\"]\naddress = \"x\"\n", "f.toml:2"},
		{"hostname = \"a\"\n[relay.smarthost]\naddress = \":25\"\n", `f.toml:2: relay.smarthost: ":25" is no next hop`},
		{"hostname = \"a\"\n[relay.routes.\"b..c\"]\naddress = \"x:25\"\n", `f.toml:2: relay.routes.b..c: "b..c" is no domain`},
		{"hostname = \"a\"\n[http]\npages = [\"setup\", \"webmail\"]\n", `f.toml:3: http.pages: "webmail" is none of autoconfig`},
		{"hostname = \"a\"\n[clients]\nhost = \"a b\"\n", "f.toml:3: clients.host"},
		{"hostname = \"a\"\n[clients]\nports = { imapz = 993 }\n", "f.toml:3: clients.ports: imapz = 993"},
		{"hostname = \"a\"\n[clients]\nports = { imaps = 99999 }\n", "f.toml:3: clients.ports: imaps = 99999"},
		{"hostname = \n", "f.toml:1"},
		{"hostname = \"a\"\n[limits]\nconnections = \"many\"\n", "f.toml:3: limits.connections: this must be of type integer"},
		{"hostname = \"a\"\n[http]\npages = \"setup\"\n", "f.toml:3: http.pages: this must be of type list"},
		{"hostname = \"a\"\n[auth]\nchannel_binding = 1\n", "f.toml:3: auth.channel_binding: this must be of type boolean"},
		{"", "f.toml: hostname: the server needs a name"},
		{"hostname = \"a b\"", "f.toml:1: hostname"},
	} {
		_, err := Parse("f.toml", []byte(c.in))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s…", c.in, err, c.want)
		}
	}
}

func TestLocal(t *testing.T) {
	c, err := Parse("/d/posthorn.toml", []byte(Template{Hostname: "crepes.fr", Local: true, BasePort: 2000,
		Routes: map[string]string{"hamburger.edu": "127.0.0.1:3025"}}.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Listen.IMAP; len(got) != 2 || got[0] != "127.0.0.1:2143" || got[1] != "[::1]:2143" {
		t.Errorf("imap on %v", got)
	}
	if c.Relay.Routes["hamburger.edu"].Address != "127.0.0.1:3025" || len(c.Auth.ClearFrom) != 2 || c.Data != "/d/data" {
		t.Errorf("%+v", c)
	}
	if time.Duration(c.Queue.Retry[0]) != 5*time.Second {
		t.Errorf("retry %v", c.Queue.Retry)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Template{Hostname: "mail.example.org"}.String())
	f.Add("hostname=\"a\"\n[listen]\nsmtp=[\"127.0.0.1:0\"]\n[smtp]\nmax_message=\"1 GiB\"")
	f.Fuzz(func(t *testing.T, s string) { Parse("f", []byte(s)) })
}
