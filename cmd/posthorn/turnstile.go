package main

import (
	"net"
	"sync"
	"time"
)

// A turnstile stands in front of a bound socket and hands each connection to
// the gate that is open now. So a reload can put new daemons behind a socket
// that stays bound, while the old ones go on with the clients they have.
type turnstile struct {
	socket
	mu     sync.Mutex
	gate   *gate
	closed bool
}

// gate is the net.Listener of one generation of daemons.
type gate struct {
	addr  net.Addr
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newTurnstile(s socket) *turnstile { return &turnstile{socket: s} }

// open makes a new gate, to which connections go from now on.
func (t *turnstile) open() *gate {
	g := &gate{addr: t.Addr(), conns: make(chan net.Conn), done: make(chan struct{})}
	t.mu.Lock()
	t.gate = g
	t.mu.Unlock()
	return g
}

// run accepts until the socket is closed. Out of file descriptors, it waits
// for some to come back.
func (t *turnstile) run() {
	pause := 5 * time.Millisecond
	for {
		conn, err := t.Accept()
		if err != nil {
			t.mu.Lock()
			closed := t.closed
			t.mu.Unlock()
			if closed {
				return
			}
			time.Sleep(pause)
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		t.pass(conn)
	}
}

// pass gives conn to the open gate, or to its successor when it closes meanwhile.
func (t *turnstile) pass(conn net.Conn) {
	for {
		t.mu.Lock()
		g, closed := t.gate, t.closed
		t.mu.Unlock()
		select {
		case g.conns <- conn:
			return
		case <-g.done:
		}
		t.mu.Lock()
		same := t.gate == g
		t.mu.Unlock()
		if closed || same {
			conn.Close()
			return
		}
	}
}

// close closes the socket: no more connections.
func (t *turnstile) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.socket.Close()
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
