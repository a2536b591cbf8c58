package recode

import (
	"bytes"
	"strings"
	"testing"
)

// repaired is the obvious way to do what Lines does.
func repaired(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(s, "\n", "\r\n")
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "a", "\r", "\n", "\r\n", "\n\r", "\r\r\n", "a\r\nb\n.\n\r.\r", "\r\n\r\n.\r\n", "a\rb"} {
		f.Add(s, uint16(1))
		f.Add(s, uint16(100))
	}
	for length := maxSpan - 3; length <= maxSpan+1; length++ {
		long := strings.Repeat("a", length)
		f.Add(long+"\r\n"+long+"\n"+long+"\r"+long, uint16(4*maxSpan))
	}
	f.Fuzz(func(t *testing.T, s string, piece uint16) {
		var got bytes.Buffer
		w := &Lines{W: &got}
		for rest := s; len(rest) > 0; {
			n := min(len(rest), int(piece)+1)
			if k, err := w.Write([]byte(rest[:n])); k != n || err != nil {
				t.Fatalf("Write = %d, %v", k, err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if want := repaired(s); got.String() != want {
			t.Errorf("%q in pieces of %d became %q, want %q", s, piece+1, got.String(), want)
		}
	})
}
