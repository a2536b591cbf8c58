//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestSessionsEnd: sessions that are open end at once, on all protocols and
// whatever they are about, with the password or the account that opened them,
// though it is another process that says so.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	app := lastWord(s.Must("user", "app-password", "add", s.alice, "phone"))
	for _, tt := range []struct {
		what    string
		change  []string
		ends    string // the sessions that end: by the account's password, by the app password
		keeping bool   // bob's, and those of the other password, go on
	}{
		{"a change of the password", []string{"user", "passwd", "--password-stdin", s.alice}, "own", true},
		{"an app password's end", []string{"user", "app-password", "revoke", s.alice, "phone"}, "app", true},
		{"a new quota", []string{"user", "quota", s.alice, "--quota", "1 GiB"}, "", true},
		{"a disabled account", []string{"user", "disable", s.alice}, "own", true},
		{"an account that comes back", []string{"user", "disable", "--undo", s.alice}, "", false},
		{"a deleted account", []string{"user", "delete", "--yes", s.alice}, "own", true},
	} {
		var open []*open
		if tt.keeping {
			if tt.what != "a disabled account" && tt.what != "a deleted account" && tt.what != "a new quota" {
				open = append(open, s.open(s.alice, app, "app")...)
			}
			open = append(open, s.open(s.alice, testserver.Password, "own")...)
			open = append(open, s.open(s.bob, testserver.Password, "bob")...)
		}
		began := time.Now()
		if _, errs, err := s.Command(nil, testserver.Password+"\n", tt.change...); err != nil {
			t.Fatalf("%s: %v\n%s", tt.what, err, errs)
		}
		for _, o := range open {
			if o.whose == tt.ends {
				said, ended := o.ended(time.Now().Add(3 * time.Second))
				if !ended || !strings.Contains(said, o.word) {
					t.Errorf("%s: %s of %s says %q, ended: %v", tt.what, o.what, o.whose, said, ended)
				}
				continue
			}
			if said, ended := o.ended(time.Now().Add(20 * time.Millisecond)); ended || said != "" {
				t.Errorf("%s ends %s of %s: %q", tt.what, o.what, o.whose, said)
			}
		}
		t.Logf("%s: done after %v", tt.what, time.Since(began).Round(time.Millisecond))
		for _, o := range open {
			o.Close()
		}
	}
	// What was half said is nowhere; what POP3 was told to delete is there.
	if got := s.state(s.bob); strings.Contains(got, "half") || strings.Count(got, "Subject: "+secret) != 3 {
		t.Errorf("bob has\n%s", got)
	}
}

// open is an open session.
type open struct {
	*client
	what, whose, word string
}

// open opens sessions of each kind, each in the midst of something.
func (s *scene) open(user, password, whose string) (all []*open) {
	s.t.Helper()
	login := fmt.Sprintf("a LOGIN %q %q", user, password)
	for _, o := range []struct {
		what, service, word string
		talk                []string
		last                string
	}{
		{"a waiting IMAP session", "imap", "* BYE", []string{login, "a"}, ""},
		{"an idling IMAP session", "imap", "* BYE", []string{login, "a", "b SELECT INBOX", "b", "c IDLE", "+"}, ""},
		{"an IMAP session without a mailbox that idles", "imap", "* BYE", []string{login, "a", "c IDLE", "+"}, ""},
		{"an APPEND", "imap", "* BYE", []string{login, "a", "b APPEND INBOX {1000}", "+"}, "Subject: half"},
		{"a POP3 session", "pop3", "-ERR [AUTH]", []string{"USER " + user, "+OK", "PASS " + password, "+OK", "DELE 1", "+OK"}, ""},
		{"a submission", "submission", "421 ", []string{"AUTH PLAIN " + plainResponse(user, password), "235"}, ""},
		{"a submission's DATA", "submission", "421 ", []string{"AUTH PLAIN " + plainResponse(user, password), "235", "MAIL FROM:<" + user + ">", "250", "RCPT TO:<" + s.bob + ">", "250", "DATA", "354"}, "Subject: half\r\n\r\n"},
	} {
		if whose == "app" && o.service == "pop3" {
			continue // the account's own password's session has the drop
		}
		c, err := dial("127.0.0.1", s.Address(o.service))
		if err == nil {
			err = c.greet(o.service)
		}
		for i := 0; i < len(o.talk) && err == nil; i += 2 {
			_, err = c.ask(o.talk[i], o.talk[i+1])
		}
		if err == nil {
			err = c.say(o.last)
		}
		if err != nil {
			s.t.Fatalf("%s of %s: %v\n%s", o.what, whose, err, tail(s.Server))
		}
		all = append(all, &open{c, o.what, whose, o.word})
	}
	return all
}

func lastWord(text string) string {
	words := strings.Fields(text)
	return words[len(words)-1]
}

// TestDrop: two POP3 sessions never have one drop, and nothing is deleted but
// by QUIT.
func TestDrop(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	alice, bob := s.state(s.alice), s.state(s.bob)
	login := []string{"USER " + s.alice, "+OK", "PASS " + testserver.Password, "+OK"}
	enter := func(service string) (*client, error) {
		c, err := dial("127.0.0.1", s.Address(service))
		if err == nil && service == "pop3s" {
			err = c.secure(clientTLS())
		}
		if err == nil {
			err = c.talk("+OK", login...)
		}
		return c, err
	}
	for _, leave := range []func(c *client){
		func(c *client) { c.Close() },
		func(c *client) { c.say("QUI"); c.Close() },
		func(c *client) { c.say("QUIT"); c.Close() },
		func(c *client) { c.say("XYZZY QUIT\r\n"); c.Close() },
		func(c *client) { c.ask("RSET", "+OK"); c.ask("QUIT", "+OK"); c.Close() },
		func(c *client) { s.Kill() },
	} {
		c, err := enter("pop3")
		for _, line := range []string{"DELE 1", "DELE 2"} {
			if err == nil {
				_, err = c.ask(line, "+OK")
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, service := range []string{"pop3", "pop3s"} {
			second, err := enter(service)
			if err == nil || !strings.Contains(err.Error(), "-ERR [IN-USE]") {
				t.Errorf("a second session on %s: %v", service, err)
			}
			second.Close()
		}
		leave(c)
		if s.Ended(10 * time.Millisecond) {
			s.MustStart()
		}
		if !eventually(5*time.Second, func() bool {
			c, err := enter("pop3s")
			if err != nil {
				return false
			}
			c.Close()
			return true
		}) {
			t.Error("the drop stays taken")
		}
		s.unchanged("a session without QUIT", alice, bob)
	}
	// A QUIT does delete.
	eventually(5*time.Second, func() bool {
		c, err := enter("pop3")
		if err != nil {
			return false
		}
		defer c.Close()
		return c.talkOn("DELE 1", "+OK", "QUIT", "+OK") == nil
	})
	if now := s.state(s.alice); strings.Count(now, "Subject: alice") != 2 {
		t.Errorf("QUIT leaves\n%s", now)
	}
}

// talkOn is talk without a greeting.
func (c *client) talkOn(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if _, err := c.ask(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}
