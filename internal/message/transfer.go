package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

// ErrEncoding is returned for a Content-Transfer-Encoding that is not known:
// IMAP's UNKNOWN-CTE (RFC 9051 §7.1).
var ErrEncoding = errors.New("message: unknown content transfer encoding")

// transferDecoder undoes a Content-Transfer-Encoding, line by line.
type transferDecoder interface {
	// line appends what a line stands for, or a piece of one, as lines cuts
	// them.
	line(dst, line []byte) []byte
	// finish appends what the end reveals.
	finish(dst []byte) []byte
}

// newTransferDecoder returns nil for encodings that encode nothing. Of one that
// is not known it returns nil too, and false.
func newTransferDecoder(encoding string) (transferDecoder, bool) {
	switch encoding {
	case "base64":
		return &base64Decoder{}, true
	case "quoted-printable":
		return &qpDecoder{}, true
	case "7bit", "8bit", "binary", "", "7-bit", "8-bit", "8bits":
		return nil, true
	}
	return nil, false
}

// NewDecoder returns a reader of what r's octets stand for in the
// Content-Transfer-Encoding (in lower case, as Part.Encoding). It reads what
// can be read: characters that do not belong into base64 are passed over, and
// a malformed quoted-printable escape stands for itself. ErrEncoding when the
// encoding is unknown, or is none of MIME's.
func NewDecoder(r io.Reader, encoding string) (io.Reader, error) {
	d, ok := newTransferDecoder(encoding)
	if !ok {
		return nil, ErrEncoding
	}
	if d == nil {
		return r, nil
	}
	return &decodingReader{r: r, d: d, in: make([]byte, 8<<10)}, nil
}

// KnownEncoding reports whether NewDecoder knows the encoding.
func KnownEncoding(encoding string) bool {
	_, ok := newTransferDecoder(encoding)
	return ok
}

type decodingReader struct {
	r       io.Reader
	d       transferDecoder
	lines   lines
	in, out []byte
	pos     int // in out
	err     error
}

func (d *decodingReader) Read(p []byte) (int, error) {
	for d.pos == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		if len(p) == 0 {
			return 0, nil
		}
		d.out, d.pos = d.out[:0], 0
		var n int
		n, d.err = d.r.Read(d.in)
		for b := d.in[:n]; len(b) > 0; {
			var line []byte
			if line, b = d.lines.next(b); line == nil {
				break
			}
			d.out = d.d.line(d.out, line)
		}
		if d.err == io.EOF {
			if line := d.lines.last(); line != nil {
				d.out = d.d.line(d.out, line)
			}
			d.out = d.d.finish(d.out)
		}
	}
	n := copy(p, d.out[d.pos:])
	d.pos += n
	return n, nil
}

// base64Decoder decodes base64 (RFC 2045 §6.8) leniently: what is not in the
// alphabet is passed over, padding ends a group of four, and more may follow
// it, as when encoded texts are put end to end.
type base64Decoder struct {
	bits uint32
	n    int // letters in bits
}

func (d *base64Decoder) line(dst, line []byte) []byte {
	line = line[:len(line)-lineEnd(line)]
	if d.n == 0 && len(line)&3 == 0 {
		at := len(dst)
		if out, err := base64.StdEncoding.AppendDecode(dst, line); err == nil {
			return out
		}
		dst = dst[:at]
	}
	for _, c := range line {
		v := base64Value(c)
		if v < 0 {
			if c == '=' {
				dst = d.finish(dst)
			}
			continue
		}
		d.bits, d.n = d.bits<<6|uint32(v), d.n+1
		if d.n == 4 {
			dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
			d.bits, d.n = 0, 0
		}
	}
	return dst
}

// finish ends a group that may be short of letters.
func (d *base64Decoder) finish(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.bits, d.n = 0, 0
	return dst
}

// base64Value returns the value of a letter of base64, or -1.
func base64Value(c byte) int {
	switch {
	case 'A' <= c && c <= 'Z':
		return int(c - 'A')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 26
	case '0' <= c && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}

// qpDecoder decodes quoted-printable (RFC 2045 §6.7) leniently: an escape that
// is none stands for itself.
type qpDecoder struct {
	held []byte // at the end of a piece: white space, the beginning of an escape
}

// maxHeld is the longest white space that is looked at for whether it ends a
// line that comes in pieces.
const maxHeld = 1000

func (d *qpDecoder) line(dst, line []byte) []byte {
	if len(d.held) > 0 {
		line = append(d.held, line...)
		d.held = nil
	}
	eol := line[len(line)-lineEnd(line):]
	line = line[:len(line)-len(eol)]
	if len(eol) > 0 {
		// White space at the end of a line was added on the way.
		line = bytes.TrimRight(line, " \t")
		if n := len(line); n > 0 && line[n-1] == '=' {
			line, eol = line[:n-1], nil // a soft line break
		}
	} else {
		cut := len(bytes.TrimRight(line, " \t"))
		if i := bytes.LastIndexByte(line[:cut], '='); i >= 0 && i+3 > cut {
			cut = i
		}
		if len(line)-cut < maxHeld {
			d.held = bytes.Clone(line[cut:])
			line = line[:cut]
		}
	}
	for {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			break
		}
		dst = append(dst, line[:i]...)
		if i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]) {
			dst = append(dst, unhex(line[i+1])<<4|unhex(line[i+2]))
			line = line[i+3:]
			continue
		}
		dst = append(dst, '=')
		line = line[i+1:]
	}
	dst = append(dst, line...)
	return append(dst, eol...)
}

// finish ends the text. A sign that is left is a soft line break whose line
// end belongs to the delimiter, and so does white space.
func (d *qpDecoder) finish(dst []byte) []byte {
	if held := bytes.TrimRight(d.held, " \t"); len(held) > 1 {
		dst = append(dst, held...)
	}
	d.held = nil
	return dst
}
