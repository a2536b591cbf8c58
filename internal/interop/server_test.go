//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/testserver"
)

const (
	domain   = testserver.Domain
	password = testserver.Password
)

// server is the real binary, serving.
type server struct {
	*testserver.Server
	t *testing.T
}

// start runs a fresh server with the given users, which ends with the test.
func start(t *testing.T, users ...string) *server {
	t.Helper()
	s := prepare(t, users...)
	s.serve()
	return s
}

// prepare sets up a server that does not run yet.
func prepare(t *testing.T, users ...string) *server {
	t.Helper()
	s := &server{testserver.New(t, testserver.Config{Users: users}), t}
	s.Set("smtp", "any_sender", false) // as strict as a real server in this
	return s
}

// serve starts the server, which ends with the test.
func (s *server) serve() {
	s.t.Helper()
	s.MustStart()
	s.t.Cleanup(func() {
		s.Stop()
		s.Must("check", "--deep")
	})
}

// run runs a program and returns what it printed; a failure ends the test.
func run(t *testing.T, stdin, program string, args ...string) string {
	t.Helper()
	return runIn(t, t.TempDir(), stdin, program, args...)
}

func runIn(t *testing.T, dir, stdin, program string, args ...string) string {
	t.Helper()
	out, err := tryIn(dir, stdin, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return out
}

func tryIn(dir, stdin, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// messages returns all messages of a mailbox, whole.
func (s *server) messages(user, mailbox string) []string {
	s.t.Helper()
	c := s.IMAP(user)
	defer c.Close()
	data, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		s.t.Fatal(err)
	}
	if data.NumMessages == 0 {
		return nil
	}
	section := &imap.FetchItemBodySection{Peek: true}
	list, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, m := range list {
		out = append(out, string(m.FindBodySection(section)))
	}
	return out
}

// wantMessage demands that exactly n messages are there and that one holds all words.
func (s *server) wantMessage(user, mailbox string, n int, words ...string) {
	s.t.Helper()
	list := s.messages(user, mailbox)
	if len(list) != n {
		s.t.Fatalf("%s has %d messages in %s, want %d", user, len(list), mailbox, n)
	}
	for _, m := range list {
		found := true
		for _, w := range words {
			found = found && strings.Contains(m, w)
		}
		if found {
			return
		}
	}
	s.t.Errorf("no message of %s holds %q:\n%s", user, words, strings.Join(list, "\n----\n"))
}

// flags returns the flags of all messages of a mailbox, by subject.
func (s *server) flags(user, mailbox string) map[string]string {
	s.t.Helper()
	c := s.IMAP(user)
	defer c.Close()
	if _, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		s.t.Fatal(err)
	}
	list, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, Envelope: true}).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range list {
		slices.Sort(m.Flags)
		out[m.Envelope.Subject] = fmt.Sprint(m.Flags)
	}
	return out
}

// expunge deletes a message of a mailbox by its UID.
func (s *server) expunge(user, mailbox string, uid imap.UID) {
	s.t.Helper()
	c := s.IMAP(user)
	defer c.Close()
	_, err := c.Select(mailbox, nil).Wait()
	if err == nil {
		err = c.Store(imap.UIDSetNum(uid), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close()
	}
	if err == nil {
		err = c.UIDExpunge(imap.UIDSetNum(uid)).Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// deliver puts messages into a mailbox by SMTP on port 25.
func (s *server) deliver(user string, messages ...string) {
	s.t.Helper()
	for _, m := range messages {
		runIn(s.t, s.Dir, m, "curl", "-sS", "--url", "smtp://127.0.0.1:"+s.Port("smtp")+"/client.example",
			"--mail-from", "sender@elsewhere.example", "--mail-rcpt", user+"@"+domain, "-T", "-")
	}
}

// letter is a small message.
func letter(subject, text string) string {
	return fmt.Sprintf("From: sender@elsewhere.example\r\nTo: someone@%s\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@elsewhere.example>\r\n\r\n%s\r\n",
		domain, subject, strings.ReplaceAll(subject, " ", "."), text)
}
