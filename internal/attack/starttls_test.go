//go:build attack

package attack

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// upgrade is how a protocol goes over to TLS, and what somebody in between may
// put in clear before it.
type upgrade struct {
	service  string
	hello    []string // pairs for talk, before
	greeting string
	command  string // that begins TLS
	ready    string // how its reply begins
	inject   string // commands that must never run
	// after are commands said in TLS, and what each must be answered with: they
	// show whether an injected one ran, or has an answer that is still to come.
	after []string
}

func upgrades() []upgrade {
	alice := "alice@" + testserver.Domain
	login := plainResponse(alice, testserver.Password)
	return []upgrade{
		{"smtp", []string{"EHLO client.example", "250"}, "220", "STARTTLS", "220",
			"EHLO evil.example\r\nMAIL FROM:<evil@evil.example>\r\nRCPT TO:<" + alice + ">\r\nDATA\r\nSubject: injected\r\n\r\n.\r\n",
			[]string{"RCPT TO:<" + alice + ">", "503", "MAIL FROM:<a@b.example>", "503", "EHLO client.example", "250", "RCPT TO:<" + alice + ">", "503"}},
		{"submission", []string{"EHLO client.example", "250"}, "220", "STARTTLS", "220",
			"EHLO evil.example\r\nAUTH PLAIN " + login + "\r\nMAIL FROM:<" + alice + ">\r\n",
			[]string{"MAIL FROM:<" + alice + ">", "503", "EHLO client.example", "250", "MAIL FROM:<" + alice + ">", "530"}},
		{"pop3", []string{"CAPA", "."}, "+OK", "STLS", "+OK",
			"USER " + alice + "\r\nPASS " + testserver.Password + "\r\nDELE 1\r\n",
			[]string{"STAT", "-ERR", "PASS " + testserver.Password, "-ERR", "NOOP", "-ERR"}},
		{"imap", []string{"a CAPABILITY", "a OK"}, "* OK", "b STARTTLS", "b OK",
			"c LOGIN " + alice + " \"" + testserver.Password + "\"\r\nd SELECT INBOX\r\n",
			[]string{"e NOOP", "e OK", "f SELECT INBOX", "f BAD", "g NOOP", "g OK"}},
	}
}

// begin greets, up to the command that begins TLS, which it does not say.
func (u upgrade) begin(t *testing.T, s *testserver.Server) *client {
	t.Helper()
	c, err := dial(source(1), s.Address(u.service))
	if err == nil {
		t.Cleanup(func() { c.Close() })
		err = c.talk(u.greeting, u.hello...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestInjectedCommands sends commands in clear together with STARTTLS, as
// somebody in between would: none may run, before or after the handshake (RFC
// 3207 §6, RFC 2595 §2.1, CVE-2011-0411).
func TestInjectedCommands(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	for _, u := range upgrades() {
		t.Run(u.service, func(t *testing.T) {
			c := u.begin(t, s)
			if _, err := c.ask(u.command+"\r\n"+strings.TrimSuffix(u.inject, "\r\n"), u.ready); err != nil {
				t.Fatal(err)
			}
			if n := c.r.Buffered(); n > 0 {
				t.Fatalf("%d octets follow the answer in clear", n)
			}
			if err := c.secure(clientTLS()); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(u.after); i += 2 {
				if err := c.say(u.after[i] + "\r\n"); err != nil {
					t.Fatal(err)
				}
				line, err := c.line()
				for strings.HasPrefix(line, "250-") && err == nil {
					line, err = c.line()
				}
				if err != nil || !strings.HasPrefix(line, u.after[i+1]) {
					t.Errorf("%s was answered %q, %v; want %s", u.after[i], line, err, u.after[i+1])
				}
			}
			if n := c.r.Buffered(); n > 0 {
				t.Errorf("%d octets nobody asked for", n)
			}
		})
		t.Run(u.service+" late", func(t *testing.T) { // when the server waits for the handshake
			c := u.begin(t, s)
			if _, err := c.ask(u.command, u.ready); err != nil {
				t.Fatal(err)
			}
			c.say(u.inject)
			if said, closed := c.ended(time.Now().Add(patience)); !closed || strings.ContainsAny(said, "+*") || strings.HasPrefix(said, "2") {
				t.Errorf("closed %v, it said %q", closed, said)
			}
		})
	}
	if n := strings.Count(s.Log(), "sent before the TLS handshake"); n != len(upgrades()) {
		t.Errorf("the log tells of %d of %d injections", n, len(upgrades()))
	}
	s.Stop()
	if out := s.Must("mailbox", "list", "alice@"+testserver.Domain); !strings.Contains(out, "INBOX") || strings.Contains(s.Log(), "msg=accepted") {
		t.Errorf("a message came from somewhere:\n%s", out)
	}
}

// TestForgottenInTLS: what was said in clear before STARTTLS counts for nothing
// after it (RFC 3207 §4.2).
func TestForgottenInTLS(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	alice := "alice@" + testserver.Domain
	for _, tt := range []struct {
		upgrade
		clear []string
	}{
		{upgrades()[0], []string{"MAIL FROM:<evil@evil.example>", "250", "RCPT TO:<" + alice + ">", "250"}},
		{upgrades()[2], []string{"USER " + alice, "+OK"}},
	} {
		t.Run(tt.service, func(t *testing.T) {
			tt.hello = append(tt.hello, tt.clear...)
			c := tt.begin(t, s)
			if _, err := c.ask(tt.command, tt.ready); err != nil {
				t.Fatal(err)
			}
			if err := c.secure(clientTLS()); err != nil {
				t.Fatal(err)
			}
			for i := 0; i < len(tt.after); i += 2 {
				c.say(tt.after[i] + "\r\n")
				line, err := c.line()
				for strings.HasPrefix(line, "250-") && err == nil {
					line, err = c.line()
				}
				if !strings.HasPrefix(line, tt.after[i+1]) {
					t.Errorf("%s was answered %q, %v; want %s", tt.after[i], line, err, tt.after[i+1])
				}
			}
		})
	}
}

// injector is a next hop behind somebody who speaks before the handshake.
type injector struct {
	// with is said in one piece with the reply to STARTTLS, after it before
	// the handshake.
	with, after string
	cert        tls.Certificate

	mu    sync.Mutex
	lines []string
}

func (h *injector) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 hop.example ESMTP\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		h.mu.Lock()
		h.lines = append(h.lines, strings.TrimRight(line, "\r\n"))
		h.mu.Unlock()
		switch verb := strings.ToUpper(strings.Fields(line + " .")[0]); verb {
		case "EHLO":
			fmt.Fprint(conn, "250-hop.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n")
		case "STARTTLS":
			fmt.Fprint(conn, "220 go ahead\r\n"+h.with)
			if h.after != "" {
				time.Sleep(50 * time.Millisecond)
				fmt.Fprint(conn, h.after)
			}
			t := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{h.cert}})
			if t.Handshake() != nil {
				return
			}
			conn, r = t, bufio.NewReader(t)
		case "DATA":
			fmt.Fprint(conn, "354 go ahead\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func (h *injector) said() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Join(h.lines, "\n")
}

// TestInjectedReplies has the server relay to a hop whose replies somebody in
// between adds to before the handshake: none may be taken for the hop's own in
// TLS, and no mail may leave (CVE-2021-38371's kind).
func TestInjectedReplies(t *testing.T) {
	t.Parallel()
	pair := newPair(t, t.TempDir(), 1)
	cert, err := tls.LoadX509KeyPair(pair.cert, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, mode string
		hop        *injector
		relayed    bool
	}{
		{"nothing", "required", &injector{}, true}, // the control
		{"nothing", "opportunistic", &injector{}, true},
		{"with the reply", "required", &injector{with: "250-hop.example\r\n250 AUTH PLAIN\r\n"}, false},
		{"with the reply", "opportunistic", &injector{with: "250-hop.example\r\n250 AUTH PLAIN\r\n"}, false},
		{"a whole session", "opportunistic", &injector{with: strings.Repeat("250 ok\r\n", 4) + "354 go\r\n250 kept\r\n"}, false},
		{"half a line", "opportunistic", &injector{with: "250 "}, false},
		{"after the reply", "required", &injector{after: "250 hop.example\r\n"}, false},
	} {
		t.Run(tt.name+" "+tt.mode, func(t *testing.T) {
			t.Parallel()
			tt.hop.cert = cert
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			go func() {
				for {
					conn, err := ln.Accept()
					if err != nil {
						return
					}
					go tt.hop.serve(conn)
				}
			}()
			s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
			s.Set(`relay.routes."away.example"`, "address", ln.Addr().String())
			s.Set(`relay.routes."away.example"`, "tls", tt.mode)
			s.Set(`relay.routes."away.example"`, "ca", pair.cert)
			s.MustStart()
			submit(t, s, "alice", "bob@away.example")
			outcome := func() (string, bool) {
				list := s.Must("queue", "list", "--json")
				return list, strings.Contains(list, "last_error") || !strings.Contains(list, "away.example")
			}
			if !eventually(patience, func() bool { _, over := outcome(); return over }) {
				t.Fatalf("it was not tried:\n%s", tail(s))
			}
			list, _ := outcome()
			if relayed := !strings.Contains(list, "away.example"); relayed != tt.relayed {
				t.Errorf("relayed: %v; the queue: %s\nthe hop was told:\n%s", relayed, list, tt.hop.said())
			}
			if mail := strings.Contains(tt.hop.said(), "MAIL"); mail != tt.relayed {
				t.Errorf("the hop was told:\n%s", tt.hop.said())
			}
		})
	}
}

// submit has an account send a small message.
func submit(t *testing.T, s *testserver.Server, from, to string) {
	t.Helper()
	c, err := dial(source(1), s.Address("submission"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sender := from + "@" + testserver.Domain
	err = c.talk("220", "EHLO client.example", "250", "AUTH PLAIN "+plainResponse(sender, testserver.Password), "235",
		"MAIL FROM:<"+sender+">", "250", "RCPT TO:<"+to+">", "250", "DATA", "354", "Subject: x\r\n\r\nx\r\n.", "250")
	if err != nil {
		t.Fatal(err)
	}
}
