package testserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
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

// takePorts finds a base port whose ports are free, below those that the system
// gives to clients, and locks it against other tests until the end of this one.
func takePorts(t testing.TB) int {
	t.Helper()
	for base := 10_000; base <= 31_000; base += 1000 {
		f, err := os.OpenFile(filepath.Join(os.TempDir(), fmt.Sprintf("posthorn-test-ports-%d", base)), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && portsFree(base) {
			t.Cleanup(func() { f.Close() })
			return base
		}
		f.Close()
	}
	t.Fatal("no ports are free")
	return 0
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
