package wire

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// dial makes a Conn over a pipe, and the client's end of it.
func dial(t *testing.T, cfg *Config) (*Conn, net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return NewConn(a, cfg), b
}

func TestReadLine(t *testing.T) {
	c, client := dial(t, &Config{Protocol: "pop3"})
	go func() {
		io.WriteString(client, "NOOP\r\nlone\n\r\n"+strings.Repeat("x", 20)+"\r\nafter\r\nhalf")
		client.Close()
	}()
	for _, want := range []struct {
		line string
		lf   bool
		err  error
	}{
		{"NOOP", false, nil}, {"lone", true, nil}, {"", false, nil},
		{"xxxxxxxxxx", false, ErrLineTooLong}, {"xxxxxxxxxx", false, ErrLineTooLong},
	} {
		line, lf, err := c.ReadLine(10)
		if string(line) != want.line || lf != want.lf || err != want.err {
			t.Errorf("got %q %v %v, want %+v", line, lf, err, want)
		}
	}
	if err := c.DiscardLine(100); err != nil {
		t.Fatal(err)
	}
	if line, _, err := c.ReadLine(10); string(line) != "after" || err != nil {
		t.Errorf("got %q %v", line, err)
	}
	for range 2 {
		if _, _, err := c.ReadLine(10); err != io.ErrUnexpectedEOF {
			t.Errorf("got %v", err)
		}
	}
}

func TestLoginDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := dial(t, &Config{Protocol: "pop3", Refusal: func(err error) string { return "-ERR " + err.Error() }})
		begun := time.Now()
		go func() {
			for {
				if _, err := io.WriteString(client, "x"); err != nil {
					return
				}
				time.Sleep(3 * time.Second)
			}
		}()
		said := make(chan string)
		go func() { s, _ := bufio.NewReader(client).ReadString('\n'); said <- s }()
		if _, _, err := c.ReadLine(1000); err != ErrTimeout {
			t.Errorf("got %v", err)
		}
		if d := time.Since(begun); d > time.Minute {
			t.Errorf("a trickle lived %v", d)
		}
		if s := <-said; s != "-ERR wire: timed out\r\n" {
			t.Errorf("said %q", s)
		}
		if _, err := c.Fill(); err != ErrTimeout {
			t.Errorf("not latched: %v", err)
		}
		client.Close()
	})
}

func TestInterrupt(t *testing.T) {
	c, client := dial(t, &Config{Protocol: "imap"})
	go io.WriteString(client, "DO")
	got := make(chan error)
	go func() { _, _, err := c.ReadLine(100); got <- err }()
	c.Interrupt()
	if err := <-got; err != ErrInterrupted {
		t.Fatal(err)
	}
	go io.WriteString(client, "NE\r\n")
	line, _, err := c.ReadLine(100)
	if err == nil && string(line) != "DONE" && string(line) != "NE" || err != nil {
		t.Fatalf("%q %v", line, err)
	}
	c.Close()
	if _, err := c.Fill(); !errors.Is(err, net.ErrClosed) && err != io.ErrClosedPipe {
		t.Fatal(err)
	}
}
