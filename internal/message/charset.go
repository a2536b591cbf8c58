package message

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
)

// lookupCharset finds a charset by its name. It returns nil for those whose
// octets are taken for UTF-8 when they are UTF-8, else for windows-1252: UTF-8
// itself, US-ASCII, none, and unknown ones.
func lookupCharset(name string) encoding.Encoding {
	name = strings.ToLower(strings.TrimSpace(name))
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit", "unknown", "default", "x-unknown":
		return nil
	case "utf-7", "unicode-1-1-utf-7":
		return utf7{}
	case "utf-16", "utf-16be":
		// Without a byte order mark it is big endian (RFC 2781 §4.3), which
		// WHATWG sees otherwise.
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	if len(name) > 64 {
		return nil
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil {
		return e
	}
	return nil
}

// keepsASCII reports whether ASCII octets are themselves in a charset. They are
// not in those that are shifted by escapes.
func keepsASCII(e encoding.Encoding) bool {
	var ascii [utf8.RuneSelf]byte
	for i := range ascii {
		ascii[i] = byte(i)
	}
	out, err := e.NewDecoder().Bytes(ascii[:])
	return err == nil && bytes.Equal(out, ascii[:])
}

// toUTF8 returns b when it is UTF-8, else what it is in windows-1252. Where it is
// UTF-8 that was damaged, as by a program that cut a character in two, the rest is
// kept: what can be read is found by its octets (RFC 5255 §4.6).
func toUTF8(b []byte) []byte {
	if utf8.Valid(b) {
		return b
	}
	dst := make([]byte, 0, len(b)+len(b)/4)
	if !mostlyUTF8(b) {
		return appendLatin(dst, b)
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			dst = appendLatin(dst, b[:n])
		} else {
			dst = append(dst, b[:n]...)
		}
		b = b[n:]
	}
	return dst
}

// mostlyUTF8 reports whether b has no fewer characters of several octets than
// octets that are in none.
func mostlyUTF8(b []byte) bool {
	balance := 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			balance--
		case n > 1:
			balance++
		}
		b = b[n:]
	}
	return balance >= 0
}

func appendLatin(dst, b []byte) []byte {
	for _, c := range b {
		dst = utf8.AppendRune(dst, charmap.Windows1252.DecodeByte(c))
	}
	return dst
}

// appendCharset appends b, which is in a charset, as UTF-8. ok is false where it
// is not in that charset, or nobody knows that, and it had to be guessed.
func appendCharset(dst []byte, charset string, b []byte) (_ []byte, ok bool) {
	e := lookupCharset(charset)
	if e == nil {
		return append(dst, toUTF8(b)...), utf8.Valid(b)
	}
	out, err := e.NewDecoder().Bytes(b)
	if err != nil {
		return append(dst, toUTF8(b)...), false
	}
	return append(dst, out...), !bytes.ContainsRune(out, utf8.RuneError)
}

// isASCII reports whether b has no octets above 127.
func isASCII(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 32 {
		w := load64(b) | load64(b[8:]) | load64(b[16:]) | load64(b[24:])
		if w&high != 0 {
			return false
		}
		b = b[32:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// trimSpace trims what white space there is in a header.
func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }
