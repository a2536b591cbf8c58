package store

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

func newTestBlobs(t testing.TB) *blobs {
	t.Helper()
	b, err := newBlobs()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// base64Lines are n random octets as base64 in lines of chars characters.
func base64Lines(r *rand.Rand, n, chars int) string {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	var b strings.Builder
	for e := base64.StdEncoding.EncodeToString(raw); len(e) > 0; {
		k := min(chars, len(e))
		b.WriteString(e[:k] + "\r\n")
		e = e[k:]
	}
	return b.String()
}

// inOne is data as older versions stored it: the runs of base64 with the rest.
func (b *blobs) inOne(data []byte) []byte {
	runs, outside, inside := findBase64(data, nil, nil)
	first := b.pack(nil, outside, attachedFrom)
	blob := appendRuns(nil, runs)
	blob[0] = blobBase64
	blob = binary.AppendUvarint(blob, uint64(len(first)))
	return withSum(b.pack(append(blob, first...), inside, attachedFrom))
}

// decodeWhole appends all that a chunk holds.
func (b *blobs) decodeWhole(dst []byte, c chunk) ([]byte, error) {
	dst, runs, err := b.decodeChunk(dst, c)
	if err == nil && runs != nil {
		err = errors.New("there is more to it")
	}
	return dst, err
}

func TestBlobRoundTrip(t *testing.T) {
	b := newTestBlobs(t)
	r := rand.New(rand.NewPCG(3, 4))
	long := base64Lines(r, 5000, 76)
	for name, tt := range map[string]struct {
		data     string
		encoding byte
	}{
		"nothing":             {"", blobRaw},
		"short":               {"x", blobRaw},
		"text":                {strings.Repeat("some text\r\n", 50), blobS2},
		"long text":           {strings.Repeat("some text\r\n", 2000), blobZstd},
		"random":              {randomOctets(r, 63), blobRaw},
		"base64":              {long, blobSplit},
		"base64 and text":     {"text\r\n\r\n" + long + "\r\n--b\r\n" + long + "end", blobSplit},
		"base64 of 60":        {base64Lines(r, 5000, 60), blobSplit},
		"base64 of 72":        {base64Lines(r, 5000, 72), blobSplit},
		"base64 of two kinds": {base64Lines(r, 5000, 72) + long, blobSplit},
		"begins in a line":    {long[5:], blobSplit},
		"ends in a line":      {long[:len(long)-100], blobSplit},
		"few lines":           {"a\r\n" + long[:78*(minRun-1)] + "\r\n", blobRaw},
		"bare LF":             {strings.ReplaceAll(long, "\r\n", "\n"), blobRaw},
		"odd octet":           {strings.Replace(long, "\r\n", "*\r\n", 1), blobSplit},
		"padding everywhere":  {strings.Repeat(strings.Repeat("QUJD", 18)+"QQ==\r\n", 40), blobS2},
		"other bits":          {strings.Repeat(strings.Repeat("QUJD", 18)+"QR==\r\n", 40), blobS2},
		"one endless line":    {strings.ReplaceAll(long, "\r\n", ""), blobRaw},
		"bare CR":             {strings.ReplaceAll(long, "\r\n", "\r"), blobRaw},
		"lines of newlines":   {strings.Repeat(strings.Repeat("\n", 76)+"\r\n", 40), blobS2},
	} {
		c := b.encode([]byte(tt.data))
		if c.data[0] != tt.encoding || (tt.encoding == blobSplit) != (c.attached != nil) {
			t.Errorf("%s: encoding %d and %d octets attached, want %d", name, c.data[0], len(c.attached), tt.encoding)
		}
		got, err := b.decodeWhole([]byte("before"), c)
		if err != nil || string(got) != "before"+tt.data {
			t.Errorf("%s: came back as %d octets, %v; want %d", name, len(got)-6, err, len(tt.data))
		}
		if tt.encoding != blobSplit {
			continue
		}
		if n := len(c.data) + len(c.attached); n > len(tt.data)*80/100 {
			t.Errorf("%s: %d octets became %d", name, len(tt.data), n)
		}
		outside, runs, err := b.decodeChunk(nil, chunk{data: c.data})
		if err != nil || len(runs) == 0 {
			t.Fatalf("%s: without what is attached: %d runs, %v", name, len(runs), err)
		}
		for off := range len(tt.data) {
			if got := outsideAt(runs, outside, int64(off)); !strings.HasPrefix(tt.data[off:], string(got)) {
				t.Fatalf("%s: at %d: %q", name, off, got)
			}
		}
		if got, err := b.decodeWhole([]byte("before"), chunk{data: b.inOne([]byte(tt.data))}); err != nil || string(got) != "before"+tt.data {
			t.Errorf("%s: in one came back as %d octets, %v; want %d", name, len(got)-6, err, len(tt.data))
		}
	}
}

// Lines are those of encoding/base64, whatever their length.
func TestEncodeLines(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for quads := 1; quads <= maxQuads; quads++ {
		for lines := range 4 {
			want := "before"
			var octets []byte
			for range lines {
				line := make([]byte, quads*3)
				for i := range line {
					line[i] = byte(r.Uint32())
				}
				octets = append(octets, line...)
				want += base64.StdEncoding.EncodeToString(line) + "\r\n"
			}
			if got := encodeLines([]byte("before"), octets, quads); string(got) != want {
				t.Errorf("%d lines of %d groups: %q, want %q", lines, quads, got, want)
			}
		}
	}
	b := newTestBlobs(t)
	raw := []byte{blobRaw, 'x'}
	if got, err := b.join(nil, []base64Run{{0, 20, 0}}, raw, raw); !errors.Is(err, mail.ErrCorrupt) {
		t.Errorf("lines of nothing: %q, %v", got, err)
	}
}

func FuzzBlobRoundTrip(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	b := newTestBlobs(f)
	long := base64Lines(r, 2000, 76)
	f.Add([]byte("text\r\n" + long + "\r\n--b\r\n" + long[20:]))
	f.Add([]byte(base64Lines(r, 2000, 60) + base64Lines(r, 2000, 64)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := b.decodeWhole(nil, b.encode(data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q came back as %q, %v", data, got, err)
		}
	})
}

// A bit that has turned over is found in every encoding, wherever it is.
func TestBlobDamage(t *testing.T) {
	b := newTestBlobs(t)
	r := rand.New(rand.NewPCG(3, 4))
	text := []byte(strings.Repeat("some text\r\n", 50))
	lines := []byte(base64Lines(r, 2000, 76))
	for name, c := range map[string]chunk{
		"raw":    b.encode([]byte(randomOctets(r, 300))),
		"zstd":   b.encode(bytes.Repeat(text, 40)),
		"s2":     {data: b.encodeQuick(text)},
		"split":  b.encode(lines),
		"in one": {data: b.inOne(lines)},
		"none":   b.encode(nil),
	} {
		for _, blob := range [][]byte{c.data, c.attached} {
			for i := range 8 * len(blob) {
				blob[i/8] ^= 1 << (i % 8)
				if got, err := b.decodeWhole(nil, c); !errors.Is(err, mail.ErrCorrupt) {
					t.Fatalf("%s with bit %d turned over: %d octets, %v", name, i, len(got), err)
				}
				blob[i/8] ^= 1 << (i % 8)
			}
		}
	}
}

// Damage is an error, whatever it is, and never a panic or all the memory.
func FuzzBlobDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	b := newTestBlobs(f)
	lines := []byte("text\r\n" + base64Lines(r, 2000, 76))
	for _, c := range []chunk{
		b.encode(lines),
		{data: b.inOne(lines)},
		b.encode([]byte(strings.Repeat("text", 100))),
		{data: b.encodeQuick([]byte(strings.Repeat("text", 100)))},
	} {
		attached := []byte{}
		if c.attached != nil {
			attached = c.attached[:len(c.attached)-sumSize]
		}
		f.Add(c.data[:len(c.data)-sumSize], attached)
	}
	f.Fuzz(func(t *testing.T, packed, attached []byte) {
		c := chunk{data: withSum(packed)}
		if len(attached) > 0 {
			c.attached = withSum(attached)
		}
		got, runs, err := b.decodeChunk(nil, c)
		if err != nil && !errors.Is(err, mail.ErrCorrupt) {
			t.Errorf("%d octets, %v", len(got), err)
		}
		if err == nil {
			for off := range min(int64(len(got)), 1000) {
				outsideAt(runs, got, off)
			}
		}
	})
}
