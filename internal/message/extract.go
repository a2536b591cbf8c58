package message

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// extractor turns a part's content into folded text, or into text as it was
// written: transfer encoding, charset, markup, fold.
type extractor struct {
	out      *sink
	transfer transferDecoder
	charset  transform.Transformer // nil: UTF-8, or else windows-1252
	ascii    bool                  // ASCII is itself in the charset, whatever stands before
	html     *htmlText
	raw      []byte // what the transfer encoding gave
	held     []byte // octets that wait for the end of their line
	utf      []byte // what the charset gave
	newlines int    // line ends that have not been added to out yet
	any      bool   // something has been
	// asWritten: the text is not folded.
	asWritten bool
}

// maxBlock is how many octets wait for a line's end before they are handled
// without it.
const maxBlock = 8 << 10

func (x *extractor) begin(part *Part, out *sink) {
	*x = extractor{out: out, raw: x.raw[:0], held: x.held[:0], utf: x.utf[:0]}
	x.transfer, _ = newTransferDecoder(part.Encoding)
	if e := lookupCharset(part.Param("charset")); e != nil {
		x.charset, x.ascii = e.NewDecoder(), keepsASCII(e)
	}
	if part.Subtype == "html" {
		x.html = &htmlText{}
	}
}

// line takes a line of the content, or a piece of one, as lines cuts them.
func (x *extractor) line(line []byte) {
	// To other charsets a line end may be anything.
	if x.charset == nil && x.transfer == nil && x.html == nil && len(x.held) == 0 && !x.asWritten && x.simple(line) {
		return
	}
	if x.transfer != nil {
		x.raw = x.transfer.line(x.raw[:0], line)
		line = x.raw
	}
	x.decoded(line)
}

// simple handles a whole line that needs nothing but folding, the most common
// by far, and reports false for any other.
func (x *extractor) simple(line []byte) bool {
	eol := lineEnd(line)
	line = line[:len(line)-eol]
	if eol == 0 || bytes.IndexByte(line, '\r') >= 0 {
		return false
	}
	if len(line) > 0 {
		out, n := appendUpper(x.owed(), line)
		if n < len(line) {
			out = appendFold(out, toUTF8(line[n:]))
		}
		x.out.b = out
		x.out.check()
	}
	x.newlines++
	return true
}

// owed returns the text so far with the line ends that were held back: those
// at a part's end are left out, since one of them belongs to the delimiter, and
// each part's text ends in one line end instead.
func (x *extractor) owed() []byte {
	x.any = true
	for x.newlines > 0 && !x.out.full {
		n := min(x.newlines, len(lineEnds))
		x.out.b = append(x.out.b, lineEnds[:n]...)
		x.newlines -= n
		x.out.check()
	}
	return x.out.b
}

const lineEnds = "\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n"

// decoded takes octets of the text itself, and hands on whole lines.
func (x *extractor) decoded(b []byte) {
	n := len(b)
	if n == 0 {
		return
	}
	if len(x.held) == 0 && b[n-1] == '\n' {
		x.hold(b[x.convert(b, false):])
		return
	}
	x.held = append(x.held, b...)
	if b[n-1] != '\n' && len(x.held) < maxBlock {
		return
	}
	cut := bytes.LastIndexByte(x.held, '\n') + 1
	if cut == 0 {
		cut = wholeRunes(x.held)
	}
	used := x.convert(x.held[:cut], false)
	x.held = x.held[:copy(x.held, x.held[used:])]
}

func (x *extractor) hold(b []byte) { x.held = append(x.held, b...) }

// wholeRunes returns the length of b without a UTF-8 sequence that is not
// complete at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// end ends the content. Texts are kept apart by a line end.
func (x *extractor) end() {
	if x.transfer != nil {
		x.decoded(x.transfer.finish(x.raw[:0]))
	}
	if len(x.held) > 0 {
		x.convert(x.held, true)
	}
	if x.html != nil {
		x.text([]byte{'\n'}) // ends a character reference that has no end
	}
	if x.any {
		x.out.b = append(x.out.b, '\n')
		x.out.check()
	}
}

// convert hands octets on as UTF-8, and returns how many it took.
func (x *extractor) convert(b []byte, last bool) int {
	if x.charset == nil {
		n := len(b)
		if !isASCII(b) {
			b = toUTF8(b)
		}
		x.text(b)
		return n
	}
	if x.ascii && isASCII(b) {
		x.text(b)
		return len(b)
	}
	return x.transform(b, last)
}

func (x *extractor) transform(b []byte, last bool) int {
	if cap(x.utf) == 0 {
		x.utf = make([]byte, 0, 4<<10)
	}
	done := 0
	for {
		n, used, err := x.charset.Transform(x.utf[:cap(x.utf)], b[done:], last)
		x.text(x.utf[:n])
		done += used
		switch {
		case err == nil, errors.Is(err, transform.ErrShortSrc) && !last:
			return done
		case errors.Is(err, transform.ErrShortDst) && n+used > 0:
		default:
			done++ // what cannot be decoded is passed over
		}
		if done >= len(b) {
			return len(b)
		}
	}
}

// text takes UTF-8.
func (x *extractor) text(b []byte) {
	if x.html != nil {
		b = x.html.write(b)
	}
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			x.fold(b)
			return
		}
		line := b[:i]
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		x.fold(line)
		x.newlines++
		b = b[i+1:]
	}
}

// fold takes text without LFs. A bare CR is a line end too.
func (x *extractor) fold(b []byte) {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\r')
		if i < 0 {
			i = len(b)
		}
		switch {
		case i > 0 && x.asWritten:
			x.out.b = append(x.owed(), b[:i]...)
			x.out.check()
		case i > 0:
			x.out.b = appendFold(x.owed(), b[:i])
			x.out.check()
		}
		if i < len(b) {
			x.newlines++
			i++
		}
		b = b[i:]
	}
}
