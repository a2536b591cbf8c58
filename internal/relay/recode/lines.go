package recode

import (
	"bytes"
	"io"
)

// Lines lets no bare CR or LF through to W: each becomes CRLF (RFC 5321
// §2.3.8). For a message on its way out that was decided long before; this is
// the last place where one could split it (CVE-2023-51764 and its kin).
type Lines struct {
	W  io.Writer
	cr bool // the last octet was a CR, which has not been written yet
}

var crlf = []byte("\r\n")

// Write writes octets to W, a CR at the end of p excepted.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if l.cr {
			l.cr = false
			if _, err := l.W.Write(crlf); err != nil {
				return 0, err
			}
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		run := clean(p)
		if run > 0 {
			if _, err := l.W.Write(p[:run]); err != nil {
				return 0, err
			}
			p = p[run:]
			continue
		}
		if p[0] == '\r' {
			l.cr = true
		} else if _, err := l.W.Write(crlf); err != nil { // a bare LF
			return 0, err
		}
		p = p[1:]
	}
	return n, nil
}

// maxSpan is how much is searched for the end of a line at a time: in a text full
// of CRs each would have all that follows searched for a LF.
const maxSpan = 1 << 10

// clean is how many octets of p, from its start, have no bare CR or LF and no
// CR at the end.
func clean(p []byte) int {
	done := 0
	for done < len(p) {
		text := p[done:min(len(p), done+maxSpan)]
		lf := bytes.IndexByte(text, '\n')
		if lf >= 0 {
			text = text[:lf]
		}
		cr := bytes.IndexByte(text, '\r')
		switch {
		case cr >= 0 && cr == lf-1:
			done += lf + 1
		case cr >= 0:
			return done + cr
		case lf >= 0:
			return done + lf
		default:
			done += len(text)
		}
	}
	return done
}

// Close writes what is still held back. It does not close W.
func (l *Lines) Close() error {
	if !l.cr {
		return nil
	}
	l.cr = false
	_, err := l.W.Write(crlf)
	return err
}
