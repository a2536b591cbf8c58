//go:build unix

package wire

import (
	"io"
	"net"
	"syscall"
)

// rawConn gives access to a socket's descriptor; nil where there is none.
func rawConn(c net.Conn) syscall.RawConn {
	if s, ok := c.(syscall.Conn); ok {
		if raw, err := s.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// readRaw reads once from the socket. While it waits with nothing buffered it
// holds no buffer: the runtime's poller calls tryRead again when there is
// something to read.
func (c *Conn) readRaw() (int, error) {
	if c.try == nil {
		c.try = c.tryRead
	}
	c.tryN, c.tryE = 0, nil
	if err := c.raw.Read(c.try); err != nil {
		return 0, err
	}
	return c.tryN, c.tryE
}

// tryRead reads without blocking; false asks to be called again.
func (c *Conn) tryRead(fd uintptr) bool {
	if c.buf == nil {
		c.buf = c.newBuffer()
	}
	for {
		n, err := syscall.Read(int(fd), c.buf[c.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if c.w == 0 {
				c.release()
			}
			return false
		case err != nil:
			c.tryE = err
		case n == 0:
			c.tryE = io.EOF
		default:
			c.tryN = n
		}
		return true
	}
}
