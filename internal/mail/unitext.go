package mail

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// EncodeUnitext writes the characters of an address of type "utf-8" that may
// not stand in ORCPT as \x{HEX} (RFC 6533 §3): control characters, blank,
// backslash, "+", "=", and with ascii all beyond ASCII. What is written so
// already stays.
func EncodeUnitext(s string, ascii bool) string {
	var b strings.Builder
	for _, c := range DecodeUnitext(s) {
		if c <= ' ' || c == 0x7f || c == '\\' || c == '+' || c == '=' || ascii && c >= 0x80 {
			hex := strings.ToUpper(strconv.FormatInt(int64(c), 16))
			if len(hex) == 1 {
				hex = "0" + hex
			}
			b.WriteString(`\x{` + hex + "}")
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// DecodeUnitext undoes EncodeUnitext; what is not of its form stays.
func DecodeUnitext(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		hex, rest, closed := strings.Cut(after, "}")
		c, err := strconv.ParseUint(hex, 16, 21)
		if !closed || err != nil || !utf8.ValidRune(rune(c)) {
			b.WriteString(`\x{`)
			s = after
			continue
		}
		b.WriteRune(rune(c))
		s = rest
	}
}

// EncodeXtext writes s as xtext (RFC 3461 §4).
func EncodeXtext(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '+' || c == '=' {
			b.Write([]byte{'+', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
