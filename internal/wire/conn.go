package wire

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// lastWords is how long a connection that is being closed may take to send
// what is left to say.
const lastWords = 2 * time.Second

// linger bounds what is read away after the last words, so that the client's
// unread octets do not turn the close into a reset that loses them.
const (
	lingerTime   = time.Second
	lingerOctets = 256 << 10
)

// Conn is one client's connection. It is a net.Conn, whose deadlines are its
// own business: SetDeadline and its kin do nothing.
type Conn struct {
	cfg    *Config
	times  *Timeouts
	server *Server // nil outside any
	id     string
	sock   net.Conn // as accepted

	// The owner's: whoever reads and writes.
	link    net.Conn        // what is read from and written to: sock, or TLS over it
	raw     syscall.RawConn // of sock, where it can be waited for without a buffer
	started bool
	err     error // latched: what ended the reading

	buf   []byte // octets r to w wait to be read
	r, w  int
	small [smallBuffer]byte
	try   func(fd uintptr) bool // tryRead, made once
	tryN  int
	tryE  error

	slow   bool // a fault on demand: what is written crawls
	spoken bool // a whole line came: this is no TLS handshake by mistake
	phase  Phase
	clock  clock
	shown  shown  // what the transcript has yet to show
	last   func() // see BeforeRefusal
	// deflated is nil while nothing is compressed. It changes under wmu.
	deflated *deflated

	wmu     sync.Mutex // held while writing; link changes under it
	records *records   // below TLS
	out     []byte     // gathered
	werr    error      // latched

	tls    atomic.Pointer[tls.Conn]
	signal atomic.Bool // one of the four below is set

	mu            sync.Mutex // guards what follows: other goroutines set it
	interrupted   bool
	shutdown      bool // say so before the next command
	cut           bool // the same, but at once
	expelled      bool // at once, too, for a reason of its own
	waiting       bool // the owner is reading
	interruptible bool // … and not in the middle of a body
	closed        bool
	remote        net.Addr
	reason        error // why the connection ended, for the log
	away          bool  // it is one too many
	place         place // what is counted for it
}

// NewConn makes a Conn of c outside any Server, for tests.
func NewConn(c net.Conn, cfg *Config) *Conn {
	return newConn(c, cfg, cfg.Timeouts.withDefaults(cfg.Protocol), nil, rand.Text()[:4]+"-1")
}

func newConn(sock net.Conn, cfg *Config, times *Timeouts, server *Server, id string) *Conn {
	c := &Conn{cfg: cfg, times: times, server: server, id: id, sock: sock, link: sock, remote: sock.RemoteAddr()}
	if cfg.Protocol == "smtp" {
		c.phase = Commands
	} else {
		c.clock.login = time.Now()
	}
	c.raw = rawConn(sock)
	return c
}

// ID names the connection in the log and the transcript. Any goroutine may ask.
func (c *Conn) ID() string { return c.id }

// Remote is the client's address (behind a proxy: as the proxy tells, from
// Start on). Any goroutine may ask.
func (c *Conn) Remote() netip.Addr { return addrOf(c.RemoteAddr()) }

// RemoteAddr is the client's address and port. Any goroutine may ask.
func (c *Conn) RemoteAddr() net.Addr {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

// LocalAddr is the listener's side of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.sock.LocalAddr() }

// SetDeadline does nothing: deadlines follow the phase.
func (c *Conn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing: deadlines follow the phase.
func (c *Conn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing: each write has its own.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// Start does what the first read or write does otherwise: it reads the PROXY
// header, counts the connection against the limits, and shakes hands where TLS
// is implicit. A daemon that needs Remote or TLSState before it writes its
// greeting calls it first.
func (c *Conn) Start() error {
	if c.started {
		return c.err
	}
	c.started = true
	if err := c.readProxyHeader(); err != nil {
		return c.fail(err)
	}
	if c.server != nil && !c.server.admit(c) {
		return c.turnAway()
	}
	if c.cfg.Implicit && c.cfg.TLS != nil {
		if err := c.handshake(handshakeTime); err != nil {
			return c.fail(err)
		}
	}
	c.opened()
	return nil
}

// turnAway refuses a connection that is one too many. It is told why if that
// is soon done: those that are being told count towards no other limit. The
// log says nothing else of it.
func (c *Conn) turnAway() error {
	c.mu.Lock()
	c.away = true
	c.mu.Unlock()
	done, ok := c.server.turnAway()
	if ok {
		defer done()
		if c.cfg.Implicit && c.cfg.TLS != nil {
			ok = c.handshake(refusalTime) == nil
		}
	}
	if !ok {
		c.cfg.Log.Refused(c.id, c.cfg.Protocol, c.RemoteAddr().String(), ErrTooMany)
		return c.fail(ErrTooMany)
	}
	c.tellOpened()
	return c.refuse(ErrTooMany)
}

func (c *Conn) opened() {
	c.cfg.Log.Connected(c.id, c.cfg.Protocol, c.RemoteAddr().String(), c.tls.Load() != nil)
	c.tellOpened()
	c.beginFaults()
}

// tellOpened begins the transcript.
func (c *Conn) tellOpened() {
	c.weighed(true)
	c.tell(Opened, "")
	if c.tls.Load() != nil {
		c.tellTLS()
	}
}

// Authenticated tells that the connection now belongs to account: it leaves
// the per-address limit for the per-account one, and phase Login for Commands.
// An empty account undoes that, and the phase begins anew. ErrTooMany.
func (c *Conn) Authenticated(account string) error {
	if c.server != nil && !c.server.login(c, account) {
		return ErrTooMany
	}
	if account == "" {
		c.clock.login, c.clock.silent = time.Now(), 0
		c.SetPhase(Login)
		return nil
	}
	c.clock.login = time.Time{}
	c.SetPhase(Commands)
	c.tell(LoggedIn, account)
	return nil
}

// Interrupt makes the read that waits, or the next one, return ErrInterrupted.
// In phase Data it waits for the phase to end. Any goroutine may call it.
func (c *Conn) Interrupt() { c.wake(func() { c.interrupted = true }) }

// Expel ends the connection, whatever is under way: its next read, or the one
// that waits, gives ErrExpelled, also within a body; what it has to write may
// take cutTime. Any goroutine may call it, any number of times.
func (c *Conn) Expel() {
	c.wake(func() { c.expelled = true })
	time.AfterFunc(cutTime, func() {
		c.sock.SetWriteDeadline(time.Unix(1, 0)) // last words take lastWords anew
		time.AfterFunc(lastWords, func() {
			c.sock.Close()
			c.Close()
		})
	})
}

// wake sets something that a read must notice, and wakes it.
func (c *Conn) wake(set func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set()
	c.signal.Store(true)
	if c.waiting && (c.interruptible || c.cut || c.expelled) {
		c.sock.SetReadDeadline(time.Unix(1, 0))
	}
}

// signalled tells what another goroutine wants of a read that is about to
// begin or was woken. ErrInterrupted is told once.
func (c *Conn) signalled(interruptible bool) error {
	if !c.signal.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.signalledLocked(interruptible)
}

func (c *Conn) signalledLocked(interruptible bool) error {
	switch {
	case c.expelled:
		return ErrExpelled
	case c.cut, c.shutdown && interruptible:
		return ErrShutdown
	case c.interrupted && interruptible:
		c.interrupted = false
		c.signal.Store(c.shutdown)
		return ErrInterrupted
	}
	return nil
}

// latch notes what ended the reading.
func (c *Conn) latch(err error) error {
	if c.err == nil {
		c.err = err
		c.mu.Lock()
		if c.reason == nil && !errors.Is(err, io.EOF) {
			c.reason = err
		}
		c.mu.Unlock()
	}
	return c.err
}

// fail latches err and closes without a word.
func (c *Conn) fail(err error) error {
	c.latch(err)
	c.Close()
	return c.err
}

// BeforeRefusal has f called once before a client is told that it is cut off (for
// a time-out, or a shutdown): a daemon that keeps answers back says them then. f
// runs in the goroutine that reads, inside that read, and may write.
func (c *Conn) BeforeRefusal(f func()) { c.last = f }

// refuse tells the client why, in its protocol's words, and closes.
func (c *Conn) refuse(err error) error {
	c.latch(err)
	c.cfg.Log.Refused(c.id, c.cfg.Protocol, c.RemoteAddr().String(), err)
	if f := c.last; f != nil {
		c.last = nil
		f()
	}
	last := ""
	if c.cfg.Refusal != nil {
		last = c.cfg.Refusal(err)
	}
	c.Hangup(last)
	return c.err
}

// Hangup says a last line (CRLF is added; empty says nothing), flushes and closes.
func (c *Conn) Hangup(last string) {
	c.show()
	if last != "" {
		c.Write(append([]byte(last), '\r', '\n'))
	}
	c.flush(lastWords)
	c.linger()
	c.Close()
	c.latch(net.ErrClosed)
	c.r, c.w = 0, 0
	c.release()
}

// linger reads away what the client is still sending, for a moment: closing a
// socket with unread octets resets the connection, and the reset may overtake
// the last words.
func (c *Conn) linger() {
	half, ok := c.sock.(interface{ CloseWrite() error })
	if !ok || c.r == c.w && c.phase != Data {
		return
	}
	if t := c.tls.Load(); t != nil {
		t.CloseWrite()
	}
	half.CloseWrite()
	c.sock.SetReadDeadline(time.Now().Add(lingerTime))
	var b [512]byte
	for n := 0; n < lingerOctets; {
		k, err := c.sock.Read(b[:])
		if err != nil {
			return
		}
		n += k
	}
}

// Close flushes what can be sent at once and closes. Any goroutine may call
// it, any number of times: whoever reads or writes then gets an error.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	reason, away := c.reason, c.away
	c.mu.Unlock()
	if c.wmu.TryLock() { // else somebody is writing: closing ends it
		c.flushLocked(lastWords)
		c.dropOut()
		c.werr = net.ErrClosed
		c.wmu.Unlock()
	}
	var err error
	if t := c.tls.Load(); t != nil {
		err = t.Close()
	} else {
		err = c.sock.Close()
	}
	if c.server != nil {
		c.server.forget(c)
	}
	if !away {
		c.cfg.Log.Disconnected(c.id, c.cfg.Protocol, reason)
	}
	c.cfg.Faults.End(c.id)
	c.tellClosed(reasonText(reason))
	return err
}

func reasonText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Recover ends a connection whose handler panicked, and only it: the panic is
// logged, the connection closed without a word (half an answer may be under
// way), and *err, unless err is nil, set to net.ErrClosed. Defer it around
// whatever runs a handler; inside a Read it is the only thing between a
// handler's mistake and the end of the process.
func (c *Conn) Recover(err *error) {
	value := recover()
	if value == nil {
		return
	}
	c.cfg.Log.Panic(c.id, value, debug.Stack())
	c.abandon()
	c.latch(net.ErrClosed)
	c.Close()
	if err != nil {
		*err = net.ErrClosed
	}
}

func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap().WithZone("")
	case nil:
		return netip.Addr{}
	}
	if ap, err := netip.ParseAddrPort(a.String()); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}
