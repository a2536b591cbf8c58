package message

// The fields that an envelope or a part's description needs.
const (
	fieldOther = iota
	fieldDate
	fieldSubject
	fieldFrom
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
	fieldInReplyTo
	fieldMessageID
	fieldType
	fieldEncoding
	fieldDisposition
	fieldContentID
	fieldDescription
	fieldMD5
	fieldLanguage
	fieldLocation
	fieldReceived
	fieldCount
)

// fieldID names a field.
func fieldID(name []byte) int {
	switch len(name) {
	case 2:
		return either(name, "to", fieldTo, "cc", fieldCc)
	case 3:
		return either(name, "bcc", fieldBcc, "", 0)
	case 4:
		return either(name, "from", fieldFrom, "date", fieldDate)
	case 6:
		return either(name, "sender", fieldSender, "", 0)
	case 7:
		return either(name, "subject", fieldSubject, "", 0)
	case 8:
		return either(name, "received", fieldReceived, "reply-to", fieldReplyTo)
	case 10:
		return either(name, "message-id", fieldMessageID, "content-id", fieldContentID)
	case 11:
		return either(name, "in-reply-to", fieldInReplyTo, "content-md5", fieldMD5)
	case 12:
		return either(name, "content-type", fieldType, "", 0)
	case 16:
		return either(name, "content-language", fieldLanguage, "content-location", fieldLocation)
	case 19:
		return either(name, "content-disposition", fieldDisposition, "content-description", fieldDescription)
	case 25:
		return either(name, "content-transfer-encoding", fieldEncoding, "", 0)
	}
	return fieldOther
}

func either(name []byte, a string, ida int, b string, idb int) int {
	if equalFold(name, a) {
		return ida
	}
	if b != "" && equalFold(name, b) {
		return idb
	}
	return fieldOther
}

// isTrace reports whether a field is one of those that servers put on top of
// whatever they are given.
func isTrace(name []byte) bool {
	for _, t := range [...]string{
		"received", "return-path", "delivered-to", "authentication-results",
		"received-spf", "x-original-to", "envelope-to", "arc-seal",
		"arc-message-signature", "arc-authentication-results",
	} {
		if len(name) == len(t) && equalFold(name, t) {
			return true
		}
	}
	return false
}

// equalFold compares with a name in lower case, ASCII only.
func equalFold(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// gather puts a field together from its lines.
type gather struct {
	// field is name, colon and value, unfolded. It is empty before the first
	// field and after a malformed line.
	field []byte
	name  int // the length of the name
}

// begin begins a field.
func (g *gather) begin(name, value []byte) {
	g.field = append(append(append(g.field[:0], name...), ':'), value...)
	g.name = len(name)
}

// extend adds a continuation to the field, if there is one to add it to. The
// fold is what RFC 5322 §2.2.3 makes of it, white space, but a tab becomes a
// space: it was put there to fold, not to be seen.
func (g *gather) extend(line []byte) {
	if len(g.field) == 0 || len(g.field) >= maxField {
		return
	}
	n := len(g.field)
	g.field = append(g.field, line...)
	if len(line) > 0 && g.field[n] == '\t' {
		g.field[n] = ' '
	}
}

// take returns the field and forgets it. The name is nil when there is none.
// Both are valid until the next field begins.
func (g *gather) take() (name, value []byte) {
	if len(g.field) == 0 {
		return nil, nil
	}
	name, value = g.field[:g.name], trimSpace(g.field[g.name+1:])
	g.field = g.field[:0]
	return name, value
}

// splitField finds the end of a field's name, and where its value begins:
// after the colon. The name is 0 long when the line is no field (RFC 5322
// §2.2, with the white space before the colon that §4.5.8 has us accept).
func splitField(line []byte) (name, value int) {
	i := 0
	for i < len(line) && line[i] > ' ' && line[i] < 0x7f && line[i] != ':' {
		i++
	}
	name = i
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if i == len(line) || line[i] != ':' {
		return 0, 0
	}
	return name, i + 1
}

// maxTokensKept is the most tokens of an address for which room is kept from one
// message to the next.
const maxTokensKept = 256

// fields keeps the values of one header's fields.
type fields struct {
	val       [fieldCount][]byte
	set       [fieldCount]bool
	kept      int // octets, of all headers of the message
	addresses int // in all envelopes of the message

	tokens []token // addressList's, used again
	buf    []byte
}

// emptied returns fields without values that use f's memory.
func (f *fields) emptied() (g fields) {
	for i, v := range f.val {
		g.val[i] = reuse(v)
	}
	g.buf = reuse(f.buf)
	if cap(f.tokens) <= maxTokensKept {
		g.tokens = f.tokens[:0]
		clear(g.tokens[:cap(g.tokens)])
	}
	return g
}

// reset begins another header.
func (f *fields) reset() { f.set = [fieldCount]bool{} }

// keep keeps a value. Of a field that stands twice the first counts; only the
// destinations are joined (RFC 5322 §4.5.3).
func (f *fields) keep(id int, value []byte) {
	limit := maxField
	switch id {
	case fieldOther, fieldReceived:
		return
	case fieldTo, fieldCc, fieldBcc:
		limit = maxRecipients
	case fieldFrom, fieldSender, fieldReplyTo:
		limit = maxSender
	case fieldDate, fieldSubject, fieldInReplyTo, fieldMessageID:
		limit = maxShown
	}
	join := f.set[id] && (id == fieldTo || id == fieldCc || id == fieldBcc)
	if f.set[id] && !join {
		return
	}
	if !join {
		f.val[id] = f.val[id][:0]
	}
	limit = min(limit-len(f.val[id]), maxFields-f.kept)
	if limit <= 0 {
		return
	}
	if join {
		f.val[id] = append(f.val[id], ", "...)
	}
	f.set[id] = true
	value = value[:min(len(value), limit)]
	f.val[id] = append(f.val[id], value...)
	f.kept += len(value)
}

// get returns a field's value, nil when the header does not have it.
func (f *fields) get(id int) []byte {
	if !f.set[id] {
		return nil
	}
	if f.val[id] == nil {
		return []byte{}
	}
	return f.val[id]
}
