package message

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// slowFold is RFC 5051 §2 word for word.
func slowFold(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteRune(unicode.ToTitle(r))
	}
	return norm.NFKD.String(b.String())
}

func TestFold(t *testing.T) {
	for _, s := range []string{
		"", "a", "Hello, World! 123 [\\]^_`{|}~@", "The quick brown fox jumps over the lazy dog",
		"Tiếng Việt: Tất cả mọi người sinh ra đều được tự do", norm.NFD.String("Tiếng Việt có dấu"),
		"e\u0323\u0302 e\u0302\u0323", "Straße ǆ ǅ ﬁ", "ΑΒΓ αβγ ς", "Ж ж", "한국어 각", "テスト ｶﾞ ガ", "日本語", "İ ı i I", "\u0344\u0345",
		"a\u0315\u0300\u05ae\u0062", "x\u0338\u0327y",
	} {
		if got := string(Fold(nil, s)); got != slowFold(s) {
			t.Errorf("%q: got %q, want %q", s, got, slowFold(s))
		}
	}
	// Two ways to type the same word.
	if a, b := Fold(nil, "VIỆT"), Fold(nil, "vie\u0302\u0323t"); !bytes.Equal(a, b) {
		t.Errorf("%q and %q", a, b)
	}
	if got := string(Fold([]byte("x"), "a\xffb")); got != "xA\uFFFDB" {
		t.Errorf("not UTF-8: %q", got)
	}
}

// TestFoldAll compares each character, alone and among others, with what the
// RFC's rule gives.
func TestFoldAll(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if r >= 0xd800 && r < 0xe000 {
			continue
		}
		s := string(r)
		if got := string(Fold(nil, s)); got != slowFold(s) {
			t.Fatalf("%U: got %q, want %q", r, got, slowFold(s))
		}
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	marks := []rune("\u0300\u0301\u0302\u0323\u031b\u0327\u0345\u05b0\u3099")
	for range 20000 {
		var s []rune
		for range 1 + rnd.IntN(12) {
			switch rnd.IntN(4) {
			case 0:
				s = append(s, rune('a'+rnd.IntN(26)))
			case 1:
				s = append(s, marks[rnd.IntN(len(marks))])
			case 2:
				s = append(s, rune(0x80+rnd.IntN(0x3000)))
			default:
				s = append(s, rune(0xa000+rnd.IntN(0x3000)))
			}
		}
		if got := string(Fold(nil, string(s))); got != slowFold(string(s)) {
			t.Fatalf("%U: got %q, want %q", s, got, slowFold(string(s)))
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for name, s := range map[string]string{
		"ascii":      strings.Repeat("The quick brown fox jumps over the lazy dog. ", 400),
		"vietnamese": strings.Repeat("Tất cả mọi người sinh ra đều được tự do và bình đẳng. ", 250),
		"cjk":        strings.Repeat("日本語のテスト", 900),
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			src := []byte(s)
			b.SetBytes(int64(len(s)))
			for b.Loop() {
				dst = appendFold(dst[:0], src)
			}
		})
	}
}
