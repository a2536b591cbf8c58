package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/internal/wire"
	"posthorn/store"
)

// content is a message's octets: the trace lines of this copy, then the stored
// content, which is opened only when something of it is asked for.
type content struct {
	s    *session
	m    *store.Message
	c    *store.Content
	root *message.Part
	room *headerRoom
}

// headerRoom is what the headers of a FETCH's messages are made in, one after
// another.
type headerRoom struct{ whole, fields []byte }

// open opens the stored content.
func (c *content) open() (*store.Content, error) {
	if c.c != nil {
		return c.c, nil
	}
	var err error
	c.c, err = c.s.srv.store.Content(c.s.ctx, c.m.Content)
	return c.c, err
}

// openFor is open where octets of o are going to be read.
func (c *content) openFor(o octets) (err error) {
	if c.c == nil && o.off == 0 {
		c.c, err = c.s.srv.store.WholeContent(c.s.ctx, c.m.Content)
		return err
	}
	_, err = c.open()
	return err
}

// close gives back what the stored content was read into.
func (c *content) close() {
	if c.c != nil {
		c.c.Close()
	}
}

// parts is the tree of parts; its offsets count in the stored content.
func (c *content) parts() (*message.Part, error) {
	if c.root != nil {
		return c.root, nil
	}
	stored, err := c.open()
	if err != nil {
		return nil, err
	}
	c.root, err = stored.Root()
	return c.root, err
}

// longHeader is the size from which on a listing may hold only the beginning
// of a header (see store.Message), and none is held whole.
const longHeader = 256 << 10

// header is the header of this copy, trace lines in front, where it is not long.
func (c *content) header() []byte {
	if len(c.m.Trace) == 0 {
		return c.m.Header
	}
	c.room.whole = append(append(c.room.whole[:0], c.m.Trace...), c.m.Header...)
	return c.room.whole
}

// octets are octets of a message: some at hand, then some of the content, or of
// those that copy writes.
type octets struct {
	pre    []byte
	off, n int64
	copy   func(w io.Writer) error // nil: the content
}

func (o octets) size() int64 { return int64(len(o.pre)) + o.n }

// cut is the part of o that <offset.length> names.
func (o octets) cut(offset, length int64) octets {
	offset = min(offset, o.size())
	length = min(length, o.size()-offset)
	from := min(offset, int64(len(o.pre)))
	o.pre = o.pre[from:]
	o.pre = o.pre[:min(length, int64(len(o.pre)))]
	o.off += offset - from
	o.n = length - int64(len(o.pre))
	return o
}

// section writes a BODY[…] or one of RFC 3501's RFC822 items.
func (f *fetch) section(it *fetchItem, label string, c *content) error {
	o, exists, err := c.section(it)
	if err == nil && o.n > 0 {
		err = c.openFor(o) // what is gone is better noticed before the answer
	}
	if err != nil {
		f.fail(err)
		return nil
	}
	f.begin(label)
	w := f.s.out
	if !exists {
		w.raw("NIL")
		return nil
	}
	if it.section.partial {
		o = o.cut(it.section.offset, it.section.length)
	}
	w.literal(o.size())
	return c.write(o)
}

// bodyWriter takes a literal's octets to the connection.
type bodyWriter struct {
	conn *wire.Conn
	lost bool // the client is gone
}

func (b *bodyWriter) Write(p []byte) (int, error) {
	n, err := b.conn.WriteBody(p)
	b.lost = b.lost || err != nil
	return n, err
}

// shortLiteral is the size in octets up to which a literal goes out with what is
// around it, as long as no transcript has to tell them apart.
const shortLiteral = 4 << 10

// write sends the octets of a literal that was announced. Where they can't be
// read whole, the connection must end: the client counts them.
func (c *content) write(o octets) error {
	if o.n == 0 && len(o.pre) <= shortLiteral && !c.s.conn.Watched() {
		c.s.out.b = append(c.s.out.b, o.pre...)
		return nil
	}
	c.s.out.flush()
	w := &bodyWriter{conn: c.s.conn}
	if len(o.pre) > 0 {
		if _, err := w.Write(o.pre); err != nil {
			return c.s.lose(err)
		}
	}
	if o.n == 0 {
		return nil
	}
	err := c.writeStored(w, o)
	if err == nil {
		return nil
	}
	if !w.lost && !errors.Is(err, mail.ErrNotFound) { // or another session expunged it meanwhile
		c.s.srv.cfg.Log.Internal(c.s.conn.ID(), "sending a message", err)
	}
	return c.s.lose(err)
}

func (c *content) writeStored(w io.Writer, o octets) error {
	if o.copy == nil {
		return c.c.WriteRange(w, o.off, o.n)
	}
	cut := &cutter{w: w, skip: o.off, left: o.n}
	switch err := o.copy(cut); {
	case cut.left == 0:
		return nil
	case err != nil:
		return err
	}
	return io.ErrUnexpectedEOF
}

// section finds the octets of an item. exists is false where the message has
// no such part (RFC 9051 §9: section's value is an nstring).
func (c *content) section(it *fetchItem) (o octets, exists bool, err error) {
	sec := it.section
	switch it.kind {
	case itemRFC822Header:
		sec.text = headerText
	case itemRFC822Text:
		sec.text = bodyText
	}
	if len(sec.part) > 0 {
		return c.partSection(&sec)
	}
	whole := c.m.Size - int64(len(c.m.Trace))
	switch sec.text {
	case headerText:
		if len(c.m.Header) >= longHeader {
			stored, err := c.open()
			if err != nil {
				return octets{}, false, err
			}
			return octets{pre: c.m.Trace, n: stored.HeaderSize()}, true, nil
		}
		return octets{pre: c.header()}, true, nil
	case headerFields, headerFieldsNot:
		if len(c.m.Header) >= longHeader {
			stored, err := c.open()
			if err != nil {
				return octets{}, false, err
			}
			o, err = c.fields(sec.fields, sec.text == headerFieldsNot, c.m.Trace, 0, stored.HeaderSize())
			return o, true, err
		}
		c.room.fields = message.FilterHeader(c.room.fields[:0], c.header(), sec.fields, sec.text == headerFieldsNot)
		return octets{pre: c.room.fields}, true, err
	case bodyText:
		stored, err := c.open()
		if err != nil {
			return octets{}, false, err
		}
		return octets{off: stored.HeaderSize(), n: whole - stored.HeaderSize()}, true, nil
	}
	return octets{pre: c.m.Trace, n: whole}, true, nil
}

// partSection finds the octets of a section that begins with a part's number
// (RFC 9051 §6.4.5.1).
func (c *content) partSection(sec *section) (o octets, exists bool, err error) {
	root, err := c.parts()
	if err != nil {
		return octets{}, false, err
	}
	start, end, exists := root.Section(sec.part, sec.text.specifier())
	if !exists {
		return octets{}, false, nil
	}
	if sec.text != headerFields && sec.text != headerFieldsNot {
		return octets{off: start, n: end - start}, true, nil
	}
	o, err = c.fields(sec.fields, sec.text == headerFieldsNot, nil, start, end)
	return o, true, err
}

// fields finds those of names, or all but those, in a header that begins with
// trace and goes on with octets of the content. It may be as long as a message,
// so it is read twice rather than held: how much it is comes first on the wire.
func (c *content) fields(names []string, not bool, trace []byte, start, end int64) (octets, error) {
	stored, err := c.open()
	if err != nil {
		return octets{}, err
	}
	copyTo := func(w io.Writer) error {
		header := io.MultiReader(bytes.NewReader(trace), io.NewSectionReader(stored, start, end-start))
		held := min(int64(len(trace))+end-start, decodeBuffer)
		return message.CopyHeader(w, bufio.NewReaderSize(header, int(held)), names, not)
	}
	var seen measure
	err = copyTo(&seen)
	return octets{n: seen.size, copy: copyTo}, err
}

// specifier is what package message calls it: fields are chosen from the
// header.
func (t sectionText) specifier() message.Specifier {
	switch t {
	case headerText, headerFields, headerFieldsNot:
		return message.SectionHeader
	case bodyText:
		return message.SectionText
	case mimeText:
		return message.SectionMIME
	}
	return message.SectionWhole
}

// ofHeader: the message's own header alone answers it.
func (sec *section) ofHeader() bool {
	return len(sec.part) == 0 && (sec.text == headerText || sec.text == headerFields || sec.text == headerFieldsNot)
}

// label is an item's name in the answer, with the space or parenthesis before
// its value.
func (it *fetchItem) label() string {
	switch it.kind {
	case itemFlags:
		return "FLAGS ("
	case itemModSeq:
		return "" // see writeModSeq
	case itemSection:
		return "BODY[" + it.section.spec() + "]" + it.section.origin() + " "
	case itemBinary:
		return "BINARY[" + it.section.spec() + "]" + it.section.origin() + " "
	case itemBinarySize:
		return "BINARY.SIZE[" + it.section.spec() + "] "
	}
	return plainItems[it.kind] + " "
}

// spec is what stands between the brackets.
func (sec *section) spec() string {
	var w writer
	for i, n := range sec.part {
		if i > 0 {
			w.raw(".")
		}
		w.raw(strconv.Itoa(n))
	}
	if sec.text != wholePart && len(sec.part) > 0 {
		w.raw(".")
	}
	w.raw([...]string{wholePart: "", headerText: "HEADER", headerFields: "HEADER.FIELDS ", headerFieldsNot: "HEADER.FIELDS.NOT ",
		bodyText: "TEXT", mimeText: "MIME"}[sec.text])
	if sec.text == headerFields || sec.text == headerFieldsNot {
		w.raw("(")
		for i, name := range sec.fields {
			if i > 0 {
				w.raw(" ")
			}
			w.astring(name)
		}
		w.raw(")")
	}
	return string(w.b)
}

// origin is <n> where part of the text was asked for (RFC 9051 §7.5.2).
func (sec *section) origin() string {
	if !sec.partial {
		return ""
	}
	return "<" + strconv.FormatInt(sec.offset, 10) + ">"
}
