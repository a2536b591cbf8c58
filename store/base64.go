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
// are taken: of one length, without padding, ended by CRLF.
//
// After the encoding's octet come, as uvarints: the number of runs; for each
// run the octets before it, its lines, and the groups of four in a line; the
// length of the next blob; then two blobs: the octets outside the runs, and
// those that the runs stand for.

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

// packBase64 appends a blob, without its checksum, of data that has runs of
// base64; of other data it reports false.
func (b *blobs) packBase64(dst, data []byte, r *room) ([]byte, bool) {
	if len(data) < minRun*(minQuads*4+2) {
		return dst, false
	}
	var runs []base64Run
	runs, r.outside, r.inside = findBase64(data, r.outside[:0], r.inside[:0])
	if len(runs) == 0 {
		return dst, false
	}
	r.first = b.pack(r.first[:0], r.outside)
	dst = append(dst, blobBase64)
	dst = binary.AppendUvarint(dst, uint64(len(runs)))
	for _, run := range runs {
		dst = binary.AppendUvarint(dst, uint64(run.before))
		dst = binary.AppendUvarint(dst, uint64(run.lines))
		dst = binary.AppendUvarint(dst, uint64(run.quads))
	}
	dst = binary.AppendUvarint(dst, uint64(len(r.first)))
	dst = append(dst, r.first...)
	return b.pack(dst, r.inside), true
}

var errBase64 = errors.New("runs of base64 do not fit")

// unpackBase64 appends what packBase64 was given.
func (b *blobs) unpackBase64(dst, blob []byte) ([]byte, error) {
	r := b.rooms.Get().(*room)
	defer b.rooms.Put(r)
	runs, first, second, err := splitBase64(blob)
	if err == nil {
		r.outside, err = b.unpackPlain(r.outside[:0], first)
	}
	if err == nil {
		r.inside, err = b.unpackPlain(r.inside[:0], second)
	}
	if err != nil {
		return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
	}
	first, second = r.outside, r.inside
	// What the lines of runs that fit come to is no more than half as much again.
	dst = slices.Grow(dst, len(first)+len(second)*3/2)
	for _, r := range runs {
		if r.before > len(first) || r.decodedLen() > len(second) {
			return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
		}
		dst = append(dst, first[:r.before]...)
		first = first[r.before:]
		for range r.lines {
			dst = base64.StdEncoding.AppendEncode(dst, second[:r.quads*3])
			dst = append(dst, '\r', '\n')
			second = second[r.quads*3:]
		}
	}
	if len(second) > 0 {
		return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
	}
	return append(dst, first...), nil
}

// splitBase64 takes a blob without its first octet apart.
func splitBase64(blob []byte) (runs []base64Run, first, second []byte, err error) {
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
	n := number(len(blob))
	if err != nil || n > len(blob) {
		return nil, nil, nil, errBase64
	}
	return runs, blob[:n], blob[n:], nil
}
