package store

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"posthorn/internal/mail"
)

// The first octet of a blob names the encoding of the others. The values are
// stored: they never change.
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
		zstd.WithEncoderCRC(false), // contents have their SHA-256
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
	if blob := b.encodeBase64(data); blob != nil {
		return blob
	}
	return b.encodePlain(data)
}

// encodePlain makes a blob of data, compressed where that pays.
func (b *blobs) encodePlain(data []byte) []byte {
	if len(data) >= minCompress {
		out := b.enc.EncodeAll(data, append(make([]byte, 0, len(data)/2+64), blobZstd))
		if len(out) < len(data)-len(data)/16 {
			return out
		}
	}
	return append(append(make([]byte, 0, 1+len(data)), blobRaw), data...)
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
			return out
		}
	}
	return append(append(make([]byte, 0, 1+len(data)), blobRaw), data...)
}

// decode appends to dst what a blob holds. mail.ErrCorrupt.
func (b *blobs) decode(dst, blob []byte) ([]byte, error) {
	if len(blob) > 0 && blob[0] == blobBase64 {
		return b.decodeBase64(dst, blob[1:])
	}
	return b.decodePlain(dst, blob)
}

func (b *blobs) decodePlain(dst, blob []byte) ([]byte, error) {
	if len(blob) == 0 {
		return dst, fmt.Errorf("empty blob: %w", mail.ErrCorrupt)
	}
	switch blob[0] {
	case blobRaw:
		return append(dst, blob[1:]...), nil
	case blobZstd:
		out, err := b.dec.DecodeAll(blob[1:], dst)
		if err != nil {
			return dst, fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
		}
		return out, nil
	case blobS2:
		n, err := s2.DecodedLen(blob[1:])
		if err != nil || n > maxBlob {
			return dst, fmt.Errorf("blob of %d octets: %w", n, mail.ErrCorrupt)
		}
		at := len(dst)
		dst = slices.Grow(dst, n)[:at+n]
		if _, err := s2.Decode(dst[at:], blob[1:]); err != nil {
			return dst[:at], fmt.Errorf("%w: %w", mail.ErrCorrupt, err)
		}
		return dst, nil
	}
	return dst, fmt.Errorf("blob of encoding %d: %w", blob[0], mail.ErrCorrupt)
}
