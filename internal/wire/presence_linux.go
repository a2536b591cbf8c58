package wire

import "golang.org/x/sys/unix"

// Presence asks the operating system, so it costs a system call, and what was
// sent before the client left may still wait to be read. Any goroutine may ask.
func (c *Conn) Presence() (p Presence) {
	if c.raw == nil {
		return Present
	}
	err := c.raw.Control(func(fd uintptr) {
		asked := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if _, err := unix.Poll(asked, 0); err != nil {
			return // it was interrupted: nothing is known
		}
		switch got := asked[0].Revents; {
		case got&(unix.POLLHUP|unix.POLLERR) != 0:
			p = Gone
		case got&unix.POLLRDHUP != 0:
			p = Silent
		}
	})
	if err != nil { // it is closed
		return Gone
	}
	return p
}
