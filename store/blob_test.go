package store

import (
	"bytes"
	"encoding/base64"
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
		"base64":              {long, blobBase64},
		"base64 and text":     {"text\r\n\r\n" + long + "\r\n--b\r\n" + long + "end", blobBase64},
		"base64 of 60":        {base64Lines(r, 5000, 60), blobBase64},
		"base64 of 72":        {base64Lines(r, 5000, 72), blobBase64},
		"base64 of two kinds": {base64Lines(r, 5000, 72) + long, blobBase64},
		"begins in a line":    {long[5:], blobBase64},
		"ends in a line":      {long[:len(long)-100], blobBase64},
		"few lines":           {"a\r\n" + long[:78*(minRun-1)] + "\r\n", blobRaw},
		"bare LF":             {strings.ReplaceAll(long, "\r\n", "\n"), blobRaw},
		"odd octet":           {strings.Replace(long, "\r\n", "*\r\n", 1), blobBase64},
		"padding everywhere":  {strings.Repeat(strings.Repeat("QUJD", 18)+"QQ==\r\n", 40), blobS2},
		"other bits":          {strings.Repeat(strings.Repeat("QUJD", 18)+"QR==\r\n", 40), blobS2},
		"one endless line":    {strings.ReplaceAll(long, "\r\n", ""), blobRaw},
		"bare CR":             {strings.ReplaceAll(long, "\r\n", "\r"), blobRaw},
		"lines of newlines":   {strings.Repeat(strings.Repeat("\n", 76)+"\r\n", 40), blobS2},
	} {
		blob := b.encode([]byte(tt.data))
		if blob[0] != tt.encoding {
			t.Errorf("%s: encoding %d, want %d", name, blob[0], tt.encoding)
		}
		got, err := b.decode([]byte("before"), blob)
		if err != nil || string(got) != "before"+tt.data {
			t.Errorf("%s: came back as %d octets, %v; want %d", name, len(got)-6, err, len(tt.data))
		}
		if tt.encoding == blobBase64 && len(blob) > len(tt.data)*80/100 {
			t.Errorf("%s: %d octets became %d", name, len(tt.data), len(blob))
		}
	}
}

func FuzzBlobRoundTrip(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	b := newTestBlobs(f)
	long := base64Lines(r, 2000, 76)
	f.Add([]byte("text\r\n" + long + "\r\n--b\r\n" + long[20:]))
	f.Add([]byte(base64Lines(r, 2000, 60) + base64Lines(r, 2000, 64)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := b.decode(nil, b.encode(data)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%q came back as %q, %v", data, got, err)
		}
	})
}

// A bit that has turned over is found in every encoding, wherever it is.
func TestBlobDamage(t *testing.T) {
	b := newTestBlobs(t)
	r := rand.New(rand.NewPCG(3, 4))
	text := []byte(strings.Repeat("some text\r\n", 50))
	for name, blob := range map[string][]byte{
		"raw":    b.encode([]byte(randomOctets(r, 300))),
		"zstd":   b.encode(bytes.Repeat(text, 40)),
		"s2":     b.encodeQuick(text),
		"base64": b.encode([]byte(base64Lines(r, 2000, 76))),
		"none":   b.encode(nil),
	} {
		for i := range 8 * len(blob) {
			blob[i/8] ^= 1 << (i % 8)
			if got, err := b.decode(nil, blob); !errors.Is(err, mail.ErrCorrupt) {
				t.Fatalf("%s with bit %d turned over: %d octets, %v", name, i, len(got), err)
			}
			blob[i/8] ^= 1 << (i % 8)
		}
	}
}

// Damage is an error, whatever it is, and never a panic or all the memory.
func FuzzBlobDecode(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	b := newTestBlobs(f)
	for _, blob := range [][]byte{
		b.encode([]byte("text\r\n" + base64Lines(r, 2000, 76))),
		b.encode([]byte(strings.Repeat("text", 100))),
		b.encodeQuick([]byte(strings.Repeat("text", 100))),
	} {
		f.Add(blob[:len(blob)-sumSize])
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		for _, decode := range []func(dst, blob []byte) ([]byte, error){b.decode, b.unpack} {
			if got, err := decode(nil, packed); err != nil && !errors.Is(err, mail.ErrCorrupt) {
				t.Errorf("%d octets, %v", len(got), err)
			}
		}
	})
}
