package message

import "bytes"

// An address is an element of an address list (RFC 5322 §3.4): a mailbox, or
// the beginning or end of a group.
type address struct {
	kind  addressKind
	name  []byte // the display name without quoting, encoded words as they are
	route []byte // RFC 5322 §4.4's source route
	local []byte // without quoting; of a group's beginning, its name
	host  []byte
}

type addressKind int

const (
	mailboxAddress addressKind = iota
	groupBegin
	groupEnd
)

// What stands for what a malformed address lacks. NIL would make a group of
// it (RFC 9051 §7.5.2), and many clients take the empty string for NIL.
// RFC 2606 keeps the domain from ever being anybody's.
const (
	missingLocal = "missing-mailbox"
	missingHost  = "missing-domain.invalid"
)

// append appends the address as IMAP sends it (RFC 9051 §7.5.2).
func (a *address) append(b []byte) []byte {
	switch a.kind {
	case groupEnd:
		return append(b, "(NIL NIL NIL NIL)"...)
	case groupBegin:
		b = append(b, "(NIL NIL "...)
		b = appendString(b, a.local)
		return append(b, " NIL)"...)
	}
	b = append(b, '(')
	b = appendOptional(b, string(a.name))
	b = append(b, ' ')
	b = appendOptional(b, string(a.route))
	b = append(b, ' ')
	if len(a.local) == 0 {
		b = append(b, `"`+missingLocal+`"`...)
	} else {
		b = appendString(b, a.local)
	}
	b = append(b, ' ')
	if len(a.host) == 0 {
		b = append(b, `"`+missingHost+`"`...)
	} else {
		b = appendString(b, a.host)
	}
	return append(b, ')')
}

// addressList reads the addresses of a field one by one. It takes everything:
// what is malformed becomes the address that it looks most like, and never
// hides the next one.
type addressList struct {
	src   []byte // unfolded
	pos   int
	group bool // inside a group
	item  address
	// What is not there further on is not searched for again: unbalanced
	// brackets would make reading quadratic.
	noQuote, noBracket bool
	badComments        int

	tokens []token
	buf    []byte // of the tokens whose text is not the source's
}

// token is a lexical token of an address (RFC 5322 §3.2).
type token struct {
	kind  tokenKind
	text  []byte // without quoting
	space bool   // white space stood before it
}

type tokenKind byte

const (
	atomToken    tokenKind = iota // any run of other characters, dots included
	quotedToken                   // "..."
	literalToken                  // [...]
	commentToken                  // (...)
	specialToken                  // one of < > @ , ; :
)

// next reads the next element, and reports false at the end.
func (l *addressList) next() bool {
	for l.pos < len(l.src) {
		end := l.gather()
		switch {
		case end == ':':
			l.group = true
			l.item = address{kind: groupBegin, local: phrase(l.tokens)}
			return true
		case l.resolve():
			if end == ';' && l.group {
				l.pos-- // the group's end is the next element
			}
			return true
		case end == ';' && l.group:
			l.group = false
			l.item = address{kind: groupEnd}
			return true
		}
	}
	return false
}

// gather reads the tokens of one element, and returns the character that ended
// it: a comma, a semicolon, the colon of a group's name, or 0.
func (l *addressList) gather() byte {
	l.tokens, l.buf = l.tokens[:0], l.buf[:0]
	at, angle, route := false, false, false
	for {
		t, ok := l.token()
		if !ok {
			return 0
		}
		if t.kind != specialToken {
			if !l.lengthen(t) {
				l.tokens = append(l.tokens, t)
			}
			continue
		}
		switch c := t.text[0]; c {
		case '<':
			angle, route = true, l.pos < len(l.src) && l.src[l.pos] == '@'
		case '>':
			angle, route = false, false
		case '@':
			at = true
		case ',':
			// A route has commas inside the brackets (RFC 5322 §4.4); anywhere
			// else a comma means that the closing bracket was forgotten.
			if !route {
				return c
			}
		case ';':
			return c
		case ':':
			if !at && !angle && !l.group && len(l.tokens) > 0 {
				return c
			}
			route = false
		}
		l.tokens = append(l.tokens, t)
	}
}

// lengthen makes the last token longer by t, a bracket or quote that nothing
// closes: a million of them are not a million tokens.
func (l *addressList) lengthen(t token) bool {
	if len(l.tokens) == 0 || t.kind != atomToken || t.space || !isAddressSpecial(t.text[0]) {
		return false
	}
	last := &l.tokens[len(l.tokens)-1]
	if last.kind != atomToken || bytes.HasPrefix(last.text, []byte("=?")) {
		return false
	}
	last.text = l.src[l.pos-len(t.text)-len(last.text) : l.pos]
	return true
}

// token reads a token. It skips white space before it.
func (l *addressList) token() (token, bool) {
	start := l.pos
	for l.pos < len(l.src) && (l.src[l.pos] == ' ' || l.src[l.pos] == '\t') {
		l.pos++
	}
	if l.pos == len(l.src) {
		return token{}, false
	}
	t := token{space: l.pos > start}
	switch c := l.src[l.pos]; c {
	case '<', '>', '@', ',', ';', ':':
		t.kind, t.text = specialToken, l.src[l.pos:l.pos+1]
		l.pos++
		return t, true
	case '"':
		if l.quoted(&t) {
			return t, true
		}
	case '(':
		if l.comment(&t) {
			return t, true
		}
	case '[':
		if l.literal(&t) {
			return t, true
		}
	}
	l.atom(&t)
	return t, true
}

// atom reads what stands before the next special character. An encoded word is
// taken whole: many programs leave special characters in it, against RFC 2047 §5.
func (l *addressList) atom(t *token) {
	start := l.pos
	if n := encodedWordLen(l.src[start:]); n > 0 {
		l.pos += n
		t.text = l.src[start:l.pos]
		return
	}
	l.pos++
	for l.pos < len(l.src) && !isAddressSpecial(l.src[l.pos]) {
		l.pos++
	}
	t.text = l.src[start:l.pos]
}

func isAddressSpecial(c byte) bool {
	switch c {
	case ' ', '\t', '<', '>', '@', ',', ';', ':', '"', '(', '[':
		return true
	}
	return false
}

// quoted reads a quoted string, and reports false when it has no end.
func (l *addressList) quoted(t *token) bool {
	if l.noQuote {
		return false
	}
	for i := l.pos + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '"':
			t.kind, t.text = quotedToken, l.unescape(l.src[l.pos+1:i])
			l.pos = i + 1
			return true
		case '\\':
			i++
		}
	}
	l.noQuote = true
	return false
}

// comment reads a comment, which may nest, and reports false when it has no
// end.
func (l *addressList) comment(t *token) bool {
	if l.badComments > 8 {
		return false
	}
	depth := 0
	for i := l.pos; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				t.kind, t.text = commentToken, l.unescape(bytes.TrimSpace(l.src[l.pos+1:i]))
				l.pos = i + 1
				return true
			}
		}
	}
	l.badComments++
	return false
}

// unescape takes the backslashes out of quoted pairs (RFC 5322 §3.2.1).
func (l *addressList) unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	start := len(l.buf)
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+1 < len(b) {
			i++
		}
		l.buf = append(l.buf, b[i])
	}
	return l.buf[start:len(l.buf):len(l.buf)]
}

// literal reads a domain literal, and reports false when it has no end.
func (l *addressList) literal(t *token) bool {
	if l.noBracket {
		return false
	}
	n := bytes.IndexByte(l.src[l.pos:], ']')
	if n < 0 {
		l.noBracket = true
		return false
	}
	t.kind, t.text = literalToken, l.src[l.pos:l.pos+n+1]
	l.pos += n + 1
	return true
}
