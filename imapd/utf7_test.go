package imapd

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUTF7(t *testing.T) {
	for _, tt := range []struct{ wire, name string }{
		{"", ""},
		{"INBOX", "INBOX"},
		{"R&-D", "R&D"},
		{"&-", "&"},
		{"&-&-", "&&"},
		// RFC 3501 §5.1.3
		{"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"},
		{"&Jjo-!", "☺!"},
		{"&U,BTF2XlZyyKng-", "台北日本語"},
		{"Entw&APw-rfe", "Entwürfe"},
		{"Th&AbA- n&AOE-p", "Thư náp"},
		{"&AOk-&-", "é&"},
		{"&-&AOk-", "&é"},
		{"&2D3cqQ-", "💩"},
		{"&2D3cqQDp-x", "💩éx"},
		{"&AAo-", "\n"},
		{"&AH8-", "\x7f"},
	} {
		name, ok := decodeUTF7(tt.wire)
		if !ok || name != tt.name {
			t.Errorf("decodeUTF7(%q) = %q, %v, want %q", tt.wire, name, ok, tt.name)
		}
		if got := encodeUTF7(tt.name); got != tt.wire {
			t.Errorf("encodeUTF7(%q) = %q, want %q", tt.name, got, tt.wire)
		}
	}
}

func TestUTF7Strict(t *testing.T) {
	for why, wire := range map[string]string{
		"an & alone":                          "&",
		"an & in a word":                      "R&D",
		"not ended":                           "&Jjo",
		"not ended before ASCII":              "&Jjo!",
		"a null shift (RFC 3501 §5.1.3)":      "&U,BTFw-&ZeVnLIqe-",
		"printable ASCII in base 64":          "&AGEA6Q-",
		"an & in base 64":                     "&ACY-",
		"half a unit":                         "&AA-",
		"bits left over that aren't 0":        "&Jjp-",
		"padding":                             "&Jjo=-",
		"a slash in place of the comma":       "&U/BTFw-",
		"a high surrogate alone":              "&2D0-",
		"a low surrogate alone":               "&3Kk-",
		"a high surrogate before a character": "&2D0A6Q-",
		"NUL in base 64":                      "&AAA-",
		"UTF-8":                               "Entwürfe",
		"a control character":                 "a\tb",
		"a line end in base 64":               "&Jj\no-",
	} {
		if name, ok := decodeUTF7(wire); ok {
			t.Errorf("%s: decodeUTF7(%q) = %q", why, wire, name)
		}
	}
}

func FuzzUTF7(f *testing.F) {
	for _, s := range []string{"", "&", "&-", "R&D", "&Jjo-!", "&U,BTFw-", "台北/日本語", "💩\x00é&x\x7f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// One form per name: whatever decodes is what its name encodes to.
		if name, ok := decodeUTF7(s); ok && (!utf8.ValidString(name) || encodeUTF7(name) != s) {
			t.Errorf("decodeUTF7(%q) = %q, encoded again %q", s, name, encodeUTF7(name))
		}
		if utf8.ValidString(s) && !strings.ContainsRune(s, 0) {
			wire := encodeUTF7(s)
			if name, ok := decodeUTF7(wire); !ok || name != s {
				t.Errorf("encodeUTF7(%q) = %q, decoded again %q, %v", s, wire, name, ok)
			}
		}
	})
}
