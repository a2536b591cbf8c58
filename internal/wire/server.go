package wire

import (
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Accept's pauses while the machine is short of something.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = time.Second
)

// cutTime is how long connections that are cut off have to say so.
const cutTime = time.Second

// Server makes Conns of what its listeners accept, counts them, and shuts them
// down. One Server serves all listeners of one protocol. Any goroutine may use it.
type Server struct {
	prefix string // of the ids, so that a restart doesn't give them again

	mu        sync.Mutex
	last      uint64 // id given
	down      bool
	listeners map[*listener]struct{}
	conns     map[*Conn]struct{}
	empty     chan struct{} // closed when the last connection is, while Shutdown waits
	total     int
	// turnedAway are being told that they are one too many.
	turnedAway int
	byAddress  map[netip.Prefix]int
	byAccount  map[accountAt]int
}

// NewServer returns a Server. Listeners with their own TLS mode share it
// through Listener's cfg.
func NewServer() *Server {
	return &Server{
		prefix:    strings.ToLower(rand.Text()[:4]),
		listeners: map[*listener]struct{}{},
		conns:     map[*Conn]struct{}{},
		byAddress: map[netip.Prefix]int{},
		byAccount: map[accountAt]int{},
	}
}

// Listener wraps ln: its Accept returns *Conn. TLS handshake, PROXY header and
// refusals happen on the Conn's first use, never in Accept. Accept outlasts
// shortages of descriptors or memory; it fails when ln is closed.
func (s *Server) Listener(ln net.Listener, cfg *Config) net.Listener {
	l := &listener{Listener: ln, server: s, cfg: cfg, times: cfg.Timeouts.withDefaults(cfg.Protocol), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		l.Close()
	} else {
		s.listeners[l] = struct{}{}
	}
	return l
}

type listener struct {
	net.Listener
	server *Server
	cfg    *Config
	times  *Timeouts
	once   sync.Once
	done   chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	pause := firstPause
	for {
		sock, err := l.Listener.Accept()
		if err == nil {
			return l.server.take(sock, l), nil
		}
		if !isShortage(err) {
			return nil, err
		}
		if pause == firstPause {
			l.cfg.Log.Internal("", "accepting "+l.cfg.Protocol+" connections", err)
		}
		select {
		case <-time.After(pause):
		case <-l.done:
		}
		pause = min(2*pause, mostPause)
	}
}

func (l *listener) Close() (err error) {
	err = net.ErrClosed
	l.once.Do(func() {
		close(l.done)
		err = l.Listener.Close()
	})
	return err
}

// isShortage: the machine lacks something that other connections will give
// back, or the client went away while it waited.
func isShortage(err error) bool {
	var no syscall.Errno
	if errors.As(err, &no) {
		switch no {
		case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPERM, syscall.EPROTO:
			return true
		}
	}
	return false
}

// take makes a Conn of an accepted socket.
func (s *Server) take(sock net.Conn, l *listener) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	c := newConn(sock, l.cfg, l.times, s, s.prefix+"-"+strconv.FormatUint(s.last, 10))
	s.conns[c] = struct{}{}
	if s.down {
		c.wake(func() { c.shutdown = true })
	}
	return c
}

// Shutdown has two stages: it stops accepting and interrupts every connection
// that waits for a command (its next ReadLine gives ErrShutdown); what still
// runs when stop is closed is cut. It returns when all connections are closed.
func (s *Server) Shutdown(stop <-chan struct{}) {
	s.mu.Lock()
	s.down = true
	for l := range s.listeners {
		l.Close()
	}
	s.mu.Unlock()
	s.each(func(c *Conn) { c.wake(func() { c.shutdown = true }) })
	if s.wait(stop) {
		return
	}
	s.each(func(c *Conn) {
		c.wake(func() { c.cut = true })
		c.sock.SetWriteDeadline(time.Now().Add(cutTime))
	})
	late := make(chan struct{})
	defer time.AfterFunc(cutTime, func() { close(late) }).Stop()
	if s.wait(late) {
		return
	}
	s.each(func(c *Conn) {
		c.sock.Close()
		c.Close()
	})
}

// Wait waits until no connection is left.
func (s *Server) Wait() { s.wait(nil) }

// each calls f for every connection there is now.
func (s *Server) each(f func(*Conn)) {
	s.mu.Lock()
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		f(c)
	}
}

// wait waits until no connection is left; false when stop came first.
func (s *Server) wait(stop <-chan struct{}) bool {
	s.mu.Lock()
	if len(s.conns) == 0 {
		s.mu.Unlock()
		return true
	}
	if s.empty == nil {
		s.empty = make(chan struct{})
	}
	empty := s.empty
	s.mu.Unlock()
	select {
	case <-empty:
		return true
	case <-stop:
		return false
	}
}
