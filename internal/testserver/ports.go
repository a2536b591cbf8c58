package testserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// standardPorts are the protocols' own, by the configuration's names of the
// listeners. profiles is where Go's profiles are served.
var standardPorts = map[string]int{
	"smtp": 25, "submission": 587, "submissions": 465, "pop3": 110, "pop3s": 995,
	"imap": 143, "imaps": 993, "http": 80, "https": 443, "metrics": 90, "profiles": 60,
}

// Port is the port of a service, by its name in the configuration's [listen].
// For any goroutine.
func (s *Server) Port(service string) string {
	standard, ok := standardPorts[service]
	if !ok {
		panic("no service " + service)
	}
	return fmt.Sprint(s.base + standard)
}

// Address is the address on IPv4's loopback of a service. For any goroutine.
func (s *Server) Address(service string) string {
	return net.JoinHostPort("127.0.0.1", s.Port(service))
}

// Base is what is added to each protocol's standard port.
func (s *Server) Base() int { return s.base }

// takePorts is LockPorts for one server, until the end of a test.
func takePorts(t testing.TB) int {
	t.Helper()
	base, release, err := LockPorts(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return base
}

// LockPorts finds a base port for n servers, a thousand apart, whose ports are
// free, below those that the system gives to clients, and locks them against
// other tests, of other processes too, until release is called.
func LockPorts(n int) (base int, release func(), err error) {
	for range 600 { // others give theirs back
		for base := 10_000; base+1000*(n-1) <= 31_000; base += 1000 {
			if release, err := lockPorts(base, n); err != nil || release != nil {
				return base, release, err
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return 0, nil, errors.New("no ports are free")
}

// lockPorts locks the ports of n servers from base on; release is nil where
// they are not to be had.
func lockPorts(base, n int) (release func(), err error) {
	var locks []*os.File
	all := func() {
		for _, f := range locks {
			f.Close()
		}
	}
	for ; n > 0; n, base = n-1, base+1000 {
		f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("posthorn-test-ports-%d", base)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			all()
			return nil, err
		}
		locks = append(locks, f)
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil || !portsFree(base) {
			all()
			return nil, nil
		}
	}
	return all, nil
}

func portsFree(base int) bool {
	for _, standard := range standardPorts {
		ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", base+standard))
		if err != nil {
			return false
		}
		ln.Close()
	}
	return true
}
