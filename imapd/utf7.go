package imapd

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// modifiedBase64 is the base 64 of mailbox names (RFC 3501 §5.1.3): "," for "/",
// no padding, and the bits that are left over must be 0.
var modifiedBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").
	WithPadding(base64.NoPadding).Strict()

// decodeUTF7 decodes a mailbox name from modified UTF-7 to UTF-8. It takes only
// what encodeUTF7 makes, so that a name has one form: ok is false for anything else.
func decodeUTF7(s string) (name string, ok bool) {
	if !strings.ContainsRune(s, '&') {
		return s, isPrintable(s)
	}
	var b strings.Builder
	afterShift := false // the last thing was a base 64 sequence
	for s != "" {
		plain, rest, shifted := strings.Cut(s, "&")
		if !isPrintable(plain) {
			return "", false
		}
		b.WriteString(plain)
		if !shifted {
			break
		}
		code, rest, closed := strings.Cut(rest, "-")
		switch {
		case !closed, code != "" && afterShift && plain == "":
			return "", false // not ended, or a null shift
		case code == "":
			b.WriteByte('&')
		case !decodeShift(&b, code):
			return "", false
		}
		afterShift = code != ""
		s = rest
	}
	return b.String(), true
}

// decodeShift decodes what stands between "&" and "-": UTF-16 in base 64.
func decodeShift(b *strings.Builder, code string) bool {
	if strings.ContainsAny(code, "\r\n") { // package base64 skips them
		return false
	}
	raw, err := modifiedBase64.DecodeString(code)
	if err != nil || len(raw)%2 != 0 {
		return false
	}
	for i := 0; i < len(raw); i += 2 {
		r := rune(raw[i])<<8 | rune(raw[i+1])
		if utf16.IsSurrogate(r) {
			i += 2
			if i >= len(raw) {
				return false
			}
			r = utf16.DecodeRune(r, rune(raw[i])<<8|rune(raw[i+1]))
			if r == utf8.RuneError {
				return false
			}
		}
		if r == 0 || ' ' <= r && r <= '~' { // these stand for themselves
			return false
		}
		b.WriteRune(r)
	}
	return true
}

// encodeUTF7 encodes a mailbox name, which is UTF-8, in modified UTF-7.
func encodeUTF7(name string) string {
	if isPrintable(name) && !strings.ContainsRune(name, '&') {
		return name
	}
	var b strings.Builder
	var units []uint16
	flush := func() {
		if len(units) == 0 {
			return
		}
		raw := make([]byte, 0, 2*len(units))
		for _, u := range units {
			raw = append(raw, byte(u>>8), byte(u))
		}
		b.WriteByte('&')
		b.WriteString(modifiedBase64.EncodeToString(raw))
		b.WriteByte('-')
		units = units[:0]
	}
	for _, r := range name {
		switch {
		case r == '&':
			flush()
			b.WriteString("&-")
		case ' ' <= r && r <= '~':
			flush()
			b.WriteRune(r)
		default:
			units = utf16.AppendRune(units, r)
		}
	}
	flush()
	return b.String()
}

// isPrintable: all of s is printable US-ASCII.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
