package imapd

import (
	"bytes"
	"errors"
	"io"

	"github.com/emersion/go-imap/v2/imapserver"

	"posthorn/internal/wire"
)

// front is the connection that imapserver believes to have. Read runs our own
// commands there and then, in imapserver's goroutine, and returns only what is
// imapserver's to answer: one canonical line at a time.
type front struct {
	*wire.Conn
	s *session
	// greeted: imapserver's greeting has been replaced by ours.
	greeted bool
}

func newFront(c *wire.Conn, srv *Server) *front {
	return &front{Conn: c, s: newSession(c, srv)}
}

// driverTag is the tag that imapserver sees. The client's may hold characters
// that its parser doesn't take.
const driverTag = "x"

// Read implements net.Conn.
func (f *front) Read(p []byte) (int, error) {
	for f.s.driver == "" {
		if err := f.s.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.s.driver)
	f.s.driver = f.s.driver[n:]
	return n, nil
}

// Write implements net.Conn: imapserver sends whole lines, of which the
// greeting and the tags are replaced.
func (f *front) Write(p []byte) (int, error) {
	if !f.greeted {
		f.greeted = true
		// The handshake first: what is offered depends on it. A client that is
		// refused there, or doesn't come through, is hung up on in Read.
		if f.Start() == nil {
			f.s.greet()
		}
		return len(p), nil
	}
	if rest, ok := bytes.CutPrefix(p, []byte(driverTag+" ")); ok {
		if _, err := io.WriteString(f.Conn, f.s.tag+" "); err != nil {
			return 0, err
		}
		if _, err := f.Conn.Write(rest); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	return f.Conn.Write(p)
}

// driven is what imapserver has for a session: it never gets a line that needs
// more than Close of it.
type driven struct {
	imapserver.Session
	s *session
}

func newDriven(c *imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
	f, ok := c.NetConn().(*front)
	if !ok {
		return nil, nil, errors.New("imapd: a connection without front")
	}
	return &driven{s: f.s}, nil, nil
}

func (d *driven) Close() error {
	d.s.close()
	return nil
}
