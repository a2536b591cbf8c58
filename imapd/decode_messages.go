package imapd

import (
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

// storeArgs are the arguments of STORE and UID STORE.
type storeArgs struct {
	set    numSet
	op     store.FlagOp
	flags  mail.Flags
	silent bool
	// conditional: UNCHANGEDSINCE was given (RFC 7162 §3.1.3).
	conditional    bool
	unchangedSince mail.ModSeq // store.Unconditionally when it was not
}

// storeArgs decodes from the space after the command's name on.
func (d *decoder) storeArgs() storeArgs {
	a := storeArgs{unchangedSince: store.Unconditionally}
	d.sp()
	a.set = d.numSet()
	d.sp()
	if d.peek() == '(' {
		d.params("STORE modifier", func(name string) bool {
			if name != "UNCHANGEDSINCE" || a.conditional {
				return false
			}
			d.sp()
			a.conditional, a.unchangedSince = true, mail.ModSeq(d.number64())
			return true
		})
		d.sp()
	}
	switch {
	case d.take('+'):
		a.op = store.FlagsAdd
	case d.take('-'):
		a.op = store.FlagsRemove
	}
	switch {
	case d.keyword("FLAGS.SILENT"):
		a.silent = true
	case d.keyword("FLAGS"):
	default:
		d.fail("FLAGS, +FLAGS or -FLAGS, with .SILENT or without")
	}
	d.sp()
	if d.peek() == '(' {
		a.flags = d.flagList()
	} else {
		a.flags = d.bareFlags()
	}
	return a
}

// copyArgs are the arguments of COPY and MOVE, and of both after UID.
type copyArgs struct {
	set     numSet
	mailbox string
}

// copyArgs decodes from the space after the command's name on.
func (d *decoder) copyArgs() copyArgs {
	var a copyArgs
	d.sp()
	a.set = d.numSet()
	d.sp()
	a.mailbox = d.mailbox()
	return a
}

// uidExpungeArgs decodes the set of UID EXPUNGE from the space after its name on.
func (d *decoder) uidExpungeArgs() numSet {
	d.sp()
	return d.numSet()
}

// appendMessage is what precedes a message in APPEND.
type appendMessage struct {
	flags mail.Flags
	date  time.Time // zero: not given
	// utf8: the literal stands inside UTF8 (…) (RFC 6855 §4), so ")" follows it.
	utf8    bool
	literal literalHeader
}

// uploadMailbox decodes the space before the name of the mailbox that APPEND or
// REPLACE puts messages into, and the name.
func (d *decoder) uploadMailbox() string {
	d.sp()
	return d.mailbox()
}

// replaced decodes the number or UID of the message that REPLACE removes
// (RFC 8508 §5): a single one, or "*".
func (d *decoder) replaced() numSet {
	d.sp()
	n := uint32(star)
	if !d.take('*') {
		n = d.nzNumber()
	}
	return numSet{ranges: []numRange{{n, n}}}
}

// appendMessage decodes [SP flag-list] [SP date-time] SP literal, without the
// literal's octets.
func (d *decoder) appendMessage() appendMessage {
	var m appendMessage
	d.sp()
	if d.peek() == '(' {
		m.flags = d.flagList()
		d.sp()
	}
	if d.peek() == '"' {
		m.date = d.dateTime()
		d.sp()
	}
	if d.keyword("UTF8") {
		m.utf8 = true
		d.sp()
		d.expect('(')
		if d.peek() != '~' {
			d.fail("a literal8 such as ~{310}")
		}
	}
	if c := d.peek(); c != '{' && c != '~' {
		d.fail("flags in parentheses, a date and time in quotes, or a literal such as {310}")
	}
	m.literal = d.literalHeader()
	return m
}
