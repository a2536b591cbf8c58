package main

import (
	"net"
	"sync"
	"time"

	"posthorn/internal/maillog"
)

// A turnstile stands in front of a bound socket and hands each connection to
// the gate that is open now. So a reload can put new daemons behind a socket
// that stays bound, while the old ones go on with the clients they have.
type turnstile struct {
	socket
	room *room
	log  *maillog.Log
	done chan struct{} // closed by close

	mu   sync.Mutex // of what follows, and of the socket's listener
	gate *gate
	off  chan struct{} // closed when it is turned on again; nil: it is on
}

// gate is the net.Listener of one generation of daemons.
type gate struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newTurnstile(s socket, r *room, log *maillog.Log) *turnstile {
	return &turnstile{socket: s, room: r, log: log, done: make(chan struct{})}
}

// open makes a new gate, to which connections go from now on.
func (t *turnstile) open() *gate {
	g := &gate{addr: t.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	t.mu.Lock()
	t.gate = g
	t.mu.Unlock()
	return g
}

// Accept's pauses while the machine is short of something, and how seldom the
// log says so.
const (
	firstPause = 5 * time.Millisecond
	mostPause  = time.Second
	sayShort   = time.Minute
)

// run accepts until the socket is closed. Short of files or memory, it waits
// for some to come back.
func (t *turnstile) run() {
	pause, said := firstPause, time.Time{}
	for {
		ln, off := t.listening()
		if off != nil {
			select {
			case <-t.done:
				return
			case <-off:
				continue
			}
		}
		conn, err := ln.Accept()
		if err == nil {
			pause = firstPause
			if conn, ok := t.room.enter(conn, t.done); ok {
				t.pass(conn)
				continue
			}
			conn.Close()
			return
		}
		if _, off := t.listening(); off != nil {
			continue
		}
		if time.Since(said) > sayShort && !t.closed() {
			t.log.Internal("", "accepting "+t.key+" connections", err)
			said = time.Now()
		}
		select {
		case <-t.done:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, mostPause)
	}
}

// pass gives conn to the open gate, or to its successor when it closes meanwhile.
func (t *turnstile) pass(conn net.Conn) {
	for {
		t.mu.Lock()
		g := t.gate
		t.mu.Unlock()
		select {
		case g.conns <- conn:
			return
		case <-g.done:
		}
		t.mu.Lock()
		same := t.gate == g
		t.mu.Unlock()
		if same || t.closed() {
			conn.Close()
			return
		}
	}
}

// listening is the listener, unless it is turned off: then what is closed when
// it is on again.
func (t *turnstile) listening() (net.Listener, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.Listener, t.off
}

// turn has the turnstile refuse connections, or take them again.
func (t *turnstile) turn(on bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if on == (t.off == nil) || t.closed() {
		return nil
	}
	if !on {
		t.off = make(chan struct{})
		return t.Listener.Close()
	}
	ln, err := net.Listen("tcp", t.Addr().String())
	if err != nil {
		return err
	}
	t.Listener = ln
	close(t.off)
	t.off = nil
	return nil
}

// close closes the socket: no more connections.
func (t *turnstile) close() {
	close(t.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Listener.Close()
}

func (t *turnstile) closed() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

func (g *gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.conns:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

func (g *gate) Close() error {
	g.once.Do(func() { close(g.done) })
	return nil
}

func (g *gate) Addr() net.Addr { return g.addr }
