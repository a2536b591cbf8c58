package message

import (
	"strings"
	"testing"
)

func TestDecodeHeader(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" plain\r\n text ", "plain text"},
		{"a\r\n\tb", "a b"},
		{"a\x00b", "ab"},
		// RFC 2047 §8
		{"(=?ISO-8859-1?Q?a?=)", "(a)"},
		{"(=?ISO-8859-1?Q?a?= b)", "(a b)"},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)"},
		{"(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)"},
		{"(=?ISO-8859-1?Q?a_b?=)", "(a b)"},
		{"(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)"},
		{"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
			"If you can read this you understand the example."},
		{"=?utf-8*vi?q?H=C3=A0_N=E1=BB=99i?=", "Hà Nội"},
		// parted inside a character
		{"=?utf-8?q?H=C3?= =?utf-8?q?=A0?=", "Hà"},
		{"=?utf-8?b?ww==?= =?UTF-8?B?oA?=", "à"},
		{"=?iso-2022-jp?B?GyRCJUYlOSVIGyhC?=", "テスト"},
		{"=?utf-7?Q?Fr+APY-sche?=", "Frösche"},
		{"=?x-unknown?q?caf=E9?=", "café"},
		{"=?utf-8?q?caf=E9?=", "café"},
		{"=?utf-8?q?two words?=", "two words"},
		{"=?utf-8?q??=", ""},
		{"=?utf-8?q?what??=", "what?"},
		{"=?utf-8?x?a?=", "=?utf-8?x?a?="},
		{"=?utf-8?q?open", "=?utf-8?q?open"},
		{"=?=?=?utf-8?q?a?=", "=?=?a"},
		{"caf\xe9", "café"},
		{"na\xefve caf\xc3\xa9s, d\xe9j\xe0 vu", "naïve cafÃ©s, déjà vu"},
		// cut inside a character
		{"=?utf-8?q?H=C3=A0_N=E1=BB=99i_=C3?=", "Hà Nội Ã"},
		{"Hà Nội \xe1", "Hà Nội á"},
		{"café", "café"},
		{"caf\xe9 =?iso-8859-1?q?caf=E9?=", "café café"},
		{"=?iso-8859-1?q?caf\xe9?=", "café"},
	} {
		if got := DecodeHeader([]byte(tt.in)); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestASCII(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`("a" NIL 5)`, `("a" NIL 5)`},
		{`("Hà Nội")`, `("=?utf-8?b?SMOgIE7hu5lp?=")`},
		{`("caf` + "é" + ` and more plain text")`, `("=?utf-8?q?caf=C3=A9_and_more_plain_text?=")`},
		{"({3}\r\nHà (\"x\" \"y\\\"\"))", "(\"=?utf-8?b?SMOg?=\" (\"x\" \"y\\\"\"))"},
		{`("=?utf-8?q?a?= Hà")`, `("=?utf-8?b?YSBIw6A=?=")`},
		{`("\"à\\")`, `("=?utf-8?b?IsOgXA==?=")`},
	} {
		if got := string(ASCII([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.in, got, tt.want)
		}
	}
}

// TestWords encodes long texts: each word must be whole, and at most 75 octets
// (RFC 2047 §2).
func TestWords(t *testing.T) {
	for _, s := range []string{
		"", "a", "à", strings.Repeat("à", 500), strings.Repeat("plain text é ", 100), strings.Repeat("日本語", 99), strings.Repeat("\U0001F600", 50),
	} {
		enc := string(appendWords(nil, []byte(s)))
		for _, w := range strings.Split(enc, " ") {
			if len(w) > 75 || !isASCII([]byte(w)) {
				t.Errorf("word of %d octets: %s", len(w), w)
			}
		}
		if got := DecodeHeader([]byte(enc)); got != strings.TrimSpace(s) && got != s {
			t.Errorf("%q came back as %q", s, got)
		}
	}
}
