package message

import (
	"strconv"
	"unicode/utf8"
)

// maxQuoted is the longest quoted string that is sent; what is longer goes as a
// literal, for some clients read lines into buffers (RFC 2683 §3.2.1.5).
const maxQuoted = 1000

// appendString appends s as an IMAP string: quoted, or as a literal when it is
// long or holds a line end. A NUL, which neither may hold (RFC 9051 §4.3),
// becomes U+FFFD, as does what is not UTF-8.
func appendString[T string | []byte](b []byte, s T) []byte {
	clean, extra := true, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			extra++
		case c == '\r' || c == '\n':
			extra = maxQuoted
		case c == 0 || c >= utf8.RuneSelf:
			clean = false
		}
	}
	if !clean {
		t := sanitize(string(s))
		if len(t)+extra > maxQuoted {
			return appendLiteral(b, t)
		}
		return appendQuoted(b, t)
	}
	switch {
	case len(s)+extra > maxQuoted:
		return appendLiteral(b, s)
	case extra == 0:
		b = append(append(b, '"'), s...)
		return append(b, '"')
	}
	return appendQuoted(b, s)
}

func appendQuoted[T string | []byte](b []byte, s T) []byte {
	b = append(b, '"')
	for i := 0; i < len(s); i++ {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

func appendLiteral[T string | []byte](b []byte, s T) []byte {
	b = append(b, '{')
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, "}\r\n"...)
	return append(b, s...)
}

// appendOptional appends s, or NIL when it is empty.
func appendOptional(b []byte, s string) []byte {
	if s == "" {
		return appendNil(b)
	}
	return appendString(b, s)
}

func appendNil(b []byte) []byte { return append(b, "NIL"...) }

// sanitize makes s valid UTF-8 without NULs.
func sanitize(s string) string {
	ok := utf8.ValidString(s)
	for i := 0; ok && i < len(s); i++ {
		ok = s[i] != 0
	}
	if ok {
		return s
	}
	b := make([]byte, 0, len(s)+16)
	for _, r := range s {
		if r == 0 {
			r = utf8.RuneError
		}
		b = utf8.AppendRune(b, r)
	}
	return string(b)
}
