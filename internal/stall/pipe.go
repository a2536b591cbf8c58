package stall

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// end is one end of a connection in memory that behaves like a socket: it holds
// what was written until it is read, may be closed by half, and may be reset.
// (net.Pipe can do none of this.) It works in synctest's bubbles.
type end struct {
	in, out *stream
	remote  net.Addr
}

// stream is one direction.
type stream struct {
	mu       sync.Mutex
	changed  *sync.Cond
	held     []byte
	window   int   // how much is held before writers wait; 0: any amount
	err      error // what a reader gets when all was read
	gone     error // what a writer gets
	deadline [2]time.Time
	timer    [2]*time.Timer
}

const reading, writing = 0, 1

// connect returns the two ends of a new connection. window bounds what the
// server can write without being read; 0 does not.
func connect(from net.Addr, window int) (client, server *end) {
	up, down := newStream(0), newStream(window)
	return &end{down, up, &net.TCPAddr{}}, &end{up, down, from}
}

func newStream(window int) *stream {
	s := &stream{window: window}
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) expired(way int) bool {
	d := s.deadline[way]
	return !d.IsZero() && !time.Now().Before(d)
}

func (s *stream) setDeadline(way int, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline[way] = t
	if s.timer[way] != nil {
		s.timer[way].Stop()
	}
	if !t.IsZero() {
		s.timer[way] = time.AfterFunc(time.Until(t), s.wake)
	}
	s.changed.Broadcast()
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) end(read, write error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = read
	}
	if s.gone == nil {
		s.gone = write
	}
	for _, t := range s.timer {
		if t != nil {
			t.Stop()
		}
	}
	s.changed.Broadcast()
}

func (e *end) Read(p []byte) (int, error) {
	s := e.in
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.err == syscall.ECONNRESET || s.err == net.ErrClosed:
			return 0, s.err
		case s.expired(reading):
			return 0, os.ErrDeadlineExceeded
		case len(s.held) > 0:
			n := copy(p, s.held)
			s.held = s.held[n:]
			s.changed.Broadcast()
			return n, nil
		case s.err != nil:
			return 0, s.err
		}
		s.changed.Wait()
	}
}

func (e *end) Write(p []byte) (n int, err error) {
	s := e.out
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone != nil:
			return n, s.gone
		case s.expired(writing):
			return n, os.ErrDeadlineExceeded
		}
		room := len(p)
		if s.window > 0 {
			room = min(room, s.window-len(s.held))
		}
		if room > 0 {
			s.held = append(s.held, p[:room]...)
			n, p = n+room, p[room:]
			s.changed.Broadcast()
		}
		if len(p) == 0 {
			return n, nil
		}
		s.changed.Wait()
	}
}

// Close ends both directions; what is under way still arrives.
func (e *end) Close() error {
	e.out.end(io.EOF, net.ErrClosed)
	e.in.end(net.ErrClosed, syscall.EPIPE)
	return nil
}

// CloseWrite ends what this end says.
func (e *end) CloseWrite() error {
	e.out.end(io.EOF, syscall.EPIPE)
	return nil
}

// reset is a TCP reset: what is under way is lost.
func (e *end) reset() {
	e.out.end(syscall.ECONNRESET, net.ErrClosed)
	e.in.end(net.ErrClosed, syscall.ECONNRESET)
}

func (e *end) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (e *end) RemoteAddr() net.Addr { return e.remote }

func (e *end) SetDeadline(t time.Time) error {
	e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}

func (e *end) SetReadDeadline(t time.Time) error  { e.in.setDeadline(reading, t); return nil }
func (e *end) SetWriteDeadline(t time.Time) error { e.out.setDeadline(writing, t); return nil }

// lines is a listener of connections in memory.
type lines struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newLines() *lines { return &lines{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (l *lines) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *lines) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *lines) Addr() net.Addr { return &net.TCPAddr{} }
