package testserver

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// ErrEnded says that the server ended before it was ready; State says how.
var ErrEnded = errors.New("the server ended before it was ready")

// process is a run of the server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how, after that
}

// Start starts the server and waits until it is ready; env is added to its
// environment. ErrEnded when it ends instead.
func (s *Server) Start(env ...string) error {
	s.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		said := len(s.Log())
		err := s.startOnce(env)
		// Another test may have looked for free ports just now.
		if err == nil || !strings.Contains(s.Log()[said:], "address already in use") || time.Now().After(deadline) {
			return err
		}
	}
}

// MustStart is Start where nothing may go wrong.
func (s *Server) MustStart(env ...string) {
	s.t.Helper()
	if err := s.Start(env...); err != nil {
		s.t.Fatalf("%v: %v\n%s", err, s.Err(), s.Log())
	}
}

func (s *Server) startOnce(env []string) error {
	s.t.Helper()
	args := append(append([]string{}, s.wrap...), s.program, "serve", "--config", s.File)
	if s.profile {
		args = append(args, "--pprof", s.Address("profiles"))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	ready := make(chan struct{})
	go func() {
		defer close(p.done)
		lines := bufio.NewReader(io.TeeReader(stderr, &s.log))
		for err := error(nil); err == nil; {
			var line string
			if line, err = lines.ReadString('\n'); strings.HasPrefix(line, "posthorn: ready") {
				close(ready)
			}
		}
		p.err = cmd.Wait()
	}()
	select {
	case <-ready:
		return nil
	case <-p.done:
		return ErrEnded
	case <-time.After(time.Minute):
		s.t.Fatalf("not ready after a minute:\n%s", s.Log())
		return nil
	}
}

// last is the process that was started last: nil before the first.
func (s *Server) last() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// PID is the process id of the server that was started last. For any goroutine.
func (s *Server) PID() int { return s.last().cmd.Process.Pid }

// Signal sends the server a signal. For any goroutine.
func (s *Server) Signal(signal os.Signal) { s.last().cmd.Process.Signal(signal) }

// Kill ends the server without a word (SIGKILL), and waits for its end. A server
// that does not run is left alone. For any goroutine.
func (s *Server) Kill() {
	if p := s.last(); p != nil {
		p.cmd.Process.Kill()
		<-p.done
	}
}

// Stop ends the server with SIGTERM, and demands that it ends well within 30 s.
func (s *Server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if !s.Ended(30 * time.Second) {
		s.t.Fatalf("the server does not stop:\n%s", s.Log())
	}
	if err := s.Err(); err != nil {
		s.t.Fatalf("the server ended with %v:\n%s", err, s.Log())
	}
}

// Done is closed when the process that was started last has ended.
// For any goroutine.
func (s *Server) Done() <-chan struct{} { return s.last().done }

// Ended waits for the process to end. For any goroutine.
func (s *Server) Ended(within time.Duration) bool {
	select {
	case <-s.Done():
		return true
	case <-time.After(within):
		return false
	}
}

// Err is how the process ended (as exec.Cmd.Wait has it): to be asked after its
// end, and nil when that was with status 0.
func (s *Server) Err() error { return s.last().err }

// State is how the process ended: to be asked after its end.
func (s *Server) State() *os.ProcessState { return s.last().cmd.ProcessState }

// Log is what all processes of this server have written to standard error.
// For any goroutine.
func (s *Server) Log() string { return s.log.String() }
