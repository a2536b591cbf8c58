package wire

import (
	"bytes"
	"fmt"
	"net"

	"github.com/klauspost/compress/flate"

	"posthorn/internal/inflate"
)

// dictionary is how many octets of what was sent last are kept, for the next
// answer to refer to.
const dictionary = 4 << 10

// asTheyAre is the most octets that are sent as they are, in a stored block
// (RFC 1951 §3.2.4). So few hardly shrink; and Thunderbird, when it has begun to
// wait in IDLE, reads no more octets than came compressed: what they stand for
// beyond that it leaves lying until the next come.
const asTheyAre = 512

// deflated stands between the socket, or TLS, and the protocol once the client
// asked for compression (RFC 4978).
//
// Answers are compressed a flush at a time, by an encoder that is borrowed for
// it. What the client sends refers to up to 32 KiB of what it sent before, so
// each connection has a decoder of its own, which grows with what was said.
type deflated struct {
	decoder inflate.Decoder
	in      []byte // compressed octets r to w wait to be decoded
	r, w    int
	more    bool // the last read filled in
	small   [smallBuffer]byte
	piece   []byte // what was decoded, and not read yet

	// ending: answers are no longer compressed, nor is what comes behind the end of
	// the client's flush. It changes under wmu.
	ending bool

	tail []byte // the last of what was sent
}

// StartDeflate sends what is gathered, and compresses from then on in both
// directions (RFC 4978). What the client sent already is compressed. On an error
// the connection is closed.
func (c *Conn) StartDeflate() error {
	if c.err != nil {
		return c.err
	}
	c.show()
	if err := c.Flush(); err != nil {
		return c.fail(err)
	}
	d := &deflated{}
	d.in = bytes.Clone(c.buf[c.r:c.w])
	d.w = len(d.in)
	c.release()
	c.setDeflated(d)
	c.cfg.Log.Compressed(c.id)
	c.Note(Note{Kind: "compressed"})
	return nil
}

// Deflated reports whether the connection is compressed.
func (c *Conn) Deflated() bool { return c.deflated != nil && !c.deflated.ending }

// EndDeflate sends what is gathered, and compresses no more (RFC 8437 §4.1). What
// the client sends behind the end of its last flush, which may be still to come,
// is in clear.
func (c *Conn) EndDeflate() error {
	d := c.deflated
	if d == nil || c.err != nil {
		return c.err
	}
	c.show()
	if err := c.Flush(); err != nil {
		return c.fail(err)
	}
	if n := c.Buffered() + len(d.piece); n > 0 {
		return c.fail(fmt.Errorf("%w: %d octets after the end of compression", ErrDeflate, n))
	}
	c.wmu.Lock()
	d.ending = true
	c.wmu.Unlock()
	c.Note(Note{Kind: "decompressed"})
	if _, err := c.endFlush(); err != nil {
		return c.fail(err)
	}
	return nil
}

// endFlush goes on to the end of the client's last flush, and reports whether it
// is there: then the connection is no longer compressed, and what came behind it
// is buffered.
func (c *Conn) endFlush() (bool, error) {
	d := c.deflated
	n, whole, err := d.decoder.EndFlush(d.in[d.r:d.w])
	d.r += n
	if err != nil {
		return false, fmt.Errorf("%w: something behind the end of compression", ErrDeflate)
	}
	if !whole {
		return false, nil
	}
	rest := d.in[d.r:d.w]
	c.release()
	c.buf = append(make([]byte, 0, max(len(rest), smallBuffer+1)), rest...)
	c.w = len(c.buf)
	c.buf = c.buf[:cap(c.buf)]
	recycle(d.in)
	c.setDeflated(nil)
	return true, nil
}

func (c *Conn) setDeflated(d *deflated) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.deflated = d
}

// fillInflated is fill's reading where the connection is compressed.
func (c *Conn) fillInflated(wake bool) error {
	d := c.deflated
	if d.ending {
		return c.fillLast(wake)
	}
	for len(d.piece) == 0 {
		piece, n, err := d.decoder.Next(d.in[d.r:d.w])
		d.piece, d.r = piece, d.r+n
		if err == inflate.ErrCorrupt {
			err = fmt.Errorf("%w: %w", ErrDeflate, err)
		} else if err == nil && len(piece) == 0 {
			err = c.fillDeflated(wake)
		}
		if err != nil {
			return c.readError(err) // io.EOF: the client ended its stream
		}
	}
	c.makeRoom()
	if c.buf == nil {
		c.buf = c.newBuffer()
	}
	n := copy(c.buf[c.w:], d.piece)
	d.piece = d.piece[n:]
	c.w += n
	return nil
}

// fillLast is fill where only the rest of a flush is compressed.
func (c *Conn) fillLast(wake bool) error {
	for {
		whole, err := c.endFlush()
		if whole && c.Buffered() == 0 {
			return c.fill(wake)
		} else if whole {
			return nil
		}
		if err == nil {
			err = c.fillDeflated(wake)
		}
		if err != nil {
			return c.readError(err)
		}
	}
}

// fillDeflated reads compressed octets, once all that came were decoded.
func (c *Conn) fillDeflated(wake bool) error {
	if c.r == c.w {
		c.release()
	}
	if err := c.beginWait(wake); err != nil {
		return err
	}
	n, err := c.deflated.read(c.link)
	return c.endWait(n, noEOFInDisguise(err))
}

// read reads once from the client: at first into little memory, since it may
// take long.
func (d *deflated) read(link net.Conn) (n int, err error) {
	recycle(d.in)
	d.r, d.w, d.in = 0, 0, d.small[:]
	if d.more {
		d.in = dataPool.Get().(*[dataBuffer]byte)[:]
	}
	for n == 0 && err == nil {
		n, err = link.Read(d.in)
	}
	d.w, d.more = n, n == len(d.in)
	return n, err
}

// deflate appends p to dst, compressed and flushed.
func (d *deflated) deflate(dst *bytes.Buffer, p []byte) error {
	before := d.tail
	if len(p) > dictionary {
		before = nil // it has enough of its own to refer to
	}
	if len(p) <= asTheyAre {
		n := uint16(len(p)) // a block begins at an octet: StatelessDeflate ends with one that does
		dst.Write([]byte{0, byte(n), byte(n >> 8), byte(^n), byte(^n >> 8)})
		dst.Write(p)
		dst.Write([]byte{0, 0, 0, 0xff, 0xff}) // an empty block, at which decoders hand out what they have
	} else if err := flate.StatelessDeflate(dst, p, false, before); err != nil {
		return err
	}
	if len(p) >= dictionary {
		d.tail = append(d.tail[:0], p[len(p)-dictionary:]...)
		return nil
	}
	d.tail = append(d.tail[:copy(d.tail, d.tail[max(0, len(d.tail)+len(p)-dictionary):])], p...)
	return nil
}
