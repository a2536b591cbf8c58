// Package wire is the connection under all three protocols: framing, limits,
// deadlines, coalesced writes, TLS, the PROXY protocol and the transcript.
//
// A Conn is used by one goroutine at a time, except where a method says
// otherwise. Writes are gathered and go out just before a read that may block,
// so a daemon writes as it likes and a pipelining client costs few system
// calls. A connection that waits for its client holds no buffers.
//
//	wire.go      Config, and the errors that a daemon may meet
//	server.go    accepting connections, and shutting down
//	limits.go    how many there may be, of an address and of an account
//	conn.go      the life of one connection
//	read.go      its way in
//	wait_*.go    … waiting without a buffer
//	deadline.go  … and how long that may take
//	ack_*.go     … and telling the client that a piece has come
//	write.go     its way out
//	presence*.go whether the client is there
//	tls.go       what stands between the socket and the protocol: TLS,
//	deflate.go   … COMPRESS,
//	proxy.go     … and a PROXY header
//	tap.go       the transcript
//	note.go      … what a command changed
//	fault.go     faults on demand
package wire

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/maillog"
)

var (
	// ErrLineTooLong: a line is longer than ReadLine's bound. What follows
	// cannot be trusted to be a command: hang up, or DiscardLine.
	ErrLineTooLong = errors.New("wire: line too long")
	// ErrTimeout: the client was silent, or slow, for longer than its phase
	// allows. It has been told, and the connection is closed.
	ErrTimeout = errors.New("wire: timed out")
	// ErrInterrupted: Interrupt woke the read; nothing was consumed.
	ErrInterrupted = errors.New("wire: interrupted")
	// ErrShutdown: the server is going down. The client has been told, and the
	// connection is closed.
	ErrShutdown = errors.New("wire: shutting down")
	// ErrExpelled: Expel ended the connection. The client has been told.
	ErrExpelled = errors.New("wire: expelled")
	// ErrTooMany: one more connection of this account or address is too many.
	// From a read or write, the client has been told, and the connection is
	// closed; from Authenticated, telling is up to the caller.
	ErrTooMany = errors.New("wire: too many connections")
	// ErrTLS: the TLS handshake failed.
	ErrTLS = errors.New("wire: TLS handshake failed")
	// ErrDeflate: what the client sent is not compressed as it must be.
	ErrDeflate = errors.New("wire: not compressed with DEFLATE")
	// ErrProxy: the PROXY header is missing or malformed.
	ErrProxy = errors.New("wire: bad PROXY header")
)

// Phase says which deadline a read has.
type Phase uint8

const (
	Login    Phase = iota // before authentication: total times for the whole phase
	Commands              // waiting for the next command: an idle time
	Data                  // in a body or literal: an idle time, a least rate and a total
	Idle                  // IMAP IDLE: no deadline but Idle's
)

// Timeouts are the deadlines by phase; zero values mean the defaults.
type Timeouts struct {
	Login    time.Duration // 60 s without long silences between lines (SMTP on 25, where nobody logs in, has only Commands)
	Prompt   time.Duration // 3 min with them: the program may have asked somebody for the password
	Commands time.Duration // 5 min SMTP (RFC 5321 §4.5.3.2), 10 min POP3 (RFC 1939 §3), 30 min IMAP (RFC 9051 §5.4)
	Line     time.Duration // 60 s to end a line once it has begun
	Data     time.Duration // 3 min between two reads
	DataAll  time.Duration // 60 min for one body
	DataRate int64         // octets a second over the last minute, 100
	Idle     time.Duration // 35 min
	Write    time.Duration // 5 min, for at most 64 KiB
}

// withDefaults fills in what is zero.
func (t Timeouts) withDefaults(protocol string) *Timeouts {
	commands := 5 * time.Minute
	switch protocol {
	case "pop3":
		commands = 10 * time.Minute
	case "imap":
		commands = 30 * time.Minute
	}
	set := func(d *time.Duration, def time.Duration) {
		if *d == 0 {
			*d = def
		}
	}
	set(&t.Login, time.Minute)
	set(&t.Prompt, 3*time.Minute)
	set(&t.Commands, commands)
	set(&t.Line, time.Minute)
	set(&t.Data, 3*time.Minute)
	set(&t.DataAll, time.Hour)
	set(&t.Idle, 35*time.Minute)
	set(&t.Write, 5*time.Minute)
	if t.DataRate == 0 {
		t.DataRate = 100
	}
	return &t
}

// Limits bound connections; zero means none.
type Limits struct {
	Total       int  // connections of one listener's protocol
	PerAddress  int  // from one address (IPv6: /64) before login
	PerAccount  int  // of one account and address after login
	LoopbackToo bool // count loopback addresses as well
}

// Config describes a listener's connections. It must not change while the
// listener lives.
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
	// without CRLF: for err one of ErrTooMany, ErrTimeout, ErrShutdown, ErrExpelled. Nil, or
	// an empty line, says nothing.
	Refusal func(err error) string
	Tap     *Tap
	// Faults are what goes wrong on demand; nil: nothing.
	Faults *fault.Set
	Log    *maillog.Log
}
