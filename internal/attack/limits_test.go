//go:build attack

package attack

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// limited is how one protocol counts its connections.
type limited struct {
	service string
	// limit is the configuration's default for one client.
	limit    int
	key      string // of [limits]
	greeting string
	login    []string // pairs for talk
	refusal  string   // how a refusal begins
}

func limitedServices() []limited {
	login := plainResponse("alice@"+testserver.Domain, testserver.Password)
	imap := []string{"a AUTHENTICATE PLAIN " + login, "a OK"}
	pop3 := []string{"USER alice@" + testserver.Domain, "+OK", "PASS " + testserver.Password, "+OK"}
	smtp := []string{"EHLO client.example", "250", "AUTH PLAIN " + login, "235"}
	return []limited{
		{"smtp", 20, "smtp_per_client", "220", nil, "421 4.7.0 "},
		{"submission", 20, "smtp_per_client", "220", smtp, "421 4.7.0 "},
		{"submissions", 20, "smtp_per_client", "220", smtp, "421 4.7.0 "},
		{"pop3", 5, "pop3_per_client", "+OK", pop3, "-ERR [SYS/TEMP] "},
		{"pop3s", 5, "pop3_per_client", "+OK", pop3, "-ERR [SYS/TEMP] "},
		{"imap", 20, "imap_per_client", "* OK", imap, "* BYE "},
		{"imaps", 20, "imap_per_client", "* OK", imap, "* BYE "},
	}
}

// connect connects to a service, with TLS where it is implicit.
func connect(from, service string, s *testserver.Server) (*client, error) {
	c, err := dial(from, s.Address(service))
	if err == nil && strings.HasSuffix(service, "s") {
		if err = c.secure(clientTLS()); err != nil {
			c.Close()
		}
	}
	return c, err
}

// TestLimitPerAddress opens one connection more than a stranger may have: it is
// told so in its protocol's words, another address gets in, and so does the
// first when one of its own has gone.
func TestLimitPerAddress(t *testing.T) {
	t.Parallel()
	s := exposed(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	for i, l := range limitedServices() {
		t.Run(l.service, func(t *testing.T) {
			from, other := source(1000*i+1), source(1000*i+300)
			open := openMany(t, s, l, from, l.limit)
			wantRefused(t, s, l, from)
			for _, c := range openMany(t, s, l, other, 1) {
				c.Close()
			}
			open[0].Close()
			if !eventually(5*time.Second, func() bool { return served(s, l, from) == nil }) {
				t.Error("a connection that was closed still counts")
			}
		})
	}
}

// openMany opens n connections and has them greeted.
func openMany(t *testing.T, s *testserver.Server, l limited, from string, n int) []*client {
	t.Helper()
	var open []*client
	for i := range n {
		c, err := connect(from, l.service, s)
		if err != nil {
			t.Fatalf("connection %d: %v\n%s", i+1, err, tail(s))
		}
		t.Cleanup(func() { c.Close() })
		if _, err := c.reply(l.greeting); err != nil {
			t.Fatalf("connection %d: %v", i+1, err)
		}
		open = append(open, c)
	}
	return open
}

// served is nil when one more connection is greeted.
func served(s *testserver.Server, l limited, from string) error {
	c, err := connect(from, l.service, s)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.reply(l.greeting)
	return err
}

// wantRefused demands that one more connection is told that it is too many,
// and closed.
func wantRefused(t *testing.T, s *testserver.Server, l limited, from string) {
	t.Helper()
	c, err := connect(from, l.service, s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	said, closed := c.ended(time.Now().Add(patience))
	if !strings.HasPrefix(said, l.refusal) || strings.Count(said, "\n") != 1 || !strings.Contains(strings.ToLower(said), "too many connections") {
		t.Errorf("connection %d from one address was told %q, want %q…", l.limit+1, said, l.refusal)
	}
	if !closed {
		t.Error("it was not closed")
	}
}

// TestLimitBeforeTLS opens many more connections than a stranger may have to a
// port where TLS comes first, and does not shake hands: those that are too many
// must not stay for as long as a handshake may take.
func TestLimitBeforeTLS(t *testing.T) {
	t.Parallel()
	s := exposed(t, testserver.Config{})
	s.MustStart()
	const many, limit = 300, 20
	var open []*client
	for range many {
		c, err := dial(source(1), s.Address("imaps"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		open = append(open, c)
	}
	var left atomic.Int64
	var wait sync.WaitGroup
	by := time.Now().Add(10 * time.Second)
	for _, c := range open {
		wait.Go(func() {
			if _, closed := c.ended(by); !closed {
				left.Add(1)
			}
		})
	}
	wait.Wait()
	if left.Load() != limit {
		t.Errorf("%d of %d connections are still there, want %d", left.Load(), many, limit)
	}
}

// TestLimitPerAccount logs one more client in than an account may have from an
// address: connections that have logged in no longer count for the address.
func TestLimitPerAccount(t *testing.T) {
	t.Parallel()
	s := exposed(t, testserver.Config{Users: []string{"alice", "bob"}})
	s.MustStart()
	for i, l := range limitedServices() {
		if l.login == nil || strings.HasPrefix(l.service, "pop3") {
			continue // on 25 nobody logs in; a drop has one session at a time
		}
		t.Run(l.service, func(t *testing.T) {
			from, other := source(1000*i+1), source(1000*i+300)
			logIn := func(from string) (*client, error) {
				c, err := connect(from, l.service, s)
				if err != nil {
					return nil, err
				}
				t.Cleanup(func() { c.Close() })
				return c, c.talk(l.greeting, l.login...)
			}
			for n := range l.limit {
				if _, err := logIn(from); err != nil {
					t.Fatalf("login %d: %v\n%s", n+1, err, tail(s))
				}
			}
			c, err := logIn(from)
			if err == nil {
				t.Fatalf("login %d was taken", l.limit+1)
			}
			if !strings.Contains(strings.ToLower(err.Error()), "too many connections") {
				t.Errorf("login %d: %v", l.limit+1, err)
			}
			if _, closed := c.ended(time.Now().Add(patience)); !closed {
				t.Error("it was not closed")
			}
			if _, err := logIn(other); err != nil {
				t.Errorf("the account's login from another address: %v", err)
			}
			if err := served(s, l, from); err != nil {
				t.Errorf("a stranger from the same address: %v", err)
			}
		})
	}
}

// TestLimitsConfigured sets each limit to another number.
func TestLimitsConfigured(t *testing.T) {
	t.Parallel()
	s := exposed(t, testserver.Config{})
	for _, l := range limitedServices() {
		s.Set("limits", l.key, 2)
	}
	s.Set("limits", "connections", 7)
	s.MustStart()
	for i, l := range limitedServices() {
		if strings.HasSuffix(l.service, "s") { // they count with their siblings
			continue
		}
		t.Run(l.service, func(t *testing.T) {
			l.limit = 2
			var open []*client
			for n := range 3 { // from three addresses, two each
				from := source(1000*i + n)
				open = append(open, openMany(t, s, l, from, 2)...)
				wantRefused(t, s, l, from)
			}
			open = append(open, openMany(t, s, l, source(1000*i+10), 1)...)
			wantRefused(t, s, l, source(1000*i+11)) // the eighth in all
			for _, c := range open {
				c.Close()
			}
		})
	}
	if t.Failed() {
		fmt.Println(tail(s))
	}
}
