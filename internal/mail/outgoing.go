package mail

import "io"

// Content is a stored message's octets.
type Content interface {
	// Size is their number.
	Size() int64
	// WriteRange copies the octets from off to off+n to w. An error of w's is
	// returned as it came.
	WriteRange(w io.Writer, off, n int64) error
}

// Outgoing is a message on its way to a next hop.
type Outgoing struct {
	// Envelope is what the next hop is told. To holds those recipients whose
	// way it is; Body says what the content is; UTF8 that the message cannot
	// do without SMTPUTF8.
	Envelope
	// Content is the message.
	Content Content
	// Queue names it in the log.
	Queue int64
}

// Disposition is how an attempt to hand a message on ended for one recipient.
type Disposition uint8

const (
	// Deferred: not now; it may work later.
	Deferred Disposition = iota
	// Relayed: the next hop has taken it over.
	Relayed
	// Failed: no later attempt would end otherwise.
	Failed
)

// Result is what became of one recipient of an Outgoing.
type Result struct {
	Disposition Disposition
	// MTA is the name of the server that answered; empty when none did.
	MTA string
	// Code and Status are the reply's code (RFC 5321 §4.2) and enhanced status
	// (RFC 3463), such as 550 and "5.1.1". Code is 0 where no reply is behind
	// the result; Status is never empty.
	Code   int
	Status string
	// Text is the reply's text, or what went wrong: one line of printable
	// characters, at most MaxResultText octets. Safe to show to the sender.
	Text string
	// DSN: the next hop has taken over the duty to report (RFC 3461 §5.2.1).
	DSN bool
	// TLS names version and cipher; empty in clear.
	TLS string
}

// MaxResultText bounds Result.Text: a server on the other side may say much.
const MaxResultText = 512
