package imapd

import (
	"strings"

	"posthorn/internal/mail"
)

// maxFetchItems is the most data items of one FETCH, and the most field names in
// them. A client that asks for every part of a large message by itself stays
// far below.
const maxFetchItems = 1000

// fetchArgs are the arguments of FETCH and UID FETCH.
type fetchArgs struct {
	set   numSet
	items []fetchItem // in the order in which they were asked for
	count int         // of items and of field names in them
	// changed: the modifier CHANGEDSINCE was given, with changedSince (RFC 7162
	// §3.1.4.1). 0, from which on everything changed, is not in its grammar, but
	// Thunderbird sends it for a mailbox of which it knows no MODSEQ yet.
	changed      bool
	changedSince mail.ModSeq
	// vanished is the modifier VANISHED (RFC 7162 §3.2.6).
	vanished bool
	// partial is of the modifier PARTIAL (RFC 9394 §3.3), or nil.
	partial *partialRange
}

// fetchArgs decodes from the space after the command's name on.
func (d *decoder) fetchArgs() fetchArgs {
	var a fetchArgs
	d.sp()
	a.set = d.numSet()
	d.sp()
	if d.peek() == '(' {
		d.list1("a FETCH item", func() { a.add(d) })
	} else if macro := d.fetchMacro(); macro != nil {
		a.items = macro
	} else {
		a.add(d)
	}
	if d.moreArgs() {
		d.sp()
		d.params("FETCH modifier", func(name string) bool { return a.modifier(d, name) })
	}
	if a.vanished && !a.changed {
		d.reject(bad("VANISHED goes with CHANGEDSINCE alone"))
	}
	if a.changed && !a.has(itemModSeq) {
		a.items = append(a.items, fetchItem{kind: itemModSeq})
	}
	return a
}

// modifier decodes what belongs to a modifier (RFC 4466 §2.4), each of which
// may stand once.
func (a *fetchArgs) modifier(d *decoder, name string) bool {
	switch {
	case name == "CHANGEDSINCE" && !a.changed:
		d.sp()
		a.changed, a.changedSince = true, mail.ModSeq(d.number64())
	case name == "VANISHED" && !a.vanished:
		a.vanished = true
	case name == "PARTIAL" && a.partial == nil:
		d.sp()
		a.partial = d.partialRange()
	default:
		return false
	}
	return true
}

// add decodes an item. One without arguments that is there already is not
// added again.
func (a *fetchArgs) add(d *decoder) {
	it := d.fetchItem()
	if a.count += 1 + len(it.section.fields); a.count > maxFetchItems {
		d.limit("More than %d items and field names in one FETCH", maxFetchItems)
	}
	if d.err != nil || plainItems[it.kind] != "" && a.has(it.kind) {
		for i := range a.items { // what is asked for without LAZY, too, is wanted
			a.items[i].lazy = a.items[i].lazy && (it.kind != itemPreview || it.lazy)
		}
		return
	}
	a.items = append(a.items, it)
}

func (a *fetchArgs) has(kind itemKind) bool {
	for _, it := range a.items {
		if it.kind == kind {
			return true
		}
	}
	return false
}

// plainItems are the names of the items without arguments, by kind.
var plainItems = [...]string{
	itemFlags:         "FLAGS",
	itemUID:           "UID",
	itemInternalDate:  "INTERNALDATE",
	itemSize:          "RFC822.SIZE",
	itemEnvelope:      "ENVELOPE",
	itemBody:          "BODY",
	itemBodyStructure: "BODYSTRUCTURE",
	itemRFC822:        "RFC822",
	itemRFC822Header:  "RFC822.HEADER",
	itemRFC822Text:    "RFC822.TEXT",
	itemBinarySize:    "",
	itemModSeq:        "MODSEQ",
	itemEmailID:       "EMAILID",
	itemThreadID:      "THREADID",
	itemSaveDate:      "SAVEDATE",
	itemPreview:       "PREVIEW",
}

// fetchMacro decodes FAST, ALL or FULL, which stand alone.
func (d *decoder) fetchMacro() []fetchItem {
	items := []fetchItem{{kind: itemFlags}, {kind: itemInternalDate}, {kind: itemSize}, {kind: itemEnvelope}, {kind: itemBody}}
	switch {
	case d.keyword("FAST"):
		return items[:3]
	case d.keyword("ALL"):
		return items[:4]
	case d.keyword("FULL"):
		return items
	}
	return nil
}

// fetchItem decodes a fetch-att.
func (d *decoder) fetchItem() fetchItem {
	start := d.pos
	name := strings.ToUpper(d.while(func(c byte) bool {
		return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || isDigit(c) || c == '.'
	}))
	if d.peek() == '[' {
		switch name {
		case "BODY", "BODY.PEEK":
			return d.bodySection(name == "BODY.PEEK")
		case "BINARY", "BINARY.PEEK":
			sec := section{peek: name == "BINARY.PEEK"}
			d.sectionBinary(&sec)
			d.partial(&sec)
			return fetchItem{kind: itemBinary, section: sec}
		case "BINARY.SIZE":
			sec := section{peek: true}
			d.sectionBinary(&sec)
			return fetchItem{kind: itemBinarySize, section: sec}
		}
	}
	for kind, plain := range plainItems {
		if name == plain && name != "" {
			it := fetchItem{kind: itemKind(kind)}
			it.lazy = it.kind == itemPreview && d.previewModifiers()
			return it
		}
	}
	d.pos = start
	if name != "" {
		d.reject(bad("Unknown FETCH item %s", shown(name)))
	}
	d.fail("a FETCH item")
	return fetchItem{}
}

// previewModifiers decodes the modifiers of PREVIEW (RFC 8970 §6), of which there
// is but LAZY, and reports whether it came. Other words in parentheses may be
// FETCH's own modifiers.
func (d *decoder) previewModifiers() (lazy bool) {
	const begin = " (LAZY"
	rest := d.b[d.pos:]
	if d.err != nil || len(rest) <= len(begin) || !strings.EqualFold(string(rest[:len(begin)]), begin) || isAtomChar(rest[len(begin)]) {
		return false
	}
	d.sp()
	d.params("PREVIEW modifier", func(name string) bool { return name == "LAZY" })
	return true
}

// bodySection decodes the section and partial of BODY and BODY.PEEK.
func (d *decoder) bodySection(peek bool) fetchItem {
	sec := section{peek: peek}
	d.expect('[')
	textFollows := d.sectionPart(&sec)
	if textFollows || len(sec.part) == 0 && d.peek() != ']' {
		d.sectionText(&sec)
	}
	d.expect(']')
	d.partial(&sec)
	return fetchItem{kind: itemSection, section: sec}
}

// sectionBinary decodes a section-binary: part numbers alone (RFC 3516).
func (d *decoder) sectionBinary(sec *section) {
	d.expect('[')
	if d.sectionPart(sec) {
		d.fail("a part number")
	}
	d.expect(']')
}

// sectionPart decodes the numbers of a section-part, and reports whether a dot
// came behind the last.
func (d *decoder) sectionPart(sec *section) (dot bool) {
	for isDigit(d.peek()) {
		sec.part = append(sec.part, int(d.nzNumber()))
		if dot = d.take('.'); !dot {
			break
		}
	}
	return dot
}

// sectionText decodes HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, and MIME
// where there is a part.
func (d *decoder) sectionText(sec *section) {
	start := d.pos
	switch name := strings.ToUpper(d.while(isAtomChar)); {
	case name == "HEADER":
		sec.text = headerText
	case name == "HEADER.FIELDS":
		sec.text = headerFields
		sec.fields = d.headerList()
	case name == "HEADER.FIELDS.NOT":
		sec.text = headerFieldsNot
		sec.fields = d.headerList()
	case name == "TEXT":
		sec.text = bodyText
	case name == "MIME" && len(sec.part) > 0:
		sec.text = mimeText
	default:
		d.pos = start
		d.fail("HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT, or after a part number MIME")
	}
}

// headerList decodes the field names of HEADER.FIELDS.
func (d *decoder) headerList() []string {
	var fields []string
	d.sp()
	d.list1("a field name", func() { fields = append(fields, d.fieldName()) })
	return fields
}

// fieldName decodes the name of a header field (RFC 5322 §3.6.8).
func (d *decoder) fieldName() string {
	start := d.pos
	name := d.astring("a field name")
	for i := range len(name) {
		if name[i] <= ' ' || name[i] > '~' || name[i] == ':' {
			name = ""
			break
		}
	}
	if name == "" {
		if d.err == nil {
			d.pos = start
		}
		d.fail("a field name of printable characters without a colon")
	}
	return name
}

// partial decodes <offset.length>, if there is one.
func (d *decoder) partial(sec *section) {
	if !d.take('<') {
		return
	}
	sec.partial = true
	sec.offset = d.number64()
	d.expect('.')
	sec.length = d.nzNumber64()
	d.expect('>')
}
