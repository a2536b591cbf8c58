package mail

import "strings"

// BodyType is MAIL's BODY parameter (RFC 6152, RFC 3030). Empty means 7BIT.
type BodyType string

const (
	Body7Bit       BodyType = "7BIT"
	Body8BitMIME   BodyType = "8BITMIME"
	BodyBinaryMIME BodyType = "BINARYMIME"
)

// Notify is RCPT's NOTIFY parameter (RFC 3461 §4.1). Zero means that none was
// given, which asks for a report of failure (and of delay, at the server's choice).
type Notify uint8

const (
	NotifyNever Notify = 1 << iota
	NotifySuccess
	NotifyFailure
	NotifyDelay
)

// Failure reports whether a failed delivery is to be reported.
func (n Notify) Failure() bool { return n == 0 || n&NotifyFailure != 0 }

// Delay reports whether a delayed delivery is to be reported.
func (n Notify) Delay() bool { return n == 0 || n&NotifyDelay != 0 }

// Success reports whether a successful delivery is to be reported.
func (n Notify) Success() bool { return n&NotifySuccess != 0 }

// String is the parameter's value as it goes on the wire; empty when unset.
func (n Notify) String() string {
	var words []string
	for _, w := range []struct {
		bit  Notify
		word string
	}{{NotifyNever, "NEVER"}, {NotifySuccess, "SUCCESS"}, {NotifyFailure, "FAILURE"}, {NotifyDelay, "DELAY"}} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return strings.Join(words, ",")
}

// Return is MAIL's RET parameter (RFC 3461 §4.3): how much of the message a
// report of failure carries. Empty leaves it to the server.
type Return string

const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// Envelope is what MAIL and RCPT said about a message (RFC 5321 §2.3.1).
type Envelope struct {
	// From is the reverse-path; zero is <>.
	From Address
	To   []Recipient
	// Body is what the client declared, not what the content is.
	Body BodyType
	// Size is what the client declared in octets, or 0.
	Size int64
	// UTF8 is RFC 6531's SMTPUTF8 parameter.
	UTF8 bool
	// RequireTLS is RFC 8689's REQUIRETLS parameter.
	RequireTLS bool
	// Return and EnvelopeID are RFC 3461's RET and ENVID; the latter as
	// decoded from xtext.
	Return     Return
	EnvelopeID string
}

// Recipient is one forward-path with RFC 3461's parameters.
type Recipient struct {
	Address Address
	Notify  Notify
	// OriginalType and Original are ORCPT's two halves, such as "rfc822" and
	// the address as decoded from xtext. Empty when not given.
	OriginalType, Original string
}
