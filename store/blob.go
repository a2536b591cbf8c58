package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"

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
)

const (
	// minCompress is the size in octets below which compressing is not tried.
	minCompress = 160
	// maxBlob is the most octets that a blob decodes to: damage must not be
	// able to ask for all memory.
	maxBlob = 64 << 20
)

// blobs encodes and decodes blobs. Any goroutine may use it.
type blobs struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
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
	return &blobs{enc, dec}, nil
}

// encode makes a blob of data, in the form that is smallest without much work.
func (b *blobs) encode(data []byte) []byte {
	if packed := b.packBase64(data); packed != nil {
		return appendSum(packed)
	}
	return b.encodePlain(data)
}

// encodePlain makes a blob of data, compressed where that pays.
func (b *blobs) encodePlain(data []byte) []byte { return appendSum(b.pack(data)) }

// pack is a blob without its checksum.
func (b *blobs) pack(data []byte) []byte {
	if len(data) >= minCompress {
		out := b.enc.EncodeAll(data, append(make([]byte, 0, len(data)/2+64), blobZstd))
		if len(out) < len(data)-len(data)/16 {
			return out
		}
	}
	return packRaw(data)
}

func packRaw(data []byte) []byte {
	return append(append(make([]byte, 0, 1+len(data)+sumSize), blobRaw), data...)
}

// encodeQuick makes a blob that is a fifth or so larger than encode's, in a
// third of the time, and decodes in a third: for texts, which a search reads
// of thousands of messages at once.
func (b *blobs) encodeQuick(data []byte) []byte {
	if len(data) >= minCompress {
		out := make([]byte, 1+s2.MaxEncodedLen(len(data)))
		out[0] = blobS2
		out = out[:1+len(s2.Encode(out[1:], data))]
		if len(out) < len(data)-len(data)/16 {
			return appendSum(out)
		}
	}
	return appendSum(packRaw(data))
}

const sumSize = 4

// castagnoli is CRC-32C, which processors compute: some 10 µs a chunk. It finds
// every damage of up to 32 bits in a row.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func appendSum(packed []byte) []byte {
	return binary.LittleEndian.AppendUint32(packed, crc32.Checksum(packed, castagnoli))
}

// decode appends to dst what a blob holds. mail.ErrCorrupt.
func (b *blobs) decode(dst, blob []byte) ([]byte, error) {
	n := len(blob) - sumSize
	if n < 1 {
		return dst, fmt.Errorf("blob of %d octets: %w", len(blob), mail.ErrCorrupt)
	}
	if crc32.Checksum(blob[:n], castagnoli) != binary.LittleEndian.Uint32(blob[n:]) {
		return dst, fmt.Errorf("blob does not have its checksum: %w", mail.ErrCorrupt)
	}
	return b.unpack(dst, blob[:n])
}

// unpack is decode without the checksum.
func (b *blobs) unpack(dst, packed []byte) ([]byte, error) {
	if len(packed) > 0 && packed[0] == blobBase64 {
		return b.unpackBase64(dst, packed[1:])
	}
	return b.unpackPlain(dst, packed)
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
