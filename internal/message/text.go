package message

import (
	"bytes"
	"io"
	"math"
	"unicode/utf8"
)

// textKind is one of the texts that SEARCH looks into.
type textKind int

const (
	textHeader textKind = iota
	textMIME
	textBody
	textKinds
)

// sink takes folded text, up to a bound or on to somebody.
type sink struct {
	b    []byte
	max  int  // the most octets that are kept
	full bool // there was more, or nobody wants more
	// spill, when set, takes what has gathered instead, and returns false when
	// it is enough.
	spill func([]byte) bool
}

// check is called after each addition.
func (s *sink) check() {
	if s.spill != nil {
		if len(s.b) >= maxLine {
			s.flush()
		}
		return
	}
	if len(s.b) <= s.max {
		return
	}
	n := s.max
	for !utf8.RuneStart(s.b[n]) {
		n--
	}
	s.b, s.full = s.b[:n], true
}

func (s *sink) flush() {
	if len(s.b) > 0 && !s.full && !s.spill(s.b) {
		s.full = true
	}
	s.b = s.b[:0]
}

// collector collects the texts of a message.
type collector struct {
	sinks [textKinds]sink
	shed  bool // text was given up
	part  extractor
	on    bool // a part's text is being extracted
	words []byte
}

// begin begins a message of which at most max octets are kept of each text.
func (c *collector) begin(max int) {
	for i := range c.sinks {
		c.sinks[i].max = max
	}
}

// emptied returns an empty collector that uses c's memory.
func (c *collector) emptied() collector {
	e := collector{
		words: reuse(c.words),
		part:  extractor{raw: reuse(c.part.raw), last: reuse(c.part.last), held: reuse(c.part.held), utf: reuse(c.part.utf)},
	}
	for i := range e.sinks {
		e.sinks[i].b = reuse(c.sinks[i].b)
	}
	return e
}

// field adds a header field: "NAME: VALUE\n".
func (c *collector) field(into textKind, name, value []byte) {
	s := &c.sinks[into]
	if s.full {
		return
	}
	s.b, _ = appendUpper(s.b, name)
	s.b = append(s.b, ": "...)
	if !isASCII(value) {
		value = toUTF8(value)
	}
	if bytes.Contains(value, []byte("=?")) {
		c.words = appendDecoded(c.words[:0], value)
		value = c.words
	}
	at := len(s.b)
	s.b = appendFold(s.b, value)
	oneLine(s.b[at:])
	s.b = append(s.b, '\n')
	s.check()
}

// oneLine turns what encoded words may hide into spaces.
func oneLine(b []byte) {
	for _, c := range [...]byte{'\n', '\r', 0} {
		for {
			i := bytes.IndexByte(b, c)
			if i < 0 {
				break
			}
			b[i] = ' '
		}
	}
}

// beginPart begins a part's content.
func (c *collector) beginPart(part *Part) {
	s := &c.sinks[textBody]
	if c.on = hasText(part) && !s.full; c.on {
		c.part.begin(part, s)
	}
}

// hasText reports whether the part's content is text for people: that of
// reports (RFC 3464, RFC 8098) too.
func hasText(p *Part) bool {
	return p.Type == "text" || p.Type == "message" && len(p.Children) == 0
}

// body adds a line of the part's content, or a piece of one.
func (c *collector) body(line []byte) {
	if c.on {
		c.part.line(line)
		c.on = !c.part.out.full
	}
}

// endPart ends the part's content; delimited when the last line's end is the
// delimiter's.
func (c *collector) endPart(delimited bool) {
	if c.on {
		c.part.end(delimited)
		c.on = false
	}
}

// mark is a place in the body's text.
type mark struct {
	n    int
	full bool
}

func (c *collector) mark() mark {
	s := &c.sinks[textBody]
	return mark{len(s.b), s.full}
}

// rollBack forgets what came after the mark: the preamble of a multipart that
// has parts is not for people.
func (c *collector) rollBack(m mark) {
	s := &c.sinks[textBody]
	s.b, s.full, c.on = s.b[:min(m.n, len(s.b))], m.full || c.shed, false
}

// giveUp keeps no more than max octets of each text, and takes no more.
func (c *collector) giveUp(max int) {
	c.shed = true
	for i := range c.sinks {
		s := &c.sinks[i]
		s.max = min(s.max, max)
		s.check()
		s.b, s.full = bytes.Clone(s.b), true
	}
	c.on = false
}

// result returns the texts.
func (c *collector) result() Text {
	t := Text{
		Header: keep(c.sinks[textHeader].b),
		MIME:   keep(c.sinks[textMIME].b),
		Body:   keep(c.sinks[textBody].b),
	}
	t.Truncated = c.shed
	for i := range c.sinks {
		t.Truncated = t.Truncated || c.sinks[i].full
	}
	return t
}

// keep copies what a buffer holds that is used again.
func keep(b []byte) []byte {
	switch {
	case len(b) == 0:
		return nil
	case cap(b) > 64<<10:
		return b // reuse will not use it
	}
	return bytes.Clone(b)
}

// FoldHeader appends the text of a header block as Text.Header has it, whatever
// its length.
func FoldHeader(dst, block []byte) []byte {
	var c collector
	c.sinks[textHeader] = sink{b: dst, max: math.MaxInt}
	_ = c.header(bytes.NewReader(block), 0, int64(len(block)), textHeader)
	return c.sinks[textHeader].b
}

// ScanHeader reads the header of a message again, for one whose Text is
// Truncated, and hands it to yield in pieces of whole lines, as Text.Header has
// them, until that returns false. r holds the message that p is the root of.
// The error is r's.
func (p *Part) ScanHeader(r io.ReaderAt, yield func(lines []byte) bool) error {
	var c collector
	s := &c.sinks[textHeader]
	s.spill = yield
	err := c.header(r, p.Header, p.Body, textHeader)
	s.flush()
	return err
}

// Scan reads the text of a message again, for one whose Text is Truncated, and
// hands it to yield piece by piece until that returns false. The pieces
// together are what Text.Body would be without a bound; with mime, the lines
// that would be in Text.MIME stand among them. r holds the message that p is
// the root of. The error is r's.
func (p *Part) Scan(r io.ReaderAt, mime bool, yield func(folded []byte) bool) error {
	var c collector
	body := &c.sinks[textBody]
	body.spill = yield
	into := textBody
	if !mime {
		into = textKinds
	}
	err := c.scan(r, p, into)
	body.flush()
	return err
}

// scan adds the text of a part and of those inside it. mime says where the
// headers of parts go, if anywhere.
func (c *collector) scan(r io.ReaderAt, p *Part, mime textKind) error {
	if c.sinks[textBody].full {
		return nil
	}
	if len(p.Children) == 0 {
		c.beginPart(p)
		if !c.on {
			return nil
		}
		err := eachLine(r, p.Body, p.End, func(line []byte, first bool) bool {
			c.body(line)
			return c.on
		})
		c.endPart(false)
		return err
	}
	for _, child := range p.Children {
		into := mime
		if p.Message() {
			into = textBody
		}
		if into < textKinds {
			if err := c.header(r, child.Header, child.Body, into); err != nil {
				return err
			}
		}
		if err := c.scan(r, child, mime); err != nil {
			return err
		}
	}
	return nil
}

// header adds the fields of a header block.
func (c *collector) header(r io.ReaderAt, start, end int64, into textKind) error {
	var g gather
	flush := func() {
		if name, value := g.take(); name != nil {
			c.field(into, name, value)
		}
	}
	err := eachLine(r, start, end, func(line []byte, first bool) bool {
		line = line[:len(line)-lineEnd(line)]
		if !first || len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			g.extend(line)
			return true
		}
		flush()
		if name, value := splitField(line); name > 0 {
			g.begin(line[:name], line[value:])
		}
		return !c.sinks[into].full
	})
	flush()
	return err
}

// eachLine reads a range of octets as the Parser does: in lines, and long lines
// in pieces. It stops when fn returns false.
func eachLine(r io.ReaderAt, start, end int64, fn func(line []byte, first bool) bool) error {
	var l lines
	first := true
	buf := make([]byte, min(end-start, 64<<10))
	for start < end {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), end-start)], start)
		if n == 0 && err != nil {
			return err
		}
		start += int64(n)
		for b := buf[:n]; len(b) > 0; {
			var line []byte
			if line, b = l.next(b); line == nil {
				break
			}
			if !fn(line, first) {
				return nil
			}
			first = lineEnd(line) > 0
		}
	}
	if line := l.last(); line != nil {
		fn(line, first)
	}
	return nil
}
