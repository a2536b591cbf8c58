package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"posthorn/internal/mail"
)

// The first octet of a blob names the encoding of the others, the last four are
// their checksum: a part of a message is read without the rest that its SHA-256
// needs, and must not be served damaged either. The values are stored: they
// never change.
const (
	blobRaw    = 0
	blobZstd   = 1
	blobBase64 = 2
	blobS2     = 3
	blobSplit  = 4
)

const (
	// minCompress is the size in octets below which compressing is not tried.
	minCompress = 160
	// zstdFrom is the size in octets from which on zstd is used: of less it
	// saves not much more than what is lost in pages that are not full. What
	// base64 stood for is mostly compressed already, and zstd takes longer to
	// find that out: attachedFrom.
	zstdFrom     = 4 << 10
	attachedFrom = 16 << 10
	// maxBlob is the most octets that a blob decodes to: damage must not be
	// able to ask for all memory.
	maxBlob = 64 << 20
)

// blobs encodes and decodes blobs. Any goroutine may use it.
type blobs struct {
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	rooms sync.Pool // of *room
	spare sync.Pool // of *[spareSize]byte
}

func newBlobs() (*blobs, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)),
		zstd.WithWindowSize(chunkSize),
		zstd.WithEncoderCRC(false), // blobs have their own
		zstd.WithLowerEncoderMem(true),
	)
	if err != nil {
		return nil, err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlob), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &blobs{enc: enc, dec: dec,
		rooms: sync.Pool{New: func() any { return new(room) }},
		spare: sync.Pool{New: func() any { return new([spareSize]byte) }},
	}, nil
}

// room is what blobs are made in; each is then copied out in its own size.
type room struct{ outside, inside, out []byte }

// chunk is a chunk as it is stored: its blob, and that of what the runs of
// base64 in it stand for, nil where there are none.
type chunk struct{ data, attached []byte }

// held is how many octets of memory it takes.
func (c chunk) held() int { return cap(c.data) + cap(c.attached) }

// encode makes a chunk of data, in the form that is smallest without much work.
func (b *blobs) encode(data []byte) chunk {
	r := b.rooms.Get().(*room)
	defer b.rooms.Put(r)
	var runs []base64Run
	if len(data) >= minRun*(minQuads*4+2) {
		runs, r.outside, r.inside = findBase64(data, r.outside[:0], r.inside[:0])
	}
	if len(runs) == 0 {
		r.out = b.pack(r.out[:0], data, zstdFrom)
		return chunk{data: b.keep(r.out)}
	}
	r.out = b.pack(appendRuns(r.out[:0], runs), r.outside, zstdFrom)
	c := chunk{data: b.keep(r.out)}
	r.out = b.pack(r.out[:0], r.inside, attachedFrom)
	c.attached = b.keep(r.out)
	return c
}

// pack appends a blob of data without its checksum, compressed where that pays:
// by zstd from so many octets on.
func (b *blobs) pack(dst, data []byte, from int) []byte {
	if len(data) < from {
		return packQuick(dst, data)
	}
	at := len(dst)
	dst = b.enc.EncodeAll(data, append(dst, blobZstd))
	if pays(len(dst)-at, len(data)) {
		return dst
	}
	return append(append(dst[:at], blobRaw), data...)
}

// packQuick is pack in a form that is a fifth or so larger, made in a fourth of
// the time and read in a third.
func packQuick(dst, data []byte) []byte {
	at := len(dst)
	if len(data) >= minCompress {
		dst = append(slices.Grow(dst, 1+s2.MaxEncodedLen(len(data))), blobS2)
		n := len(s2.Encode(dst[at+1:cap(dst)], data))
		if pays(1+n, len(data)) {
			return dst[:at+1+n]
		}
	}
	return append(append(dst[:at], blobRaw), data...)
}

// encodeQuick is encode by packQuick: for headers, which listings and searches
// read of thousands of messages at once.
func (b *blobs) encodeQuick(data []byte) []byte {
	r := b.rooms.Get().(*room)
	defer b.rooms.Put(r)
	r.out = packQuick(r.out[:0], data)
	return withSum(r.out)
}

// pays reports whether it is worth while to have packed octets in place of data
// octets.
func pays(packed, data int) bool { return packed < data-data/16 }

const (
	sumSize = 4
	// spareSize is the capacity of blobs whose memory is used again: most
	// messages' attachments fit, and make up most of what a delivery allocates.
	spareSize = 16 << 10
)

// castagnoli is CRC-32C, which processors compute: some 10 µs a chunk. It finds
// every damage of up to 32 bits in a row.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// withSum is a copy of packed with its checksum.
func withSum(packed []byte) []byte {
	return appendSum(make([]byte, 0, len(packed)+sumSize), packed)
}

func appendSum(dst, packed []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, packed...), crc32.Checksum(packed, castagnoli))
}

// keep is withSum, in memory for recycle to take back.
func (b *blobs) keep(packed []byte) []byte {
	if n := len(packed) + sumSize; n <= spareSize/4 || n > spareSize {
		return withSum(packed)
	}
	return appendSum(b.spare.Get().(*[spareSize]byte)[:0], packed)
}

// recycle takes the memory of chunks back that are stored, or given up.
func (b *blobs) recycle(chunks []chunk) {
	for _, c := range chunks {
		for _, blob := range [][]byte{c.data, c.attached} {
			if cap(blob) == spareSize {
				b.spare.Put((*[spareSize]byte)(blob[:spareSize]))
			}
		}
	}
	clear(chunks)
}

// withoutSum is what withSum was given. mail.ErrCorrupt.
func withoutSum(blob []byte) ([]byte, error) {
	n := len(blob) - sumSize
	if n < 1 {
		return nil, fmt.Errorf("blob of %d octets: %w", len(blob), mail.ErrCorrupt)
	}
	if crc32.Checksum(blob[:n], castagnoli) != binary.LittleEndian.Uint32(blob[n:]) {
		return nil, fmt.Errorf("blob does not have its checksum: %w", mail.ErrCorrupt)
	}
	return blob[:n], nil
}

// decode appends to dst what a blob holds. mail.ErrCorrupt.
func (b *blobs) decode(dst, blob []byte) ([]byte, error) {
	packed, err := withoutSum(blob)
	switch {
	case err != nil:
		return dst, err
	case packed[0] == blobBase64:
		return b.unpackBase64(dst, packed[1:])
	}
	return b.unpackPlain(dst, packed)
}

// isSplit reports whether there is more to a chunk than a blob says.
func isSplit(blob []byte) bool { return len(blob) > 0 && blob[0] == blobSplit }

// decodeChunk appends to dst what a chunk holds; without what is attached, the
// octets outside the runs that it returns. mail.ErrCorrupt.
func (b *blobs) decodeChunk(dst []byte, c chunk) ([]byte, []base64Run, error) {
	if !isSplit(c.data) {
		dst, err := b.decode(dst, c.data)
		return dst, nil, err
	}
	packed, err := withoutSum(c.data)
	if err != nil {
		return dst, nil, err
	}
	runs, outside, err := readRuns(packed[1:])
	if err != nil {
		return dst, nil, fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
	}
	if len(c.attached) == 0 {
		at := len(dst)
		if dst, err = b.unpackPlain(dst, outside); err == nil && !fit(runs, len(dst)-at) {
			err = fmt.Errorf("%w: %w", mail.ErrCorrupt, errBase64)
		}
		return dst, runs, err
	}
	inside, err := withoutSum(c.attached)
	if err == nil {
		dst, err = b.join(dst, runs, outside, inside)
	}
	return dst, nil, err
}

func (b *blobs) unpackPlain(dst, packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return dst, fmt.Errorf("empty blob: %w", mail.ErrCorrupt)
	}
	switch packed[0] {
	case blobRaw:
		return append(dst, packed[1:]...), nil
	case blobZstd:
		out, err := b.dec.DecodeAll(packed[1:], dst)
		if err != nil {
			return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
		}
		return out, nil
	case blobS2:
		n, err := s2.DecodedLen(packed[1:])
		if err != nil || n > maxBlob {
			return dst, fmt.Errorf("blob of %d octets: %w", n, mail.ErrCorrupt)
		}
		at := len(dst)
		dst = slices.Grow(dst, n)[:at+n]
		if _, err := s2.Decode(dst[at:], packed[1:]); err != nil {
			return dst[:at], fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
		}
		return dst, nil
	}
	return dst, fmt.Errorf("blob of encoding %d: %w", packed[0], mail.ErrCorrupt)
}
