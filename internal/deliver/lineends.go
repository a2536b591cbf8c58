package deliver

import (
	"bytes"
	"io"
)

// crlfReader repairs line ends: a bare LF and a bare CR each become CRLF. It
// is for submissions, whose authors' scripts send what their system calls a
// line (RFC 6409 §8 allows the repair; RFC 5321 §2.3.8 forbids to let them out).
type crlfReader struct {
	r    io.Reader
	in   []byte // read from r, not yet looked at
	buf  [16 << 10]byte
	lf   bool  // an LF is still to be put out
	cr   bool  // the last octet from r was CR
	last error // what r ended with
}

func (c *crlfReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if c.lf {
			p[n] = '\n'
			n++
			c.lf = false
			continue
		}
		if len(c.in) == 0 && !c.fill(n > 0) {
			break
		}
		n += c.some(p[n:])
	}
	if n == 0 && c.last != nil && len(p) > 0 {
		return 0, c.last
	}
	return n, nil
}

// fill reads on; false when there is nothing more now. It does not wait for
// more when the caller has something to give already.
func (c *crlfReader) fill(satisfied bool) bool {
	if satisfied || c.last != nil {
		return false
	}
	var n int
	n, c.last = c.r.Read(c.buf[:])
	c.in = c.buf[:n]
	return n > 0 || c.last == nil
}

// some moves octets from in to p as far as one line end, and says how many
// came into p.
func (c *crlfReader) some(p []byte) int {
	if len(c.in) == 0 {
		return 0
	}
	if c.cr && c.in[0] == '\n' { // the CR has brought its LF already
		c.cr = false
		c.in = c.in[1:]
		return 0
	}
	c.cr = false
	run := bytes.IndexAny(c.in, "\r\n")
	if run < 0 {
		run = len(c.in)
	}
	if run > 0 {
		n := copy(p, c.in[:run])
		c.in = c.in[n:]
		return n
	}
	c.cr = c.in[0] == '\r'
	c.in = c.in[1:]
	p[0] = '\r'
	c.lf = true
	return 1
}
