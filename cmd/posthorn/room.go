package main

import (
	"log/slog"
	"net"
	"sync"
	"syscall"
)

const (
	// spareFiles are the open files that the server needs besides its clients'
	// and next hops' sockets: the store's connections (two files each), the
	// listeners, the control socket and who uses it, DNS, certificates that are
	// read again.
	spareFiles = 60
	// mostHops is how many connections to next hops there are at once at most.
	mostHops = 100
	// protocolsServed share what is left: SMTP, submission, POP3, IMAP, HTTP.
	protocolsServed = 5
	// leastRoom is for clients whatever the limit on open files is.
	leastRoom = 20
)

// A room is the place that the limit on open files leaves for clients. A
// client that comes when it is full waits outside, in the listener's queue,
// rather than take the files that the store needs to serve those who are in.
type room struct {
	places chan struct{}
	hops   int // connections to next hops
}

// newRoom is the room of this process (RLIMIT_NOFILE, which Go has raised as
// far as it may).
func newRoom() *room {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > 1<<20 {
		limit.Cur = 1 << 20
	}
	files := int(limit.Cur)
	hops := min(mostHops, max(files/protocolsServed, 1))
	return &room{make(chan struct{}, max(files-spareFiles-hops, leastRoom)), hops}
}

// share is how many connections one protocol may have: those that [limits]
// asks for, or what the room has for each, so that a flood on one leaves place
// for the others.
func (r *room) share(asked int) int {
	return min(asked, cap(r.places)/protocolsServed)
}

// report says where the limit on open files is the narrower one.
func (r *room) report(asked int, logger *slog.Logger) {
	if share := r.share(asked); share < asked {
		logger.Warn("the limit on open files leaves less room than limits.connections asks for",
			"asked", asked, "connections", share)
	}
}

// enter waits for a place for a client that is at the door; false when done was
// closed before there was one.
func (r *room) enter(c net.Conn, done <-chan struct{}) (net.Conn, bool) {
	select {
	case r.places <- struct{}{}:
	case <-done:
		return nil, false
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok { // a socket of another kind from systemd: nobody from the network
		<-r.places
		return c, true
	}
	return &guest{TCPConn: tcp, room: r}, true
}

// guest is a client's socket, which gives its place back when it is closed.
type guest struct {
	*net.TCPConn
	room *room
	left sync.Once
}

func (g *guest) Close() error {
	err := g.TCPConn.Close()
	g.left.Do(func() { <-g.room.places })
	return err
}
