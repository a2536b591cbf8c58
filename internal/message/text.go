package message

import (
	"bytes"
	"io"
	"math"
	"unicode/utf8"
)

// What SEARCH looks into is folded (i;unicode-casemap, RFC 5051), so that a
// search is a search for octets. It is not kept beside the message: it comes
// from the message's octets whenever it is looked into.

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

// A Scanner reads the text of messages. It uses its memory for one after
// another; the zero value is ready.
type Scanner struct {
	out   sink
	part  extractor
	lines lines
	field gather
	words []byte
	buf   []byte // octets that were read
}

// FoldHeader appends the text of a header block: the whole header, unfolded and
// with encoded words decoded, a line "NAME: VALUE\n" for each field. With names,
// which are in lower case, only of those fields.
func (s *Scanner) FoldHeader(dst, block []byte, names ...string) []byte {
	kept := s.out.b
	s.out = sink{b: dst, max: math.MaxInt}
	s.begin()
	h := headerReader{s: s, names: names}
	for len(block) > 0 {
		var line []byte
		if line, block = s.lines.next(block); line == nil {
			break
		}
		h.line(line)
	}
	if line := s.lines.last(); line != nil {
		h.line(line)
	}
	h.end()
	dst, s.out.b = s.out.b, kept
	return dst
}

// Header hands the text of a message's header to yield in pieces of whole lines,
// as FoldHeader has them, until that returns false. r holds the message that
// root is the root of. The error is r's.
func (s *Scanner) Header(root *Part, r io.ReaderAt, yield func(lines []byte) bool) error {
	s.out = sink{b: s.out.b[:0], spill: yield}
	err := s.header(r, root.Header, root.Body)
	s.out.flush()
	return err
}

// Text hands the text of a message's body to yield piece by piece until that
// returns false: the decoded text of all text parts, and the headers of nested
// messages, each ended by a line end. With headers, those of its parts stand
// among them: SEARCH TEXT looks into them, SEARCH BODY does not (RFC 9051
// §6.4.4). r holds the message that root is the root of. The error is r's.
func (s *Scanner) Text(root *Part, r io.ReaderAt, headers bool, yield func(folded []byte) bool) error {
	s.out = sink{b: s.out.b[:0], spill: yield}
	err := s.scan(r, root, headers)
	s.out.flush()
	return err
}

// scan adds the text of a part and of those inside it.
func (s *Scanner) scan(r io.ReaderAt, p *Part, headers bool) error {
	if s.out.full {
		return nil
	}
	if len(p.Children) == 0 {
		return s.leaf(r, p)
	}
	for _, child := range p.Children {
		if headers || p.Message() {
			if err := s.header(r, child.Header, child.Body); err != nil {
				return err
			}
		}
		if err := s.scan(r, child, headers); err != nil {
			return err
		}
	}
	return nil
}

// leaf adds the text of a part that has none inside.
func (s *Scanner) leaf(r io.ReaderAt, p *Part) error {
	if !hasText(p) {
		return nil
	}
	s.part.begin(p, &s.out)
	err := s.eachLine(r, p.Body, p.End, func(line []byte) bool {
		s.part.line(line)
		return !s.out.full
	})
	if !s.out.full {
		s.part.end()
	}
	return err
}

// hasText reports whether the part's content is text for people: that of
// reports (RFC 3464, RFC 8098) too.
func hasText(p *Part) bool {
	return p.Type == "text" || p.Type == "message" && len(p.Children) == 0
}

// header adds the fields of a header block.
func (s *Scanner) header(r io.ReaderAt, start, end int64) error {
	h := headerReader{s: s}
	err := s.eachLine(r, start, end, func(line []byte) bool {
		h.line(line)
		return !s.out.full
	})
	h.end()
	return err
}

// headerReader adds the fields of one header block to the text.
type headerReader struct {
	s     *Scanner
	names []string // of the fields that are wanted; nil: of all
	rest  bool     // the next line is the rest of a long one
}

// line takes a line, or a piece of one.
func (h *headerReader) line(line []byte) {
	g := &h.s.field
	first := !h.rest
	eol := lineEnd(line)
	h.rest = eol == 0
	line = line[:len(line)-eol]
	if !first || len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
		g.extend(line)
		return
	}
	h.end()
	if name, value := splitField(line); name > 0 && h.wants(line[:name]) {
		g.begin(line[:name], line[value:])
	}
}

func (h *headerReader) wants(name []byte) bool {
	if h.names == nil {
		return true
	}
	for _, n := range h.names {
		if len(n) == len(name) && equalFold(name, n) {
			return true
		}
	}
	return false
}

// end ends the field that was being gathered.
func (h *headerReader) end() {
	if name, value := h.s.field.take(); name != nil {
		h.s.add(name, value)
	}
}

// add adds a header field: "NAME: VALUE\n".
func (s *Scanner) add(name, value []byte) {
	out := &s.out
	if out.full {
		return
	}
	out.b, _ = appendUpper(out.b, name)
	out.b = append(out.b, ": "...)
	if !isASCII(value) {
		value = toUTF8(value)
	}
	if bytes.Contains(value, []byte("=?")) {
		s.words = appendDecoded(s.words[:0], value)
		value = s.words
	}
	at := len(out.b)
	out.b = appendFold(out.b, value)
	oneLine(out.b[at:])
	out.b = append(out.b, '\n')
	out.check()
}

// oneLine turns what encoded words may hide into spaces.
func oneLine(b []byte) {
	for _, c := range [...]byte{'\n', '\r', 0} {
		for rest := b; ; {
			i := bytes.IndexByte(rest, c)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// begin makes ready for the lines of another block.
func (s *Scanner) begin() { s.lines = lines{carry: reuse(s.lines.carry)} }

// maxScanRead is how many octets are read at a time.
const maxScanRead = 64 << 10

// eachLine reads a range of octets as the Parser does: in lines, and long lines
// in pieces. It stops when fn returns false.
func (s *Scanner) eachLine(r io.ReaderAt, start, end int64, fn func(line []byte) bool) error {
	s.begin()
	for start < end {
		want := int(min(end-start, maxScanRead))
		if cap(s.buf) < want {
			s.buf = make([]byte, want)
		}
		n, err := r.ReadAt(s.buf[:want], start)
		if n == 0 && err != nil {
			return err
		}
		start += int64(n)
		for b := s.buf[:n]; len(b) > 0; {
			var line []byte
			if line, b = s.lines.next(b); line == nil {
				break
			}
			if !fn(line) {
				return nil
			}
		}
	}
	if line := s.lines.last(); line != nil {
		fn(line)
	}
	return nil
}
