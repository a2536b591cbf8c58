package relay

import (
	"bytes"
	"io"
)

// crlfWriter lets no bare CR or LF out, whatever is stored: each becomes CRLF
// (RFC 5321 §2.3.8). Elsewhere that is decided long before; this is the last
// place where one could split a message (CVE-2023-51764 and its kin).
type crlfWriter struct {
	w  io.Writer
	cr bool // the last octet was a CR, which has not been written yet
}

var crlf = []byte("\r\n")

func (c *crlfWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if c.cr {
			c.cr = false
			if _, err := c.w.Write(crlf); err != nil {
				return 0, err
			}
			if p[0] == '\n' {
				p = p[1:]
				continue
			}
		}
		run := clean(p)
		if run > 0 {
			if _, err := c.w.Write(p[:run]); err != nil {
				return 0, err
			}
			p = p[run:]
			continue
		}
		if p[0] == '\r' {
			c.cr = true
		} else if _, err := c.w.Write(crlf); err != nil { // a bare LF
			return 0, err
		}
		p = p[1:]
	}
	return n, nil
}

// clean is how many octets of p, from its start, have no bare CR or LF and no
// CR at the end.
func clean(p []byte) int {
	done := 0
	for {
		i := bytes.IndexByte(p[done:], '\n')
		end := len(p)
		if i >= 0 {
			end = done + i
		}
		cr := bytes.IndexByte(p[done:end], '\r')
		switch {
		case cr >= 0 && done+cr == end-1 && i >= 0: // CRLF
			done = end + 1
			if done == len(p) {
				return done
			}
			continue
		case cr >= 0:
			return done + cr
		}
		return end
	}
}

// end writes what is still held back.
func (c *crlfWriter) end() error {
	if !c.cr {
		return nil
	}
	c.cr = false
	_, err := c.w.Write(crlf)
	return err
}
