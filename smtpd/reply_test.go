package smtpd

import (
	"regexp"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

var replyLine = regexp.MustCompile(`^[2-5][0-5][0-9][ -][\t -~]*$`)

// checkReplyLine holds a line to RFC 5321 §4.2 and §4.5.3.1.5, and RFC 2034 §4:
// the enhanced code agrees with the code.
func checkReplyLine(t testing.TB, line string) {
	t.Helper()
	if !replyLine.MatchString(line) || len(line) > 510 {
		t.Errorf("bad reply line %q", line)
		return
	}
	if m := enhanced.FindString(line[4:]); m != "" && m[0] != line[0] {
		t.Errorf("the codes do not agree: %q", line)
	}
}

var enhanced = regexp.MustCompile(`^[245]\.[0-9]+\.[0-9]+ `)

func TestReply(t *testing.T) {
	for want, r := range map[string]reply{
		"250 2.0.0 OK\r\n":                              {code: 250, enhanced: "2.0.0", text: "OK"},
		"354 Go\r\n":                                    {code: 354, text: "Go"},
		"214-2.0.0 a\r\n214 2.0.0 b\r\n":                {code: 214, enhanced: "2.0.0", text: "a\nb"},
		"500 5.5.2 a?b?\r\n":                            {code: 500, enhanced: "5.5.2", text: "a\rb\x7f"},
		"500 " + strings.Repeat("x", 480) + "\r\n":      {code: 500, text: strings.Repeat("x", 600)},
		"334 \r\n":                                      {code: 334},
		"550 5.1.1 No such user here: this address\r\n": mustReply(mail.ErrNoSuchUser, mail.Address{Local: "é", Domain: "b"}),
	} {
		if got := string(r.append(nil)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func mustReply(err error, a mail.Address) reply {
	r, _ := replyTo(err, atRcpt, a)
	return r
}

// TestErrorReplies: every kind of error has a reply at every command that is in
// the command's row.
func TestErrorReplies(t *testing.T) {
	for _, local := range []string{"nobody", "off", "full", "large", "disk", "down", "denied", "odd", "secret"} {
		for at, command := range map[part][]string{atMail: {"MAIL"}, atRcpt: {"RCPT"}, atData: {"DATA", "BDAT"}} {
			r, known := replyTo(kinds(local), at, mail.Address{Local: local, Domain: "x"})
			for _, c := range command {
				checkRefusal(t, c, r)
			}
			if known == (local == "secret") {
				t.Errorf("%s: known %v", local, known)
			}
		}
	}
}
