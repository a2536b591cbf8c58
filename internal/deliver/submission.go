package deliver

import (
	"bytes"
	"errors"
	"io"
	"time"

	"posthorn/internal/mail"
)

// maxHeader is how much of a submitted message is looked at for the fields
// that it must have, in octets. What a longer header lacks stays lacking.
const maxHeader = 256 << 10

// head is the beginning of a message.
type head struct {
	data []byte // the header, its blank line and a piece of what follows
	// end is the length of the header with its blank line. It is len(data)
	// where none was found.
	end int
	// whole: data is the whole message. cut: the header goes on past data.
	whole, cut bool
}

// readHead reads as far as the end of the header, at most limit octets.
func readHead(r io.Reader, limit int) (*head, error) {
	h := &head{data: make([]byte, 0, 4<<10)}
	for seen := 0; ; {
		if len(h.data) == cap(h.data) {
			h.data = append(h.data, 0)[:len(h.data)]
		}
		n, err := r.Read(h.data[len(h.data):cap(h.data)])
		h.data = h.data[:len(h.data)+n]
		if h.end = headerEnd(h.data, seen); h.end > 0 {
			h.whole = errors.Is(err, io.EOF)
			if err != nil && !h.whole {
				return nil, err
			}
			return h, nil
		}
		seen = max(len(h.data)-3, 0)
		switch {
		case errors.Is(err, io.EOF):
			h.end, h.whole = len(h.data), true
			return h, nil
		case err != nil:
			return nil, err
		case len(h.data) >= limit:
			h.end, h.cut = len(h.data), true
			return h, nil
		}
	}
}

// headerEnd is the offset after the blank line that ends the header, 0 when it
// is not there yet. The search begins at from.
func headerEnd(b []byte, from int) int {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		return 2
	}
	if i := bytes.Index(b[from:], []byte("\r\n\r\n")); i >= 0 {
		return from + i + 4
	}
	return 0
}

// header is the header with its blank line, or as much as there is of it.
func (h *head) header() []byte {
	if !h.hasFields() {
		return nil
	}
	return h.data[:h.end]
}

// rest is the whole message again, given the reader that the head came from.
func (h *head) rest(r io.Reader) io.Reader {
	if h.whole {
		return bytes.NewReader(h.data)
	}
	return io.MultiReader(bytes.NewReader(h.data), r)
}

// hasFields reports whether the message begins with a header, be it an empty
// one; else it is a text without any. A first line that is no field does not
// make it one, when a field that letters have stands further down.
func (h *head) hasFields() bool {
	if beginsHeader(h.data) {
		return true
	}
	for line := range bytes.Lines(h.data[:h.end]) {
		switch fieldName(line) {
		case "from", "to", "cc", "subject", "date", "message-id", "mime-version", "content-type", "received":
			return true
		}
	}
	return false
}

// beginsHeader reports whether a message's first octets are those of a header.
func beginsHeader(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\r\n")) || fieldName(b) != ""
}

// missingFields is what has to be put in front of a submission (RFC 6409
// §8.2, §8.3): Message-ID, Date and From where they are missing, and a blank
// line where there is no header at all.
func (h *head) missingFields(from mail.Address, messageID string, now time.Time) []byte {
	var hasDate, hasID, hasFrom bool
	fields := h.header()
	for line := range bytes.Lines(fields) {
		switch fieldName(line) {
		case "date":
			hasDate = true
		case "message-id":
			hasID = true
		case "from":
			hasFrom = true
		}
	}
	if h.cut && len(fields) > 0 {
		return nil // what is missing may still come
	}
	var b []byte
	if !hasID {
		b = append(b, "Message-ID: <"+messageID+">\r\n"...)
	}
	if !hasDate {
		b = append(b, "Date: "...)
		b = now.AppendFormat(b, dateTime)
		b = append(b, "\r\n"...)
	}
	if !hasFrom && !from.IsNull() {
		b = append(b, "From: "+from.String()+"\r\n"...)
	}
	if !h.hasFields() {
		b = append(b, "\r\n"...)
	}
	return b
}

// fieldName is the name of the field that a line begins, in lower case; empty
// when it begins none. Blanks before the colon are RFC 5322 §4.5's.
func fieldName(line []byte) string {
	i := 0
	for i < len(line) && line[i] > ' ' && line[i] < 0x7f && line[i] != ':' {
		i++
	}
	name := line[:i]
	for i < len(line) && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	if len(name) == 0 || i == len(line) || line[i] != ':' {
		return ""
	}
	return string(bytes.ToLower(name))
}
