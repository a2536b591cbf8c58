package wire

import (
	"net"
	"testing"
)

// TestPresence: a client that closes its half is silent while it reads on, and
// gone once something was sent that it does not take.
func TestPresence(t *testing.T) {
	for _, unread := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		dialled, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		client := dialled.(*net.TCPConn)
		defer client.Close()
		accepted, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c := NewConn(accepted, &Config{Protocol: "imap"})
		defer c.Close()
		until := func(want Presence) {
			t.Helper()
			for c.Presence() != want {
				if want == Gone { // which comes out then
					accepted.Write([]byte("* OK Still at work\r\n"))
				}
			}
		}
		if p := c.Presence(); p != Present {
			t.Errorf("at first it is %d", p)
		}
		if unread {
			if _, err := client.Write([]byte("a NOOP\r\n")); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		until(Silent)
		if p := c.Presence(); p != Silent {
			t.Errorf("while it reads on it is %d", p)
		}
		client.Close()
		until(Gone)
		accepted.Close()
		if p := c.Presence(); p != Gone {
			t.Errorf("in the end it is %d", p)
		}
	}
}
