package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"posthorn/internal/mail"
)

// Attachments travel as base64, which no compressor shrinks much beyond the
// quarter that the encoding adds. A blob of encoding blobBase64 holds what the
// lines stand for instead. Only lines that come out the same octet by octet
// are taken: of one length, without padding, ended by CRLF. The octets outside
// the runs, which are the text of most messages, stand apart from those that
// the runs stand for, so that a search and who reads a part need not read what
// is attached.
//
// A blob of encoding blobSplit has after the encoding's octet, as uvarints: the
// number of runs; for each run the octets before it, its lines, and the groups
// of four in a line; then, as a blob without checksum, the octets outside the
// runs. Another blob, in chunks.attached, has those that the runs stand for.
//
// Encoding blobBase64, which is written no more, had all in one: the length of
// the octets outside as a blob stood before them, and those that the runs stand
// for behind them.

const (
	// minQuads and maxQuads are the groups of four in a line of a run: writers
	// of mail use 60 to 76 characters (RFC 2045 §6.8).
	minQuads = 15
	maxQuads = 19
	// minRun is how many lines make it worth while.
	minRun = 16
)

// base64Run is a run of lines of base64.
type base64Run struct{ before, lines, quads int }

func (r base64Run) encodedLen() int { return r.lines * (r.quads*4 + 2) }
func (r base64Run) decodedLen() int { return r.lines * r.quads * 3 }

// findBase64 finds the runs in data; the octets between them are appended to
// outside, those that the runs stand for to inside.
func findBase64(data, outside, inside []byte) (runs []base64Run, _, _ []byte) {
	start, at := 0, 0 // the first octet not in a run yet, and a line's first
	for at < len(data) {
		var run base64Run
		if run.quads = lineQuads(data[at:]); run.quads > 0 {
			inside, run.lines = decodeLines(inside, data[at:], run.quads)
		}
		if run.lines < minRun {
			inside = inside[:len(inside)-run.decodedLen()]
			// A run may yet begin right after these lines, which are few.
			at += run.encodedLen()
			next := bytes.IndexByte(data[at:], '\n')
			if next < 0 {
				break
			}
			at += next + 1
			continue
		}
		run.before = at - start
		outside = append(outside, data[start:at]...)
		at += run.encodedLen()
		start = at
		runs = append(runs, run)
	}
	return runs, append(outside, data[start:]...), inside
}

// lineQuads is the number of groups in the line that data begins with, or 0
// when it cannot be one of a run.
func lineQuads(data []byte) int {
	n := bytes.IndexByte(data[:min(len(data), maxQuads*4+2)], '\r')
	if n < minQuads*4 || n%4 != 0 {
		return 0
	}
	return n / 4
}

// decodeLines appends what the lines at the beginning of data stand for, as
// far as they are such.
func decodeLines(dst, data []byte, quads int) ([]byte, int) {
	chars, octets := quads*4, quads*3
	lines := 0
	for len(data) >= chars+2 && data[chars] == '\r' && data[chars+1] == '\n' && data[chars-1] != '=' {
		// With room for more octets the decoder takes larger steps.
		at := len(dst)
		dst = slices.Grow(dst, octets+8)
		n, err := base64.StdEncoding.Decode(dst[at:at+octets+8], data[:chars])
		if err != nil || n != octets {
			return dst[:at], lines
		}
		dst = dst[:at+octets]
		data = data[chars+2:]
		lines++
	}
	return dst, lines
}

// appendRuns appends the runs as a blob of encoding blobSplit begins.
func appendRuns(dst []byte, runs []base64Run) []byte {
	dst = append(dst, blobSplit)
	dst = binary.AppendUvarint(dst, uint64(len(runs)))
	for _, run := range runs {
		dst = binary.AppendUvarint(dst, uint64(run.before))
		dst = binary.AppendUvarint(dst, uint64(run.lines))
		dst = binary.AppendUvarint(dst, uint64(run.quads))
	}
	return dst
}

var errBase64 = errors.New("runs of base64 do not fit")

// readRuns reads what appendRuns wrote, from behind its first octet on.
func readRuns(blob []byte) (runs []base64Run, rest []byte, err error) {
	number := func(most int) int {
		n, size := binary.Uvarint(blob)
		if size <= 0 || n > uint64(most) {
			err = errBase64
			return 0
		}
		blob = blob[size:]
		return int(n)
	}
	count := number(len(blob))
	for i := 0; i < count && err == nil; i++ {
		runs = append(runs, base64Run{number(maxBlob), number(maxBlob / (minQuads * 3)), number(maxQuads)})
	}
	return runs, blob, err
}

// fit reports whether so many octets are enough to stand before the runs.
func fit(runs []base64Run, outside int) bool {
	for _, r := range runs {
		outside -= r.before
	}
	return outside >= 0
}

// joinRuns appends the octets outside the runs with the runs between them.
func joinRuns(dst []byte, runs []base64Run, outside, inside []byte) ([]byte, error) {
	// What the lines of runs that fit come to is no more than half as much again.
	dst = slices.Grow(dst, len(outside)+len(inside)*3/2)
	for _, r := range runs {
		if r.quads == 0 || r.before > len(outside) || r.decodedLen() > len(inside) {
			return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
		}
		dst = append(dst, outside[:r.before]...)
		outside = outside[r.before:]
		dst = encodeLines(dst, inside[:r.decodedLen()], r.quads)
		inside = inside[r.decodedLen():]
	}
	if len(inside) > 0 {
		return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
	}
	return append(dst, outside...), nil
}

// base64Pairs are the two characters of each twelve bits (RFC 4648 §4). Encoding
// by pairs takes half the time of encoding/base64, which would be a twelfth of
// what it takes to read a message.
var base64Pairs = pairsOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")

func pairsOf(alphabet string) (pairs [1 << 12]uint16) {
	for i := range pairs {
		pairs[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return pairs
}

// encodeLines appends the lines of base64 that octets come to, with so many
// groups of four in each. It is the reverse of decodeLines.
func encodeLines(dst, octets []byte, quads int) []byte {
	line := quads*4 + 2
	at := len(dst)
	n := len(octets) / (quads * 3) * line
	dst = slices.Grow(dst, n)[:at+n]
	for out := dst[at:]; len(out) > 0; out = out[line:] {
		encodeLine(out[:line], octets[:quads*3])
		octets = octets[quads*3:]
	}
	return dst
}

// encodeLine writes a line, two groups at a time as long as there are octets to
// load at once.
func encodeLine(out, octets []byte) {
	for len(octets) >= 8 && len(out) >= 8 {
		v := binary.BigEndian.Uint64(octets)
		binary.LittleEndian.PutUint64(out, uint64(base64Pairs[v>>52])|
			uint64(base64Pairs[v>>40&0xfff])<<16|
			uint64(base64Pairs[v>>28&0xfff])<<32|
			uint64(base64Pairs[v>>16&0xfff])<<48)
		octets, out = octets[6:], out[8:]
	}
	for len(octets) >= 3 && len(out) >= 4 {
		v := uint32(octets[0])<<16 | uint32(octets[1])<<8 | uint32(octets[2])
		binary.LittleEndian.PutUint32(out, uint32(base64Pairs[v>>12])|uint32(base64Pairs[v&0xfff])<<16)
		octets, out = octets[3:], out[4:]
	}
	out[0], out[1] = '\r', '\n'
}

// unpackBase64 appends what a blob of encoding blobBase64 holds, which comes
// without its first octet.
func (b *blobs) unpackBase64(dst, blob []byte) ([]byte, error) {
	runs, rest, err := readRuns(blob)
	n, size := binary.Uvarint(rest)
	if err != nil || size <= 0 || n > uint64(len(rest)-size) {
		return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
	}
	return b.join(dst, runs, rest[size:][:n], rest[size:][n:])
}

// join unpacks two blobs without checksums and appends what they and the runs
// come to.
func (b *blobs) join(dst []byte, runs []base64Run, outside, inside []byte) (_ []byte, err error) {
	r := b.rooms.Get().(*room)
	defer b.rooms.Put(r)
	if outside, err = b.unpackInto(&r.outside, outside); err != nil {
		return dst, err
	}
	if inside, err = b.unpackInto(&r.inside, inside); err != nil {
		return dst, err
	}
	return joinRuns(dst, runs, outside, inside)
}

// unpackInto unpacks a blob without a checksum into room; one that is not packed,
// as what is attached mostly is, stays where it is.
func (b *blobs) unpackInto(room *[]byte, blob []byte) ([]byte, error) {
	if len(blob) > 0 && blob[0] == blobRaw {
		return blob[1:], nil
	}
	out, err := b.unpackPlain((*room)[:0], blob)
	*room = out
	return out, err
}
