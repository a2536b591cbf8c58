package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"posthorn/internal/config"
	"posthorn/internal/testserver"
)

// oneServer prepares a server of the demo, whose other one is at the next
// thousand of ports.
func oneServer(t *testing.T) *demoServer {
	t.Helper()
	base, release, err := testserver.LockPorts(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	d := &demoServer{domain: "crepes.fr", user: "alice", basePort: base}
	if err := d.prepare(t.Context(), t.TempDir(), &demoServer{domain: "hamburger.edu", user: "bob", basePort: base + 1000}); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestReloadBesideSlowHop: while a next hop keeps a message's answer to itself, a
// configuration comes into force, and another; the queue of the last one goes on
// when nothing is under way any more.
func TestReloadBesideSlowHop(t *testing.T) {
	d := oneServer(t)
	hop := listenHop(t, fmt.Sprintf("127.0.0.1:%d", d.basePort+1025))
	d.cfg.Queue.Retry = []config.Duration{config.Duration(100 * time.Millisecond)}
	s := newServer(d.cfg, newLogger(io.Discard, d.cfg))
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.stop(stopTime)
	smtp := fmt.Sprintf("127.0.0.1:%d", d.basePort+587)
	submit(t, d, "bob@hamburger.edu", "Do you like ketchup?\n")
	slow := <-hop

	for _, name := range []string{"second.crepes.fr", "third.crepes.fr"} {
		next := *d.cfg
		next.Hostname = name
		if err := s.reload(t.Context(), &next); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", smtp)
		if err != nil {
			t.Fatal(err)
		}
		if greeting, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(greeting, "220 "+name) {
			t.Errorf("%q, %v", greeting, err)
		}
		conn.Close()
	}
	submit(t, d, "bob@hamburger.edu", "How about pickles?\n")
	if err := slow.finish(); err != nil {
		t.Errorf("the reloads did not wait for the next hop: %v", err)
	}
	after := <-hop
	if after.helo != "third.crepes.fr" {
		t.Errorf("the second message comes from %q", after.helo)
	}
	if err := after.finish(); err != nil {
		t.Error(err)
	}
}

// TestReloadLargerMessages: what is offered after a reload is taken.
func TestReloadLargerMessages(t *testing.T) {
	d := oneServer(t)
	d.cfg.SMTP.MaxMessage = 64 << 10
	s := newServer(d.cfg, newLogger(io.Discard, d.cfg))
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer s.stop(stopTime)
	next := *d.cfg
	next.SMTP.MaxMessage = 1 << 20
	if err := s.reload(t.Context(), &next); err != nil {
		t.Fatal(err)
	}
	submit(t, d, d.address(), strings.Repeat("Do you like ketchup?\n", 20_000))
}

// submit sends a text to somebody.
func submit(t *testing.T, d *demoServer, to, text string) {
	t.Helper()
	var said bytes.Buffer
	status := run(t.Context(), []string{"posthorn", "send", "-c", d.cfg.File(), "--tls", "none", "--from", d.address(),
		"--password-file", filepath.Join(filepath.Dir(d.cfg.File()), "password"), to},
		strings.NewReader(text), io.Discard, &said)
	if status != exitOK {
		t.Fatal(said.String())
	}
}

// slowHop is a session of a next hop that has a message, and has not answered.
type slowHop struct {
	conn net.Conn
	helo string
}

// finish takes the message.
func (h slowHop) finish() error {
	defer h.conn.Close()
	fmt.Fprint(h.conn, "250 taken\r\n")
	_, err := bufio.NewReader(h.conn).ReadString('\n') // QUIT
	return err
}

// listenHop is a next hop of which each session stops after the final dot.
func listenHop(t *testing.T, address string) <-chan slowHop {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	sessions := make(chan slowHop, 10)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			h := slowHop{conn: conn}
			fmt.Fprint(conn, "220 hamburger.edu\r\n")
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				line := lines.Text()
				if line == "." {
					sessions <- h
					break
				}
				verb, rest, _ := strings.Cut(line, " ")
				switch verb {
				case "EHLO":
					h.helo = rest
					fmt.Fprint(conn, "250 hamburger.edu\r\n")
				case "MAIL", "RCPT":
					fmt.Fprint(conn, "250 yes\r\n")
				case "DATA":
					fmt.Fprint(conn, "354 go on\r\n")
				}
			}
		}
	}()
	return sessions
}

// TestStopIsToldAtOnce: a request that takes its time on HTTP does not keep the
// clients of mail from being told that the server stops, and is answered still.
func TestStopIsToldAtOnce(t *testing.T) {
	d := oneServer(t)
	s := newServer(d.cfg, newLogger(io.Discard, d.cfg))
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	dial := func(key string) (net.Conn, *bufio.Reader) {
		for _, turnstile := range s.turnstiles {
			if turnstile.key == key {
				conn, err := net.Dial("tcp", turnstile.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				return conn, bufio.NewReader(conn)
			}
		}
		t.Fatalf("nothing listens for %s", key)
		return nil, nil
	}
	web, answer := dial("http")
	defer web.Close()
	fmt.Fprintf(web, "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") { // it is under way
		t.Fatalf("%q, %v", line, err)
	}
	client, said := dial("smtp")
	defer client.Close()
	if line, err := said.ReadString('\n'); err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.stop(stopTime)
	}()
	if line, err := said.ReadString('\n'); err != nil || !strings.HasPrefix(line, "421 ") {
		t.Errorf("%q, %v", line, err)
	}
	io.WriteString(web, "Hi\r\n")
	answer.ReadString('\n') // the empty line after 100
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "200 OK") {
		t.Errorf("%q, %v", line, err)
	}
	<-stopped
}
