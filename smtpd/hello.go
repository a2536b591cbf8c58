package smtpd

import (
	"fmt"
	"strings"

	"posthorn/internal/mail"
)

// hello runs HELO and EHLO (RFC 5321 §4.1.1.1).
func (f *front) hello(verb, arg string) reply {
	if r := f.checkHello(verb, arg); r.code != 0 {
		return r
	}
	// Some clients tell more after the name (RFC 5321 §4.1.1.1).
	name, _, _ := strings.Cut(arg, " ")
	f.helo, f.extended = true, verb == "EHLO"
	f.client.Helo = strings.Clone(printable(name)) // not the whole line
	text := fmt.Sprintf("%s Hello %s, pleased to meet you", f.cfg.Hostname, f.client.Helo)
	if f.extended {
		text += "\n" + strings.Join(f.extensions(), "\n")
	}
	return f.ask(verb+" client", reply{code: 250, text: text})
}

// checkHello refuses what cannot be a client's name; the zero reply is none.
func (f *front) checkHello(verb, arg string) reply {
	name, _, _ := strings.Cut(arg, " ")
	switch {
	case name == "":
		return syntax("Say your host's name: " + verb + " client.example.org")
	case len(name) > mail.MaxDomain:
		return syntax("The name is too long")
	case !f.cfg.AnyHelo && !f.cfg.Submission && !mail.ValidDomain(name):
		return syntax("This is no host's name: say " + verb + " client.example.org, or " + verb + " [192.0.2.1]")
	}
	return reply{}
}

// extensions are the lines of the reply to EHLO after its first.
func (f *front) extensions() []string {
	lines := []string{
		"PIPELINING",                             // RFC 2920
		fmt.Sprintf("SIZE %d", f.cfg.MaxMessage), // RFC 1870
		"8BITMIME",                               // RFC 6152
		"SMTPUTF8",                               // RFC 6531
		"ENHANCEDSTATUSCODES",                    // RFC 2034
		"CHUNKING",                               // RFC 3030
		"BINARYMIME",                             // RFC 3030
		"DSN",                                    // RFC 3461
	}
	if f.CanStartTLS() {
		lines = append(lines, "STARTTLS") // RFC 3207
	}
	if f.client.TLS != "" {
		lines = append(lines, "REQUIRETLS") // RFC 8689 §2
	}
	if f.auth != nil && f.secure() {
		if names := f.auth.Mechanisms(f.TLSState()); len(names) > 0 {
			lines = append(lines, "AUTH "+strings.Join(names, " ")) // RFC 4954
		}
	}
	lines = append(lines, fmt.Sprintf("LIMITS RCPTMAX=%d", f.maxRecipients())) // RFC 9422
	return append(lines, "HELP")
}

// printable is a client's name as the reply and the Received field can carry
// it: what no host's name or address literal has becomes a question mark.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".-_:[]", r):
			return r
		}
		return '?'
	}, name)
}
