package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"unicode/utf8"
)

const (
	// maxKey bounds the octets of a text in Keys. A longer one ends in a hash
	// of all of it: it is still equal only to itself.
	maxKey = 500
	// maxReferences is how many references count of one message: the first and
	// the last of them. Programs that write them shorten longer lists likewise
	// (RFC 5537 §3.4.4).
	maxReferences = 32
)

// Keys are what SORT and THREAD compare of a message's header (RFC 5256,
// 5957). Texts are folded by Fold; an absent field's are empty.
type Keys struct {
	// Subject is the base subject; Reply tells that it is a reply's or forward's.
	Subject string
	Reply   bool
	// From, To and Cc are the mailbox of the field's first address, DisplayFrom
	// and DisplayTo its display name, or else its whole address.
	From, To, Cc           string
	DisplayFrom, DisplayTo string
	// ID identifies the Message-ID, 0 where there is none. References are the
	// messages that this one refers to, its parent last.
	ID         MessageID
	References []MessageID
}

// MessageID stands for a Message-ID: 64 bits of a hash of its normalized form.
type MessageID uint64

// KeysOf reads a rendered ENVELOPE, and the header block for what that lacks.
func KeysOf(envelope, header []byte) Keys {
	var k Keys
	r := envelopeReader{b: envelope}
	r.expect('(')
	r.nstring() // Date
	subject, sound := decodedForKey(r.nstring())
	subject, k.Reply = baseSubject(subject)
	k.Subject = keyOfDecoded(subject, sound)
	from := r.addresses()
	r.addresses() // Sender
	r.addresses() // Reply-To
	to, cc := r.addresses(), r.addresses()
	r.addresses() // Bcc
	inReplyTo := r.nstring()
	if ids := messageIDs(r.nstring(), 1); len(ids) > 0 {
		k.ID = ids[0]
	}
	k.From, k.To, k.Cc = keyOf(from.mailbox), keyOf(to.mailbox), keyOf(cc.mailbox)
	k.DisplayFrom, k.DisplayTo = from.display(), to.display()
	k.References = references(header)
	if len(k.References) == 0 {
		k.References = messageIDs(inReplyTo, 1)
	}
	return k
}

// ThreadOf is the message that began the thread (RFC 8474 §5.2): the first that
// this one refers to, for who answers keeps what the other referred to and adds
// it (RFC 5322 §3.6.4); or else this one. 0 where nothing is named. It costs less
// than KeysOf, and agrees with it.
func ThreadOf(envelope, header []byte) MessageID {
	if ids := references(header); len(ids) > 0 {
		return ids[0]
	}
	r := envelopeReader{b: envelope}
	r.expect('(')
	r.nstring() // Date
	r.nstring() // Subject
	for range 6 {
		r.addresses()
	}
	for range 2 { // In-Reply-To, Message-ID
		if ids := messageIDs(r.nstring(), 1); len(ids) > 0 {
			return ids[0]
		}
	}
	return 0
}

// decodedForKey is DecodeHeader of a value. Where what an encoded word holds is
// not in the charset that it names it is not sound: then the text has a character
// for each octet of the words, which sort as the octets do.
func decodedForKey(value []byte) (text []byte, sound bool) {
	value = toUTF8(trimSpace(unfold(value)))
	if !bytes.Contains(value, []byte("=?")) {
		return bytes.Clone(value), true
	}
	sound = true
	text = appendConverted(nil, value, func(dst []byte, charset string, raw []byte) []byte {
		dst, ok := appendCharset(dst, charset, raw)
		sound = sound && ok
		return dst
	})
	if sound {
		return text, true
	}
	return appendConverted(nil, value, func(dst []byte, _ string, raw []byte) []byte {
		for _, c := range raw {
			dst = utf8.AppendRune(dst, rune(c))
		}
		return dst
	}), false
}

// keyOfDecoded is the key of what decodedForKey has decoded: what is not sound is
// compared by its octets, and comes behind all that is (RFC 5255 §4.6).
func keyOfDecoded(text []byte, sound bool) string {
	if sound {
		return keyOf(text)
	}
	return bounded(append([]byte(string(utf8.MaxRune)), text...))
}

// keyOf folds a text for comparison.
func keyOf(text []byte) string { return bounded(appendFold(nil, text)) }

// bounded is b, or what stands for it where it is longer than a key may be.
func bounded(b []byte) string {
	if len(b) <= maxKey {
		return string(b)
	}
	sum := sha256.Sum256(b)
	return string(hex.AppendEncode(b[:maxKey:maxKey], sum[:16]))
}

// references reads the References field of a header block.
func references(header []byte) []MessageID {
	var field gather
	for len(header) > 0 {
		line := header
		if i := bytes.IndexByte(header, '\n'); i >= 0 {
			line = header[:i+1]
		}
		header = header[len(line):]
		line = line[:len(line)-lineEnd(line)]
		if len(line) > 0 && isWSP(line[0]) {
			field.extend(line)
			continue
		}
		if len(field.field) > 0 {
			break
		}
		if name, value := splitField(line); equalFold(line[:name], "references") {
			field.begin(line[:name], line[value:])
		}
	}
	_, value := field.take()
	return messageIDs(value, len(value))
}

// messageIDs reads the valid Message-IDs (RFC 5322 §3.6.4) in a field's value,
// at most so many, and of more than maxReferences the first and the last.
// Whatever else stands there is passed over.
func messageIDs(value []byte, most int) []MessageID {
	var ids []MessageID
	var id []byte
	for most > 0 {
		start := bytes.IndexByte(value, '<')
		if start < 0 {
			break
		}
		value = value[start+1:]
		var n int
		if id, n = appendID(id[:0], value); n == 0 {
			continue
		}
		value = value[n:]
		sum := sha256.Sum256(id)
		if len(ids) == maxReferences {
			copy(ids[1:], ids[2:])
			ids = ids[:maxReferences-1]
		}
		ids = append(ids, MessageID(max(binary.BigEndian.Uint64(sum[:]), 1)))
		most--
	}
	return ids
}

// appendID appends the Message-ID behind a "<" as RFC 5256 §3 wants it
// compared, without quoting and white space. n is what it takes with the ">",
// 0 when it is not valid: up to the next "<", which may begin another.
func appendID(id, b []byte) (_ []byte, n int) {
	at := 0 // where the at sign stands
	for n < len(b) {
		switch c := b[n]; {
		case c == '>':
			if at == 0 || at+1 == len(id) {
				return id, 0
			}
			return id, n + 1
		case c == '<':
			return id, 0
		case c == '"' && at == 0:
			end := n + 1
			for end < len(b) && b[end] != '"' {
				if b[end] == '\\' && end+1 < len(b) {
					end++
				}
				id = append(id, b[end])
				end++
			}
			n = end
		case c == '@':
			at = len(id)
			id = append(id, c)
		case !isWSP(c):
			id = append(id, c)
		}
		n++
	}
	return id, 0
}

// firstAddress is the first element of an address list.
type firstAddress struct {
	there               bool
	name, mailbox, host []byte
	hasMailbox, hasHost bool
}

// display is the sort value of RFC 5957 §3.
func (a *firstAddress) display() string {
	if name, sound := decodedForKey(a.name); len(name) > 0 {
		return keyOfDecoded(name, sound)
	}
	if a.hasHost && a.hasMailbox {
		return keyOf(bytes.Join([][]byte{a.mailbox, a.host}, []byte("@")))
	}
	return keyOf(a.mailbox)
}

// envelopeReader reads a rendered ENVELOPE. Past what it doesn't understand
// everything is NIL.
type envelopeReader struct{ b []byte }

func (r *envelopeReader) expect(c byte) bool {
	for len(r.b) > 0 && r.b[0] == ' ' {
		r.b = r.b[1:]
	}
	if len(r.b) == 0 || r.b[0] != c {
		return false
	}
	r.b = r.b[1:]
	return true
}

// nstring reads a string; NIL is nil.
func (r *envelopeReader) nstring() []byte {
	if r.expect('N') {
		r.b = r.b[min(len(r.b), len("IL")):]
		return nil
	}
	if len(r.b) == 0 {
		return nil
	}
	if r.b[0] == '"' { // mostly there is nothing in it that is quoted
		if n := bytes.IndexAny(r.b[1:], `"\`) + 1; n > 0 && r.b[n] == '"' {
			s := r.b[1:n]
			r.b = r.b[n+1:]
			return s
		}
	}
	s, n := readString([]byte{}, r.b)
	if n == 0 {
		r.b = nil
		return nil
	}
	r.b = r.b[n:]
	return s
}

// addresses reads an address list.
func (r *envelopeReader) addresses() (first firstAddress) {
	if !r.expect('(') {
		r.nstring() // NIL
		return first
	}
	for r.expect('(') {
		var a firstAddress
		a.name = r.nstring()
		r.nstring() // source route
		a.mailbox, a.host = r.nstring(), r.nstring()
		a.hasMailbox, a.hasHost = a.mailbox != nil, a.host != nil
		if !first.there {
			first, first.there = a, true
		}
		if !r.expect(')') {
			r.b = nil
		}
	}
	if !r.expect(')') {
		r.b = nil
	}
	return first
}
