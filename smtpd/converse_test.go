package smtpd

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// conversation is a client that says what it likes and hears all that comes.
// It lives in a synctest bubble.
type conversation struct {
	conn net.Conn
	done chan struct{}

	mu    sync.Mutex
	heard strings.Builder
}

// talk has a conversation on one of the harness's ports, in a bubble of its own.
func talk(t *testing.T, port string, say func(t *testing.T, h *harness, c *conversation)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		conn, err := h.dial(port)
		must(t, err)
		say(t, h, converse(conn))
	})
}

func converse(conn net.Conn) *conversation {
	c := &conversation{conn: conn, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		b := make([]byte, 32<<10)
		for {
			n, err := conn.Read(b)
			c.mu.Lock()
			c.heard.Write(b[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	synctest.Wait()
	return c
}

// say sends text; a server that has hung up, or reads no more, is no error.
func (c *conversation) say(text string) {
	c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	io.WriteString(c.conn, text)
	synctest.Wait()
}

// all is what came so far.
func (c *conversation) all() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard.String()
}

// leave closes the connection and waits until the server has noticed.
func (c *conversation) leave() {
	c.conn.Close()
	<-c.done
	synctest.Wait()
}
