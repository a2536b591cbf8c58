package pop3d

import (
	"bytes"
	"io"

	"posthorn/internal/wire"
)

// stuffer sends octets as a multi-line response (RFC 1939 §3). The first line
// and the trace go out with the first octets, so that an error before them can
// still be told.
type stuffer struct {
	conn  *wire.Conn
	head  string
	trace []byte

	begun bool
	err   error // of the connection
	bol   bool  // at the beginning of a line
	crlf  bool  // behind CRLF
	cr    bool  // behind CR
}

func newStuffer(conn *wire.Conn, head string, trace []byte) *stuffer {
	return &stuffer{conn: conn, head: head, trace: trace, bol: true, crlf: true}
}

func (w *stuffer) begin() error {
	if w.begun {
		return nil
	}
	w.begun = true
	if _, err := io.WriteString(w.conn, w.head); err != nil {
		return err
	}
	return w.stuff(w.trace)
}

func (w *stuffer) Write(p []byte) (int, error) {
	if w.err = w.begin(); w.err == nil {
		w.err = w.stuff(p)
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(p), nil
}

var dot = []byte(".")

// stuff sends p with dots at the beginning of lines doubled.
func (w *stuffer) stuff(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	last := p[len(p)-1]
	crlf := last == '\n' && (len(p) > 1 && p[len(p)-2] == '\r' || len(p) == 1 && w.cr)
	if w.bol && p[0] == '.' {
		if _, err := w.conn.WriteBody(dot); err != nil {
			return err
		}
	}
	for {
		i := nextLineDot(p)
		if i < 0 {
			break
		}
		if _, err := w.conn.WriteBody(p[:i+1]); err != nil {
			return err
		}
		p = p[i:] // the dot again
	}
	w.bol, w.crlf, w.cr = last == '\n', crlf, last == '\r'
	_, err := w.conn.WriteBody(p)
	return err
}

// nextLineDot is where the first dot behind a line's end is, -1 where there is
// none. It looks for dots, since most octets of mail are base64, which has line
// ends but no dots.
func nextLineDot(p []byte) int {
	for from := 1; from < len(p); {
		i := bytes.IndexByte(p[from:], '.')
		if i < 0 {
			break
		}
		if from += i; p[from-1] == '\n' {
			return from
		}
		from++
	}
	return -1
}

// end sends the end of the response.
func (w *stuffer) end() error {
	if err := w.begin(); err != nil {
		return err
	}
	end := ".\r\n"
	if !w.crlf {
		end = "\r\n.\r\n"
	}
	_, err := io.WriteString(w.conn, end)
	return err
}
