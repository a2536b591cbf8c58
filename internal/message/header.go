package message

import "bytes"

// header is the state of the header that is being read.
type header struct {
	open bool
	gather
	// seen: some field or mbox line stands before; real: one that is no trace.
	seen, real bool
	// blankish: the line before had nothing but white space.
	blankish bool
}

// beginHeader begins the header of the part on top.
func (p *run) beginHeader() {
	h := &p.header
	*h = header{open: true, gather: gather{field: h.field[:0]}}
	p.fields.reset()
}

// headerLine handles a line of the header without its line end, or a piece of
// one. It reports false when the header turns out to have ended before it.
//
// A line that is neither a field nor a continuation is passed over, for a
// header with one bad line is still a header. Where nothing stands before it
// but what servers add, though, there never was a header: it is text that
// somebody typed (or a body part without a header that lacks its blank line).
// So it is where only white space parts it from the fields.
func (p *run) headerLine(line []byte, first bool, eol int) bool {
	if !p.takeHeaderLine(line, first, eol) {
		return false
	}
	if !p.out.HeaderUTF8 && p.high {
		p.out.HeaderUTF8 = !isASCII(line)
	}
	return true
}

func (p *run) takeHeaderLine(line []byte, first bool, eol int) bool {
	h := &p.header
	if !first {
		h.extend(line)
		return true
	}
	if len(line) == 0 || line[0] == '\r' && len(bytes.TrimRight(line, "\r")) == 0 {
		p.endHeader(p.off+int64(len(line)+eol), p.lfs+min(int64(eol), 1))
		return true
	}
	if (line[0] == ' ' || line[0] == '\t') && h.seen {
		h.blankish = len(bytes.TrimLeft(line, " \t\r")) == 0
		h.extend(line)
		return true
	}
	name, value := splitField(line)
	if name > 0 {
		p.flushField()
		h.begin(line[:name], line[value:])
		h.seen, h.blankish = true, false
		h.real = h.real || !isTrace(line[:name])
		return true
	}
	if !h.real && isMboxLine(line) || !h.seen && indentedField(line) {
		p.flushField()
		h.seen = true
		return true
	}
	if !h.real || h.blankish {
		p.endHeader(p.off, p.lfs)
		return false
	}
	p.flushField()
	return true
}

// isMboxLine recognizes the line that parts messages in an mbox file
// ("From a@b.org Thu Jan  1 00:00:00 1970"), which programs leave on top,
// sometimes without the date.
func isMboxLine(line []byte) bool {
	line = bytes.TrimPrefix(line, []byte(">"))
	rest, ok := bytes.CutPrefix(line, []byte("From "))
	if !ok {
		return false
	}
	if words := bytes.Fields(rest); len(words) == 1 && bytes.IndexByte(words[0], '@') > 0 {
		return true
	}
	colon := bytes.IndexByte(line, ':')
	digit := func(i int) bool { return i < len(line) && line[i] >= '0' && line[i] <= '9' }
	return colon > 2 && digit(colon-1) && digit(colon+1) && digit(colon+2)
}

// indentedField recognizes a first line that would be a field but for the
// white space before it.
func indentedField(line []byte) bool {
	trimmed := bytes.TrimLeft(line, " \t")
	name, _ := splitField(trimmed)
	return len(trimmed) < len(line) && name > 0
}

// flushField handles the field that was being gathered.
func (p *run) flushField() {
	name, value := p.header.take()
	if name == nil {
		return
	}
	id := fieldID(name)
	if id == fieldReceived && len(p.tree.stack) == 1 {
		p.out.Received++
	}
	p.fields.keep(id, value)
}

// endHeader ends the header of the part on top: its content begins at an
// offset, after so many line ends. The part may turn out to hold a message,
// whose header is then open.
func (p *run) endHeader(body, lfs int64) {
	p.flushField()
	p.header.open = false
	f := p.tree.top()
	f.part.Body, f.lfs = body, lfs
	level := len(p.tree.stack) - 1
	if f.message {
		if level == 0 {
			p.out.HeaderSize = body
			p.out.Envelope = p.fields.appendEnvelope(make([]byte, 0, 512)) // as most need
			p.out.Date = ParseDate(p.fields.get(fieldDate))
		} else {
			p.tree.stack[level-1].part.Envelope = p.fields.appendEnvelope(nil)
		}
	}
	digest := !f.message && level > 0 && p.tree.stack[level-1].part.Subtype == "digest"
	f.part.describe(&p.fields, digest)
	p.beginContent(f)
}

// beginContent begins the content of the part on top, now that its header is
// known.
func (p *run) beginContent(f *frame) {
	part := f.part
	switch {
	case part.Multipart():
		boundary := trimSpace([]byte(part.Param("boundary")))
		if len(boundary) == 0 || !p.tree.room() {
			part.makePlain()
			return
		}
		p.tree.bound(string(boundary))
	case part.Message():
		if isEncoded(part.Encoding) {
			part.Type, part.Subtype = "application", "octet-stream"
			return
		}
		if !p.tree.room() {
			part.makePlain()
			return
		}
		p.tree.push(part.Body, true)
		p.beginHeader()
	}
}

// isEncoded reports whether content in that transfer encoding is not what it
// stands for.
func isEncoded(encoding string) bool {
	switch encoding {
	case "base64", "quoted-printable", "x-uuencode", "uuencode", "x-uue":
		return true
	}
	return false
}
