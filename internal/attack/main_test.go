//go:build attack

package attack

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestMain lets this process, which has the clients, open as many files as it
// may.
func TestMain(m *testing.M) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err == nil {
		files.Cur = files.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
			fmt.Fprintln(os.Stderr, "raising the limit on open files:", err)
		}
	}
	if dir := os.Getenv(bareServer); dir != "" {
		serveBare(dir)
	}
	os.Exit(m.Run())
}

// full reports whether to run at full length.
func full() bool { return os.Getenv("ATTACK") == "full" }

// pick is the short or the full form of a number.
func pick(short, long int) int {
	if full() {
		return long
	}
	return short
}

// services are the ports of mail, by the configuration's names.
func services() []string {
	return []string{"smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps"}
}

// exposed sets a server up whose limits hold for loopback as they do for
// strangers.
func exposed(t *testing.T, c testserver.Config) *testserver.Server {
	t.Helper()
	s := testserver.New(t, c)
	s.Set("limits", "loopback", true)
	return s
}

// figures are what the server takes of the machine now.
func figures(t *testing.T, s *testserver.Server) testserver.Figures {
	t.Helper()
	f, err := s.Figures()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(s))
	}
	return f
}

// tail is the end of the server's log, for a test that fails.
func tail(s *testserver.Server) string {
	const most = 4000
	log := s.Log()
	return log[max(len(log)-most, 0):]
}

// percentile99 is the time that at most one in a hundred exceeds.
func percentile99(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	times = slices.Sorted(slices.Values(times))
	return times[(len(times)*99-1)/100]
}

// eventually waits until a condition holds.
func eventually(within time.Duration, holds func() bool) bool {
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) {
		if holds() {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}
