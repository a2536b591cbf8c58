package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

func decode(t *testing.T, encoding, in string) string {
	t.Helper()
	r, err := NewDecoder(strings.NewReader(in), encoding)
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	// It must not depend on how the octets come.
	r, _ = NewDecoder(iotest.OneByteReader(strings.NewReader(in)), encoding)
	again, err := io.ReadAll(iotest.OneByteReader(r))
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("%q octet by octet: %q, not %q: %v", in, again, out, err)
	}
	return string(out)
}

func TestDecoder(t *testing.T) {
	for _, tt := range []struct{ encoding, in, want string }{
		{"7bit", "a=41\r\n", "a=41\r\n"},
		{"", "x", "x"},
		{"base64", "", ""},
		{"base64", "SGVsbG8=", "Hello"},
		{"base64", "SGVs\r\nbG8=\r\n", "Hello"},
		{"base64", "SGVsbG8", "Hello"},
		{"base64", "S GV*s-bG\x008=", "Hello"},
		{"base64", "SGVsbG8=SGVsbG8=", "HelloHello"},
		{"base64", "SGVsbG8=\r\n\r\nSGVsbG8=\r\n", "HelloHello"},
		{"base64", "SGVsbG8=\r\n--\r\n", "Hello"},
		{"base64", "SGVsbG8h\r\nS", "Hello!"},
		{"base64", "SGV\r\nsbG\r\n8=", "Hello"},
		{"base64", "====", ""},
		{"quoted-printable", "a=41=3D=c3=A9\r\n", "aA=é\r\n"},
		{"quoted-printable", "soft =\r\nbreak=  \r\nend", "soft breakend"},
		{"quoted-printable", "trailing \t\r\nspace  ", "trailing\r\nspace"},
		{"quoted-printable", "soft=", "soft"},
		{"quoted-printable", "bad =zz =4 =\r\n=", "bad =zz =4 "},
		{"quoted-printable", "=4", "=4"},
		{"quoted-printable", "LF=\nend=\n\n", "LFend\n"},
		{"quoted-printable", strings.Repeat("=C3=A9", 20000), strings.Repeat("é", 20000)},
		{"quoted-printable", strings.Repeat(" ", 100000) + "\r\nx", "\r\nx"},
	} {
		got := decode(t, tt.encoding, tt.in)
		if strings.HasPrefix(tt.in, "    ") { // more white space than is looked at stays
			got = strings.TrimLeft(got, " ")
		}
		if got != tt.want {
			t.Errorf("%s %.60q: %.60q, want %.60q", tt.encoding, tt.in, got, tt.want)
		}
	}
	for _, encoding := range []string{"x-uuencode", "uuencode", "quoted", "zip"} {
		if _, err := NewDecoder(strings.NewReader(""), encoding); !errors.Is(err, ErrEncoding) {
			t.Errorf("%s: %v", encoding, err)
		}
		if KnownEncoding(encoding) {
			t.Errorf("%s is known", encoding)
		}
	}
}

// TestDecoderRoundTrip decodes what the standard library encodes.
func TestDecoderRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		b := make([]byte, rnd.IntN(3000))
		for i := range b {
			b[i] = byte(rnd.Uint32() >> rnd.IntN(8))
		}
		var q bytes.Buffer
		w := quotedprintable.NewWriter(&q)
		w.Binary = true
		w.Write(b)
		w.Close()
		if got := decode(t, "quoted-printable", q.String()); got != string(b) {
			t.Fatalf("quoted-printable: %q, not %q", got, b)
		}
		enc := base64.StdEncoding.EncodeToString(b)
		for at := 76; at < len(enc); at += 78 {
			enc = enc[:at] + "\r\n" + enc[at:]
		}
		if got := decode(t, "base64", enc); got != string(b) {
			t.Fatalf("base64: %q, not %q", got, b)
		}
	}
	r, _ := NewDecoder(iotest.ErrReader(io.ErrUnexpectedEOF), "base64")
	if _, err := io.ReadAll(r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an error is lost: %v", err)
	}
}
