// Package wire is the connection under all three protocols: framing, limits,
// deadlines, coalesced writes, TLS, the PROXY protocol and the transcript.
//
// A Conn is used by one goroutine at a time, except where a method says
// otherwise. Writes are gathered and go out just before a read that would
// block, so a daemon writes as it likes and a pipelining client costs few
// system calls.
package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"posthorn/internal/maillog"
)

var (
	// ErrLineTooLong: a line is longer than ReadLine's bound. What follows
	// cannot be trusted to be a command: hang up, or DiscardLine.
	ErrLineTooLong = errors.New("wire: line too long")
	// ErrTimeout: the client was silent, or slow, for longer than its phase allows.
	ErrTimeout = errors.New("wire: timed out")
	// ErrInterrupted: Interrupt woke the read; nothing was consumed.
	ErrInterrupted = errors.New("wire: interrupted")
	// ErrShutdown: the server is going down; say so and close.
	ErrShutdown = errors.New("wire: shutting down")
	// ErrTooMany: one more connection of this account or address is too many.
	ErrTooMany = errors.New("wire: too many connections")
	// ErrTLS: the TLS handshake failed.
	ErrTLS = errors.New("wire: TLS handshake failed")
)

// Phase says which deadline a read has.
type Phase uint8

const (
	Login    Phase = iota // before authentication: a total time for the whole phase
	Commands              // waiting for the next command: an idle time
	Data                  // in a body or literal: an idle time, a least rate and a total
	Idle                  // IMAP IDLE: no deadline but Idle's
)

// Timeouts are the deadlines by phase; zero values mean the defaults.
type Timeouts struct {
	Login    time.Duration // 60 s (SMTP on 25, where nobody logs in, has only Commands)
	Commands time.Duration // 5 min SMTP (RFC 5321 §4.5.3.2), 10 min POP3 (RFC 1939 §3), 30 min IMAP (RFC 9051 §5.4)
	Data     time.Duration // 3 min between two reads
	DataAll  time.Duration // 60 min for one body
	DataRate int64         // octets a second over the last minute, 100
	Idle     time.Duration // 35 min
	Write    time.Duration // 5 min
}

// Limits bound connections; zero means none.
type Limits struct {
	Total       int  // connections of one listener's protocol
	PerAddress  int  // from one address (IPv6: /64) before login
	PerAccount  int  // of one account and address after login
	LoopbackToo bool // count loopback addresses as well
}

// Config describes a listener's connections.
type Config struct {
	Protocol string // "smtp", "submission", "pop3", "imap", for the log and the transcript
	Hostname string
	// TLS is for STARTTLS, or from the first octet on where Implicit is set;
	// nil offers none.
	TLS      *tls.Config
	Implicit bool
	Timeouts Timeouts
	Limits   Limits
	// ProxyFrom are the addresses whose PROXY header (v1, v2) is believed, and
	// required.
	ProxyFrom []netip.Prefix
	// Refusal is the last line said to a client that is refused or cut off,
	// without CRLF: for err one of ErrTooMany, ErrTimeout, ErrShutdown.
	Refusal func(err error) string
	Tap     *Tap
	Log     *maillog.Log
}

// Server makes Conns of what its listeners accept, counts them, and shuts them
// down. One Server serves all listeners of one protocol.
type Server struct{}

// NewServer returns a Server. Listeners with their own TLS mode share it
// through Listener's cfg.
func NewServer() *Server { return &Server{} }

// Listener wraps ln: its Accept returns *Conn. TLS handshake, PROXY header and
// refusals happen on the Conn's first use, never in Accept.
func (s *Server) Listener(ln net.Listener, cfg *Config) net.Listener { return ln }

// Shutdown has two stages: it stops accepting and interrupts every connection
// that waits for a command (its next ReadLine gives ErrShutdown); what still
// runs when stop is closed is cut. It returns when all connections are closed.
func (s *Server) Shutdown(stop <-chan struct{}) {}

// Conn is one client's connection.
type Conn struct{ net.Conn }

// NewConn makes a Conn of c outside any Server, for tests.
func NewConn(c net.Conn, cfg *Config) *Conn { return &Conn{Conn: c} }

// ID names the connection in the log and the transcript. Any goroutine may ask.
func (c *Conn) ID() string { return "" }

// Remote is the client's address (behind a proxy: as the proxy tells).
func (c *Conn) Remote() netip.Addr { return netip.Addr{} }

// TLSState is nil while the connection is in clear.
func (c *Conn) TLSState() *tls.ConnectionState { return nil }

// CanStartTLS: there is a certificate and the connection is in clear.
func (c *Conn) CanStartTLS() bool { return false }

// StartTLS sends what is gathered, throws away what the client sent too early
// (reporting how much), and shakes hands. On an error the connection is of no
// further use.
func (c *Conn) StartTLS() error { return nil }

// ReadLine returns the next line without its LF or CRLF, at most max octets,
// valid until the next read. lf tells that it ended in a bare LF. A final line
// without line end is not a line: io.ErrUnexpectedEOF; io.EOF when the client
// left between lines. The errors are latched, but ErrInterrupted and
// ErrLineTooLong (after which DiscardLine resynchronises).
func (c *Conn) ReadLine(max int) (line []byte, lf bool, err error) { return nil, false, io.EOF }

// ReadSecretLine is ReadLine for what must not be seen: the transcript has
// asterisks.
func (c *Conn) ReadSecretLine(max int) ([]byte, error) { return nil, io.EOF }

// DiscardLine reads away the rest of a line that was too long, up to max octets.
func (c *Conn) DiscardLine(max int) error { return nil }

// Mask replaces, in the transcript, the line that ReadLine last returned: the
// front calls it before anything else when the line holds a secret (PASS,
// LOGIN, an initial response). The transcript shows a line only when the next
// read begins or an answer is written.
func (c *Conn) Mask(shown string) {}

// Fill returns what is buffered, reading more from the client when nothing is.
// Consume takes n octets of it. The slice is valid until the next read.
func (c *Conn) Fill() ([]byte, error) { return nil, io.EOF }
func (c *Conn) Consume(n int)         {}

// Buffered is how many octets the client sent that were not read yet.
func (c *Conn) Buffered() int { return 0 }

// Discard reads n octets away.
func (c *Conn) Discard(n int64) error { return nil }

// Write gathers; Flush sends. A write error is latched and ends the next read.
func (c *Conn) Flush() error { return nil }

// SetPhase says what is being waited for from now on.
func (c *Conn) SetPhase(p Phase) {}

// Authenticated tells that the connection now belongs to account: it leaves
// the per-address limit for the per-account one. ErrTooMany.
func (c *Conn) Authenticated(account string) error { return nil }

// Interrupt makes the read that waits, or the next one, return ErrInterrupted.
// Any goroutine may call it.
func (c *Conn) Interrupt() {}

// Hangup says a last line (CRLF is added; empty says nothing), flushes and closes.
func (c *Conn) Hangup(last string) {}

// Note adds to the transcript what a command changed ("message 7 put into
// bob's INBOX"). It costs nothing when nobody watches.
func (c *Conn) Note(text string) {}

// Tap is where transcripts can be watched. The zero Tap is ready.
type Tap struct{}

// Event is one line of a transcript, or something that happened to a connection.
type Event struct {
	Seq      uint64 // counts up over all events of the Tap
	Time     time.Time
	Conn     string // the connection's id
	Protocol string
	Remote   string
	Kind     EventKind
	Text     string // without line end; literals and bodies are shown up to a bound
	Skipped  int    // events lost before this one, because the subscriber was slow
}

// EventKind says who said a line, or what happened.
type EventKind uint8

const (
	Opened EventKind = iota
	ClientLine
	ServerLine
	ClientData // a piece of a body or literal
	ServerData
	TLSStarted
	Noted
	LoggedIn
	Closed
)

// Subscription is a bounded buffer of events.
type Subscription struct{}

// Subscribe begins to watch. At most buffer events wait; more are dropped and
// counted.
func (t *Tap) Subscribe(buffer int) *Subscription { return &Subscription{} }

// Next waits for events and appends them to dst. It returns false when Close
// was called.
func (s *Subscription) Next(dst []Event) ([]Event, bool) { return dst, false }

// Close ends the subscription. Any goroutine may call it.
func (s *Subscription) Close() {}
