package message

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 is UTF-7 (RFC 2152), which x/text does not have. It is only decoded.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &utf7Decoder{}}
}

func (utf7) NewEncoder() *encoding.Encoder { return encoding.Nop.NewEncoder() }

type utf7Decoder struct {
	shifted bool   // between "+" and the end of the base64 letters
	empty   bool   // nothing has stood after the "+" yet
	bits    uint32 // of the base64 letters, the last n
	n       int
	lead    rune // a high surrogate that waits for its other half
}

func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

// Transform implements transform.Transformer.
func (d *utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		if len(dst)-nDst < 2*utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		nSrc++
		if !d.shifted {
			if c == '+' {
				*d = utf7Decoder{shifted: true, empty: true}
				continue
			}
			nDst += utf8.EncodeRune(dst[nDst:], rune(c))
			continue
		}
		if v := base64Value(c); v >= 0 {
			d.empty = false
			d.bits, d.n = d.bits<<6|uint32(v), d.n+6
			if d.n >= 16 {
				d.n -= 16
				nDst += d.unit(dst[nDst:], rune(d.bits>>d.n&0xffff))
			}
			continue
		}
		if d.empty && c == '-' {
			c = '+' // "+-" stands for itself
		} else if c == '-' {
			d.Reset()
			continue
		}
		d.Reset()
		nDst += utf8.EncodeRune(dst[nDst:], rune(c))
	}
	return nDst, nSrc, nil
}

// unit takes a UTF-16 code unit.
func (d *utf7Decoder) unit(dst []byte, u rune) int {
	switch {
	case u >= 0xd800 && u < 0xdc00:
		d.lead = u
		return 0
	case u >= 0xdc00 && u < 0xe000 && d.lead != 0:
		u = (d.lead-0xd800)<<10 | (u - 0xdc00) + 0x10000
	}
	d.lead = 0
	return utf8.EncodeRune(dst, u)
}
