package imapd

import (
	"io"
	"strconv"
	"sync"
)

// flushAt is how many octets of answers are gathered before they are handed
// to the connection.
const flushAt = 16 << 10

// writer builds answers. Its methods append; end closes an answer. Errors of
// the connection are latched there and end the next read, so none is returned
// here.
type writer struct {
	conn io.Writer
	// b is what is gathered. Between commands there is none, so that a
	// connection that waits holds no buffer.
	b []byte
	// unicode: see enabled.unicode.
	unicode bool
}

// buffers are lent to writers while a command runs. One may grow past flushAt
// by a single answer; very large ones are dropped.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, flushAt+flushAt/2); return &b }}

// open takes a buffer.
func (w *writer) open() {
	if w.b == nil {
		w.b = (*buffers.Get().(*[]byte))[:0]
	}
}

// close hands what is gathered to the connection and gives the buffer back.
func (w *writer) close() {
	w.flush()
	w.drop()
}

// drop gives the buffer back, with what is in it.
func (w *writer) drop() {
	if b := w.b; cap(b) > 0 && cap(b) <= 4*flushAt {
		b = b[:0]
		buffers.Put(&b)
	}
	w.b = nil
}

// flush hands what is gathered to the connection, which sends it before it
// waits for the client.
func (w *writer) flush() {
	if len(w.b) > 0 {
		w.conn.Write(w.b)
		w.b = w.b[:0]
	}
}

// end closes an answer with CRLF.
func (w *writer) end() {
	w.b = append(w.b, '\r', '\n')
	if len(w.b) >= flushAt {
		w.flush()
	}
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
	if !w.quotable(s) {
		w.literal(int64(len(s)))
		w.raw(s)
		return
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

func (w *writer) quotable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 || c >= 0x80 && !w.unicode {
			return false
		}
	}
	return true
}

// astring appends s as an atom where it can be one, else as a string. An
// empty one, and NIL, which some take for nothing, are quoted.
func (w *writer) astring(s string) {
	for i := range len(s) {
		if !isAtomChar(s[i]) {
			w.string(s)
			return
		}
	}
	if s == "" || len(s) == 3 && (s[0] == 'N' || s[0] == 'n') {
		w.string(s)
		return
	}
	w.raw(s)
}

// mailbox appends a mailbox name in the form that the client takes.
func (w *writer) mailbox(name string) {
	if !w.unicode {
		name = encodeUTF7(name)
	}
	w.astring(name)
}

// literal appends a literal's announcement; n octets must follow.
func (w *writer) literal(n int64) {
	w.b = append(w.b, '{')
	w.num(uint64(n))
	w.raw("}\r\n")
}

// status appends a status response (RFC 9051 §7.1); tag is "*" for an untagged
// one.
func (w *writer) status(tag string, say status) {
	w.raw(tag, " ", say.kind, " ")
	if say.code != "" {
		w.raw("[", say.code, "] ")
	}
	w.raw(say.text)
	w.end()
}
