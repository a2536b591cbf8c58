package smtpd

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"posthorn/internal/deliver"
	"posthorn/internal/mail"
)

// wrong is something that go-smtp's server does wrong by itself.
type wrong struct {
	name string
	// port is for harness.dial.
	port string
	// says is what the client sends, after the greeting; "wait" passes six
	// minutes, "leave" closes.
	says []string
	// good looks at what the server answered, and at what it accepted.
	good func(heard string, messages []taken) bool
}

const begin = "EHLO client.org\r\nMAIL FROM:<a@b.org>\r\nRCPT TO:<bob@hamburger.edu>\r\n"

func heard(word string) func(string, []taken) bool {
	return func(heard string, _ []taken) bool { return strings.Contains(heard, word) }
}

func notHeard(word string) func(string, []taken) bool {
	return func(heard string, _ []taken) bool { return !strings.Contains(heard, word) }
}

func accepted(n int) func(string, []taken) bool {
	return func(_ string, messages []taken) bool { return len(messages) == n }
}

// faults are those that DESIGN's list and our own reading found, as far as
// they can be seen from outside. (That a Session's 251 loses the recipient
// cannot: our Backend has no 251. Limits of connections are wire's.)
var faults = []wrong{
	{"a body after a time-out runs as commands", "mx", []string{begin, "DATA\r\n", "text\r\n", "wait", "VRFY bob\r\n"}, notHeard("\r\n252 ")},
	{"a cut-off BDAT LAST is accepted", "mx", []string{begin, "BDAT 100 LAST\r\n", "only a part", "leave"}, accepted(0)},
	{"a chunk after a bad BDAT argument runs as commands", "mx", []string{begin, "BDAT 10x LAST\r\nVRFY bob\r\n"}, notHeard("\r\n252 ")},
	{"a long binary chunk ends the connection", "mx",
		[]string{strings.Replace(begin, ".org>", ".org> BODY=BINARYMIME", 1) + "BDAT 5000 LAST\r\n" + strings.Repeat("\x00x", 2500)}, accepted(1)},
	{"a long AUTH line ends the connection", "submission clear",
		[]string{"EHLO a\r\n", "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00bob@hamburger.edu\x00"+strings.Repeat("x", 3000))) + "\r\n"}, heard("\r\n535 ")},
	{"a message of exactly the limit is refused", "mx small",
		[]string{begin, "DATA\r\n", strings.Repeat("12345678\r\n", 10) + ".\r\n"}, accepted(1)},
	{"RCPT TO:<Postmaster> is refused", "mx", []string{begin, "RCPT TO:<Postmaster>\r\n"}, notHeard("\r\n50")},
	{"a nested MAIL is accepted", "mx", []string{begin, "MAIL FROM:<b@b.org>\r\n"}, heard("\r\n503 ")},
	{"a bad sequence is answered 502", "mx", []string{"EHLO a\r\n", "RCPT TO:<bob@hamburger.edu>\r\n", "DATA\r\n"}, notHeard("\r\n502 ")},
	{"there is no HELP", "mx", []string{"HELP\r\n"}, heard("\r\n214 ")},
	{"there is no EXPN", "mx", []string{"EXPN staff\r\n"}, heard("\r\n252 ")},
	{"ETRN is not recognized", "mx", []string{"ETRN example.org\r\n"}, heard("\r\n502 ")},
	{"EHLO's reply names the client", "mx", []string{"EHLO client.org\r\n"}, heard("\r\n250-hamburger.edu")},
	{"strangers see internal errors", "mx", []string{begin, "RCPT TO:<secret@hamburger.edu>\r\n"}, notHeard("secret/path")},
	{"internal errors show after DATA", "mx", []string{strings.Replace(begin, "bob", "at-secret", 1), "DATA\r\n", "x\r\n.\r\n"}, notHeard("secret/path")},
	{"too many errors are answered 500", "mx", []string{strings.Repeat("FOOO\r\n", maxUnknown)}, heard("\r\n421 ")},
	{"the end after CR CR LF is missed", "mx", []string{begin, "DATA\r\n", "x\r\r\n.\r\n", "VRFY bob\r\n"}, heard("\r\n252 ")},
	{"a bare LF in a message is taken", "mx", []string{begin, "DATA\r\n", "x\n.\ny\r\n.\r\n"}, accepted(0)},
	{"a bare CR in a message is taken", "mx", []string{begin, "DATA\r\n", "x\r.\ry\r\n.\r\n"}, accepted(0)},
	{"a bare LF in a chunk is taken", "mx", []string{begin, "BDAT 3 LAST\r\nx\ny"}, accepted(0)},
	{"a local part loses its quotes", "mx", []string{"EHLO a\r\n", "MAIL FROM:<\"a b\"@c.org>\r\n"}, heard(`"a b"@c.org`)},
	{"two dots in a domain are taken", "mx", []string{"EHLO a\r\n", "MAIL FROM:<a@b..c>\r\n"}, heard("\r\n501 ")},
	{"missing brackets are taken", "mx", []string{"EHLO a\r\n", "MAIL FROM:a@b.org\r\n"}, heard("\r\n501 ")},
	{"UTF-8 is taken without SMTPUTF8", "mx", []string{"EHLO a\r\n", "MAIL FROM:<é@b.org>\r\n"}, heard("\r\n550 5.6.7")},
	{"a SIZE of over 32 bits is a syntax error", "mx", []string{"EHLO a\r\n", "MAIL FROM:<a@b.org> SIZE=5000000000\r\n"}, heard("\r\n552 5.3.4")},
	{"a parameter is taken twice", "mx", []string{"EHLO a\r\n", "MAIL FROM:<a@b.org> SIZE=1 SIZE=2\r\n"}, heard("\r\n501 ")},
	{"an unknown parameter is answered 500", "mx", []string{"EHLO a\r\n", "MAIL FROM:<a@b.org> FOO=1\r\n"}, heard("\r\n555 ")},
	{"REQUIRETLS is taken in clear", "mx", []string{"EHLO a\r\n", "MAIL FROM:<a@b.org> REQUIRETLS\r\n"}, heard("\r\n555 ")},
	{"a failed chunk is followed by 502", "mx", []string{"EHLO a\r\n", "BDAT 4 LAST\r\nabcd"}, heard("\r\n503 ")},
	{"bad base64 in AUTH is answered 454", "submission clear", []string{"EHLO a\r\n", "AUTH PLAIN !\r\n"}, heard("\r\n501 ")},
	{"AUTH without a mechanism is answered 502", "submission clear", []string{"HELO a\r\n", "AUTH\r\n"}, heard("\r\n501 ")},
}

// TestFaults holds the same conversations with our server, which must do well,
// and with go-smtp's alone, which must not: a fault that the library no longer
// has needs no front.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				conn, err := h.dial(f.port)
				if err != nil {
					t.Fatal(err)
				}
				heard := f.run(conn)
				if messages := h.backend.take(); !f.good(heard, messages) {
					t.Errorf("the front has it, too: %q, %v", heard, messages)
				}
			})
			synctest.Test(t, func(t *testing.T) {
				backend := &memory{}
				heard := f.run(stock(t, f.port, backend))
				if messages := backend.take(); f.good(heard, messages) {
					t.Errorf("go-smtp does not have it: %q, %v", heard, messages)
				}
			})
		})
	}
}

func (f wrong) run(conn net.Conn) string {
	c := converse(conn)
	for _, s := range f.says {
		switch s {
		case "wait":
			time.Sleep(6 * time.Minute)
			synctest.Wait()
		case "leave":
			c.leave()
		default:
			c.say(s)
		}
	}
	c.leave()
	return c.all()
}

// stock is a connection to go-smtp's server without a front.
func stock(t *testing.T, port string, backend *memory) net.Conn {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &stockSession{backend: backend}, nil }))
	s.Domain = "hamburger.edu"
	s.ErrorLog = log.New(io.Discard, "", 0)
	s.ReadTimeout, s.WriteTimeout = 5*time.Minute, 5*time.Minute
	s.EnableSMTPUTF8, s.EnableBINARYMIME, s.EnableDSN, s.EnableREQUIRETLS = true, true, true, true
	s.MaxMessageBytes, s.MaxRecipients = defaultMaxMessage, defaultMaxRecipients
	s.AllowInsecureAuth = strings.Contains(port, "clear")
	if strings.Contains(port, "small") {
		s.MaxMessageBytes = 100
	}
	client, server := net.Pipe()
	ln := newPipes()
	ln.conns <- server
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Serve(ln)
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return client
}

// stockSession is what a Session straight over the Backend would be.
type stockSession struct {
	backend *memory
	client  deliver.Client
	env     mail.Envelope
}

func (s *stockSession) Reset()                   { s.env = mail.Envelope{} }
func (s *stockSession) Logout() error            { return nil }
func (s *stockSession) AuthMechanisms() []string { return passwords{}.Mechanisms(nil) }

func (s *stockSession) Auth(mechanism string) (sasl.Server, error) {
	x, err := passwords{}.Start(context.Background(), s.client.Remote, nil, mechanism)
	if err != nil {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return x, nil
}

func (s *stockSession) Mail(from string, _ *smtp.MailOptions) error {
	s.env.From.Local, s.env.From.Domain, _ = strings.Cut(from, "@")
	return s.backend.Sender(context.Background(), &s.client, s.env.From)
}

func (s *stockSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	var r mail.Recipient
	r.Address.Local, r.Address.Domain, _ = strings.Cut(to, "@")
	if err := s.backend.Recipient(context.Background(), &s.client, &s.env, r); err != nil {
		return err
	}
	s.env.To = append(s.env.To, r)
	return nil
}

func (s *stockSession) Data(r io.Reader) error {
	if len(s.env.To) == 0 {
		return fmt.Errorf("no recipients")
	}
	_, err := s.backend.Accept(context.Background(), &s.client, &s.env, r)
	return err
}
