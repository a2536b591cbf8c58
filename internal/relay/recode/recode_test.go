package recode

import (
	"bytes"
	b64 "encoding/base64"
	"errors"
	"io"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"posthorn/internal/golden"
	"posthorn/internal/message"
)

// content is a message in memory.
type content []byte

func (c content) Size() int64 { return int64(len(c)) }
func (c content) WriteRange(w io.Writer, off, n int64) error {
	for p := c[off : off+n]; len(p) > 0; { // in pieces, as a store does
		k := min(len(p), 7)
		if _, err := w.Write(p[:k]); err != nil {
			return err
		}
		p = p[k:]
	}
	return nil
}

// recode is what a message becomes for a channel.
func recode(t testing.TB, msg []byte, channel Channel) ([]byte, error) {
	t.Helper()
	m, err := New(content(msg), channel)
	if err != nil {
		if !errors.Is(err, ErrCannot) {
			t.Errorf("New: %v", err)
		}
		return nil, err
	}
	var out bytes.Buffer
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	checkChannel(t, out.Bytes(), channel)
	if got := hasEightBit(out.Bytes()); got != m.EightBit() {
		t.Errorf("EightBit() is %v, and it is %v", m.EightBit(), got)
	}
	return out.Bytes(), nil
}

func hasEightBit(b []byte) bool {
	return bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x80 })
}

// checkChannel checks that a message fits through a channel.
func checkChannel(t testing.TB, b []byte, channel Channel) {
	t.Helper()
	if channel == SevenBit && hasEightBit(b) {
		t.Errorf("octets beyond ASCII are left")
	}
	if bytes.ContainsAny(bytes.ReplaceAll(b, []byte("\r\n"), nil), "\r\n\x00") {
		t.Error("bare CR, LF or NUL is left")
	}
}

// leaf is a part as its reader sees it.
type leaf struct {
	Type, Encoding string
	Body           string
}

// leaves takes a message apart and decodes its parts with Go's own decoders.
func leaves(msg []byte) []leaf {
	p := message.NewParser()
	p.Write(msg)
	return appendLeaves(nil, msg, p.Finish().Root)
}

func appendLeaves(list []leaf, msg []byte, p *message.Part) []leaf {
	for _, c := range p.Children {
		list = appendLeaves(list, msg, c)
	}
	if len(p.Children) > 0 {
		return list
	}
	body := msg[p.Body:p.End]
	switch p.Encoding {
	case "base64":
		clean := bytes.Map(func(r rune) rune {
			if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '+' || r == '/') {
				return r
			}
			return -1
		}, body)
		decoded, err := b64.RawStdEncoding.DecodeString(string(clean))
		if err == nil {
			body = decoded
		}
	case "quoted-printable":
		decoded, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(body)))
		if err == nil {
			body = decoded
		}
	}
	return append(list, leaf{p.Type + "/" + p.Subtype, p.Encoding, string(body)})
}

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal("no samples", err)
	}
	for _, file := range files {
		for _, channel := range []Channel{SevenBit, EightBit} {
			t.Run(filepath.Base(file)+"/"+channel.String(), func(t *testing.T) {
				msg, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				got, err := recode(t, msg, channel)
				if err != nil {
					got = []byte(err.Error() + "\n")
				} else if diff := cmp.Diff(leaves(msg), leaves(got), cmpopts.IgnoreFields(leaf{}, "Encoding")); diff != "" {
					t.Errorf("the parts changed (-before +after)\n%s", diff)
				}
				golden.Compare(t, strings.TrimSuffix(file, ".eml")+"."+channel.String(), got)
			})
		}
	}
}

// TestPassesThrough: what the channel takes is not changed in one octet.
func TestPassesThrough(t *testing.T) {
	for _, msg := range []string{
		"", "\r\n", "Subject: x\r\n\r\nbody\r\n", "no header at all",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b--\r\npost\r\n",
	} {
		got, err := recode(t, []byte(msg), SevenBit)
		if err != nil || string(got) != msg {
			t.Errorf("%q became %q, %v", msg, got, err)
		}
	}
}

func FuzzRecode(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.eml")
	for _, file := range files {
		msg, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg, true)
		f.Add(msg, false)
	}
	f.Fuzz(func(t *testing.T, msg []byte, sevenBit bool) {
		channel := EightBit
		if sevenBit {
			channel = SevenBit
		}
		m, err := New(content(msg), channel)
		if err != nil {
			if !errors.Is(err, ErrCannot) {
				t.Fatal(err)
			}
			return
		}
		var out bytes.Buffer
		if err := m.Write(&out); err != nil {
			t.Fatal(err)
		}
		if sevenBit && hasEightBit(out.Bytes()) {
			t.Errorf("octets beyond ASCII are left in %q", out.Bytes())
		}
	})
}

// FuzzQuotedPrintable: whatever is quoted comes back, by Go's decoder.
func FuzzQuotedPrintable(f *testing.F) {
	for _, s := range []string{"", "a b \r\n", "\r", "\n", " \r", "\t", strings.Repeat("x", 80), strings.Repeat("é", 40), "a=b\x00", " \n", "\r\r\n"} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		var out bytes.Buffer
		e := newEncoder(&out, quotedPrintable)
		for rest := in; len(rest) > 0; {
			n := min(len(rest), int(piece)+1)
			e.Write(rest[:n])
			rest = rest[n:]
		}
		e.Close()
		for line := range strings.SplitSeq(out.String(), "\r\n") {
			if len(line) > 76 || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") {
				t.Errorf("bad line %q", line)
			}
		}
		back, err := io.ReadAll(quotedprintable.NewReader(&out))
		if err != nil || !bytes.Equal(back, in) {
			t.Errorf("%q comes back as %q, %v", in, back, err)
		}
	})
}
