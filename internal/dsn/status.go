package dsn

import (
	"bufio"
	"strings"
	"time"
	"unicode/utf8"

	"posthorn/internal/mail"
)

// dateTime is RFC 5322's date-time (§3.3).
const dateTime = "Mon, 2 Jan 2006 15:04:05 -0700"

// maxLine is where a field is folded, when there is a blank to fold at.
const maxLine = 78

// forPrograms is the second part: what happened, for programs (RFC 3464 §2).
func (r *Report) forPrograms(b *bufio.Writer) {
	global := r.global()
	contentType := "message/delivery-status"
	if global {
		contentType = "message/global-delivery-status"
	}
	r.part(b, contentType, "The same for programs", global)

	f := fields{b: b, utf8: global}
	f.put("Reporting-MTA", "dns; "+r.Hostname)
	if r.EnvelopeID != "" {
		f.put("Original-Envelope-Id", r.EnvelopeID)
	}
	if !r.Arrived.IsZero() {
		f.put("Arrival-Date", r.Arrived.Format(dateTime))
	}
	for i := range r.Recipients {
		b.WriteString("\r\n")
		r.recipientStatus(&f, &r.Recipients[i])
	}
}

// recipientStatus is the group of fields about one recipient (RFC 3464 §2.3,
// RFC 3461 §6.3).
func (r *Report) recipientStatus(f *fields, to *Recipient) {
	if to.Original != "" {
		f.put("Original-Recipient", to.OriginalType+"; "+f.typedAddress(to.OriginalType, to.Original))
	}
	addressType := "rfc822"
	if !to.Address.IsASCII() {
		addressType = "utf-8"
	}
	f.put("Final-Recipient", addressType+"; "+to.Address.String())
	f.put("Action", string(r.Action))
	f.put("Status", r.status(to))
	if to.Result.MTA != "" {
		f.put("Remote-MTA", "dns; "+to.Result.MTA)
	}
	switch {
	case to.Result.Code != 0:
		f.put("Diagnostic-Code", "smtp; "+smtpReply(to.Result))
	case to.Result.Text != "":
		f.put("Diagnostic-Code", "X-Posthorn; "+to.Result.Text)
	}
	f.date("Last-Attempt-Date", to.LastTry)
	f.date("Will-Retry-Until", to.RetryUntil)
}

// fields writes header fields: ASCII, or UTF-8 in a global part.
type fields struct {
	b    *bufio.Writer
	utf8 bool
}

// put writes a field, folded. What the value must not have (control
// characters, and other than ASCII where that is not allowed) becomes "?".
func (f *fields) put(name, value string) {
	line := name + ":"
	for word := range strings.FieldsSeq(clean(value, f.utf8)) {
		if len(line)+1+len(word) > maxLine && strings.TrimSpace(line) != name+":" {
			f.b.WriteString(line + "\r\n")
			line = ""
		}
		line += " " + word
	}
	f.b.WriteString(line + "\r\n")
}

func (f *fields) date(name string, t time.Time) {
	if !t.IsZero() {
		f.put(name, t.Format(dateTime))
	}
}

// typedAddress is an ORCPT address as its field has it. Of the type "utf-8"
// RFC 6533 §3 has two forms, for parts that are UTF-8 and for those that are
// not.
func (f *fields) typedAddress(addressType, address string) string {
	if !strings.EqualFold(addressType, "utf-8") {
		return address
	}
	if f.utf8 {
		return mail.DecodeUnitext(address)
	}
	return mail.EncodeUnitext(address, true)
}

// clean is s without control characters, and without anything beyond ASCII
// unless that is allowed.
func clean(s string, utf8OK bool) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\t':
			return ' '
		case c < ' ' || c == 0x7f || c == utf8.RuneError, c >= 0x80 && (!utf8OK || c < 0xa0):
			return '?'
		}
		return c
	}, s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
