package message

import (
	"bytes"
	"strings"
)

// tree is the part tree as far as it has grown: the parts that are open stand
// on a stack, the message itself first.
type tree struct {
	parts int
	stack []frame
	// bounds finds the innermost open multipart with a boundary.
	bounds map[string]int
}

// frame is an open part.
type frame struct {
	part    *Part
	message bool // the part is a message: the root, or what a message/rfc822 holds
	lfs     int64
	// Of a multipart whose closing delimiter has not come: its boundary, and
	// the frame that has the same further out, or -1.
	boundary string
	outer    int
}

// begin begins a tree and returns its root.
func (t *tree) begin() *Part {
	root := &Part{}
	t.parts = 1
	if t.bounds == nil {
		t.bounds = make(map[string]int)
	}
	t.stack = append(t.stack, frame{part: root, message: true})
	return root
}

// emptied returns an empty tree that uses t's memory.
func (t *tree) emptied() tree {
	clear(t.stack[:cap(t.stack)])
	clear(t.bounds)
	return tree{stack: t.stack[:0], bounds: t.bounds}
}

func (t *tree) top() *frame { return &t.stack[len(t.stack)-1] }

// room reports whether the part on top may have a part inside.
func (t *tree) room() bool { return t.parts < MaxParts && len(t.stack) < maxDepth }

// push begins a part inside the part on top.
func (t *tree) push(off int64, message bool) {
	part := &Part{Header: off}
	up := t.top().part
	up.Children = append(up.Children, part)
	t.stack = append(t.stack, frame{part: part, message: message})
	t.parts++
}

// bound makes the part on top a multipart with a boundary.
func (t *tree) bound(boundary string) {
	level := len(t.stack) - 1
	outer, ok := t.bounds[boundary]
	if !ok {
		outer = -1
	}
	t.stack[level].boundary, t.stack[level].outer = boundary, outer
	t.bounds[boundary] = level
}

// unbound takes a frame's boundary out of force.
func (t *tree) unbound(f *frame) {
	if f.boundary == "" {
		return
	}
	if f.outer >= 0 {
		t.bounds[f.boundary] = f.outer
	} else {
		delete(t.bounds, f.boundary)
	}
	f.boundary = ""
}

// find looks a line up that begins with two dashes: the level of the multipart
// that it delimits, or -1, and whether it closes it. What follows the boundary
// may be white space with anything after it (RFC 2046 §5.1.1 has us compare the
// beginning of the line), but nothing else: it may be a longer boundary.
func (t *tree) find(line []byte) (level int, closing bool) {
	b := bytes.TrimRight(line[2:], " \t")
	level, closing = t.lookup(b)
	if level < 0 {
		if space := bytes.IndexAny(b, " \t"); space > 0 {
			level, closing = t.lookup(b[:space])
		}
	}
	return level, closing
}

// lookup finds the innermost multipart that has b, or b without the dashes at
// its end, for its boundary. What never was opened cannot be closed.
func (t *tree) lookup(b []byte) (level int, closing bool) {
	level = -1
	if l, ok := t.bounds[string(b)]; ok {
		level = l
	}
	k := len(b) - 2
	if k <= 0 || b[k] != '-' || b[k+1] != '-' {
		return level, false
	}
	if l, ok := t.bounds[string(b[:k])]; ok {
		for l >= 0 && len(t.stack[l].part.Children) == 0 {
			l = t.stack[l].outer
		}
		if l > level {
			return l, true
		}
	}
	return level, false
}

// delimiter handles a whole line that begins with two dashes, eol octets of
// line end after it, and reports whether it is a delimiter.
func (p *run) delimiter(line []byte, eol int) bool {
	if len(p.tree.bounds) == 0 {
		return false
	}
	level, closing := p.tree.find(line)
	if level < 0 || !closing && p.tree.parts >= MaxParts {
		return false
	}
	for p.header.open {
		p.endHeader(p.off, p.lfs)
	}
	// The line end before the delimiter is its own (RFC 2046 §5.1.1): who
	// verifies a signed part must get exactly what was signed.
	p.closeTo(level+1, p.off-int64(p.eol), p.lfs-1)
	f := p.tree.top()
	if closing {
		p.tree.unbound(f)
		return true
	}
	p.tree.push(p.off+int64(len(line)+eol), false)
	p.beginHeader()
	return true
}

// closeTo ends the open parts from a level on, where their content ends and
// lfs line ends have been.
func (p *run) closeTo(level int, end, lfs int64) {
	if len(p.tree.stack) <= level {
		return
	}
	// What follows its own delimiter at once has nothing inside, and that is
	// where it ends.
	end = max(end, p.tree.stack[level].part.Header)
	for i := level; i < len(p.tree.stack); i++ {
		f := &p.tree.stack[i]
		if f.part.Body < end {
			f.part.Lines = lfs - f.lfs
		}
		f.part.Header, f.part.Body, f.part.End = min(f.part.Header, end), min(f.part.Body, end), end
		if f.part.Multipart() && len(f.part.Children) == 0 {
			f.part.makePlain()
		}
	}
	for len(p.tree.stack) > level {
		p.tree.unbound(p.tree.top())
		p.tree.stack = p.tree.stack[:len(p.tree.stack)-1]
	}
}

// makePlain presents the part as plain text.
func (p *Part) makePlain() {
	charset := p.Param("charset")
	if charset == "" {
		charset = "us-ascii"
	}
	p.Type, p.Subtype = "text", "plain"
	p.Params = []Param{{"charset", strings.ToLower(charset)}}
}
