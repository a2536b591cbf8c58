package message

import (
	"bytes"
	"sync"
)

// A Parser reads a message as it streams past: write the octets to it in
// pieces of any size, then call Finish. It holds no more than the header
// fields that matter and the part tree. It never fails: a malformed message gets
// the structure that a careful reader would give it.
type Parser struct{ run *run }

// NewParser returns a Parser for one message.
func NewParser() *Parser {
	r := runs.Get().(*run)
	r.begin()
	return &Parser{r}
}

// Write takes the next octets of the message. It never returns an error.
func (p *Parser) Write(b []byte) (int, error) {
	p.run.write(b)
	return len(b), nil
}

// Finish ends the message. The Parser must not be used afterwards.
func (p *Parser) Finish() *Parsed {
	out := p.run.finish()
	runs.Put(p.run)
	p.run = nil
	return out
}

// Held is about how many octets of the message the Parser holds in memory.
func (p *Parser) Held() int {
	r := p.run
	return r.fields.kept + cap(r.header.field) + cap(r.lines.carry)
}

// run is the work on one message. Its buffers serve one message after another.
type run struct {
	lines lines
	off   int64 // of the line (or piece of one) being handled

	// Facts about octets, wherever they stand. lfs and crlfs count line ends
	// before off.
	crs, lfs, crlfs int64
	nul, high       bool
	longLine        bool

	eol  int  // octets of the line end before off: 0, 1 or 2
	rest bool // the line being handled began in an earlier piece

	tree   tree
	header header
	fields fields

	out *Parsed
}

var runs = sync.Pool{New: func() any { return new(run) }}

// begin begins a message.
func (p *run) begin() {
	p.out = &Parsed{Root: p.tree.begin()}
	p.beginHeader()
}

func (p *run) write(b []byte) {
	p.survey(b)
	for len(b) > 0 {
		line, rest := p.lines.next(b)
		if line == nil {
			return
		}
		p.line(line)
		b = rest
	}
}

// finish ends the message and forgets it.
func (p *run) finish() *Parsed {
	if line := p.lines.last(); line != nil {
		p.line(line)
	}
	for p.header.open {
		p.endHeader(p.off, p.lfs)
	}
	p.closeTo(0, p.off, p.lfs)
	out := p.out
	out.Size = p.off
	out.EightBit = p.high
	out.Binary = p.nul || p.longLine || p.crs != p.crlfs || p.lfs != p.crlfs
	*p = run{
		lines:  lines{carry: reuse(p.lines.carry)},
		tree:   p.tree.emptied(),
		header: header{gather: gather{field: reuse(p.header.field)}},
		fields: p.fields.emptied(),
	}
	return out
}

// reuse empties a buffer, and lets go of it when it is large: one large
// message must not cost memory ever after.
func reuse(b []byte) []byte {
	if cap(b) > 64<<10 {
		return nil
	}
	return b[:0]
}

// survey notes what holds of octets without regard to lines.
func (p *run) survey(b []byte) {
	if !p.nul {
		p.nul = bytes.IndexByte(b, 0) >= 0
	}
	if !p.high {
		p.high = !isASCII(b)
	}
	p.crs += int64(bytes.Count(b, []byte{'\r'}))
}

// line handles a line with its line end, or a piece of a line longer than
// maxLine (without one, but for the last).
func (p *run) line(b []byte) {
	first := !p.rest
	eol := lineEnd(b)
	p.rest = eol == 0
	whole := first && (eol > 0 || p.lines.atEnd)
	if !whole || !isDash(b) || !p.delimiter(b[:len(b)-eol], eol) {
		p.content(b, first, eol)
	}
	p.off += int64(len(b))
	p.eol = eol
	if len(b)-eol > maxSMTPLine {
		p.longLine = true
	}
	if eol > 0 {
		p.lfs++
	}
	if eol == 2 {
		p.crlfs++
	}
}

// maxSMTPLine is the longest line that SMTP carries as text, without its line
// end (RFC 5321 §4.5.3.1.6).
const maxSMTPLine = 998

func isDash(b []byte) bool { return len(b) >= 2 && b[0] == '-' && b[1] == '-' }

// content handles a line that is no delimiter. Where a header turns out to
// have ended before it, it is looked at again as what it then is.
func (p *run) content(b []byte, first bool, eol int) {
	for p.header.open {
		if p.headerLine(b[:len(b)-eol], first, eol) {
			return
		}
	}
}

// lineEnd returns the length of the line end at b's end.
func lineEnd(b []byte) int {
	n := len(b)
	if n == 0 || b[n-1] != '\n' {
		return 0
	}
	if n > 1 && b[n-2] == '\r' {
		return 2
	}
	return 1
}

// lines cuts a stream into lines, and lines longer than maxLine into pieces,
// at the same places however the stream was cut on its way in.
type lines struct {
	carry []byte // the beginning of a line whose end has not come yet
	used  bool   // carry was handed out by next
	atEnd bool   // the stream has ended
}

// next returns the next line or piece of b and what follows it. It returns nil
// when the line is not complete; then all of b is kept. The line is valid
// until the next call.
func (l *lines) next(b []byte) (line, rest []byte) {
	if l.used {
		l.carry, l.used = l.carry[:0], false
	}
	have := len(l.carry)
	i := bytes.IndexByte(b, '\n')
	end := i + 1
	if i < 0 {
		end = len(b)
	}
	if have+end > maxLine {
		return l.piece(b, have)
	}
	if i < 0 {
		l.carry = append(l.carry, b...)
		return nil, nil
	}
	if have == 0 {
		return b[:end], b[end:]
	}
	l.carry = append(l.carry, b[:end]...)
	l.used = true
	return l.carry, b[end:]
}

// piece cuts maxLine octets off a long line, or one less where that would
// part a CR from its LF.
func (l *lines) piece(b []byte, have int) (line, rest []byte) {
	take := maxLine - have
	last := byte(0)
	if take > 0 {
		last = b[take-1]
	} else if have > 0 {
		last = l.carry[have-1]
	}
	if last != '\r' {
		if have == 0 {
			return b[:take], b[take:]
		}
		l.carry = append(l.carry, b[:take]...)
		l.used = true
		return l.carry, b[take:]
	}
	if take > 0 {
		if have == 0 {
			return b[:take-1], b[take-1:]
		}
		l.carry = append(l.carry, b[:take-1]...)
		l.used = true
		return l.carry, b[take-1:]
	}
	// The CR is the last octet of a full carry: hand out what stands before
	// it and begin a new carry with it.
	line = append([]byte(nil), l.carry[:have-1]...)
	l.carry = append(l.carry[:0], '\r')
	return line, b
}

// last ends the stream and returns what is left of it, or nil.
func (l *lines) last() []byte {
	l.atEnd = true
	if l.used || len(l.carry) == 0 {
		return nil
	}
	l.used = true
	return l.carry
}
