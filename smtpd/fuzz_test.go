package smtpd

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// FuzzSession plays a client's octets to a whole server, and looks at what
// comes back and at what was taken.
func FuzzSession(f *testing.F) {
	for _, x := range exchanges() {
		f.Add([]byte(x.Words()), x.Port != "mx")
	}
	f.Add([]byte("HELO a\nMAIL FROM:<a@b>\nRCPT TO:<bob@hamburger.edu>\nDATA\na\n.\n\r\n.\r\nQUIT\n"), false)
	f.Add([]byte("EHLO a\r\nAUTH LOGIN\r\n*\r\nAUTH PLAIN =\r\nAUTH PLAIN AGJvYkBoYW1idXJnZXIuZWR1AGtldGNodXA=\r\n"+
		"MAIL FROM:<a@b> BODY=BINARYMIME\r\nRCPT TO:<panic-later@x>\r\nRCPT TO:<at-disk@x>\r\nBDAT 1\r\nxNOOP\r\nRSET\r\nBDAT 0 LAST\r\n"), true)
	f.Fuzz(func(t *testing.T, said []byte, submission bool) {
		h := newHarness(t)
		args := "mx small"
		if submission {
			args = "submission clear small"
		}
		s, w, err := h.configure(args)
		if err != nil {
			t.Fatal(err)
		}
		port := h.serve(s, w)
		c := &tape{in: bytes.NewReader(said), closed: make(chan struct{})}
		port.conns <- c
		<-c.closed
		if heard := strings.TrimSuffix(c.out.String(), "\r\n"); heard != "" {
			for line := range strings.SplitSeq(heard, "\r\n") {
				checkReplyLine(t, line)
			}
		}
		for _, m := range h.backend.take() {
			if len(m.body) > 100 || m.envelope.Body != bodyBinary && bare(m.body) || len(m.envelope.To) == 0 || len(m.envelope.To) > 3 {
				t.Errorf("taken: %v", m)
			}
			if submission != (m.client.Account != 0) {
				t.Errorf("taken from a stranger: %v", m)
			}
		}
		if log := h.log.String(); strings.Contains(log, "doing=go-smtp") || strings.Contains(log, "panic") && !bytes.Contains(bytes.ToLower(said), []byte("panic")) {
			t.Errorf("log: %s", log)
		}
	})
}

// tape is a connection whose client has said all that it will say.
type tape struct {
	in     *bytes.Reader
	out    bytes.Buffer
	closed chan struct{}
	once   sync.Once
}

func (c *tape) Read(p []byte) (int, error) { return c.in.Read(p) }

func (c *tape) Write(p []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, io.ErrClosedPipe
	default:
		return c.out.Write(p)
	}
}

func (c *tape) Close() error                     { c.once.Do(func() { close(c.closed) }); return nil }
func (c *tape) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *tape) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *tape) SetDeadline(time.Time) error      { return nil }
func (c *tape) SetReadDeadline(time.Time) error  { return nil }
func (c *tape) SetWriteDeadline(time.Time) error { return nil }
