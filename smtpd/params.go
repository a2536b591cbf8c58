package smtpd

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// param is one ESMTP parameter (RFC 5321 §4.1.2).
type param struct {
	key   string // in upper case
	value string
	// hasValue tells KEY= from KEY.
	hasValue bool
}

// parseParams reads what follows a path: each parameter once, by spaces. A
// value may have UTF-8 (RFC 6531 §3.3).
func parseParams(s string) ([]param, reply) {
	if s != "" && s[0] != ' ' && s[0] != '\t' {
		return nil, syntax("A space must stand between the address and what follows it")
	}
	var list []param
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '\t' }) {
		p, ok := parseParam(word)
		if !ok {
			return nil, syntax("Parameters have the form KEY or KEY=value")
		}
		for _, q := range list {
			if p.key == q.key {
				return nil, syntax("A parameter was given twice")
			}
		}
		list = append(list, p)
	}
	return list, reply{}
}

func parseParam(word string) (param, bool) {
	key, value, hasValue := strings.Cut(word, "=")
	if key == "" || key[0] == '-' || len(value) > maxParam || hasValue && value == "" || strings.Contains(value, "=") {
		return param{}, false
	}
	for i := range len(key) {
		if c := key[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-') {
			return param{}, false
		}
	}
	if !utf8.ValidString(value) {
		return param{}, false
	}
	return param{strings.ToUpper(key), value, hasValue}, true
}

// unknownParam refuses a parameter (RFC 5321 §4.1.1.11).
func unknownParam(p param) reply {
	return reply{code: 555, enhanced: "5.5.4", text: "Parameter not recognized: " + p.key}
}

// badParam refuses a parameter's value.
func badParam(p param) reply { return syntax("Bad value for the parameter " + p.key) }

var errXtext = errors.New("smtpd: bad encoding")

// decodeXtext reads RFC 3461 §4's xtext. What it stands for must be printable
// ASCII (§4.2, §4.4): anything else could break out of a report's field.
func decodeXtext(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '+':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return "", errXtext
			}
			n, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			c = byte(n)
			i += 2
		case c == '=' || c <= ' ':
			return "", errXtext
		}
		if c < ' ' || c > '~' {
			return "", errXtext
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// isHex knows upper-case hexadecimal digits: RFC 3461 §4 allows no others.
func isHex(c byte) bool { return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' }

// decodeUnitext reads RFC 6533 §3's utf-8-enc-addr: UTF-8 in which \x{hex}
// stands for what cannot be there as it is.
func decodeUnitext(s string) (string, error) {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n <= 1, r <= ' ', r == 0x7f, r == '=':
			return "", errXtext
		case r == '\\':
			var ok bool
			if r, n, ok = embedded(s); !ok {
				return "", errXtext
			}
		}
		b.WriteRune(r)
		s = s[n:]
	}
	return b.String(), nil
}

// embedded reads \x{HEXPOINT} at the head of s: a code point beyond ASCII, or a
// printable one that must not stand there itself. RFC 6533's grammar has the
// controls, too; they are refused, as in xtext.
func embedded(s string) (r rune, n int, ok bool) {
	hex, found := strings.CutPrefix(s, `\x{`)
	end := strings.IndexByte(hex, '}')
	if !found || end < 2 || end > 6 {
		return 0, 0, false
	}
	for i := range end {
		if !isHex(hex[i]) {
			return 0, 0, false
		}
	}
	v, err := strconv.ParseUint(hex[:end], 16, 32)
	r = rune(v)
	if err != nil || !utf8.ValidRune(r) || r < ' ' || r >= 0x7f && r < 0xa0 {
		return 0, 0, false
	}
	return r, len(`\x{`) + end + 1, true
}
