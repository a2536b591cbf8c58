package transcript

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

// patience is how long a client waits for an answer: in a bubble it passes at
// once, and is shorter than any server's own time-outs.
const patience = 5 * time.Second

// client is the client's end of one connection. A goroutine reads all that
// comes, so that the server never waits for a transcript to read.
type client struct {
	conn net.Conn
	done chan struct{} // closed when the reading goroutine has ended

	mu       sync.Mutex
	arrived  *sync.Cond
	unread   []byte
	err      error // why nothing more comes
	overdue  bool
	switched bool // the goroutine ended to make room for TLS or compression
}

func newClient(conn net.Conn) *client {
	c := &client{conn: conn}
	c.arrived = sync.NewCond(&c.mu)
	c.read()
	return c
}

// read starts the goroutine.
func (c *client) read() {
	c.done = make(chan struct{})
	go func() {
		defer close(c.done)
		b := make([]byte, 64<<10)
		for {
			n, err := c.conn.Read(b)
			c.mu.Lock()
			c.unread = append(c.unread, b[:n]...)
			if err != nil && !(c.switched && errors.Is(err, os.ErrDeadlineExceeded)) {
				c.err = err
			}
			c.arrived.Broadcast()
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
}

func (c *client) send(text string) error {
	c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := io.WriteString(c.conn, text)
	return err
}

// next takes what cut finds in the unread octets, waiting for more while cut
// returns a negative number.
func (c *client) next(cut func(unread []byte) int) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.alarm().Stop()
	for {
		if n := cut(c.unread); n >= 0 {
			text := string(c.unread[:n])
			c.unread = c.unread[n:]
			return text, nil
		}
		if c.err != nil || c.overdue {
			return "", c.nothing()
		}
		c.arrived.Wait()
	}
}

// alarm ends a wait that takes too long. The caller holds c.mu.
func (c *client) alarm() *time.Timer {
	c.overdue = false
	return time.AfterFunc(patience, func() {
		c.mu.Lock()
		c.overdue = true
		c.mu.Unlock()
		c.arrived.Broadcast()
	})
}

// nothing explains why what was waited for has not come.
func (c *client) nothing() error {
	left := ""
	if len(c.unread) > 0 {
		left = fmt.Sprintf(" after %q", c.unread)
	}
	if c.err != nil {
		return fmt.Errorf("connection ended%s: %w", left, c.err)
	}
	return fmt.Errorf("no answer%s", left)
}

// line takes a line and its CRLF.
func (c *client) line() (string, error) {
	text, err := c.next(func(b []byte) int {
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			return i + 1
		}
		return -1
	})
	if err != nil {
		return "", err
	}
	if !strings.HasSuffix(text, "\r\n") {
		return "", fmt.Errorf("line %q does not end in CRLF", text)
	}
	return strings.TrimSuffix(text, "\r\n"), nil
}

// octets takes n octets, or what there is when fewer come.
func (c *client) octets(n int) (string, error) {
	return c.next(func(b []byte) int {
		if len(b) < n {
			return -1
		}
		return n
	})
}

// eof waits for the server to close, having sent nothing more.
func (c *client) eof() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.alarm().Stop()
	for c.err == nil && !c.overdue {
		c.arrived.Wait()
	}
	switch {
	case len(c.unread) > 0:
		return fmt.Errorf("unread before the end: %q", c.unread)
	case c.err == nil:
		return errors.New("the connection is still open")
	}
	return nil
}

// startTLS shakes hands. The reading goroutine makes room meanwhile.
func (c *client) startTLS(cfg *tls.Config) error {
	c.pause()
	if err := c.nothingUnread(); err != nil {
		return err
	}
	t := tls.Client(c.conn, cfg)
	t.SetDeadline(time.Now().Add(patience))
	if err := t.Handshake(); err != nil {
		return err
	}
	t.SetDeadline(time.Time{})
	c.conn = t
	c.read()
	return nil
}

func (c *client) nothingUnread() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unread) > 0 {
		return fmt.Errorf("unread: %q", c.unread)
	}
	return nil
}

func (c *client) halfClose() error { return closeWrite(c.conn) }

func closeWrite(conn net.Conn) error {
	h, ok := conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.New("this connection cannot be closed by half")
	}
	return h.CloseWrite()
}

func (c *client) close() {
	c.conn.Close()
	<-c.done
}
