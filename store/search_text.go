package store

import (
	"bytes"
	"slices"
)

// hasText is a HasText made ready.
type hasText struct {
	in    TextField
	name  []byte // of InHeader: "NAME: ", folded
	line  needle // … and where a line that is not the first begins with it
	value needle
	place int // in plan.texts
}

func (t *hasText) tier() tier {
	if t.in == InBody {
		return onBody
	}
	return onHeader
}

func (t *hasText) match(c *candidate) verdict {
	c.work += rowWork
	if t.in != InBody {
		if c.have < onHeader {
			return c.lacks(onHeader)
		}
		if t.inLines(c.header, &c.work) {
			return yes
		}
	}
	switch {
	case t.in == InHeader && !c.long:
		return no
	case c.have < onBody:
		return c.lacks(onBody)
	case c.found[t.place]:
		return yes
	}
	return no
}

// inLines looks into header lines as message.Scanner has them: for InHeader only
// into those of the field.
func (t *hasText) inLines(lines []byte, work *int) bool {
	if t.in == InText {
		return t.value.in(lines, work)
	}
	if len(t.value.b) == 0 {
		return bytes.HasPrefix(lines, t.name) || t.line.in(lines, work)
	}
	for len(lines) > 0 {
		at := t.value.index(lines, work)
		if at < 0 {
			return false
		}
		*work += lineWork
		var line []byte
		line, lines, _ = bytes.Cut(lines[bytes.LastIndexByte(lines[:at], '\n')+1:], []byte{'\n'})
		if value, ok := bytes.CutPrefix(line, t.name); ok && t.value.in(value, work) {
			return true
		}
	}
	return false
}

// lookout looks for texts in a message that streams past.
type lookout struct {
	texts []*hasText
	found []bool
	seam  []byte
	work  *int // the steps that it takes are added
	most  int  // … up to about here
}

// begin begins a message.
func (l *lookout) begin(texts []*hasText, work *int, most int) {
	l.texts, l.work, l.most = texts, work, most
	*work += rowWork * len(texts)
	l.found = l.found[:0]
	for _, t := range texts {
		l.found = append(l.found, t.in != InHeader && len(t.value.b) == 0) // which is in nothing, too
	}
}

// lines returns a function that looks into header lines that follow those of
// the trace, some at a time. It reports whether there is anything left that may
// be in others, and is to be looked for.
func (l *lookout) lines(trace []byte) func(lines []byte) bool {
	text := l.window(InText)
	text(trace)
	return func(lines []byte) bool {
		left := text(lines)
		for _, t := range l.texts {
			if t.in == InHeader && !l.found[t.place] {
				l.found[t.place] = t.inLines(lines, l.work)
				left = left || !l.found[t.place]
			}
		}
		return left && *l.work <= l.most
	}
}

// wants reports whether there are texts to look for in a field.
func (l *lookout) wants(in TextField) bool {
	return slices.ContainsFunc(l.texts, func(t *hasText) bool { return t.in == in })
}

// window returns a function that looks into one piece of text after another
// for those texts that are wanted in a field, also where two pieces meet. It
// reports whether there is anything left that is to be looked for.
func (l *lookout) window(in TextField) func(piece []byte) bool {
	meet := 0 // how many octets of a text may be in another piece
	for _, t := range l.texts {
		if t.in == in {
			meet = max(meet, len(t.value.b)-1)
		}
	}
	l.seam = l.seam[:0]
	return func(piece []byte) bool {
		end := len(l.seam)
		l.seam = append(l.seam, piece[:min(len(piece), meet)]...)
		left := false
		for _, t := range l.texts {
			if t.in == in && !l.found[t.place] {
				l.found[t.place] = t.value.in(piece, l.work) || end > 0 && t.value.in(l.seam, l.work)
				left = left || !l.found[t.place]
			}
		}
		// What is kept for the next seam is the end of all that was.
		if len(piece) >= meet {
			l.seam = append(l.seam[:0], piece[len(piece)-meet:]...)
		} else if n := len(l.seam); n > meet {
			l.seam = l.seam[:copy(l.seam, l.seam[n-meet:])]
		}
		return left && *l.work <= l.most
	}
}

// needle is a folded text that is looked for.
type needle struct {
	b []byte
	// rare is where the octet stands in it that is rarest in mail.
	rare int
	// What it costs to find that one alone, in steps; and to pass an octet by
	// where that one is not rare, in sixteenths of a step.
	miss, pass int
}

// Steps: to begin to look for a text, and to find the line that something is on.
const (
	beginWork = 12
	lineWork  = 30
)

// octetsAStep is how many octets are passed in a step where there is none of the
// rare ones.
const octetsAStep = 32

func newNeedle(b []byte) needle {
	n := needle{b: b, miss: 8 + len(b)/32, pass: 8 + len(b)/6}
	if len(b) > 63 { // bytes.Index has other ways then
		n.pass = 32 + len(b)/36
	}
	for i := range b {
		if rarity(b[i]) > rarity(b[n.rare]) {
			n.rare = i
		}
	}
	return n
}

// rarity is higher for octets that are rarer in folded text. It only has to be
// right enough to save time.
func rarity(c byte) int {
	const common = " ETAOINSHRLDCU\nMWFGYPBVK\xcc.,\x81\x80\x82=-0123456789:;/\xcd\xe1\xe2JXQZ"
	i := bytes.IndexByte([]byte(common), c)
	if i < 0 {
		return len(common)
	}
	return i
}

func (n *needle) in(b []byte, work *int) bool { return n.index(b, work) >= 0 }

// index is bytes.Index, but it hops from one rare octet to the next, which is
// several times as fast in mail. Where they turn out not to be rare, it leaves
// the rest to bytes.Index. The steps that it takes are added to work.
func (n *needle) index(b []byte, work *int) int {
	if len(n.b) == 0 {
		return 0
	}
	steps := beginWork
	at, end := 0, len(b)-len(n.b) // the last place for it
	for at <= end {
		i := bytes.IndexByte(b[at+n.rare:end+n.rare+1], n.b[n.rare])
		if i < 0 {
			steps += (end - at) / octetsAStep
			break
		}
		at += i
		steps += i/octetsAStep + n.miss
		if bytes.Equal(b[at:at+len(n.b)], n.b) {
			*work += steps
			return at
		}
		at++
		if steps > 100+at/4 {
			if i = bytes.Index(b[at:], n.b); i >= 0 {
				*work += steps + i*n.pass/16
				return at + i
			}
			steps += (len(b) - at) * n.pass / 16
			break
		}
	}
	*work += steps
	return -1
}
