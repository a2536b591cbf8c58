//go:build crash || powercut

package crash

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	domain   = "crash.test"
	away     = "away.example" // whose mail is relayed
	password = "sesame street 7"
)

// full reports whether to run at full length.
func full() bool { return os.Getenv("CRASH") == "full" }

// pick is the short or the full form of a number.
func pick(short, long int) int {
	if full() {
		return long
	}
	return short
}

// server is the real binary with its configuration and data.
type server struct {
	t       testing.TB
	dir     string
	config  string
	base    int
	program string

	cmd  *exec.Cmd
	log  lockedBuffer
	done chan struct{} // closed when the process has ended
	err  error         // how, after that
}

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

// program is a binary that make has built: bin/posthorn, or the one that
// faults can be put into.
func program(t testing.TB, name string) string {
	t.Helper()
	path, err := filepath.Abs("../../bin/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make crash, which builds it", err)
	}
	return path
}

const (
	plain  = "posthorn"
	faulty = "posthorn-faults"
)

// newServer sets a server up in dir, which has users, and an alias out@ that
// leads to x@away.example.
func newServer(t testing.TB, dir, name string, users ...string) *server {
	t.Helper()
	s := &server{t: t, dir: dir, base: freeBase(), program: program(t, name), config: filepath.Join(dir, "posthorn.toml")}
	s.must(nil, "", "init", "--dir", dir, "--hostname", "localhost", "--domain", domain, "--local", "--base-port", fmt.Sprint(s.base))
	for _, u := range users {
		s.must(nil, password+"\n", "user", "add", "--password-stdin", u+"@"+domain)
	}
	s.must(nil, "", "alias", "add", "out@"+domain, "x@"+away)
	s.configure(`# level = "info"`, `level = "warn"`)
	t.Cleanup(s.kill)
	return s
}

// configure replaces words in the configuration.
func (s *server) configure(words, by string) {
	s.t.Helper()
	b, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	changed := strings.Replace(string(b), words, by, 1)
	if changed == string(b) {
		s.t.Fatalf("the configuration has no %q", words)
	}
	if err := os.WriteFile(s.config, []byte(changed), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// route leads mail for away.example to an address, and has failures tried
// again at once.
func (s *server) route(address string) {
	s.t.Helper()
	s.configure(`retry = ["5s", "10s", "30s", "1m"]`, `retry = ["1s"]`)
	s.configure("\n[log]\n", fmt.Sprintf("\n[relay.routes.%q]\naddress = %q\ntls = \"none\"\n\n[log]\n", away, address))
}

var errEnded = errors.New("the server ended before it was ready")

// start starts the server and waits until it is ready; env is added to its
// environment. errEnded when it ends instead.
func (s *server) start(env ...string) error {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		said := len(s.log.String())
		err := s.startOnce(env)
		// Another test may have looked for free ports just now.
		if err == nil || !strings.Contains(s.log.String()[said:], "address already in use") || time.Now().After(deadline) {
			return err
		}
	}
}

func (s *server) startOnce(env []string) error {
	s.t.Helper()
	cmd := exec.Command(s.program, "serve", "--config", s.config)
	cmd.Env = append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd, s.done = cmd, make(chan struct{})
	ready := make(chan struct{})
	go func() {
		defer close(s.done)
		lines := bufio.NewScanner(io.TeeReader(stderr, &s.log))
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "posthorn: ready") {
				close(ready)
			}
		}
		s.err = cmd.Wait()
	}()
	select {
	case <-ready:
		return nil
	case <-s.done:
		return errEnded
	case <-time.After(time.Minute):
		s.t.Fatalf("not ready after a minute:\n%s", &s.log)
		return nil
	}
}

// mustStart is start where nothing may go wrong.
func (s *server) mustStart(env ...string) {
	s.t.Helper()
	if err := s.start(env...); err != nil {
		s.t.Fatalf("%v: %v\n%s", err, s.err, &s.log)
	}
}

// kill ends the server without a word (SIGKILL).
func (s *server) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		<-s.done
	}
}

// stop ends the server with SIGTERM, and demands that it ends well.
func (s *server) stop() {
	s.t.Helper()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if !s.ended(30 * time.Second) {
		s.t.Fatalf("the server does not stop:\n%s", &s.log)
	}
	if s.err != nil {
		s.t.Fatalf("the server ended with %v:\n%s", s.err, &s.log)
	}
}

// ended waits for the process to end.
func (s *server) ended(within time.Duration) bool {
	select {
	case <-s.done:
		return true
	case <-time.After(within):
		return false
	}
}

// killed reports whether an error is of a process that was killed, as a fault
// does it.
func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// command runs a command of the binary's.
func (s *server) command(env []string, stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if args[0] != "init" {
		args = append(args, "--config", s.config)
	}
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// must is command where nothing may go wrong.
func (s *server) must(env []string, stdin string, args ...string) string {
	s.t.Helper()
	out, errs, err := s.command(env, stdin, args...)
	if err != nil {
		s.t.Fatalf("posthorn %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// checkDeep demands that every invariant holds and every body is whole.
func (s *server) checkDeep(env ...string) {
	s.t.Helper()
	s.must(env, "", "check", "--deep")
}

func (s *server) address(standard int) string { return fmt.Sprintf("127.0.0.1:%d", s.base+standard) }

// freeBase finds a base port whose nine ports are free, below those that the
// system gives to clients. The process keeps it to itself: no two servers of
// one process run at once.
var freeBase = sync.OnceValue(func() int {
	for base := 10_000; base <= 31_000; base += 1000 {
		f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("posthorn-crash-ports-%d", base)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return 0
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && portsFree(base) {
			portsLock = f // else it would be collected, closed, and unlocked
			return base
		}
		f.Close()
	}
	return 0
})

// portsLock is held until the process ends.
var portsLock *os.File

func portsFree(base int) bool {
	for _, offset := range []int{25, 587, 465, 110, 995, 143, 993, 80, 443} {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset))
		if err != nil {
			return false
		}
		ln.Close()
	}
	return true
}
