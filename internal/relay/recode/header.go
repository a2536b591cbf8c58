package recode

import (
	"bytes"
	"strings"
)

// relabel is a header with Content-Transfer-Encoding set. Every other field
// keeps its octets and its place. The new field takes the place of the old
// one, or comes last.
func relabel(header []byte, encoding, contentType string, isMessage bool) []byte {
	out := make([]byte, 0, len(header)+160)
	label := "Content-Transfer-Encoding: " + encoding + "\r\n"
	var labelled, typed, versioned, skipping bool
	rest := header
	for len(rest) > 0 {
		line := rest
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			line = rest[:i+1]
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break // the blank line
		}
		rest = rest[len(line):]
		if line[0] == ' ' || line[0] == '\t' {
			if !skipping {
				out = append(out, line...)
			}
			continue
		}
		skipping = false
		switch fieldName(line) {
		case "content-transfer-encoding":
			if !labelled {
				out = append(out, label...)
			}
			labelled, skipping = true, true
			continue
		case "content-type":
			typed = true
		case "mime-version":
			versioned = true
		}
		out = append(out, line...)
	}
	if len(out) > 0 && out[len(out)-1] != '\n' {
		out = append(out, "\r\n"...)
	}
	if isMessage && !versioned {
		out = append(out, "MIME-Version: 1.0\r\n"...)
	}
	if !typed && contentType != "" {
		out = append(out, "Content-Type: "+contentType+"\r\n"...)
	}
	if !labelled {
		out = append(out, label...)
	}
	if len(rest) == 0 {
		rest = []byte("\r\n")
	}
	return append(out, rest...)
}

// isComposite reports whether a header announces a multipart.
func isComposite(header []byte) bool {
	var value []byte
	inside := false
	for line := range bytes.Lines(header) {
		if line[0] != ' ' && line[0] != '\t' {
			if inside {
				break
			}
			inside = fieldName(line) == "content-type"
			_, line, _ = bytes.Cut(line, []byte(":"))
		}
		if inside {
			value = append(value, line...)
		}
	}
	return bytes.HasPrefix(bytes.ToLower(bytes.TrimSpace(value)), []byte("multipart/"))
}

// fieldName is the name of the field that a line begins, in lower case.
func fieldName(line []byte) string {
	name, _, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	return strings.ToLower(strings.TrimRight(string(name), " \t"))
}
