package wire

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// writePiece is the most that goes to the network under one deadline.
const writePiece = 64 << 10

// Write gathers; Flush sends. A write error is latched and ends the next read.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.startWrite(); err != nil {
		return 0, err
	}
	if c.watched() {
		c.tellServer(p)
	}
	return c.gather(p)
}

// WriteBody is Write for a piece of a body or literal, which the transcript
// shows up to a bound.
func (c *Conn) WriteBody(p []byte) (int, error) {
	if err := c.startWrite(); err != nil {
		return 0, err
	}
	if c.watched() {
		c.tellData(ServerData, p)
	}
	return c.gather(p)
}

// startWrite refuses to write to a connection that could not be begun; on one
// that has begun, a read error (a client that closed its half) lets answers pass.
func (c *Conn) startWrite() error {
	if c.started {
		return nil
	}
	return c.Start()
}

func (c *Conn) gather(p []byte) (int, error) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.werr != nil {
		return 0, c.werr
	}
	if c.out == nil {
		c.out = dataPool.Get().(*[dataBuffer]byte)[:0]
	}
	if len(c.out)+len(p) <= dataBuffer {
		c.out = append(c.out, p...)
		return len(p), nil
	}
	if err := c.flushLocked(c.times.Write); err != nil {
		return 0, err
	}
	if len(p) >= dataBuffer/2 {
		return len(p), c.send(p, c.times.Write)
	}
	c.out = append(c.out, p...)
	return len(p), nil
}

// Flush sends what was gathered.
func (c *Conn) Flush() error { return c.flush(c.times.Write) }

func (c *Conn) flush(within time.Duration) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	err := c.flushLocked(within)
	c.dropOut()
	return err
}

func (c *Conn) flushLocked(within time.Duration) error {
	if c.werr != nil || len(c.out) == 0 {
		return c.werr
	}
	err := c.send(c.out, within)
	c.out = c.out[:0]
	return err
}

// deflatedPool has what is compressed before it is sent.
var deflatedPool = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// send writes p to the network, compressed where that was asked for.
func (c *Conn) send(p []byte, within time.Duration) error {
	if c.deflated == nil || c.deflated.ending {
		return c.sendAsItIs(p, within)
	}
	buf := deflatedPool.Get().(*bytes.Buffer)
	defer deflatedPool.Put(buf)
	for len(p) > 0 {
		piece := p[:min(len(p), dataBuffer)]
		p = p[len(piece):]
		buf.Reset()
		if err := c.deflated.deflate(buf, piece); err != nil {
			c.werr = err
			return err
		}
		if err := c.sendAsItIs(buf.Bytes(), within); err != nil {
			return err
		}
	}
	return nil
}

// sendAsItIs writes p to the network, each piece within its own time.
func (c *Conn) sendAsItIs(p []byte, within time.Duration) error {
	for len(p) > 0 {
		piece := p[:min(len(p), writePiece)]
		if c.slow {
			piece = crawl(p)
		}
		c.sock.SetWriteDeadline(time.Now().Add(within))
		var err error
		if c.records != nil {
			piece = piece[:min(len(piece), dataBuffer)]
			err = c.records.send(c.link, piece)
		} else {
			_, err = c.link.Write(piece)
		}
		if err != nil {
			c.werr = writeError(err)
			return c.werr
		}
		p = p[len(piece):]
	}
	return nil
}

// dropOut gives the write buffer back.
func (c *Conn) dropOut() {
	if c.out != nil {
		dataPool.Put((*[dataBuffer]byte)(c.out[:dataBuffer]))
		c.out = nil
	}
}

// abandon throws away what was gathered, and refuses more.
func (c *Conn) abandon() {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.dropOut()
	if c.werr == nil {
		c.werr = net.ErrClosed
	}
}
