package wire

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

// The sizes of read buffers. A connection that waits for its client has none
// (or, where the transport can't be waited for otherwise, the small one); before
// login a short one, so that strangers hold little memory.
const (
	smallBuffer = 64
	lineBuffer  = 4 << 10
	dataBuffer  = 32 << 10
)

var (
	linePool = sync.Pool{New: func() any { return new([lineBuffer]byte) }}
	dataPool = sync.Pool{New: func() any { return new([dataBuffer]byte) }}
)

// ReadLine returns the next line without its LF or CRLF, at most max octets,
// valid until the next read. lf tells that it ended in a bare LF. A final line
// without line end is not a line: io.ErrUnexpectedEOF; io.EOF when the client
// left between lines. The errors are latched, but ErrInterrupted and
// ErrLineTooLong (which comes with the line's first max octets, and after which
// DiscardLine resynchronises).
//
// Where the first octets are a TLS handshake on a port that speaks clear text,
// they are returned as if they were a line: see ForeignProtocol.
func (c *Conn) ReadLine(max int) (line []byte, lf bool, err error) {
	line, lf, err = c.readLine(max)
	if err == nil && c.cfg.Tap != nil {
		c.heardLine(line, lf)
	}
	return line, lf, err
}

// ReadSecretLine is ReadLine for what must not be seen: the transcript has
// asterisks.
func (c *Conn) ReadSecretLine(max int) ([]byte, error) {
	line, _, err := c.ReadLine(max)
	if err == nil {
		c.Mask("********")
	}
	return line, err
}

func (c *Conn) readLine(max int) (line []byte, lf bool, err error) {
	c.show()
	wake := c.phase != Data
	if err := c.signalled(wake); err != nil {
		return nil, false, c.readError(err)
	}
	for scanned := 0; ; {
		data := c.buf[c.r:c.w]
		if i := bytes.IndexByte(data[scanned:], '\n'); i >= 0 {
			end := scanned + i
			line, lf = data[:end], true
			if end > 0 && line[end-1] == '\r' {
				line, lf = line[:end-1], false
			}
			if len(line) > max {
				return line[:max], false, ErrLineTooLong
			}
			c.r += end + 1
			c.lineDone()
			return line, lf, nil
		}
		if len(data) > max+1 || len(data) == max+1 && data[max] != '\r' {
			return data[:max], false, ErrLineTooLong
		}
		if scanned = len(data); scanned > 0 {
			if c.isHandshake(data) {
				c.r = c.w
				c.lineDone()
				return data, false, nil
			}
			c.lineBegun()
		}
		if err := c.fill(wake); err != nil {
			if err == io.EOF && c.r < c.w {
				err = io.ErrUnexpectedEOF
			}
			return nil, false, err
		}
	}
}

// isHandshake: what came first, and in clear, is a TLS handshake record.
func (c *Conn) isHandshake(data []byte) bool {
	return !c.spoken && c.tls.Load() == nil && len(data) >= 3 && ForeignProtocol(data)
}

// DiscardLine reads away the rest of a line that was too long, up to max octets.
func (c *Conn) DiscardLine(max int) error {
	for {
		data := c.buf[c.r:c.w]
		if i := bytes.IndexByte(data, '\n'); i >= 0 && i < max {
			c.r += i + 1
			c.lineDone()
			return nil
		}
		if max -= len(data); max <= 0 {
			return ErrLineTooLong
		}
		c.r = c.w
		c.lineBegun()
		if err := c.fill(false); err != nil {
			return err
		}
	}
}

// Fill returns what is buffered, reading more from the client when nothing is.
// Consume takes n octets of it. The slice is valid until the next read. In
// phase Data a client that leaves gives io.ErrUnexpectedEOF, never io.EOF: what
// is incomplete must not look complete.
func (c *Conn) Fill() ([]byte, error) {
	if c.r == c.w {
		c.clock.owed = true
		err := c.fill(c.phase != Data)
		c.clock.owed = false
		if err != nil {
			if err == io.EOF && c.phase == Data {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return c.buf[c.r:c.w], nil
}

// Consume takes n octets of what Fill returned.
func (c *Conn) Consume(n int) {
	if c.watched() {
		c.tellData(ClientData, c.buf[c.r:c.r+n])
	}
	c.r += n
}

// ConsumeSecret is Consume for what must not be seen: the transcript has
// asterisks.
func (c *Conn) ConsumeSecret(n int) {
	if c.watched() && n > 0 {
		c.tellSecretData(c.buf[c.r : c.r+n])
	}
	c.r += n
}

// Buffered is how many octets the client sent that were not read yet.
func (c *Conn) Buffered() int { return c.w - c.r }

// Discard reads n octets away.
func (c *Conn) Discard(n int64) error {
	for n > 0 {
		if c.r == c.w {
			c.clock.owed = true
			err := c.fill(false)
			c.clock.owed = false
			if err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
		}
		k := min(n, int64(c.w-c.r))
		c.Consume(int(k))
		n -= k
	}
	return nil
}

// Read implements net.Conn, for a library that speaks for itself.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	data, err := c.Fill()
	if err != nil {
		return 0, err
	}
	n := copy(p, data)
	c.Consume(n)
	return n, nil
}

// fill reads more octets behind those that are buffered, at least one. wake
// says whether Interrupt and a shutdown may end the wait.
func (c *Conn) fill(wake bool) error {
	if c.err != nil {
		return c.err
	}
	if err := c.Start(); err != nil {
		return err
	}
	c.showLine()
	if err := c.Flush(); err != nil {
		return c.fail(err)
	}
	if c.deflated != nil {
		return c.fillInflated(wake)
	}
	if err := c.beginWait(wake); err != nil {
		return c.readError(err)
	}
	n, err := c.readMore()
	c.w += n
	if err := c.endWait(n, err); err != nil {
		return c.readError(err)
	}
	return nil
}

// readError says goodbye where that is due, and latches what is final.
func (c *Conn) readError(err error) error {
	c.showPiece()
	switch {
	case err == ErrInterrupted:
		return err
	case err == ErrTimeout || err == ErrShutdown || err == ErrExpelled:
		if c.err != nil {
			return c.err
		}
		return c.refuse(err)
	}
	err = c.latch(err)
	if c.r == c.w {
		c.release()
	}
	return err
}

// readMore reads once from the client, into as little memory as will do.
func (c *Conn) readMore() (int, error) {
	c.makeRoom()
	if c.raw != nil && c.link == c.sock {
		return c.readRaw()
	}
	if c.w == 0 && c.phase != Data {
		c.release()
		c.buf = c.small[:]
	} else if c.buf == nil {
		c.buf = c.newBuffer()
	}
	for {
		n, err := c.link.Read(c.buf[c.w:])
		if n > 0 || err != nil {
			return n, noEOFInDisguise(err)
		}
	}
}

// makeRoom moves what is buffered to the front of a buffer that has room.
func (c *Conn) makeRoom() {
	if c.r == c.w {
		c.r, c.w = 0, 0
		if len(c.buf) < c.bufferSize() {
			c.release()
		}
		return
	}
	if c.r > 0 && len(c.buf) != smallBuffer {
		c.w = copy(c.buf, c.buf[c.r:c.w])
		c.r = 0
	}
	if c.w < len(c.buf) && len(c.buf) != smallBuffer {
		return
	}
	data, old := c.buf[c.r:c.w], c.buf
	if len(data) < c.bufferSize() {
		c.buf = c.newBuffer()
	} else {
		c.buf = make([]byte, 2*len(old))
	}
	c.w = copy(c.buf, data)
	c.r = 0
	recycle(old)
}

func (c *Conn) bufferSize() int {
	stranger := !c.clock.login.IsZero() || c.cfg.Protocol == "smtp" && c.phase != Data
	if stranger {
		return lineBuffer
	}
	return dataBuffer
}

func (c *Conn) newBuffer() []byte {
	if c.bufferSize() == lineBuffer {
		return linePool.Get().(*[lineBuffer]byte)[:]
	}
	return dataPool.Get().(*[dataBuffer]byte)[:]
}

// release gives the read buffer back. Nothing may be buffered.
func (c *Conn) release() {
	recycle(c.buf)
	c.buf, c.r, c.w = nil, 0, 0
}

func recycle(b []byte) {
	switch len(b) {
	case lineBuffer:
		linePool.Put((*[lineBuffer]byte)(b))
	case dataBuffer:
		dataPool.Put((*[dataBuffer]byte)(b))
	}
}

// noEOFInDisguise: crypto/tls calls a connection that ends inside a record
// io.ErrUnexpectedEOF; for a line protocol it is the end like any other.
func noEOFInDisguise(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// ForeignProtocol reports whether a client's first line shows that it speaks
// something else: HTTP, SSH, or TLS on a port that speaks clear text. Such a
// client is to be hung up on at once, for its next lines may be somebody else's
// commands (a browser that was made to talk to a mail server).
func ForeignProtocol(line []byte) bool {
	if len(line) >= 2 && line[0] == 0x16 && line[1] == 3 { // a TLS handshake record, RFC 8446 §5.1
		return true
	}
	if bytes.HasPrefix(line, []byte("SSH-")) {
		return true
	}
	verb, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(rest) == 0 {
		return false
	}
	// A script in a browser may choose the verb, but not what ends the line.
	if last := rest[bytes.LastIndexByte(rest, ' ')+1:]; len(last) > 5 && bytes.EqualFold(last[:5], []byte("HTTP/")) {
		return true
	}
	switch string(bytes.ToUpper(verb)) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI":
		return rest[0] == '/' || rest[0] == '*' || bytes.HasPrefix(rest, []byte("http"))
	}
	return false
}
