package wire

import "golang.org/x/sys/unix"

// acknowledge tells the client at once that the beginning of a line has come.
// The system would wait some 40 ms for something to send along (RFC 9293
// §3.8.6.3), and a client that writes lines in pieces, such as Ruby's net-imap,
// may not send the next piece before (Nagle's algorithm, §3.7.4).
func (c *Conn) acknowledge() {
	if c.raw != nil {
		c.raw.Control(func(fd uintptr) { // where it fails, it is slower
			unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}
}
