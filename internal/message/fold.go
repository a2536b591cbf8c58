package message

import (
	"encoding/binary"
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
		dst, n = appendUpper(dst, s)
		s = s[n:]
		if len(s) == 0 {
			break
		}
		n = 1
		for n < len(s) && s[n] >= utf8.RuneSelf {
			n++
		}
		dst = foldRunes(dst, s[:n])
		s = s[n:]
	}
	return dst
}

// foldRunes folds characters beyond ASCII.
func foldRunes(dst, s []byte) []byte {
	var buf [256]byte
	titled := buf[:0]
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		s = s[n:]
		titled = utf8.AppendRune(titled, unicode.ToTitle(r))
	}
	return norm.NFKD.Append(dst, titled...)
}

// appendUpper appends the ASCII at the beginning of s in capitals, and returns
// how long it is. It takes eight octets at a time: most mail is ASCII, and
// folding it is most of the work of taking text from a message.
func appendUpper(dst, s []byte) ([]byte, int) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	at := len(dst)
	dst = append(dst, s...)
	out := dst[at:]
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := load64(s[i:])
		if w&high != 0 {
			break
		}
		// The high bit of each octet says: not below 'a', and above 'z'.
		from, beyond := w+(0x80-'a')*ones, w+(0x80-'z'-1)*ones
		binary.LittleEndian.PutUint64(out[i:], w^(from&^beyond&high)>>2)
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
