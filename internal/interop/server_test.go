//go:build interop

package interop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	domain   = "interop.test"
	password = "sesame street 7"
)

// server is the real binary, serving.
type server struct {
	t      *testing.T
	dir    string
	config string
	base   int
	log    *lockedBuffer
}

// lockedBuffer collects a process's output.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// binary is the program under test.
func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("POSTHORN")
	if path == "" {
		path = "../../bin/posthorn"
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make interop, which builds it", err)
	}
	return path
}

// start runs a fresh server with the given users.
func start(t *testing.T, users ...string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), base: freeBase(t), log: &lockedBuffer{}}
	s.config = filepath.Join(s.dir, "posthorn.toml")
	s.posthorn("", "init", "--dir", s.dir, "--hostname", "localhost", "--domain", domain, "--local", "--base-port", fmt.Sprint(s.base))
	s.configure("any_sender = true", "any_sender = false") // as strict as a real server in this
	for _, u := range users {
		s.posthorn(password+"\n", "user", "add", "--password-stdin", u+"@"+domain)
	}
	s.serve()
	return s
}

// configure replaces a line of the configuration.
func (s *server) configure(line, by string) {
	s.t.Helper()
	b, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := strings.Replace(string(b), line, by, 1)
	if changed == string(b) {
		s.t.Fatalf("the configuration has no line %q", line)
	}
	if err := os.WriteFile(s.config, []byte(changed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// serve starts the server and waits until it is ready; it ends with the test.
func (s *server) serve() (stop func()) {
	s.t.Helper()
	cmd := exec.Command(binary(s.t), "serve", "--config", s.config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan bool)
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			fmt.Fprintln(s.log, lines.Text())
			if strings.HasPrefix(lines.Text(), "posthorn: ready") {
				ready <- true
			}
		}
	}()
	select {
	case ok := <-ready:
		if !ok {
			s.t.Fatalf("the server ended:\n%s", s.log)
		}
	case <-time.After(20 * time.Second):
		s.t.Fatalf("not ready:\n%s", s.log)
	}
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cmd.Process.Signal(syscall.SIGTERM)
			for range ready { // until its output ends
			}
			if err := cmd.Wait(); err != nil {
				s.t.Errorf("the server ended with %v:\n%s", err, s.log)
			}
			s.posthorn("", "check", "--deep")
		})
	}
	s.t.Cleanup(stop)
	return stop
}

// posthorn runs a command of the binary's.
func (s *server) posthorn(stdin string, args ...string) string {
	s.t.Helper()
	if args[0] != "init" {
		args = append([]string{"--config", s.config}, args...)
	}
	return runIn(s.t, s.dir, stdin, binary(s.t), args...)
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

// freeBase finds a base port whose nine ports are free.
func freeBase(t *testing.T) int {
	t.Helper()
	for base := 20000; base < 60000; base += 1100 {
		free := true
		for _, offset := range []int{25, 587, 465, 110, 995, 143, 993, 80, 443} {
			ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset))
			if err != nil {
				free = false
				break
			}
			ln.Close()
		}
		if free {
			return base
		}
	}
	t.Fatal("no free ports")
	return 0
}

// port is the port of a protocol's standard port.
func (s *server) port(standard int) string { return fmt.Sprint(s.base + standard) }

// imap logs a client in for looking at what arrived.
func (s *server) imap(user string) *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure("127.0.0.1:"+s.port(143), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	if err := c.Login(user+"@"+domain, password).Wait(); err != nil {
		s.t.Fatal(err)
	}
	return c
}

// messages returns all messages of a mailbox, whole.
func (s *server) messages(user, mailbox string) []string {
	s.t.Helper()
	c := s.imap(user)
	defer c.Logout()
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
	c := s.imap(user)
	defer c.Logout()
	if _, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		s.t.Fatal(err)
	}
	list, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Flags: true, Envelope: true}).Collect()
	if err != nil {
		s.t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range list {
		out[m.Envelope.Subject] = fmt.Sprint(m.Flags)
	}
	return out
}

// deliver puts messages into a mailbox by SMTP on port 25.
func (s *server) deliver(user string, messages ...string) {
	s.t.Helper()
	for _, m := range messages {
		runIn(s.t, s.dir, m, "curl", "-sS", "--url", "smtp://127.0.0.1:"+s.port(25)+"/client.example",
			"--mail-from", "sender@elsewhere.example", "--mail-rcpt", user+"@"+domain, "-T", "-")
	}
}

// letter is a small message.
func letter(subject, text string) string {
	return fmt.Sprintf("From: sender@elsewhere.example\r\nTo: someone@%s\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s@elsewhere.example>\r\n\r\n%s\r\n",
		domain, subject, strings.ReplaceAll(subject, " ", "."), text)
}
