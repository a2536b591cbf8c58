package imapd

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// hierarchy is the hierarchy separator, in the protocol and in the store.
const hierarchy = "/"

// maxMailboxName is the most octets of a mailbox name: room for any name that
// people give, and a bound for what one CREATE can make (a level per two octets).
const maxMailboxName = 1000

// mailbox decodes a mailbox name into the store's form: UTF-8, normalised
// (Net-Unicode, RFC 9051 §5.1), INBOX in capitals. given tells how the client
// wrote it.
//
// A name that is not well encoded follows the formal syntax; so it gets NO, as
// the name of no mailbox that is or could be.
func (d *decoder) mailbox() string {
	s := d.astring("a mailbox name")
	if d.err != nil {
		return ""
	}
	if len(s) > maxMailboxName {
		d.limit("The mailbox name is longer than %d octets", maxMailboxName)
		return ""
	}
	name, ok := d.decodeName(s)
	if !ok {
		d.reject(no("CANNOT", "The mailbox name is not well encoded (RFC 3501 section 5.1.3: & begins modified UTF-7 and is itself written &-)"))
		return ""
	}
	d.given = name
	return normalName(name)
}

// newMailbox decodes the name of a mailbox to be. A separator at its end, by
// which the client announces names below, is dropped (RFC 9051 §6.3.4).
func (d *decoder) newMailbox() string {
	name := strings.TrimSuffix(d.mailbox(), hierarchy)
	d.given = strings.TrimSuffix(d.given, hierarchy)
	return name
}

// decodeName turns a name or a pattern from its form on the wire into UTF-8.
// RFC 6855 §3 wants UTF-8 taken before it was enabled, too: a name with octets
// above 127 cannot be modified UTF-7.
func (d *decoder) decodeName(s string) (string, bool) {
	if !d.unicode && isASCII(s) {
		return decodeUTF7(s)
	}
	return s, utf8.ValidString(s)
}

// normalName brings a name into the form in which the store keeps names.
func normalName(name string) string {
	name = norm.NFC.String(name)
	first, _, _ := strings.Cut(name, hierarchy)
	if strings.EqualFold(first, "INBOX") {
		name = "INBOX" + name[len(first):]
	}
	return name
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
