//go:build browser

package browser

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/internal/testserver"
)

const (
	alice, bob = "alice@crepes.fr", "bob@hamburger.edu"
	// servers of the demo
	alices, bobs = 0, 1
)

// clients are mail programs of Alice's and Bob's.
type clients struct {
	t    *testing.T
	demo *testserver.Demo
}

// send submits a message of Alice's to Bob, in TLS and logged in.
func (c *clients) send(subject, body string) {
	c.t.Helper()
	address := c.demo.Address(alices, "submission")
	s, err := smtp.Dial(address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer s.Close()
	steps := []func() error{
		func() error { return s.Hello("laptop.test") },
		func() error { return s.StartTLS(&tls.Config{InsecureSkipVerify: true}) },
		func() error { return s.Auth(smtp.PlainAuth("", alice, c.demo.Passwords[alice], "127.0.0.1")) },
		func() error { return s.Mail(alice) },
		func() error { return s.Rcpt(bob) },
		func() error {
			w, err := s.Data()
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "From: Alice <%s>\r\nTo: Bob <%s>\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%d@laptop.test>\r\n%s",
				alice, bob, subject, time.Now().Format(time.RFC1123Z), time.Now().UnixNano(), body)
			return w.Close()
		},
		s.Quit,
	}
	for i, step := range steps {
		if err := step(); err != nil {
			c.t.Fatalf("sending %q, step %d: %v", subject, i, err)
		}
	}
}

// settle waits until nothing is in a queue.
func (c *clients) settle() {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		var state struct {
			Servers []struct {
				QueueSize int `json:"queue_size"`
			}
		}
		answer, err := http.Get(c.demo.Page + "state")
		if err == nil {
			err = json.NewDecoder(answer.Body).Decode(&state)
			answer.Body.Close()
		}
		if err != nil || len(state.Servers) != 2 {
			c.t.Fatalf("asking for the state: %d servers, %v", len(state.Servers), err)
		}
		if state.Servers[alices].QueueSize+state.Servers[bobs].QueueSize == 0 {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatal("the queues do not empty")
		}
	}
}

// talk is a conversation of lines, in the clear.
type talk struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// dial connects to a service of a server and reads its greeting.
func (c *clients) dial(server int, service string) *talk {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.demo.Address(server, service))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(5 * patience))
	k := &talk{t: c.t, conn: conn, in: bufio.NewReader(conn)}
	k.read()
	return k
}

// read reads a reply: its last line, where it has several as SMTP has them.
func (k *talk) read() string {
	k.t.Helper()
	for {
		line, err := k.in.ReadString('\n')
		if err != nil {
			k.t.Fatalf("reading: %v", err)
		}
		if len(line) > 4 && line[3] == '-' && line[0] >= '0' && line[0] <= '9' {
			continue
		}
		return strings.TrimRight(line, "\r\n")
	}
}

// say sends a line, and reads a reply that must begin as it is said.
func (k *talk) say(line, reply string) string {
	k.t.Helper()
	if _, err := fmt.Fprintf(k.conn, "%s\r\n", line); err != nil {
		k.t.Fatalf("%s: %v", line, err)
	}
	got := k.read()
	if !strings.HasPrefix(got, reply) {
		k.t.Fatalf("%s was answered %q, not %q", line, got, reply)
	}
	return got
}

// pop3 logs Bob in.
func (c *clients) pop3() *talk {
	c.t.Helper()
	k := c.dial(bobs, "pop3")
	k.say("USER "+bob, "+OK")
	k.say("PASS "+c.demo.Passwords[bob], "+OK")
	return k
}

// imap logs Bob in, in TLS.
func (c *clients) imap() *imapclient.Client {
	c.t.Helper()
	i, err := imapclient.DialTLS(c.demo.Address(bobs, "imaps"), &imapclient.Options{TLSConfig: &tls.Config{InsecureSkipVerify: true}})
	if err == nil {
		err = i.Login(bob, c.demo.Passwords[bob]).Wait()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { i.Close() })
	return i
}
