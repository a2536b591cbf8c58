package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"
)

// Bounds of Preview.
const (
	maxPreview       = 200       // characters (RFC 8970 §3.3)
	maxPreviewOctets = 128 << 10 // that are read of a part, as it is encoded
	maxPreviewText   = 8 << 10   // octets of text in which a beginning is looked for
	maxPreviewParts  = 3         // that are looked at
)

// Preview is how the message's text begins, for a list of messages (RFC 8970): at
// most 200 characters on one line, without markup, and where there is anything
// else without what is quoted. It is empty where there is no text to be read:
// what is attached, encrypted, or a message within the message is left out. r
// holds the message that p is the root of. The error is r's.
func (p *Part) Preview(r io.ReaderAt) (string, error) {
	texts := p.readable(nil)
	for _, t := range texts[:min(len(texts), maxPreviewParts)] {
		text, err := t.beginning(r)
		if err != nil {
			return "", err
		}
		if s := preview(text); s != "" {
			return s, nil
		}
	}
	return "", nil
}

// readable appends the parts that a reader shows as text, in the order in which
// they are looked at: of alternatives plain text first.
func (p *Part) readable(list []*Part) []*Part {
	switch {
	case p.Type == "text":
		if p.Disposition != "attachment" && (p.Subtype == "plain" || p.Subtype == "html") {
			list = append(list, p)
		}
		return list
	case !p.Multipart() || p.Subtype == "encrypted" || len(list) >= maxPreviewParts:
		return list
	}
	from := len(list)
	for _, child := range p.Children {
		list = child.readable(list)
	}
	if p.Subtype == "alternative" {
		slices.SortStableFunc(list[from:], func(a, b *Part) int {
			return strings.Compare(b.Subtype, a.Subtype) // plain, html
		})
	}
	return list
}

// beginning is the beginning of a part's text.
func (p *Part) beginning(r io.ReaderAt) ([]byte, error) {
	var read Scanner
	x, s := &read.part, &sink{max: maxPreviewText}
	x.begin(p, s)
	x.asWritten = true
	if x.html != nil {
		x.html.noTitle = true
	}
	err := read.eachLine(r, p.Body, min(p.End, p.Body+maxPreviewOctets), func(line []byte) bool {
		x.line(line)
		return !s.full
	})
	if err == nil && !s.full {
		x.end()
	}
	return s.b, err
}

// preview makes one line of text: what is not quoted, up to a signature, or what
// is quoted where there is nothing else.
func preview(text []byte) string {
	var own, quoted previewLine
	for line := range bytes.Lines(text) {
		switch line = bytes.TrimRight(line, "\n"); {
		case string(line) == "-- " && own.n > 0:
			return own.String()
		case bytes.HasPrefix(line, []byte(">")):
			quoted.add(bytes.TrimLeft(line, "> "))
		default:
			own.add(line)
		}
		if own.n >= maxPreview {
			break
		}
	}
	if own.n > 0 {
		return own.String()
	}
	return quoted.String()
}

// previewLine is a preview in the making.
type previewLine struct {
	strings.Builder
	n     int  // characters, or maxPreview where no more fit
	space bool // one is owed
}

func (l *previewLine) add(line []byte) {
	l.space = l.n > 0
	for _, c := range string(line) {
		switch {
		case invisible(c):
			continue
		case unicode.IsSpace(c) || unicode.IsControl(c):
			l.space = l.n > 0
			continue
		}
		need := 1
		if l.space {
			need = 2
		}
		if l.n+need > maxPreview {
			l.n = maxPreview
			return
		}
		if l.space {
			l.WriteByte(' ')
		}
		l.WriteRune(c)
		l.n += need
		l.space = false
	}
}

// invisible: newsletters fill their previews with it, or it turns the direction
// of what a list shows beside.
func invisible(c rune) bool {
	switch c {
	case '\u00ad', '\u034f', '\u200b', '\u200c', '\u2060', '\ufeff':
		return true
	}
	return unicode.Is(unicode.Bidi_Control, c)
}
