package message

import (
	"bytes"
	"html"
)

// htmlText reduces HTML to the text that a reader sees, piece by piece. White
// space becomes one space, and what browsers put on a line of its own stands
// on one.
type htmlText struct {
	out   []byte // of this piece
	state htmlState
	// name is the tag's name, or the character reference, so far.
	name []byte
	end  bool   // the tag is an end tag
	raw  string // the element whose content is no text, while inside it
	prev byte   // the last octet in a tag or comment that was no space
	mark byte   // the quotation mark that the attribute value ends with

	noTitle bool // the title is no text

	space, brk bool // white space or a line break comes before the next text
	any        bool // there has been text
}

type htmlState int

const (
	htmlPlain   htmlState = iota
	htmlOpen              // after "<"
	htmlName              // in a tag's name
	htmlTag               // in a tag, after its name
	htmlValue             // in a quoted attribute value
	htmlMarkup            // in "<!...>" or "<?...>"
	htmlComment           // in "<!--...-->"
	htmlEntity            // after "&"
	htmlRaw               // in an element whose content is no text
	htmlRawEnd            // there, after "</" or a part of it
)

// maxHTMLName bounds the names that are looked at.
const maxHTMLName = 40

// write takes a piece and returns its text, valid until the next call.
func (h *htmlText) write(b []byte) []byte {
	h.out = h.out[:0]
	for i := 0; i < len(b); {
		switch h.state {
		case htmlPlain:
			i += h.plain(b[i:])
		case htmlTag:
			i += h.tag(b[i:])
		case htmlValue:
			i += h.skipTo(b[i:], h.mark, htmlTag)
		case htmlRaw:
			h.name = h.name[:0]
			i += h.skipTo(b[i:], '<', htmlRawEnd)
		default:
			if h.step(b[i]) {
				i++
			}
		}
	}
	return h.out
}

// skipTo passes over what comes before an octet, which leads to another state.
func (h *htmlText) skipTo(b []byte, c byte, next htmlState) int {
	i := bytes.IndexByte(b, c)
	if i < 0 {
		return len(b)
	}
	h.state = next
	return i + 1
}

// plain takes text up to the next markup, and returns its length with the
// character that began the markup.
func (h *htmlText) plain(b []byte) int {
	for i := 0; i < len(b); {
		switch b[i] {
		case '<':
			h.state, h.name, h.end = htmlOpen, h.name[:0], false
			return i + 1
		case '&':
			h.state, h.name = htmlEntity, h.name[:0]
			return i + 1
		case ' ', '\t', '\r', '\n', '\f':
			h.space = true
			i++
			continue
		}
		if h.space || h.brk {
			h.gap()
		}
		h.any = true
		start := i
		for i < len(b) && (b[i] > '<' || b[i] > ' ' && b[i] != '<' && b[i] != '&' || b[i] == 0) {
			i++
		}
		if i == start { // a control character
			i++
		}
		h.out = append(h.out, b[start:i]...)
	}
	return len(b)
}

// gap adds the white space that was owed.
func (h *htmlText) gap() {
	if h.any {
		if h.brk {
			h.out = append(h.out, '\n')
		} else {
			h.out = append(h.out, ' ')
		}
	}
	h.space, h.brk = false, false
}

// emit adds text that is not in the source as it is.
func (h *htmlText) emit(s string) {
	if h.space || h.brk {
		h.gap()
	}
	h.any = true
	h.out = append(h.out, s...)
}

// step takes an octet of markup. It reports false when the octet is to be
// looked at again in another state.
func (h *htmlText) step(c byte) bool {
	switch h.state {
	case htmlOpen:
		return h.open(c)
	case htmlName:
		return h.tagName(c)
	case htmlMarkup:
		h.markup(c)
	case htmlComment:
		h.comment(c)
	case htmlEntity:
		return h.entity(c)
	case htmlRawEnd:
		return h.rawEnd(c)
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func (h *htmlText) open(c byte) bool {
	switch {
	case isLetter(c):
		h.state = htmlName
		return false
	case c == '/' && !h.end:
		h.end = true
	case c == '!' || c == '?':
		h.state, h.prev = htmlMarkup, c
		h.name = h.name[:0]
	default:
		// No tag: the text of the sign itself.
		h.state = htmlPlain
		if h.end {
			h.emit("</")
		} else {
			h.emit("<")
		}
		return false
	}
	return true
}

func (h *htmlText) tagName(c byte) bool {
	switch c {
	case '>', '/', ' ', '\t', '\r', '\n', '\f':
		h.state, h.prev = htmlTag, 0
		return false
	}
	if len(h.name) < maxHTMLName {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		h.name = append(h.name, c)
	}
	return true
}

// tag passes over what is in a tag after its name, up to its end or to a quoted
// value.
func (h *htmlText) tag(b []byte) int {
	for i, c := range b {
		switch {
		case c == '>':
			h.closeTag()
			return i + 1
		case (c == '"' || c == '\'') && h.prev == '=':
			h.state, h.mark, h.prev = htmlValue, c, c
			return i + 1
		case c > ' ':
			h.prev = c
		}
	}
	return len(b)
}

// closeTag handles the end of a tag.
func (h *htmlText) closeTag() {
	h.state = htmlPlain
	switch string(h.name) {
	case "script", "style":
		if !h.end {
			h.state, h.raw = htmlRaw, string(h.name)
		}
	case "title":
		if h.brk = true; h.noTitle && !h.end {
			h.state, h.raw = htmlRaw, "title"
		}
	case "p", "br", "div", "tr", "td", "th", "li", "ul", "ol", "dl", "dt", "dd",
		"table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "blockquote", "pre",
		"head", "body", "html", "section", "article", "header", "footer",
		"center", "form", "option", "caption", "address", "figure", "main", "nav":
		h.brk = true
	}
}

// markup takes an octet of a declaration. Two dashes at its beginning make it a
// comment.
func (h *htmlText) markup(c byte) {
	if len(h.name) < 2 && h.prev != '?' {
		h.name = append(h.name, c)
		if string(h.name) == "--" {
			h.state, h.prev = htmlComment, 0
			h.name = h.name[:0]
			return
		}
	}
	if c == '>' {
		h.state = htmlPlain
	}
}

// comment takes an octet of a comment. It ends with "-->", and "<!-->" is all of
// one.
func (h *htmlText) comment(c byte) {
	switch {
	case c == '-':
		if len(h.name) < 2 {
			h.name = append(h.name, c)
		}
	case c == '>' && (len(h.name) == 2 || h.prev == 0):
		h.state = htmlPlain
	default:
		h.name = h.name[:0]
	}
	h.prev = c
}

// entity takes an octet of a character reference.
func (h *htmlText) entity(c byte) bool {
	if (isLetter(c) || '0' <= c && c <= '9' || c == '#') && len(h.name) < maxHTMLName {
		h.name = append(h.name, c)
		return true
	}
	h.state = htmlPlain
	if c == ';' {
		h.name = append(h.name, c)
	}
	h.emit(reference(h.name))
	return c == ';'
}

// reference returns what a character reference stands for, itself when that
// is nothing. The ampersand has been taken off.
func reference(name []byte) string {
	switch string(name) {
	case "nbsp;":
		return "\u00a0"
	case "amp;":
		return "&"
	case "lt;":
		return "<"
	case "gt;":
		return ">"
	case "quot;":
		return `"`
	}
	return html.UnescapeString("&" + string(name))
}

// rawEnd looks for the end tag of an element whose content is no text.
func (h *htmlText) rawEnd(c byte) bool {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	want := "/" + h.raw
	if c != want[len(h.name)] {
		h.state = htmlRaw
		return false
	}
	if h.name = append(h.name, c); len(h.name) == len(want) {
		h.state, h.end, h.prev = htmlTag, true, 0
	}
	return true
}
