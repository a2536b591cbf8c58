package smtpd

import (
	"slices"
	"strings"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
)

// rcpt runs RCPT (RFC 5321 §4.1.1.3).
func (f *front) rcpt(arg string) reply {
	if f.tx.env == nil {
		return badSequence("Say who sends it first: MAIL FROM:<you@example.org>")
	}
	to, r := parseRcpt(arg, f.tx.env.UTF8)
	if r.code != 0 {
		return r
	}
	octets := f.tx.own(&to)
	if len(f.tx.env.To) >= f.maxRecipients() || f.stranger() && !f.room(octets) { // RFC 5321 §4.5.3.1.10
		return reply{code: 452, enhanced: "4.5.3", text: "Too many recipients: send to these first, and to the others after that"}
	}
	if r, armed := f.faulty(fault.Full, "RCPT"); armed {
		f.tx.refused++
		return r
	}
	f.tx.rcpt, f.tx.rcptOctets = to, octets
	return f.ask("RCPT TO:<a@b>", reply{})
}

// stranger tells that a message may come from somebody who has not logged in.
func (f *front) stranger() bool { return !f.cfg.Submission && f.client.Account == 0 }

// maxRecipients is how many recipients a message may have.
func (f *front) maxRecipients() int {
	if f.stranger() {
		return min(f.cfg.MaxRecipients, strangersRecipients)
	}
	return f.cfg.MaxRecipients
}

// room tells whether a stranger's message may have one more recipient, which
// takes so many octets.
func (f *front) room(octets int) bool {
	switch n := f.tx.octets + octets; {
	case n > strangersOctets:
		return false
	case n <= strangersShare:
		return true
	}
	return f.strangers.Load()+int64(octets) <= strangersTogether
}

// own gives a recipient strings of its own, since those that were read are parts
// of the whole command line, and returns how much memory it takes. Most
// recipients of a message share their domain.
func (tx *transaction) own(to *mail.Recipient) (octets int) {
	clone := func(s *string) {
		*s = strings.Clone(*s)
		octets += len(*s)
	}
	a := &to.Address
	if n := len(tx.env.To); n > 0 && tx.env.To[n-1].Address.Domain == a.Domain {
		a.Domain = tx.env.To[n-1].Address.Domain
	} else {
		clone(&a.Domain)
	}
	clone(&a.Local)
	clone(&to.OriginalType)
	clone(&to.Original)
	return octets + recipientOctets
}

// take adds a recipient to the transaction.
func (f *front) take(to mail.Recipient) {
	list := f.tx.env.To
	if n := len(list); n == cap(list) { // append would leave more room than is ever used
		list = slices.Grow(list, min(max(n, 4), f.maxRecipients()-n))
	}
	f.tx.env.To = append(list, to)
	f.tx.octets += f.tx.rcptOctets
	f.strangers.Add(int64(f.tx.rcptOctets))
}

// parseRcpt reads RCPT's argument. The reply is the refusal, or zero.
func parseRcpt(arg string, utf8 bool) (mail.Recipient, reply) {
	const form = "write RCPT TO:<somebody@example.org>"
	path, ok := cutPrefixFold(arg, "TO:")
	if !ok {
		return mail.Recipient{}, syntax("Syntax: " + form)
	}
	addr, rest, err := mail.CutPath(strings.TrimLeft(path, " \t"))
	if err == nil && addr.IsNull() {
		err = errNobody
	}
	if err != nil {
		return mail.Recipient{}, reply{code: 501, enhanced: "5.1.3", text: "Bad recipient's address, " + reason(err) + ": " + form}
	}
	params, r := parseParams(rest)
	if r.code != 0 {
		return mail.Recipient{}, r
	}
	to := mail.Recipient{Address: addr}
	for _, p := range params {
		if r := rcptParam(&to, p, utf8); r.code != 0 {
			return mail.Recipient{}, r
		}
	}
	if !utf8 && !addr.IsASCII() {
		return mail.Recipient{}, reply{code: 553, enhanced: "5.6.7", text: "This address needs the parameter SMTPUTF8 at MAIL"} // RFC 6531 §3.5
	}
	return to, reply{}
}

// rcptParam puts a parameter into the recipient.
func rcptParam(to *mail.Recipient, p param, utf8 bool) reply {
	ok := false
	switch p.key {
	case "NOTIFY":
		to.Notify, ok = parseNotify(p.value)
	case "ORCPT":
		to.OriginalType, to.Original, ok = parseOriginal(p.value, utf8)
	default:
		return unknownParam(p)
	}
	if !ok {
		return badParam(p)
	}
	return reply{}
}

// parseNotify reads RFC 3461 §4.1's list.
func parseNotify(s string) (mail.Notify, bool) {
	var n mail.Notify
	for word := range strings.SplitSeq(strings.ToUpper(s), ",") {
		switch word {
		case "NEVER":
			n |= mail.NotifyNever
		case "SUCCESS":
			n |= mail.NotifySuccess
		case "FAILURE":
			n |= mail.NotifyFailure
		case "DELAY":
			n |= mail.NotifyDelay
		default:
			return 0, false
		}
	}
	return n, n&mail.NotifyNever == 0 || n == mail.NotifyNever
}

// parseOriginal reads RFC 3461 §4.2's ORCPT: addr-type;xtext. An address of
// the type utf-8 has an encoding of its own (RFC 6533 §3), and stands there as
// it is only where SMTPUTF8 was asked for.
func parseOriginal(s string, utf8 bool) (kind, addr string, ok bool) {
	kind, addr, ok = strings.Cut(s, ";")
	if !ok || addr == "" || len(s) > maxOriginal || !isAtom(kind) {
		return "", "", false
	}
	var err error
	if strings.EqualFold(kind, "utf-8") && (utf8 || isASCII(addr)) {
		addr, err = decodeUnitext(addr)
	} else {
		addr, err = decodeXtext(addr)
	}
	return kind, addr, err == nil
}

// isAtom knows RFC 822's atoms as far as registered types use them.
func isAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return s != ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
