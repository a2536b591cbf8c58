package smtpd

import (
	"strings"

	"posthorn/internal/fault"
	"posthorn/internal/wire"
)

// cutVerb takes a line apart. The verb is in upper case; what follows it has
// no white space around it.
func cutVerb(line string) (verb, arg string) {
	line = strings.Trim(line, " \t")
	i := strings.IndexAny(line, " \t")
	if i < 0 {
		i = len(line)
	}
	return strings.ToUpper(line[:i]), strings.Trim(line[i:], " \t")
}

// dispatch runs a command and returns what to say to it: nothing when it was
// said already, or when go-smtp was asked.
func (f *front) dispatch(line string) reply {
	verb, arg := cutVerb(line)
	f.verb = verb
	if verb == "AUTH" {
		f.hide(arg)
		f.authTried = true
	}
	first := f.first
	f.first = false
	if first && wire.ForeignProtocol([]byte(line)) {
		// A browser can be made to send a request with lines of SMTP in it.
		return reply{code: 500, enhanced: "5.5.1", closes: true,
			text: "This port speaks SMTP, and TLS only after STARTTLS (port 465: from the first octet on): closing"}
	}
	if r := f.fruitless(verb); r.closes {
		return r
	}
	if verb == "BDAT" && (hasControls(line) || len(line) > maxCommand) {
		return badChunk()
	}
	if hasControls(line) {
		return f.mistake(reply{code: 500, enhanced: "5.5.2", text: "Control characters in the command (from arrow keys or backspace?): type the line again"})
	}
	if len(line) > maxCommand && verb != "AUTH" {
		return f.mistake(reply{code: 500, enhanced: "5.5.2", text: "Line too long"})
	}
	r, armed := f.faulty(fault.Reply, verb)
	switch {
	case !armed:
		r = f.run(verb, arg)
	case verb == "RCPT":
		f.tx.refused++
	}
	if r.code >= 500 && r.code <= 504 || r.code == 555 {
		r = f.mistake(r)
	}
	return r
}

func (f *front) run(verb, arg string) reply {
	switch verb {
	case "EHLO", "HELO":
		return f.hello(verb, arg)
	case "MAIL":
		return f.mail(arg)
	case "RCPT":
		return f.rcpt(arg)
	case "DATA":
		return f.data(arg)
	case "BDAT":
		return f.bdat(arg)
	case "RSET":
		return f.rset(arg)
	case "NOOP":
		return reply{code: 250, enhanced: "2.0.0", text: "OK"}
	case "QUIT":
		return f.quit(arg)
	case "HELP":
		return help(arg)
	case "VRFY", "EXPN":
		return verify(verb, arg)
	case "AUTH":
		return f.authenticate(arg)
	case "STARTTLS":
		return f.startTLS(arg)
	case "SEND", "SOML", "SAML", "TURN", "ETRN":
		return reply{code: 502, enhanced: "5.5.1", text: verb + " is not offered here"}
	}
	f.unknown++
	if f.authTried {
		// What follows a failed AUTH may be the password of a client that
		// does not listen: nobody shall see it.
		f.Mask("***")
		return unknownCommand("", "")
	}
	return unknownCommand(verb, arg)
}

// rset forgets the transaction, at any time (RFC 5321 §4.1.1.5).
func (f *front) rset(arg string) reply {
	if arg != "" {
		return syntax("RSET takes no argument")
	}
	return f.ask("RSET", reply{code: 250, enhanced: "2.0.0", text: "OK, start over"})
}

// quit ends the session. A transaction that is open is forgotten.
func (f *front) quit(arg string) reply {
	if arg != "" {
		return syntax("QUIT takes no argument")
	}
	return reply{code: 221, enhanced: "2.0.0", text: f.cfg.Hostname + " closing connection", closes: true}
}

// hasControls reports control characters other than a tab.
func hasControls(line string) bool {
	for i := range len(line) {
		if c := line[i]; c < ' ' && c != '\t' || c == 0x7f {
			return true
		}
	}
	return false
}
