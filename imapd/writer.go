package imapd

import (
	"io"
	"strconv"
)

// flushAt is how many octets of answers are gathered before they are handed
// to the connection.
const flushAt = 16 << 10

// writer builds answers. Its methods append; crlf ends a line. Errors of the
// connection are latched there and end the next read.
type writer struct {
	conn io.Writer
	b    []byte
	// unicode: see enabled.unicode.
	unicode bool
}

// raw appends text as it is.
func (w *writer) raw(text ...string) {
	for _, t := range text {
		w.b = append(w.b, t...)
	}
}

// num appends a number.
func (w *writer) num(n uint64) { w.b = strconv.AppendUint(w.b, n, 10) }

// string appends a string: quoted where it can be, else a literal
// (RFC 9051 §4.3).
func (w *writer) string(s string) {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 || c >= 0x80 && !w.unicode {
			w.literal(len(s))
			w.raw(s)
			return
		}
	}
	w.b = append(w.b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			w.b = append(w.b, '\\')
		}
		w.b = append(w.b, s[i])
	}
	w.b = append(w.b, '"')
}

// literal appends a literal's announcement; n octets must follow.
func (w *writer) literal(n int) {
	w.b = append(w.b, '{')
	w.num(uint64(n))
	w.raw("}\r\n")
}

// crlf ends an answer.
func (w *writer) crlf() {
	w.raw("\r\n")
	if len(w.b) >= flushAt {
		w.flush()
	}
}

// flush hands what is gathered to the connection.
func (w *writer) flush() {
	w.conn.Write(w.b)
	w.b = w.b[:0]
}
