//go:build crash || powercut

package crash

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"posthorn/internal/testserver"
)

const (
	domain = testserver.Domain
	away   = "away.example" // whose mail is relayed
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

// server is the real binary, and what is done to it here.
type server struct {
	*testserver.Server
	t testing.TB
}

// The binaries: as it is, and one that faults can be put into.
const (
	plain  = "posthorn"
	faulty = "posthorn-faults"
)

// newServer sets a server up in dir, which has users, and an alias out@ that
// leads to x@away.example.
func newServer(t testing.TB, dir, program string, users ...string) *server {
	t.Helper()
	s := &server{testserver.New(t, testserver.Config{Program: program, Dir: dir, Users: users}), t}
	s.Must("alias", "add", "out@"+domain, "x@"+away)
	s.Set("log", "level", "warn")
	return s
}

// clone copies a server that does not run into a folder of its own.
func (s *server) clone(t testing.TB) *server {
	t.Helper()
	return &server{s.Clone(t), t}
}

// route leads mail for away.example to an address, and has failures tried
// again at once.
func (s *server) route(address string) {
	s.t.Helper()
	s.Set("queue", "retry", []string{"1s"})
	s.Set(`relay.routes."`+away+`"`, "address", address)
	s.Set(`relay.routes."`+away+`"`, "tls", "none")
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

// checkDeep demands that every invariant holds and every body is whole; env is
// added to the environment of the program that checks.
func (s *server) checkDeep(env ...string) {
	s.t.Helper()
	if out, errs, err := s.Command(env, "", "check", "--deep"); err != nil {
		s.t.Fatalf("check --deep: %v\n%s%s", err, out, errs)
	}
}
