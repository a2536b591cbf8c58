package smtpd

import (
	"slices"
	"strings"
)

// helpTexts says what each command is for. HELP lists them in this order.
func helpTexts() [][2]string {
	return [][2]string{
		{"HELO", "HELO your.host.name\nBegins a session without extensions; EHLO is the newer form (RFC 5321 section 4.1.1.1)."},
		{"EHLO", "EHLO your.host.name\nBegins a session and lists the extensions offered (RFC 5321 section 4.1.1.1)."},
		{"MAIL", "MAIL FROM:<you@example.org>\nBegins a message and names its sender; <> is nobody, as in reports.\nParameters: SIZE= BODY= SMTPUTF8 RET= ENVID= REQUIRETLS AUTH="},
		{"RCPT", "RCPT TO:<somebody@example.org>\nNames a recipient; once for each.\nParameters: NOTIFY= ORCPT="},
		{"DATA", "DATA\nThen, after 354, the message: header fields, an empty line, the text.\nEvery line ends with CRLF, and a line that is only a dot ends the message."},
		{"BDAT", "BDAT size [LAST]\nThen exactly that many octets of the message (RFC 3030)."},
		{"RSET", "RSET\nGives up the message that was begun."},
		{"NOOP", "NOOP\nDoes nothing."},
		{"VRFY", "VRFY somebody\nIs always answered 252: this server tells nobody who its users are."},
		{"EXPN", "EXPN list\nIs always answered 252: this server tells nobody who is on a list."},
		{"HELP", "HELP [command]\nTells what you are reading."},
		{"STARTTLS", "STARTTLS\nBegins encryption; then say EHLO again (RFC 3207)."},
		{"AUTH", "AUTH mechanism [initial response]\nLogs in (RFC 4954). AUTH LOGIN asks for user name and password, each in base64."},
		{"QUIT", "QUIT\nEnds the session."},
	}
}

// help answers HELP (RFC 5321 §4.1.1.8).
func help(arg string) reply {
	topic, _ := cutVerb(arg)
	var names []string
	for _, t := range helpTexts() {
		if t[0] == topic {
			return reply{code: 214, enhanced: "2.0.0", text: t[1]}
		}
		names = append(names, t[0])
	}
	if topic != "" {
		return reply{code: 504, enhanced: "5.5.4", text: "No help on that. HELP lists the commands"}
	}
	return reply{code: 214, enhanced: "2.0.0", text: "This is Posthorn, a mail server. The commands:\n" +
		strings.Join(names, " ") + "\n" +
		"A message goes: EHLO, MAIL, RCPT, DATA, the message, a lone dot, QUIT.\n" +
		"HELP and a command's name tells more."}
}

// verify answers VRFY and EXPN. RFC 5321 §7.3: 252 where they are disabled.
func verify(verb, arg string) reply {
	if arg == "" {
		return syntax(verb + " takes an argument")
	}
	return reply{code: 252, enhanced: "2.5.2", text: "Cannot " + verb + ", but will take a message for it and try to deliver it"}
}

// unknownCommand answers what is no command, and helps where it can.
func unknownCommand(verb, arg string) reply {
	r := reply{code: 500, enhanced: "5.5.2", text: "Command unrecognized: HELP lists the commands"}
	switch {
	case verb == "":
	case slices.Contains([]string{"EXIT", "BYE", "LOGOUT", "CLOSE"}, verb):
		r.text = "Command unrecognized: to leave, say QUIT"
	case strings.HasPrefix(verb, "FROM:"), strings.HasPrefix(verb, "MAILFROM"):
		r.text = "Command unrecognized: write MAIL FROM:<you@example.org>"
	case strings.HasPrefix(verb, "TO:"), strings.HasPrefix(verb, "RCPTTO"):
		r.text = "Command unrecognized: write RCPT TO:<somebody@example.org>"
	case verb == "LHLO":
		r.text = "Command unrecognized: this is SMTP, not LMTP; say EHLO"
	case strings.HasSuffix(verb, ":") || strings.HasPrefix(arg, ":"):
		r.text = "Command unrecognized: header fields belong to the message, after DATA"
	default:
		if near := nearest(verb); near != "" {
			r.text = "Command unrecognized: did you mean " + near + "? HELP lists the commands"
		}
	}
	return r
}

// nearest is the command that verb is probably a slip of the finger for.
func nearest(verb string) string {
	if len(verb) < 3 || len(verb) > 10 {
		return ""
	}
	best, name := 3, ""
	for _, t := range helpTexts() {
		if d := distance(verb, t[0]); d < best && d < len(verb)-1 {
			best, name = d, t[0]
		}
	}
	return name
}

// distance counts the letters to insert, delete, replace or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	var before []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
