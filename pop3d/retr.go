package pop3d

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdRetr is RETR (RFC 1939 §5).
func (s *session) cmdRetr(args []string) error {
	m, n, err := s.drop.message(args[0])
	if err != nil {
		return err
	}
	return s.send(m, n, strconv.FormatInt(m.size, 10)+" octets", func(c *store.Content, out *stuffer) error {
		return c.WriteRange(out, 0, c.Size())
	})
}

// cmdTop is TOP (RFC 1939 §7): the header, the blank line, and some lines of
// the body.
func (s *session) cmdTop(args []string) error {
	m, n, err := s.drop.message(args[0])
	if err != nil {
		return err
	}
	lines, ok := number(args[1])
	if !ok {
		return refuse("A number of lines is a number, such as 10")
	}
	return s.send(m, n, "Top of message:", func(c *store.Content, out *stuffer) error {
		header := c.HeaderSize()
		if err := c.WriteRange(out, 0, header); err != nil || lines == 0 {
			return err
		}
		err := c.WriteRange(&firstLines{to: out, left: lines}, header, c.Size()-header)
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	})
}

// send answers with what write writes of a message.
func (s *session) send(m *message, n int, head string, write func(*store.Content, *stuffer) error) error {
	trace, content, err := s.open(m, n)
	if err != nil {
		return err
	}
	defer s.opened(m, content)
	out := newStuffer(s.conn, "+OK "+head+"\r\n", trace)
	if _, ok := s.conn.Fault(fault.Drop, ""); ok { // in the middle of the message
		content.WriteRange(out, 0, content.HeaderSize())
		s.conn.Break()
		return errLost
	}
	if err := write(content, out); err != nil {
		switch {
		case out.err != nil: // the client left
			return errLost
		case !out.begun:
			return err
		}
		// Half a message must not look like a whole one.
		if !errors.Is(err, mail.ErrNotFound) { // or an IMAP session expunged it meanwhile
			s.srv.cfg.Log.Internal(s.conn.ID(), fmt.Sprintf("sending message %d", m.uid), err)
		}
		s.conn.Hangup("")
		return errLost
	}
	return out.end()
}

// errEnough ends the copying of a body.
var errEnough = errors.New("enough lines")

// firstLines passes on some lines.
type firstLines struct {
	to   *stuffer
	left int
}

func (f *firstLines) Write(p []byte) (int, error) {
	rest := p
	for f.left > 0 {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return f.to.Write(p)
		}
		rest = rest[i+1:]
		f.left--
	}
	if n, err := f.to.Write(p[:len(p)-len(rest)]); err != nil {
		return n, err
	}
	return len(p) - len(rest), errEnough
}
