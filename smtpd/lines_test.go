package smtpd

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

var lineEnd = regexp.MustCompile(`\r\n|\r|\n`)

// model is what lines must do to a whole DATA, said in another way: where it
// ends, what the message is, and whether it is at fault.
func model(data string, repair bool) (text string, end int, fault bool) {
	end = strings.Index("\r\n"+data, "\r\n.\r\n")
	if end < 0 {
		return "", -1, false
	}
	raw := data[:end]
	fault = strings.Contains(raw, "\x00")
	var b strings.Builder
	for raw != "" {
		at := lineEnd.FindStringIndex(raw)
		line := raw[:at[0]]
		if raw[at[0]:at[1]] != "\r\n" && !repair {
			fault = true
		}
		if line != "." {
			line = strings.TrimPrefix(line, ".")
		}
		b.WriteString(line + "\r\n")
		raw = raw[at[1]:]
	}
	return b.String(), end + len(".\r\n"), fault
}

// decodeAll runs lines in pieces of size in, with room for out octets.
func decodeAll(l *lines, data string, in, out int) (text string, read int) {
	var b bytes.Buffer
	dst := make([]byte, out)
	for read < len(data) && !l.done {
		n, used := l.decode(dst, []byte(data[read:min(len(data), read+in)]))
		b.Write(dst[:n])
		read += used
	}
	return b.String(), read
}

func checkLines(t *testing.T, data string, repair bool, in, out int) {
	t.Helper()
	want, end, fault := model(data, repair)
	l := lines{dots: true, repair: repair}
	got, read := decodeAll(&l, data, in, out)
	if l.done != (end >= 0) || l.done && read != end {
		t.Fatalf("%q repair=%v in=%d out=%d: done %v after %d, want %d", data, repair, in, out, l.done, read, end)
	}
	if !l.done {
		return
	}
	if (l.fault != noFault) != fault {
		t.Fatalf("%q repair=%v: fault %v, want %v", data, repair, l.fault, fault)
	}
	if !fault && got != want {
		t.Fatalf("%q repair=%v in=%d out=%d: %q, want %q", data, repair, in, out, got, want)
	}
	skip := lines{dots: true, repair: repair, skip: true}
	if _, used := skip.decode(nil, []byte(data)); used != end || !skip.done {
		t.Fatalf("%q: skipping ends at %d, want %d", data, used, end)
	}
}

// TestLines tries every text of up to seven of the octets that matter.
func TestLines(t *testing.T) {
	const octets = "\r\n.a"
	var try func(prefix string, left int)
	try = func(prefix string, left int) {
		for _, repair := range []bool{false, true} {
			data := prefix + "\r\n.\r\nNOOP"
			checkLines(t, data, repair, len(data), 64)
			checkLines(t, data, repair, 1, maxEmit)
			checkLines(t, data, repair, 3, maxEmit+1)
		}
		if left > 0 {
			for i := range len(octets) {
				try(prefix+octets[i:i+1], left-1)
			}
		}
	}
	try("", 7)
}

// TestLongLines has each end of a line where a search for it ends.
func TestLongLines(t *testing.T) {
	for _, end := range []string{"\r\n", "\n", "\r", "\r\r\n", "\r\n.\r\n", "\n.\r\n", "\r\n..\r\n"} {
		for length := maxSpan - 4; length <= maxSpan+4; length++ {
			for _, repair := range []bool{false, true} {
				data := strings.Repeat("a", length) + end + strings.Repeat("b", length) + "\r\n.\r\nNOOP"
				checkLines(t, data, repair, len(data), 64<<10)
				checkLines(t, data, repair, maxSpan, maxSpan+1)
			}
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\r\n..b\r\n.\r\nrest", true, 3, 5)
	f.Add("a\n.\n\r.\r\n.\r\n\x00", false, 1, 4)
	f.Fuzz(func(t *testing.T, data string, repair bool, in, out int) {
		checkLines(t, data, repair, 1+max(0, in)%100, maxEmit+max(0, out)%100)
	})
}

// TestChunkLines: without dots, in any split, and with a CR at the end.
func TestChunkLines(t *testing.T) {
	for in, want := range map[string]string{
		".\r\na": ".\r\na", "a\rb\nc": "a\r\nb\r\nc", "a\r": "a\r\n", "..\r\n.\r\n": "..\r\n.\r\n", "\r\r\n": "\r\n\r\n", "": "",
	} {
		for size := 1; size <= 3; size++ {
			l := lines{repair: true}
			got, read := decodeAll(&l, in, size, maxEmit)
			got += string(l.finish(nil))
			if got != want || read != len(in) || l.fault != noFault || l.done {
				t.Errorf("%q by %d: %q", in, size, got)
			}
		}
	}
	l := lines{}
	if decodeAll(&l, "a\r", 2, 8); l.fault != noFault {
		t.Error("a CR is at fault before anything followed")
	}
	if l.finish(nil); l.fault != bareCR {
		t.Error("a CR at the end is not at fault")
	}
}
