//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestALPN: a client that was led here but means another protocol fails the
// handshake (RFC 9325 §3.8); one that names the right one, or none, is served.
func TestALPN(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{})
	s.MustStart()
	own := map[string]string{"smtp": "smtp", "submission": "smtp", "submissions": "smtp", "pop3": "pop3", "pop3s": "pop3", "imap": "imap", "imaps": "imap"}
	for _, service := range services() {
		for _, offer := range [][]string{nil, {own[service]}, {"h2", own[service]}, {"h2", "http/1.1"}, {"http/1.1"}, {"imap"}, {"pop3"}, {"smtp"}, {"managesieve"}, {"xmpp-client"}, {"x"}} {
			good := len(offer) == 0 || offer[len(offer)-1] == own[service]
			err := shake(s, service, offer)
			alert := err != nil && strings.Contains(err.Error(), "no application protocol") // RFC 7301 §3.2
			if good && err != nil || !good && !alert {
				t.Errorf("%s, offered %v: %v", service, offer, err)
			}
		}
	}
}

// shake connects to a service up to the end of the handshake.
func shake(s *testserver.Server, service string, offer []string) error {
	c, err := dial(source(1), s.Address(service))
	if err != nil {
		return err
	}
	defer c.Close()
	for _, u := range upgrades() {
		if u.service == service {
			if err := c.talk(u.greeting, append(u.hello, u.command, u.ready)...); err != nil {
				return err
			}
		}
	}
	cfg := clientTLS()
	cfg.NextProtos = offer
	if err := c.secure(cfg); err != nil {
		return err
	}
	// In TLS 1.3 the client is done before it hears of the server's refusal.
	if err := c.say("NOOP\r\n"); err != nil {
		return err
	}
	_, err = c.line()
	return err
}

// TestHTTPVerbs sends HTTP requests whose bodies are commands, as a browser can
// be made to, to every port of mail, in clear and in TLS: the first line closes
// the connection, and no other is answered.
func TestHTTPVerbs(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	alice := "alice@" + testserver.Domain
	body := "HELO evil\r\nMAIL FROM:<evil@evil.example>\r\nUSER " + alice + "\r\nPASS " + testserver.Password + "\r\nSTAT\r\n" +
		"a LOGIN " + alice + " \"" + testserver.Password + "\"\r\nb SELECT INBOX\r\nQUIT\r\n"
	for _, service := range services() {
		for _, line := range []string{
			"GET / HTTP/1.1", "HEAD / HTTP/1.1", "POST / HTTP/1.1", "PUT /x HTTP/1.1", "DELETE /x HTTP/1.1", "PATCH /x HTTP/1.1",
			"OPTIONS * HTTP/1.1", "TRACE / HTTP/1.1", "CONNECT mail.example:25 HTTP/1.1", "PRI * HTTP/2.0", "GET http://mail.example/ HTTP/1.0",
			"get / http/1.1", "GET /", "POST /a%20b?c HTTP/1.1", "PROPFIND / HTTP/1.1", "M-SEARCH * HTTP/1.1",
		} {
			if err := request(s, service, fmt.Sprintf("%s\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", line, s.Address(service), len(body), body)); err != nil {
				t.Errorf("%s, %s: %v", service, line, err)
			}
		}
	}
	if strings.Contains(s.Log(), "logged in") {
		t.Errorf("somebody got in:\n%s", tail(s))
	}
}

// request sends an HTTP request to a service. It is an error when more comes
// back than the greeting and one line, or the connection stays open.
func request(s *testserver.Server, service, text string) error {
	c, err := connect(source(1), service, s)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.line(); err != nil {
		return err
	}
	if err := c.say(text); err != nil {
		return err
	}
	said, closed := c.ended(time.Now().Add(5 * time.Second))
	if !closed || strings.Count(said, "\n") > 1 || said != "" && !refuses(said, "250") && !strings.HasPrefix(said, "* BYE") {
		return fmt.Errorf("closed %v, it said %q", closed, said)
	}
	return nil
}

// TestHandshakeInClear: a TLS handshake on a port that begins in clear is a
// client with the wrong setting; the connection is closed, with a line that
// says so at most.
func TestHandshakeInClear(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{})
	s.MustStart()
	for _, service := range []string{"smtp", "submission", "pop3", "imap"} {
		c, err := dial(source(1), s.Address(service))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := c.secure(clientTLS()); err == nil || time.Since(began) > 5*time.Second {
			t.Errorf("%s: %v after %v", service, err, time.Since(began))
		}
		c.Close()
	}
}
