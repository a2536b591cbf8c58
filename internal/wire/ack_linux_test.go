package wire

import (
	"bufio"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPiecesAreAcknowledged: a piece of a line is acknowledged when it has come.
// The system by itself would take at least 40 ms each time.
func TestPiecesAreAcknowledged(t *testing.T) {
	c, client := socket(t, &Config{Protocol: "imap"})
	accepted := c.sock
	go func() { // answers each line
		defer c.Close()
		for {
			if _, _, err := c.ReadLine(1000); err != nil {
				return
			}
			c.Write([]byte("a OK\r\n"))
		}
	}()
	answers := bufio.NewReader(client)
	fastest := time.Hour
	for range 20 {
		control(t, accepted, func(fd int) error { // as in a long dialog
			return unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, 0)
		})
		if _, err := client.Write([]byte("a NO")); err != nil {
			t.Fatal(err)
		}
		for begun := time.Now(); ; {
			if unacknowledged(t, client) == 0 {
				fastest = min(fastest, time.Since(begun))
				break
			}
		}
		if _, err := client.Write([]byte("OP\r\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	if fastest >= 40*time.Millisecond {
		t.Errorf("none was acknowledged within %v", fastest)
	}
}

// unacknowledged is how many segments the other side has not acknowledged.
func unacknowledged(t *testing.T, conn net.Conn) (n uint32) {
	t.Helper()
	control(t, conn, func(fd int) error {
		info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
		if err == nil {
			n = info.Unacked
		}
		return err
	})
	return n
}

func control(t *testing.T, conn net.Conn, f func(fd int) error) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
}
