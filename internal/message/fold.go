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
	f := folding{dst: dst, starter: len(dst)}
	ascii := 0
	i := 0
	for i < len(s) && ascii < 16 {
		c := s[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			f.begin()
			f.dst = append(f.dst, c)
			ascii++
			i++
			continue
		}
		ascii = 0
		r, n := utf8.DecodeRune(s[i:])
		i += n
		if r >= foldTableSize || table[r].n == 0 {
			f.add(r)
			continue
		}
		e := &table[r]
		if e.first == 0 {
			f.begin()
		} else if e.first < f.last {
			f.disorder = true
		}
		f.last = e.last
		at := len(f.dst)
		if at+8 > cap(f.dst) {
			f.dst = slices.Grow(f.dst, len(s)-i+8)
		}
		binary.LittleEndian.PutUint64(f.dst[at:at+8], e.text)
		f.dst = f.dst[:at+int(e.n)]
	}
	f.begin()
	return f.dst, i
}

// folding is text that is being folded, with what combining characters need to
// be known of what stands before them.
type folding struct {
	dst      []byte
	starter  int   // where the last character stands that combines with none before it
	last     uint8 // combining class of the character before
	disorder bool  // those after starter are not in canonical order
}

// begin is called before a character that combines with none before it.
func (f *folding) begin() {
	if f.disorder {
		tail := string(f.dst[f.starter:])
		f.dst = norm.NFKD.AppendString(f.dst[:f.starter], tail)
		f.disorder = false
	}
	f.starter, f.last = len(f.dst), 0
}

// add adds a character that the table does not have.
func (f *folding) add(r rune) {
	var buf [64]byte
	b, first, last := foldRune(buf[:0], r)
	if first == 0 {
		f.begin()
	} else if first < f.last {
		f.disorder = true
	}
	f.last = last
	f.dst = append(f.dst, b...)
}

// foldRune folds one character, and returns the canonical combining classes of
// the first and the last that it became.
func foldRune(dst []byte, r rune) (_ []byte, first, last uint8) {
	if 0x4e00 <= r && r <= 0x9fff || 0x1f300 <= r && r <= 0x1faff {
		// Ideographs and pictures have neither case nor parts.
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
const foldTableSize = 0x3400

// foldEntry is what a character becomes, in at most 8 octets, the first lowest.
// n is 0 where they are not enough.
type foldEntry struct {
	text           uint64
	n, first, last uint8 // octets; combining classes of the first character and the last
}

// foldTable is made at first use.
var foldTable = sync.OnceValue(func() *[foldTableSize]foldEntry {
	t := new([foldTableSize]foldEntry)
	var b []byte
	for r := range rune(foldTableSize) {
		var e foldEntry
		b, e.first, e.last = foldRune(b[:0], r)
		if len(b) <= 8 {
			var text [8]byte
			e.n = uint8(copy(text[:], b))
			e.text = binary.LittleEndian.Uint64(text[:])
		}
		t[r] = e
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
