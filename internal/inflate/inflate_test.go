package inflate

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// flush is what was said before a flush, and what was sent for it.
type flush struct{ said, sent []byte }

// stream is a dialog as zlib compresses it.
type stream struct {
	name    string
	flushes []flush
	end     []byte // of the stream
}

// zlibStreams reads what testdata/zlib.py wrote.
func zlibStreams(t testing.TB) (all []stream) {
	t.Helper()
	file, err := os.Open("testdata/zlib.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var texts [][]byte
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		words := strings.Split(rest, " ")
		last := &stream{}
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		switch kind {
		case "text":
			texts = append(texts, decode(words[1]))
		case "stream":
			all = append(all, stream{name: rest})
		case "*":
			times, _ := strconv.Atoi(words[0])
			which, _ := strconv.Atoi(words[1])
			last.flushes = append(last.flushes, flush{bytes.Repeat(texts[which], times), decode(words[2])})
		case "end":
			last.end = decode(rest)
		}
	}
	if len(all) < 30 || lines.Err() != nil {
		t.Fatalf("%d streams, %v", len(all), lines.Err())
	}
	return all
}

// feed gives d what it wants of src, in pieces of at most step octets, and
// returns what came out, and what of src was not taken.
func feed(d *Decoder, src []byte, step int) (out, rest []byte, err error) {
	for {
		give := src[:min(step, len(src))]
		piece, n, err := d.Next(give)
		out, src = append(out, piece...), src[n:]
		switch {
		case err != nil:
			return out, src, err
		case len(piece) == 0 && n < len(give):
			return out, src, fmt.Errorf("%d of %d octets were left, and nothing came out", len(give)-n, len(give))
		case len(piece) == 0 && len(src) == 0:
			return out, nil, nil
		}
	}
}

// TestFlushes: what was said before a flush is there when the flush's octets are,
// and the decoder knows that it ends there, however it comes.
func TestFlushes(t *testing.T) {
	for _, s := range zlibStreams(t) {
		for _, step := range []int{1, 2, 7, 8, 9, 1 << 20} {
			var d Decoder
			for i, f := range s.flushes {
				said, rest, err := feed(&d, f.sent, step)
				if err != nil || len(rest) != 0 || !bytes.Equal(said, f.said) {
					t.Fatalf("%s, by %d octets, flush %d: %d octets of %d, %v", s.name, step, i, len(said), len(f.said), err)
				}
				if n, whole, err := d.EndFlush(nil); n != 0 || !whole || err != nil {
					t.Errorf("%s, by %d octets, flush %d: %d, %v, %v", s.name, step, i, n, whole, err)
				}
			}
			behind := []byte("in clear")
			said, rest, err := feed(&d, append(bytes.Clone(s.end), behind...), step)
			if err != io.EOF || len(said) != 0 || !bytes.Equal(rest, behind) {
				t.Errorf("%s, by %d octets: at the end %q, %q, %v", s.name, step, said, rest, err)
			}
		}
	}
}

// TestEndFlush: what comes behind a flush is not taken, however it is cut.
func TestEndFlush(t *testing.T) {
	for _, s := range zlibStreams(t) {
		f := s.flushes[0]
		all := append(bytes.Clone(f.sent), "clear"...)
		for cut := range all {
			var d Decoder
			rest, later := all[:cut], all[cut:]
			for said := 0; said < len(f.said); {
				piece, n, err := d.Next(rest)
				if err != nil {
					t.Fatalf("%s, cut at %d: %v", s.name, cut, err)
				}
				if said, rest = said+len(piece), rest[n:]; len(piece) == 0 {
					rest, later = later, nil
				}
			}
			n, whole, err := d.EndFlush(rest)
			rest = rest[n:]
			if !whole && err == nil {
				rest, later = later, nil
				n, whole, err = d.EndFlush(rest)
				rest = rest[n:]
			}
			if left := string(rest) + string(later); !whole || err != nil || left != "clear" {
				t.Fatalf("%s, cut at %d: %q is left, %v, %v", s.name, cut, left, whole, err)
			}
		}
	}
	var d Decoder
	d.Next([]byte("\x00\x01\x00\xfe\xffA"))
	if n, whole, err := d.EndFlush([]byte("\xab\x00")); n != 2 || whole || err != ErrCorrupt {
		t.Errorf("what says more was taken for the end of a flush: %d, %v, %v", n, whole, err)
	}
}

// TestAtOnce: no octet waits for bits that don't belong to it.
func TestAtOnce(t *testing.T) {
	for _, s := range zlibStreams(t) {
		if strings.HasPrefix(s.name, "partial") && strings.HasSuffix(s.name, "-15") {
			var whole []byte
			for _, f := range s.flushes[:6] {
				whole = append(whole, f.sent...)
			}
			var d Decoder
			var got int
			for i := range whole {
				out, _, _ := feed(&d, whole[i:i+1], 1)
				got += len(out)
				// The standard library knows no flush, but at the end of its input it says all
				// that it has.
				if want, _ := io.ReadAll(flate.NewReader(bytes.NewReader(whole[:i+1]))); got < len(want) {
					t.Fatalf("%s: after %d octets %d, not %d", s.name, i+1, got, len(want))
				}
			}
		}
	}
}

// TestWrong: what RFC 1951 does not allow is an error, also later.
func TestWrong(t *testing.T) {
	for name, octets := range map[string]string{
		"a reserved kind of block":                 "\x07",
		"a length that is not told twice":          "\x00\x01\x00\x00\x00x",
		"a distance beyond the beginning":          "\x03\x02",
		"a code for lengths that is too full":      "\x05\xe0\xff\xff\xff\xff\xff\xff\xff\xff",
		"more lengths of codes than there are":     "\xfd\xff\xff",
		"a repetition of what is before the first": "\x04\x00\x80\x0c" + strings.Repeat("\x00", 20),
		"a text": "a NOOP\r\nb NOOP\r\n",
		"a symbol that the fixed code does not have": "\x1b\x03",
	} {
		for _, step := range []int{1, 100} {
			var d Decoder
			out, _, err := feed(&d, []byte(octets), step)
			if err != ErrCorrupt {
				t.Errorf("%s: %q, %v", name, out, err)
			}
			if piece, n, err := d.Next([]byte("\x03\x00")); len(piece) > 0 || n > 0 || err != ErrCorrupt {
				t.Errorf("%s: later %q, %d, %v", name, piece, n, err)
			}
		}
	}
}

// TestMemory: an idle decoder holds little, and a busy one no more than its
// window, whatever comes out.
func TestMemory(t *testing.T) {
	var d Decoder
	feed(&d, deflated(t, []byte("a NOOP\r\n")), 100)
	if size := int(unsafe.Sizeof(d)) + len(d.window); size > 8<<10 {
		t.Errorf("%d octets after a command", size)
	}
	d = Decoder{}
	bomb := deflated(t, make([]byte, 1<<20))
	for total := 0; ; {
		piece, n, err := d.Next(bomb)
		if err != nil || len(piece) == 0 {
			if total != 1<<20 || err != nil {
				t.Errorf("%d octets, %v", total, err)
			}
			break
		}
		total, bomb = total+len(piece), bomb[n:]
		if len(d.window) > maxWindow || len(piece) > maxWindow {
			t.Fatalf("%d octets are held, %d given out", len(d.window), len(piece))
		}
	}
}

// deflated is text with a flush behind it, as the standard library compresses.
func deflated(t testing.TB, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestLong: what wraps the window, with references from one end of it to the
// other.
func TestLong(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, maxWindow-7)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	text := bytes.Repeat(noise, 4)
	for i := 0; i < len(text); i += 1000 {
		text[i] = byte(r.Uint32())
	}
	for level := flate.HuffmanOnly; level <= flate.BestCompression; level++ {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, level)
		w.Write(text)
		w.Close()
		for _, step := range []int{7, 1 << 20} {
			var d Decoder
			if out, rest, err := feed(&d, b.Bytes(), step); err != io.EOF || len(rest) > 0 || !bytes.Equal(out, text) {
				t.Errorf("level %d, by %d octets: %d octets, %v", level, step, len(out), err)
			}
		}
	}
}

// FuzzDecoder compares with the standard library, whatever comes and however it
// is cut.
func FuzzDecoder(f *testing.F) {
	for i, s := range zlibStreams(f) {
		var b []byte
		for _, flush := range s.flushes[:5] {
			b = append(b, flush.sent...)
		}
		f.Add(append(b, s.end...), uint8(i))
	}
	f.Add([]byte{3, 0}, uint8(0))
	f.Fuzz(func(t *testing.T, octets []byte, step uint8) {
		const most = 1 << 20
		in := bytes.NewReader(octets)
		want, problem := io.ReadAll(io.LimitReader(flate.NewReader(in), most))
		if len(want) == most {
			return
		}
		var d Decoder
		got, rest, err := feed(&d, octets, int(step)+1)
		if len(got) < len(want) || !bytes.Equal(got[:len(want)], want) {
			t.Fatalf("%q, want %q", got, want)
		}
		// The standard library does not give out all that is before an error.
		switch problem {
		case nil:
			if err != io.EOF || len(got) > len(want) || len(rest) != in.Len() {
				t.Errorf("%d octets too many, %v; %d octets behind it, want %d", len(got)-len(want), err, len(rest), in.Len())
			}
		case io.ErrUnexpectedEOF:
			if err != nil {
				t.Errorf("%v in what is only incomplete", err)
			}
		default:
			if err != ErrCorrupt {
				t.Errorf("%v, want %v", err, problem)
			}
		}
	})
}

func BenchmarkNext(b *testing.B) {
	var text []byte
	for i := range 3000 {
		text = fmt.Appendf(text, "a%d UID FETCH %d:%d (FLAGS UID INTERNALDATE RFC822.SIZE)\r\n", i, i*7, i*13%1000)
	}
	octets := deflated(b, text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var d Decoder
		for rest := octets; len(rest) > 0; {
			_, n, err := d.Next(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkStandard(b *testing.B) {
	var text []byte
	for i := range 3000 {
		text = fmt.Appendf(text, "a%d UID FETCH %d:%d (FLAGS UID INTERNALDATE RFC822.SIZE)\r\n", i, i*7, i*13%1000)
	}
	octets := deflated(b, text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		io.Copy(io.Discard, flate.NewReader(bytes.NewReader(octets)))
	}
}
