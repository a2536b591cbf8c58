package message

import (
	"encoding/binary"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold maps text for comparison under i;unicode-casemap (RFC 5051): each
// character to title case, then compatibility decomposition (NFKD). It appends
// to dst. What is not UTF-8 becomes U+FFFD.
func Fold(dst []byte, text string) []byte { return appendFold(dst, []byte(text)) }

func appendFold(dst, s []byte) []byte {
	for len(s) > 0 {
		var n int
		if dst, n = appendUpper(dst, s); n < len(s) {
			var m int
			dst, m = foldRunes(dst, s[n:])
			n += m
		}
		s = s[n:]
	}
	return dst
}

// foldRunes folds what is not ASCII, with the ASCII between, up to where it is
// worth while to go on with appendUpper. It returns how far it came.
func foldRunes(dst, s []byte) ([]byte, int) {
	table := foldTable()
	starter := len(dst) // where the last character stands that combines with none before it
	last := uint8(0)    // canonical combining class of the character before
	disorder := false
	ascii := 0
	i := 0
	for i < len(s) && ascii < 16 {
		if c := s[i]; c < utf8.RuneSelf {
			if disorder {
				dst, disorder = reorder(dst, starter), false
			}
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			starter, last = len(dst), 0
			dst = append(dst, c)
			ascii++
			i++
			continue
		}
		ascii = 0
		r, n := utf8.DecodeRune(s[i:])
		i += n
		at := len(dst)
		var first, end uint8
		if r < foldTableSize {
			e := &table.entries[r]
			dst = append(dst, table.text[e.off:e.off+uint32(e.n)]...)
			first, end = e.first, e.last
		} else {
			dst, first, end = foldRune(dst, r)
		}
		switch {
		case first == 0:
			if disorder {
				folded := string(dst[at:])
				dst, disorder = reorder(dst[:at], starter), false
				at = len(dst)
				dst = append(dst, folded...)
			}
			starter = at
		case first < last:
			disorder = true
		}
		last = end
	}
	if disorder {
		dst = reorder(dst, starter)
	}
	return dst, i
}

// reorder brings the combining characters from a place on into canonical order.
func reorder(dst []byte, from int) []byte {
	tail := string(dst[from:])
	return norm.NFKD.AppendString(dst[:from], tail)
}

// foldRune folds one character, and returns the canonical combining classes of
// the first and the last that it became.
func foldRune(dst []byte, r rune) (_ []byte, first, last uint8) {
	if 0x4e00 <= r && r <= 0x9fff { // CJK ideographs have neither case nor parts
		return utf8.AppendRune(dst, r), 0, 0
	}
	if 0xac00 <= r && r <= 0xd7a3 {
		return foldHangul(dst, r), 0, 0
	}
	var buf [utf8.UTFMax]byte
	b := buf[:utf8.EncodeRune(buf[:], unicode.ToTitle(r))]
	p := norm.NFKD.Properties(b)
	if d := p.Decomposition(); d != nil {
		b = d
	}
	return append(dst, b...), p.LeadCCC(), p.TrailCCC()
}

// foldHangul takes a syllable apart (The Unicode Standard, section 3.12), which
// package norm does by rule and not by table.
func foldHangul(dst []byte, r rune) []byte {
	const v, t = 21, 28
	r -= 0xac00
	dst = utf8.AppendRune(dst, 0x1100+r/(v*t))
	dst = utf8.AppendRune(dst, 0x1161+r%(v*t)/t)
	if r%t != 0 {
		dst = utf8.AppendRune(dst, 0x11a7+r%t)
	}
	return dst
}

// foldTableSize is the number of characters that are folded by table: all
// alphabets in wide use.
const foldTableSize = 0x3000

type foldEntries struct {
	entries [foldTableSize]foldEntry
	text    []byte
}

type foldEntry struct {
	off            uint32
	n, first, last uint8
}

// foldTable is made at first use.
var foldTable = sync.OnceValue(func() *foldEntries {
	t := &foldEntries{}
	for r := range rune(foldTableSize) {
		e := foldEntry{off: uint32(len(t.text))}
		t.text, e.first, e.last = foldRune(t.text, r)
		e.n = uint8(len(t.text) - int(e.off))
		t.entries[r] = e
	}
	return t
})

// appendUpper appends the ASCII at the beginning of s in capitals, and returns
// how long it is. It takes eight octets at a time: most mail is ASCII, and
// folding it is most of the work of taking text from a message.
func appendUpper(dst, s []byte) ([]byte, int) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	at := len(dst)
	dst = slices.Grow(dst, len(s))
	out := dst[at : at+len(s)]
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64(s[i : i+8])
		if w&high != 0 {
			break
		}
		// The high bit of each octet says: not below 'a', and above 'z'.
		from, beyond := w+(0x80-'a')*ones, w+(0x80-'z'-1)*ones
		binary.LittleEndian.PutUint64(out[i:i+8], w^(from&^beyond&high)>>2)
	}
	for ; i < len(s); i++ {
		c := s[i]
		if c >= utf8.RuneSelf {
			break
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		out[i] = c
	}
	return dst[:at+i], i
}

func load64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
