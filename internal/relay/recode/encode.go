package recode

import (
	b64 "encoding/base64"
	"errors"
	"io"
)

// encoding is what is done to octets on their way out.
type encoding uint8

const (
	verbatim        encoding = iota
	quotedPrintable          // RFC 2045 §6.7
	base64                   // RFC 2045 §6.8
	requoted                 // quoted-printable already: what it must not have is quoted, or a line end
	scrubbed                 // of no meaning: what must not be there becomes "?" or CRLF
	scrubbed64               // base64 already: what it must not have is left out
)

func (e encoding) String() string {
	if e == base64 {
		return "base64"
	}
	return "quoted-printable"
}

// newEncoder returns a writer that writes what comes in the encoding to w.
// Close writes what is left, and does not close w.
func newEncoder(w io.Writer, e encoding) io.WriteCloser {
	switch e {
	case quotedPrintable:
		return &quoter{w: w}
	case requoted:
		q := &quoter{w: w, again: true}
		return chain{&Lines{W: q}, q}
	case base64:
		lines := &lineBreaker{w: w}
		return b64.NewEncoder(b64.StdEncoding, lines)
	case scrubbed:
		return &Lines{W: &scrubber{w: w}}
	case scrubbed64:
		return &Lines{W: &scrubber{w: w, drop: true}}
	}
	return plain{w}
}

// chain is an encoder in front of another.
type chain struct {
	io.WriteCloser
	then io.Closer
}

func (c chain) Close() error { return errors.Join(c.WriteCloser.Close(), c.then.Close()) }

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// encodedLine is how long the lines of an encoding are (RFC 2045 §6.7, §6.8).
const encodedLine = 76

// lineBreaker puts a CRLF between lines of encodedLine octets, and none after
// the last.
type lineBreaker struct {
	w   io.Writer
	col int
}

func (l *lineBreaker) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if l.col == encodedLine {
			if _, err := l.w.Write([]byte("\r\n")); err != nil {
				return 0, err
			}
			l.col = 0
		}
		k := min(len(p), encodedLine-l.col)
		if _, err := l.w.Write(p[:k]); err != nil {
			return 0, err
		}
		l.col += k
		p = p[k:]
	}
	return n, nil
}

// quoter writes quoted-printable. Line ends that are CRLF stay line ends; a
// bare CR or LF is quoted like any other octet, so that it comes back as it
// was. again: the input is quoted-printable with octets that it must not have.
type quoter struct {
	w     io.Writer
	again bool
	col   int
	// held is an octet that waits for what follows: a CR for its LF, a blank
	// for what is not a line end. 0: none.
	held byte
	// sinceEqual is how many octets were written since the last "=".
	sinceEqual int
	out        []byte
}

func (q *quoter) Write(p []byte) (int, error) {
	q.out = q.out[:0]
	for _, c := range p {
		q.octet(c)
	}
	_, err := q.w.Write(q.out)
	return len(p), err
}

func (q *quoter) Close() error {
	q.out = q.out[:0]
	if q.held != 0 {
		q.last(q.held)
		q.held = 0
	}
	_, err := q.w.Write(q.out)
	return err
}

func (q *quoter) octet(c byte) {
	switch {
	case q.held == '\r' && c == '\n':
		q.held = 0
		q.out = append(q.out, "\r\n"...)
		q.col = 0
		return
	case q.held == '\r':
		q.quote('\r')
	case q.held != 0 && c == '\r':
		q.last(q.held)
	case q.held != 0:
		q.literal(q.held)
	}
	q.held = 0
	switch {
	case c == '\r', c == ' ', c == '\t':
		q.held = c
	case c > ' ' && c < 0x7f && (c != '=' || q.again):
		q.literal(c)
	default:
		q.quote(c)
	}
}

// last writes an octet that may be the last of its line: a blank there must be
// quoted. In what is quoted already it means nothing, and must go on to.
func (q *quoter) last(c byte) {
	if q.again && c != '\r' {
		q.literal(c)
	} else {
		q.quote(c)
	}
}

// literal writes an octet as it is. In what is quoted already, lines are
// broken only where they must be, and never inside a quoted octet.
func (q *quoter) literal(c byte) {
	if q.again && q.col >= maxLine-10 && q.sinceEqual > 2 || !q.again && q.col >= encodedLine-1 {
		q.soft()
	}
	q.out = append(q.out, c)
	q.col++
	q.sinceEqual++
	if c == '=' {
		q.sinceEqual = 0
	}
}

func (q *quoter) quote(c byte) {
	const hex = "0123456789ABCDEF"
	if q.again && q.col >= maxLine-10 || !q.again && q.col > encodedLine-4 {
		q.soft()
	}
	q.out = append(q.out, '=', hex[c>>4], hex[c&15])
	q.col += 3
	q.sinceEqual = 3
}

// soft breaks a line in a way that decoding undoes.
func (q *quoter) soft() {
	q.out = append(q.out, "=\r\n"...)
	q.col = 0
}

// scrubber lets only ASCII pass. What else there is has no meaning
// where it stands.
type scrubber struct {
	w    io.Writer
	drop bool
	out  []byte
}

func (s *scrubber) Write(p []byte) (int, error) {
	s.out = s.out[:0]
	for _, c := range p {
		switch {
		case c != 0 && c < 0x80:
			s.out = append(s.out, c)
		case !s.drop:
			s.out = append(s.out, '?')
		}
	}
	_, err := s.w.Write(s.out)
	return len(p), err
}
