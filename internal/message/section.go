package message

import (
	"bufio"
	"bytes"
	"io"
)

// Specifier is what of a part an IMAP section names (RFC 9051 §6.4.5.1).
type Specifier int

const (
	// SectionWhole is a section without a specifier: BODY[] or BODY[1.2].
	SectionWhole Specifier = iota
	// SectionHeader is HEADER, and what HEADER.FIELDS and HEADER.FIELDS.NOT
	// choose from (FilterHeader).
	SectionHeader
	// SectionText is TEXT.
	SectionText
	// SectionMIME is MIME, a part's own header.
	SectionMIME
)

// Find returns the part that an IMAP section's numbers name, such as [1 2], or
// nil (RFC 9051 §6.4.5.1). Of no numbers it returns p itself. The one part of a
// message that is not multipart has the number 1.
func (p *Part) Find(path []int) *Part {
	message := true // p is a message, and not yet its part 1
	for _, n := range path {
		if !message && p.Message() && len(p.Children) == 1 {
			p, message = p.Children[0], true
		}
		switch {
		case p.Multipart():
			if n < 1 || n > len(p.Children) {
				return nil
			}
			p, message = p.Children[n-1], false
		case message && n == 1:
			message = false
		default:
			return nil
		}
	}
	return p
}

// Section returns where in the message a section's octets are. ok is false when
// there is no such part, or it does not have what is asked for: HEADER and TEXT
// below the top are those of a message/rfc822 part's message.
func (p *Part) Section(path []int, what Specifier) (start, end int64, ok bool) {
	part := p.Find(path)
	if part == nil {
		return 0, 0, false
	}
	if len(path) == 0 {
		switch what {
		case SectionWhole:
			return part.Header, part.End, true
		case SectionHeader:
			return part.Header, part.Body, true
		case SectionText:
			return part.Body, part.End, true
		}
		return 0, 0, false
	}
	switch what {
	case SectionWhole:
		return part.Body, part.End, true
	case SectionMIME:
		return part.Header, part.Body, true
	}
	if !part.Message() || len(part.Children) != 1 {
		return 0, 0, false
	}
	part = part.Children[0]
	if what == SectionHeader {
		return part.Header, part.Body, true
	}
	return part.Body, part.End, true
}

// FilterHeader appends those fields of a header block that names has, or with
// not those that it has not, byte for byte, and the blank line where the block
// ends in one (RFC 9051 §6.4.5.1). Names are compared without regard to case.
// Lines that are no fields go with the fields that are not in names. dst may be
// block[:0].
func FilterHeader(dst, block []byte, names []string, not bool) []byte {
	take := not
	for len(block) > 0 {
		n := bytes.IndexByte(block, '\n') + 1
		if n == 0 {
			n = len(block)
		}
		line := block[:n]
		block = block[n:]
		if text := line[:n-lineEnd(line)]; len(block) == 0 && isBlank(text) {
			take = true
		} else {
			take = chosen(text, names, not, take)
		}
		if take {
			dst = append(dst, line...)
		}
	}
	return dst
}

// CopyHeader is FilterHeader for a header block that is too long to be held: it
// reads the block from r to its end and writes to w. A field's name and its
// colon must be within what r buffers.
func CopyHeader(w io.Writer, r *bufio.Reader, names []string, not bool) error {
	take, within := not, false // a line, of which there is more than r buffers
	for {
		piece, err := r.ReadSlice('\n')
		long := err == bufio.ErrBufferFull
		if err != nil && err != io.EOF && !long {
			return err
		}
		text := piece[:len(piece)-lineEnd(piece)]
		switch {
		case within:
		case isBlank(text) && !long:
			piece = bytes.Clone(piece) // looking ahead may move it
			if _, next := r.Peek(1); next == io.EOF {
				take = true
			} else {
				take = chosen(text, names, not, take)
			}
		default:
			take = chosen(text, names, not, take)
		}
		within = long
		if take && len(piece) > 0 {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// chosen tells whether a line goes out, given whether the one before it does.
func chosen(text []byte, names []string, not, before bool) bool {
	if len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		return before // a continuation goes with its field
	}
	name, _ := splitField(text)
	return named(text[:name], names) != not
}

// isBlank reports a line without text, such as ends a header.
func isBlank(text []byte) bool { return len(bytes.TrimRight(text, "\r")) == 0 }

func named(name []byte, names []string) bool {
	if len(name) == 0 {
		return false
	}
	for _, n := range names {
		if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
			return true
		}
	}
	return false
}
