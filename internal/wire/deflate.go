package wire

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net"
	"sync"

	"github.com/klauspost/compress/flate"
)

// dictionary is how many octets of what was sent last are kept, for the next
// answer to refer to.
const dictionary = 4 << 10

// deflated stands between the socket, or TLS, and the protocol once the client
// asked for compression (RFC 4978).
//
// Answers are compressed a flush at a time, by an encoder that is borrowed for
// it. What the client sends refers to up to 32 KiB of what it sent before, so
// each connection has a decoder of its own: about 50 KiB. It runs as a coroutine
// that stops wherever it needs octets, so that waiting for them is the
// connection's own business, with its deadlines and interruptions.
type deflated struct {
	in    []byte // compressed octets r to w wait to be decoded
	r, w  int
	more  bool // the last read filled in
	small [smallBuffer]byte

	piece  []byte // what was decoded, and not read yet
	hungry bool   // the decoder waits for octets
	err    error  // … or has ended

	mu     sync.Mutex // held while the decoder runs, and to end it
	ended  bool
	resume func() (struct{}, bool)
	stop   func()
	yield  func(struct{}) bool

	tail []byte // the last of what was sent
}

func newDeflated() *deflated {
	d := &deflated{}
	d.resume, d.stop = iter.Pull(d.decode)
	return d
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
	d := newDeflated()
	d.in = bytes.Clone(c.buf[c.r:c.w])
	d.w = len(d.in)
	c.release()
	c.setDeflated(d)
	c.cfg.Log.Compressed(c.id)
	c.Note("compression begins")
	return nil
}

// Deflated reports whether the connection is compressed.
func (c *Conn) Deflated() bool { return c.deflated != nil }

// flushed is how a flush ends, after the bits of its header (RFC 1951 §3.2.4: a
// stored block of no octets), finished how a stream may end behind it.
var (
	flushed  = []byte{0, 0, 0xff, 0xff}
	finished = []byte{3, 0}
)

// EndDeflate sends what is gathered, and compresses no more (RFC 8437 §4.1). What
// the client sent behind the end of its last flush is in clear.
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
	rest := d.in[d.r:d.w]
	if i := bytes.Index(rest[:min(len(rest), len(flushed)+1)], flushed); i >= 0 {
		rest = rest[i+len(flushed):]
	}
	rest = bytes.TrimPrefix(rest, finished)
	c.release()
	c.buf = append(make([]byte, 0, max(len(rest), smallBuffer+1)), rest...)
	c.w = len(c.buf)
	c.buf = c.buf[:cap(c.buf)]
	d.end()
	c.setDeflated(nil)
	c.Note("compression ends")
	return nil
}

func (c *Conn) setDeflated(d *deflated) {
	c.wmu.Lock()
	c.mu.Lock()
	c.deflated = d
	closed := c.closed
	c.mu.Unlock()
	c.wmu.Unlock()
	if closed && d != nil {
		d.end()
	}
}

// fillInflated is fill's reading where the connection is compressed.
func (c *Conn) fillInflated(wake bool) error {
	d := c.deflated
	for len(d.piece) == 0 {
		if d.hungry && d.r == d.w {
			if c.r == c.w {
				c.release()
			}
			if err := c.beginWait(wake); err != nil {
				return c.readError(err)
			}
			n, err := d.read(c.link)
			if err := c.endWait(n, noEOFInDisguise(err)); err != nil {
				return c.readError(err)
			}
		}
		if err := d.step(); err != nil {
			return c.readError(err)
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

// step runs the decoder until there is a piece, or nothing to decode.
func (d *deflated) step() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return net.ErrClosed
	}
	d.hungry = false
	if _, ok := d.resume(); !ok {
		if d.err == nil {
			return io.EOF // the client ended its stream
		}
		return fmt.Errorf("%w: %w", ErrDeflate, d.err)
	}
	return nil
}

// end ends the decoder.
func (d *deflated) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.ended {
		d.ended = true
		d.stop()
	}
}

// decode is the coroutine.
func (d *deflated) decode(yield func(struct{}) bool) {
	d.yield = yield
	decoder := flate.NewReaderOpts(d, flate.WithPartialBlock())
	_, d.err = decoder.(io.WriterTo).WriteTo(struct{ io.Writer }{d})
}

// Write is the decoder's: p is its own until it runs again.
func (d *deflated) Write(p []byte) (int, error) {
	if d.ended {
		return 0, net.ErrClosed
	}
	d.piece = p
	if !d.yield(struct{}{}) {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

// await has the decoder wait for octets.
func (d *deflated) await() error {
	for d.r == d.w {
		d.hungry = true
		if d.ended || !d.yield(struct{}{}) {
			return net.ErrClosed
		}
	}
	return nil
}

// ReadByte is the decoder's.
func (d *deflated) ReadByte() (byte, error) {
	if err := d.await(); err != nil {
		return 0, err
	}
	d.r++
	return d.in[d.r-1], nil
}

// Read is the decoder's.
func (d *deflated) Read(p []byte) (int, error) {
	if err := d.await(); err != nil {
		return 0, err
	}
	n := copy(p, d.in[d.r:d.w])
	d.r += n
	return n, nil
}

// deflate appends p to dst, compressed and flushed.
func (d *deflated) deflate(dst *bytes.Buffer, p []byte) error {
	before := d.tail
	if len(p) > dictionary {
		before = nil // it has enough of its own to refer to
	}
	if err := flate.StatelessDeflate(dst, p, false, before); err != nil {
		return err
	}
	if len(p) >= dictionary {
		d.tail = append(d.tail[:0], p[len(p)-dictionary:]...)
		return nil
	}
	d.tail = append(d.tail[:copy(d.tail, d.tail[max(0, len(d.tail)+len(p)-dictionary):])], p...)
	return nil
}
