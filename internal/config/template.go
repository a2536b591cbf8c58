package config

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Template is what differs between the files that init writes.
type Template struct {
	Hostname string
	// Local: for tests and classes. Loopback only, ports from BasePort on,
	// nothing limited.
	Local    bool
	BasePort int
	// Routes lead domains to next hops (plain SMTP).
	Routes map[string]string
}

// localPorts are what is added to the base port.
var localPorts = []struct {
	key    string
	offset int
}{
	{"smtp", 25}, {"submission", 587}, {"submissions", 465}, {"pop3", 110}, {"pop3s", 995},
	{"imap", 143}, {"imaps", 993}, {"http", 80}, {"https", 443},
}

// String is the file, commented, with every default shown.
func (t Template) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Posthorn's configuration. What is commented out shows the default.\n"+
		"# After a change send SIGHUP (systemctl reload posthorn); new addresses need a restart.\n\n"+
		"# The server's name: in greetings, in Received fields, in the certificate.\nhostname = %q\n\n"+
		"# The data folder, counted from this file's.\n# data = \"data\"\n\n"+
		"# Whom to become once the ports are bound (when started as root).\n# user = \"posthorn\"\n\n", t.Hostname)
	t.listen(&b)
	b.WriteString(`
[tls]
# Certificate chain and key, PEM; read again when they change. Those that init
# wrote come from a CA of the server's own: give ca.pem to the clients.
# cert = "cert.pem"
# key = "key.pem"

[auth]
`)
	if t.Local {
		b.WriteString("# Networks from which a password may come without TLS. Never a real network.\n" +
			"clear_from = [\"127.0.0.0/8\", \"::1/128\"]\n")
	} else {
		b.WriteString("# Networks from which a password may come without TLS. Leave it empty.\n" +
			"# clear_from = []\n")
	}
	b.WriteString(`# Slow down whoever guesses passwords; for clients on loopback too?
# lockout = true
# lockout_loopback = false

[smtp]
# The largest message, after encoding.
# max_message = "50 MiB"
# Recipients of one message.
# max_recipients = 1000

[limits]
# Connections of one protocol in all.
# connections = 5000
# Connections of one client: from one address before login, of one account
# and address after.
# smtp_per_client = 20
# imap_per_client = 20
# pop3_per_client = 5
# Count clients on loopback as well.
# loopback = false

[queue]
# Waits between attempts to deliver to other servers; the last one repeats.
`)
	if t.Local {
		b.WriteString("retry = [\"5s\", \"10s\", \"30s\", \"1m\"]\n")
	} else {
		b.WriteString("# retry = [\"1m\", \"5m\", \"15m\", \"30m\", \"1h\", \"2h\", \"4h\"]\n")
	}
	b.WriteString(`# When the sender is told of a delay, and when the message is returned.
# warn_after = "4h"
# give_up = "5d"

# A smarthost takes all mail for other domains.
# [relay.smarthost]
# address = "smtp.provider.example:587"
# tls = "required"             # opportunistic, required, implicit, none
# ca = ""                      # a PEM file to verify it by; empty: the system's
# user = "me@provider.example"
# password_file = "smarthost.password"
`)
	if len(t.Routes) == 0 {
		b.WriteString(`
# A route leads one domain to a next hop of its own.
# [relay.routes."partner.example"]
# address = "mx.partner.example:25"
# tls = "opportunistic"
`)
	}
	for domain, hop := range t.Routes {
		fmt.Fprintf(&b, "\n[relay.routes.%q]\naddress = %q\ntls = \"opportunistic\"\n", domain, hop)
	}
	b.WriteString(`
[log]
# level = "info"               # debug, info, warn, error
# format = "text"              # text, json
`)
	return b.String()
}

func (t Template) listen(b *strings.Builder) {
	b.WriteString("[listen]\n# Addresses: \":25\" is all of this machine's; \"\" turns a listener off; several\n" +
		"# stand in a list: [\"192.0.2.1:25\", \"[2001:db8::1]:25\"]; port 0 picks a free one.\n")
	if t.Local {
		for _, p := range localPorts {
			port := strconv.Itoa(t.BasePort + p.offset)
			fmt.Fprintf(b, "%s = [%q, %q]\n", p.key, net.JoinHostPort("127.0.0.1", port), net.JoinHostPort("::1", port))
		}
		return
	}
	for key, addresses := range Default().Listen.All() {
		fmt.Fprintf(b, "# %s = %q\n", key, addresses[0])
	}
	b.WriteString("# Networks of proxies whose PROXY header is believed, and required.\n# proxy_from = []\n")
}
