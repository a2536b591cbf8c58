package wire

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// handshakeTime bounds a TLS handshake, refusalTime that of a connection which
// is only to be told that it is one too many.
const (
	handshakeTime = time.Minute
	refusalTime   = 5 * time.Second
)

// TLSState is nil while the connection is in clear. Any goroutine may ask.
func (c *Conn) TLSState() *tls.ConnectionState {
	t := c.tls.Load()
	if t == nil {
		return nil
	}
	s := t.ConnectionState()
	return &s
}

// CanStartTLS: there is a certificate and the connection is in clear.
func (c *Conn) CanStartTLS() bool { return c.cfg.TLS != nil && c.tls.Load() == nil }

// StartTLS sends what is gathered, throws away what the client sent too early
// (logging how much), and shakes hands. On an error the connection is closed.
func (c *Conn) StartTLS() error {
	if c.err != nil {
		return c.err
	}
	c.show()
	if err := c.Flush(); err != nil {
		return c.fail(err)
	}
	if n := c.w - c.r; n > 0 {
		// Commands injected before the handshake must not count as said in it
		// (RFC 3207 §6; CVE-2011-0411).
		c.cfg.Log.Rejected(c.id, c.cfg.Protocol, "sent before the TLS handshake", fmt.Errorf("%d octets thrown away", n))
	}
	c.r, c.w = 0, 0
	c.release()
	if err := c.handshake(handshakeTime); err != nil {
		return c.fail(err)
	}
	c.tellTLS()
	return nil
}

// handshake puts TLS between the socket and the protocol.
func (c *Conn) handshake(within time.Duration) error {
	below := &records{Conn: c.sock}
	t := tls.Server(below, c.cfg.TLS)
	begun := time.Now()
	until := begun.Add(within)
	if !c.clock.login.IsZero() {
		until = sooner(until, c.clock.login.Add(c.times.Prompt))
	}
	c.sock.SetDeadline(until)
	if err := t.Handshake(); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("%w: %w", ErrTLS, ErrTimeout)
		}
		return fmt.Errorf("%w: %w", ErrTLS, err)
	}
	c.wmu.Lock()
	c.link, c.records = t, below
	c.wmu.Unlock()
	c.tls.Store(t)
	c.clock.wait = time.Time{}
	c.clock.thought(time.Since(begun)) // about the certificate
	return nil
}

func (c *Conn) tellTLS() {
	if !c.watched() {
		return
	}
	s := c.TLSState()
	c.tellEvent(Event{Kind: TLSStarted, Text: tls.VersionName(s.Version) + " " + tls.CipherSuiteName(s.CipherSuite), TLS: s})
}

// writeError calls a write that took too long what it is.
func writeError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w: the client does not read", ErrTimeout)
	}
	return err
}

// records stands below TLS and sends the records of one flush together:
// crypto/tls makes a system call of each, and begins with small ones.
type records struct {
	net.Conn

	mu   sync.Mutex // Close's last record may come from another goroutine
	held []byte     // nil: nothing is held back
}

// recordsBuffer is room for dataBuffer octets in records.
const recordsBuffer = dataBuffer + 4<<10

var recordsPool = sync.Pool{New: func() any { return new([recordsBuffer]byte) }}

// send writes p through link, which is TLS over r.
func (r *records) send(link net.Conn, p []byte) error {
	buf := recordsPool.Get().(*[recordsBuffer]byte)
	defer recordsPool.Put(buf)
	r.mu.Lock()
	r.held = buf[:0]
	r.mu.Unlock()
	_, err := link.Write(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	held := r.held
	r.held = nil
	if err == nil && len(held) > 0 {
		_, err = r.Conn.Write(held)
	}
	return err
}

// Write is crypto/tls's.
func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held == nil {
		return r.Conn.Write(p)
	}
	if len(r.held)+len(p) > cap(r.held) {
		if _, err := r.Conn.Write(r.held); err != nil {
			return 0, err
		}
		r.held = r.held[:0]
	}
	if len(p) > cap(r.held) {
		return r.Conn.Write(p)
	}
	r.held = append(r.held, p...)
	return len(p), nil
}
