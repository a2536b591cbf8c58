package imapd

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A decoder reads one command. It is pure and strict: it takes what the formal
// syntax of RFC 9051 §9 or RFC 3501 §9 allows, and nothing else, in time linear
// in the command's length.
//
// The first error sticks: from then on every method returns a zero value and
// consumes nothing, so a command is decoded straight through and err is looked
// at once, by end. Loops look at err too.
type decoder struct {
	// b is what there is to decode, literals inline as {n}CRLF and n octets,
	// without the CRLF that ends the command. pos is how far it is decoded.
	b   []byte
	pos int
	err error
	// unicode: mailbox names are UTF-8 (RFC 9051 §5.1, RFC 6855 §3) and not
	// modified UTF-7 (RFC 3501 §5.1.3). See enabled.unicode.
	unicode bool
	// given is the mailbox name that was decoded last, in UTF-8, as the client
	// wrote it otherwise.
	given string
}

// newDecoder decodes a command from the space after its name on. The octets are
// not copied and must not change until the handler is done.
func newDecoder(b []byte, unicode bool) *decoder { return &decoder{b: b, unicode: unicode} }

// fail notes what was expected where the decoder stands. The text never shows
// what the client sent: that may be a password.
func (d *decoder) fail(expected string) {
	if d.err == nil {
		d.err = bad("Expected %s at octet %d of the arguments", expected, d.pos+1)
	}
}

// reject notes an error that is not about syntax at one place.
func (d *decoder) reject(err error) {
	if d.err == nil {
		d.err = err
	}
}

// limit notes that the command asks for more than a named limit allows (RFC 5530).
func (d *decoder) limit(format string, args ...any) {
	d.reject(no("LIMIT", fmt.Sprintf(format, args...)))
}

// more reports whether there is anything left to decode.
func (d *decoder) more() bool { return d.err == nil && d.pos < len(d.b) }

// moreArgs reports whether a space comes next that is not one of those with
// which the command ends.
func (d *decoder) moreArgs() bool {
	return d.peek() == ' ' && len(bytes.TrimLeft(d.b[d.pos:], " ")) > 0
}

// end checks that the command ends here, and returns the error of the whole
// decoding. Spaces at the end of a command are a widespread slip, and taken.
func (d *decoder) end() error {
	if d.err == nil && len(bytes.TrimLeft(d.b[d.pos:], " ")) > 0 {
		d.fail("the end of the command")
	}
	return d.err
}

// peek is the next octet, 0 at the end.
func (d *decoder) peek() byte {
	if !d.more() {
		return 0
	}
	return d.b[d.pos]
}

// take consumes c if it comes next.
func (d *decoder) take(c byte) bool {
	if !d.more() || d.b[d.pos] != c {
		return false
	}
	d.pos++
	return true
}

// expect consumes c.
func (d *decoder) expect(c byte) {
	if !d.take(c) {
		d.fail(fmt.Sprintf("%q", c))
	}
}

// sp consumes exactly one space.
func (d *decoder) sp() {
	if !d.take(' ') {
		d.fail("a space")
	}
}

// while consumes octets as long as ok says so.
func (d *decoder) while(ok func(byte) bool) string {
	if d.err != nil {
		return ""
	}
	start := d.pos
	for d.pos < len(d.b) && ok(d.b[d.pos]) {
		d.pos++
	}
	return string(d.b[start:d.pos])
}

// list decodes "(" [item *(SP item)] ")".
func (d *decoder) list(item func()) {
	d.expect('(')
	if d.take(')') {
		return
	}
	for d.err == nil {
		item()
		if d.take(')') {
			return
		}
		d.sp()
	}
}

// list1 is list with at least one item.
func (d *decoder) list1(what string, item func()) {
	if d.peek() == '(' && d.pos+1 < len(d.b) && d.b[d.pos+1] == ')' {
		d.pos++
		d.fail(what)
		return
	}
	d.list(item)
}

// params decodes RFC 4466's parameter list, which SELECT, CREATE, FETCH, STORE
// and others may end in: item is called with each name, in upper case, and
// decodes what belongs to it; it reports false for a name that it doesn't know.
func (d *decoder) params(what string, item func(name string) bool) {
	d.list1("a "+what, func() {
		start := d.pos
		if name := d.upperAtom("a " + what); d.err == nil && !item(name) {
			d.pos = start
			d.reject(bad("Unknown %s %s", what, shown(name)))
		}
	})
}

// atom decodes an atom; what names it in an error.
func (d *decoder) atom(what string) string {
	a := d.while(isAtomChar)
	if a == "" {
		d.fail(what)
	}
	return a
}

// upperAtom decodes an atom that is a keyword of the protocol.
func (d *decoder) upperAtom(what string) string { return strings.ToUpper(d.atom(what)) }

// keyword consumes a word of the protocol, in any case, if it comes next and
// ends there.
func (d *decoder) keyword(word string) bool {
	if d.err != nil || len(d.b)-d.pos < len(word) || !strings.EqualFold(string(d.b[d.pos:d.pos+len(word)]), word) {
		return false
	}
	if next := d.pos + len(word); next < len(d.b) && isAtomChar(d.b[next]) {
		return false
	}
	d.pos += len(word)
	return true
}

// nzNumber decodes a number of 32 bits that isn't 0.
func (d *decoder) nzNumber() uint32 { return uint32(d.digits(1<<32-1, true, "a number from 1 on")) }

// number64 decodes a number of 63 bits.
func (d *decoder) number64() int64 { return int64(d.digits(1<<63-1, false, "a number")) }

// nzNumber64 decodes a number of 63 bits that isn't 0.
func (d *decoder) nzNumber64() int64 { return int64(d.digits(1<<63-1, true, "a number from 1 on")) }

func (d *decoder) digits(limit uint64, nz bool, what string) uint64 {
	start := d.pos
	s := d.while(isDigit)
	var n uint64
	for _, c := range []byte(s) {
		v := uint64(c - '0')
		if n > (limit-v)/10 {
			d.pos = start
			d.fail(fmt.Sprintf("a number of at most %d", limit))
			return 0
		}
		n = n*10 + v
	}
	if s == "" || nz && s[0] == '0' {
		d.pos = start
		d.fail(what)
		return 0
	}
	return n
}

// quoted decodes a quoted string. RFC 9051 allows UTF-8 in it, RFC 3501 does
// not; it is taken from all (people have passwords).
func (d *decoder) quoted() string {
	start := d.pos
	s := d.quotedOctets()
	if d.err == nil && !utf8.ValidString(s) {
		d.pos = start + 1
		d.fail("UTF-8 in a quoted string (anything else goes into a literal)")
		return ""
	}
	return s
}

// quotedOctets decodes a quoted string in whatever charset.
func (d *decoder) quotedOctets() string {
	d.expect('"')
	if d.err != nil {
		return ""
	}
	start, escaped := d.pos, false
	for d.pos < len(d.b) {
		switch c := d.b[d.pos]; c {
		case '"':
			s := d.b[start:d.pos]
			d.pos++
			if escaped {
				return unescape(s)
			}
			return string(s)
		case '\\':
			d.pos++
			escaped = true
			if c := d.peek(); c != '"' && c != '\\' {
				d.fail(`\" or \\ after a backslash in a quoted string`)
				return ""
			}
		case 0, '\r', '\n':
			d.fail("the end of a quoted string")
			return ""
		}
		d.pos++
	}
	d.fail("the end of a quoted string")
	return ""
}

func unescape(s []byte) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// literalHeader is the announcement of a literal (RFC 9051 §4.3, RFC 7888).
type literalHeader struct {
	size int64
	// nonSync: {n+}, the octets follow without being asked for.
	nonSync bool
	// binary: ~{n}, a literal8 (RFC 3516 §4.4), which may hold NULs.
	binary bool
}

// literalHeader decodes {n}, {n+}, ~{n} or ~{n+}.
func (d *decoder) literalHeader() literalHeader {
	var h literalHeader
	h.binary = d.take('~')
	if !d.take('{') {
		d.fail("a literal")
		return literalHeader{}
	}
	h.size = d.number64()
	h.nonSync = d.take('+')
	d.expect('}')
	return h
}

// literal decodes a literal with its octets, NUL excluded (RFC 9051 §4.3).
func (d *decoder) literal() string {
	start := d.pos
	h := d.literalHeader()
	d.expect('\r')
	d.expect('\n')
	if d.err != nil {
		return ""
	}
	if h.binary || h.size > int64(len(d.b)-d.pos) {
		d.pos = start
		d.fail("a literal")
		return ""
	}
	s := d.b[d.pos : d.pos+int(h.size)]
	if i := bytes.IndexByte(s, 0); i >= 0 {
		d.pos += i
		d.fail("no NUL in a literal")
		return ""
	}
	d.pos += len(s)
	return string(s)
}

// text decodes a string: quoted or a literal.
func (d *decoder) text(what string) string {
	switch d.peek() {
	case '"':
		return d.quoted()
	case '{':
		return d.literal()
	}
	d.fail(what)
	return ""
}

// astring decodes an astring: an atom that may hold "]", or a string.
func (d *decoder) astring(what string) string {
	if c := d.peek(); c == '"' || c == '{' {
		return d.text(what)
	}
	s := d.while(isAStringChar)
	if s == "" {
		d.fail(what)
	}
	return s
}

// nstring decodes a string or NIL; ok is false for NIL.
func (d *decoder) nstring(what string) (s string, ok bool) {
	if d.keyword("NIL") {
		return "", false
	}
	return d.text(what), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isAtomChar: any CHAR but the atom-specials.
func isAtomChar(c byte) bool {
	switch c {
	case '(', ')', '{', ' ', '%', '*', '"', '\\', ']':
		return false
	}
	return c > ' ' && c < 0x7f
}

func isAStringChar(c byte) bool { return isAtomChar(c) || c == ']' }

func isListChar(c byte) bool { return isAStringChar(c) || c == '%' || c == '*' }

// shown makes a name that the client sent fit for an error text.
func shown(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}
