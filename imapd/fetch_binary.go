package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// decodeBuffer is how many octets of an encoded part are read at a time.
const decodeBuffer = 32 << 10

// binary writes BINARY[…] or BINARY.SIZE[…] (RFC 9051 §6.4.5, RFC 3516): the
// part without its Content-Transfer-Encoding. Its size comes before it on the
// wire, so a part is decoded twice rather than held in memory.
func (f *fetch) binary(it *fetchItem, label string, c *content) error {
	p, err := c.binaryPart(it.section.part)
	if err != nil {
		f.fail(err)
		return nil
	}
	var seen measure
	if p != nil {
		if err := c.decode(&seen, p); err != nil {
			f.fail(err)
			return nil
		}
	}
	f.begin(label)
	w := f.s.out
	if it.kind == itemBinarySize {
		w.num(uint64(seen.size))
		return nil
	}
	if p == nil {
		w.raw("NIL")
		return nil
	}
	offset, length := int64(0), seen.size
	if it.section.partial {
		offset = min(it.section.offset, seen.size)
		length = min(it.section.length, seen.size-offset)
	}
	if seen.nul {
		w.raw("~") // a literal8: the client must know that there are NULs
	}
	w.literal(length)
	w.flush()
	if length == 0 {
		return nil
	}
	body := &bodyWriter{conn: f.s.conn}
	cut := &cutter{w: body, skip: offset, left: length}
	if err := c.decode(cut, p); err != nil && cut.left > 0 {
		if !body.lost && !errors.Is(err, mail.ErrNotFound) {
			f.s.srv.cfg.Log.Internal(f.s.conn.ID(), "decoding a part", err)
		}
		return f.s.lose(err)
	}
	return nil
}

// binaryPart finds a part and checks that it can be decoded. Without numbers
// it is the whole message, trace lines and all, which has no encoding: a part
// whose header begins before the content. nil: there is none such.
func (c *content) binaryPart(path []int) (*message.Part, error) {
	if len(path) == 0 {
		return &message.Part{Type: "message", Header: -1}, nil
	}
	root, err := c.parts()
	if err != nil {
		return nil, err
	}
	p := root.Find(path)
	if p != nil && !message.KnownEncoding(p.Encoding) {
		return nil, no("UNKNOWN-CTE", "Unknown Content-Transfer-Encoding")
	}
	return p, nil
}

// decode writes a part decoded. Text gets CRLF line ends however it was encoded
// (RFC 3516 §6, RFC 9051 §7.5.2).
func (c *content) decode(w io.Writer, p *message.Part) error {
	stored, err := c.open()
	if err != nil {
		return err
	}
	if p.Header < 0 {
		if _, err := w.Write(c.m.Trace); err != nil {
			return err
		}
		return stored.WriteRange(w, 0, stored.Size())
	}
	raw := bufio.NewReaderSize(io.NewSectionReader(stored, p.Body, p.End-p.Body), decodeBuffer)
	decoded, err := message.NewDecoder(raw, p.Encoding)
	if err != nil {
		return err
	}
	if p.Type == "text" {
		w = &crlfWriter{w: w}
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{decoded}, make([]byte, decodeBuffer))
	return err
}

// measure counts octets and looks for NULs.
type measure struct {
	size int64
	nul  bool
}

func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	m.nul = m.nul || bytes.IndexByte(p, 0) >= 0
	return len(p), nil
}

// errCut ends a decoding whose rest nobody wants.
var errCut = errors.New("imapd: enough")

// cutter passes a piece of what is written on.
type cutter struct {
	w          io.Writer
	skip, left int64
}

func (c *cutter) Write(p []byte) (int, error) {
	n := len(p)
	k := min(c.skip, int64(n))
	c.skip -= k
	p = p[k:]
	p = p[:min(int64(len(p)), c.left)]
	if len(p) > 0 {
		if _, err := c.w.Write(p); err != nil {
			return 0, err
		}
		c.left -= int64(len(p))
	}
	if c.left == 0 {
		return n, errCut
	}
	return n, nil
}

// crlfWriter turns bare LFs into CRLFs.
type crlfWriter struct {
	w    io.Writer
	cr   bool // the last octet was a CR
	line []byte
}

func (c *crlfWriter) Write(p []byte) (int, error) {
	out := c.line[:0]
	for _, b := range p {
		if b == '\n' && !c.cr {
			out = append(out, '\r')
		}
		out = append(out, b)
		c.cr = b == '\r'
	}
	c.line = out
	if _, err := c.w.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
