package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"posthorn/internal/mail"
)

// reply is what the server says to a command: a code (RFC 5321 §4.2), an
// enhanced code (RFC 2034, RFC 3463), which replies with a first digit of 3,
// the greeting and those to HELO and EHLO don't have, and a text of one or more
// lines. The zero reply says nothing.
type reply struct {
	code     int
	enhanced string
	text     string
	// closes tells that the connection ends with this reply.
	closes bool
}

// append writes the reply as it goes over the wire. In a reply of several
// lines each has the enhanced code (RFC 2034 §4).
func (r reply) append(b []byte) []byte {
	text, more := r.text, true
	for more {
		var line string
		line, text, more = strings.Cut(text, "\n")
		b = strconv.AppendInt(b, int64(r.code), 10)
		if more {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if r.enhanced != "" {
			b = append(append(b, r.enhanced...), ' ')
		}
		b = appendText(b, line)
		b = append(b, "\r\n"...)
	}
	return b
}

// String is the reply without its last line end.
func (r reply) String() string { return strings.TrimSuffix(string(r.append(nil)), "\r\n") }

// appendText writes a textstring (RFC 5321 §4.2): printable ASCII.
func appendText(b []byte, s string) []byte {
	for i := range min(len(s), maxReplyText) {
		if c := s[i]; c >= ' ' && c <= '~' || c == '\t' {
			b = append(b, c)
		} else {
			b = append(b, '?')
		}
	}
	return b
}

// badSequence refuses a command that is not for now (RFC 5321 §4.1.4).
func badSequence(text string) reply { return reply{code: 503, enhanced: "5.5.1", text: text} }

// syntax refuses a command's arguments.
func syntax(text string) reply { return reply{code: 501, enhanced: "5.5.4", text: text} }

// refusal is an error with the reply that it becomes: what a body's reader
// gives to the Backend when the message must not be taken.
type refusal struct{ reply reply }

func (r *refusal) Error() string { return "refused: " + r.reply.String() }

// Errors of reading a body.
var (
	errTooLarge = &refusal{reply{code: 552, enhanced: "5.3.4", text: "The message is larger than this server takes"}}
	errLoneDot  = &refusal{reply{code: 550, enhanced: "5.6.11", closes: true,
		text: "Your lone dot does not end the message: lines must end with CRLF (\\r\\n), and the message with CRLF.CRLF. Closing"}}
	errDrain = &refusal{reply{code: 552, enhanced: "5.3.4", text: "The message is far larger than this server takes: closing", closes: true}}
	// errAborted: the client gave the message up between two chunks.
	errAborted = errors.New("smtpd: given up by the client")
	// errGone: the connection ended within the message.
	errGone = errors.New("smtpd: the connection ended within the message")
)

// part is the part of a transaction that an error came up in.
type part int

const (
	atMail part = iota
	atRcpt
	atData
)

// replyTo is the one place where an error becomes a reply. addr is the address
// in question, at MAIL and RCPT. known is false where the error is none that
// a stranger should hear of, but the log.
func replyTo(err error, at part, addr mail.Address) (r reply, known bool) {
	var ref *refusal
	if errors.As(err, &ref) {
		return ref.reply, true
	}
	who := shown(addr)
	for _, k := range []struct {
		kind error
		r    reply
	}{
		{mail.ErrNoSuchUser, reply{code: 550, enhanced: "5.1.1", text: "No such user here: " + who}},
		{mail.ErrNotLocal, reply{code: 550, enhanced: "5.7.1", text: "Relaying denied: " + who + " is not one of ours; log in to send mail elsewhere"}},
		{mail.ErrDisabled, reply{code: 550, enhanced: "5.2.1", text: "This mailbox is disabled: " + who}},
		{mail.ErrOverQuota, reply{code: 452, enhanced: "4.2.2", text: "This mailbox is full: try again later"}},
		{mail.ErrTooLarge, errTooLarge.reply},
		{mail.ErrLoop, reply{code: 554, enhanced: "5.4.6", text: "The message has passed too many servers: a mail loop"}},
		{mail.ErrNoSpace, reply{code: 452, enhanced: "4.3.1", text: "Insufficient system storage: try again later"}},
		{mail.ErrUnavailable, reply{code: 451, enhanced: "4.3.0", text: "The mail store cannot write now: try again later"}},
		{mail.ErrNotPermitted, notPermitted(at, who)},
		{mail.ErrInvalid, invalid(at)},
	} {
		if errors.Is(err, k.kind) {
			return k.r, true
		}
	}
	return reply{code: 451, enhanced: "4.3.0", text: "Local error in processing: try again later"}, false
}

func notPermitted(at part, who string) reply {
	switch at {
	case atMail: // RFC 6409 §6.1
		return reply{code: 553, enhanced: "5.7.1", text: "You may not send as " + who + ": it is not an address of your account"}
	case atRcpt:
		return reply{code: 550, enhanced: "5.7.1", text: "Not permitted: " + who}
	}
	return reply{code: 550, enhanced: "5.7.1", text: "Not permitted: the message is refused"}
}

func invalid(at part) reply {
	switch at {
	case atMail:
		return reply{code: 553, enhanced: "5.1.7", text: "This sender's address cannot be used"}
	case atRcpt:
		return reply{code: 553, enhanced: "5.1.3", text: "This recipient's address cannot be used"}
	}
	return reply{code: 554, enhanced: "5.6.0", text: "The message is malformed and cannot be taken"}
}

// shown is an address as a reply may repeat it: RFC 6531 §3.7.4 allows no
// UTF-8 in these replies.
func shown(a mail.Address) string {
	if !a.IsASCII() {
		return "this address"
	}
	return "<" + a.String() + ">"
}
