package message

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/golden"
)

const corpusDir = "testdata/corpus"

// corpus returns the corpus's messages by their names, with CRLF line ends.
func corpus(t testing.TB) (names []string, messages map[string][]byte) {
	t.Helper()
	messages = make(map[string][]byte)
	err := filepath.WalkDir(corpusDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" || d.Name() == "LICENSE.txt" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(corpusDir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		names = append(names, name)
		messages[name] = crlf(b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 280 {
		t.Fatalf("the corpus has only %d messages", len(names))
	}
	slices.Sort(names)
	return names, messages
}

func crlf(b []byte) []byte {
	b = bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}

// parse parses a message written at once.
func parse(b []byte) *Parsed {
	p := NewParser()
	p.Write(b)
	return p.Finish()
}

// parseAll gives what was parsed of each message to fn.
func parseCorpus(t testing.TB, fn func(name string, b []byte, m *Parsed)) {
	names, messages := corpus(t)
	for _, name := range names {
		fn(name, messages[name], parse(messages[name]))
	}
}

// TestGolden compares what is found in the corpus with what was found, and
// looked at, before.
func TestGolden(t *testing.T) {
	got := make(map[string]*bytes.Buffer)
	parseCorpus(t, func(name string, b []byte, m *Parsed) {
		folder, _, _ := strings.Cut(name, "/")
		if got[folder] == nil {
			got[folder] = &bytes.Buffer{}
		}
		describe(t, got[folder], name, b, m)
	})
	for folder, b := range got {
		golden.Compare(t, filepath.Join("testdata", "golden", folder+".txt"), b.Bytes())
	}
}

func describe(t *testing.T, w *bytes.Buffer, name string, b []byte, m *Parsed) {
	text := textOf(t, b, m)
	fmt.Fprintf(w, "== %s\n", name)
	fmt.Fprintf(w, "size %d header %d text %d+%d+%d", m.Size, m.HeaderSize, len(text.header), len(text.all)-len(text.body), len(text.body))
	for _, f := range []struct {
		on   bool
		name string
	}{{m.EightBit, "8bit"}, {m.Binary, "binary"}, {m.HeaderUTF8, "headerutf8"}} {
		if f.on {
			fmt.Fprintf(w, " %s", f.name)
		}
	}
	if !m.Date.IsZero() {
		fmt.Fprintf(w, " date %s", m.Date.Format(time.RFC3339))
	}
	fmt.Fprintf(w, " received %d\nENVELOPE %s\nBODY %s\nBODYSTRUCTURE %s\nASCII %s\n", m.Received, m.Envelope,
		m.Root.AppendBodyStructure(nil, false), m.Root.AppendBodyStructure(nil, true),
		digest(ASCII(append(append([]byte(nil), m.Envelope...), m.Root.AppendBodyStructure(nil, true)...)), m))
	describePart(w, m.Root, "")
}

// digest shows the ASCII form only where it differs.
func digest(ascii []byte, m *Parsed) []byte {
	if isASCII(m.Envelope) && isASCII(m.Root.AppendBodyStructure(nil, true)) {
		return []byte("same")
	}
	return ascii
}

func describePart(w *bytes.Buffer, p *Part, path string) {
	fmt.Fprintf(w, "[%s] %d %d %d lines %d %s/%s\n", path, p.Header, p.Body, p.End, p.Lines, p.Type, p.Subtype)
	for i, child := range p.Children {
		sub := fmt.Sprint(i + 1)
		if p.Message() {
			sub = "message"
		}
		describePart(w, child, strings.TrimPrefix(path+"."+sub, "."))
	}
}

// TestChunking writes each message in pieces of many sizes: what is found must
// not depend on it.
func TestChunking(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	parseCorpus(t, func(name string, b []byte, want *Parsed) {
		for _, size := range []func() int{
			func() int { return 1 },
			func() int { return 1 + rnd.IntN(10) },
			func() int { return 1 + rnd.IntN(1000) },
		} {
			checkChunks(t, name, b, want, size)
		}
	})
}

// checkChunks parses b in pieces and compares what was found.
func checkChunks(t *testing.T, name string, b []byte, want *Parsed, size func() int) {
	t.Helper()
	p := NewParser()
	for rest := b; len(rest) > 0; {
		n := min(size(), len(rest))
		chunk := bytes.Clone(rest[:n]) // the parser must not keep it
		p.Write(chunk)
		clear(chunk)
		rest = rest[n:]
	}
	if got := p.Finish(); !reflect.DeepEqual(want, got) {
		t.Errorf("%s depends on how it is cut:\n%s", name, cmp.Diff(want, got))
	}
}

// TestInvariants checks what holds of every message.
func TestInvariants(t *testing.T) {
	parseCorpus(t, func(name string, b []byte, m *Parsed) { checkInvariants(t, name, b, m) })
}

func checkInvariants(t *testing.T, name string, b []byte, m *Parsed) {
	t.Helper()
	if m.Size != int64(len(b)) || m.HeaderSize != m.Root.Body || m.Root.Header != 0 || m.Root.End != m.Size {
		t.Errorf("%s: size %d of %d, header %d, root %d %d %d", name, m.Size, len(b), m.HeaderSize, m.Root.Header, m.Root.Body, m.Root.End)
	}
	parts := 0
	checkPart(t, name, b, m.Root, 1, &parts)
	if parts > MaxParts {
		t.Errorf("%s: %d parts", name, parts)
	}
	for _, s := range [][]byte{m.Envelope, m.Root.AppendBodyStructure(nil, false), m.Root.AppendBodyStructure(nil, true)} {
		checkList(t, name, s)
		a := ASCII(bytes.Clone(s))
		checkList(t, name, a)
		if !isASCII(a) {
			t.Errorf("%s: ASCII left octets above 127", name)
		}
	}
	stored := m.Root.AppendBinary(nil)
	back, err := ReadPart(stored)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if !reflect.DeepEqual(m.Root, back) {
		t.Errorf("%s: stored tree:\n%s", name, cmp.Diff(m.Root, back))
	}
	checkText(t, name, b, m)
}

func checkPart(t *testing.T, name string, b []byte, p *Part, depth int, parts *int) {
	t.Helper()
	*parts++
	if depth > maxDepth {
		t.Fatalf("%s: deeper than %d", name, maxDepth)
	}
	if p.Header > p.Body || p.Body > p.End {
		t.Errorf("%s: offsets %d %d %d", name, p.Header, p.Body, p.End)
	}
	if n := int64(bytes.Count(b[p.Body:p.End], []byte("\n"))); n != p.Lines {
		t.Errorf("%s: %d lines, not %d", name, n, p.Lines)
	}
	if p.Type == "" || p.Subtype == "" || p.Encoding == "" {
		t.Errorf("%s: type %q/%q encoding %q", name, p.Type, p.Subtype, p.Encoding)
	}
	switch {
	case p.Multipart() && len(p.Children) == 0:
		t.Errorf("%s: multipart without parts", name)
	case p.Message() && (len(p.Children) != 1 || p.Children[0].Header != p.Body || p.Children[0].End != p.End || p.Envelope == nil):
		t.Errorf("%s: message part %+v", name, p)
	case !p.Message() && !p.Multipart() && len(p.Children) > 0:
		t.Errorf("%s: %s/%s with parts", name, p.Type, p.Subtype)
	}
	at := p.Body
	for _, child := range p.Children {
		if child.Header < at || child.End > p.End {
			t.Errorf("%s: part %d to %d in %d to %d after %d", name, child.Header, child.End, p.Body, p.End, at)
		}
		at = child.End
		checkPart(t, name, b, child, depth+1, parts)
	}
}

// messageText is a message's text, as SEARCH looks into it: all is the body's with
// the headers of parts among it.
type messageText struct{ header, body, all string }

// textOf reads the text of a message.
func textOf(t *testing.T, b []byte, m *Parsed) (text messageText) {
	t.Helper()
	var s Scanner
	into := func(to *string) func([]byte) bool {
		var all strings.Builder
		return func(piece []byte) bool {
			all.Write(piece)
			*to = all.String()
			return true
		}
	}
	r := bytes.NewReader(b)
	if err := errors.Join(s.Header(m.Root, r, into(&text.header)), s.Text(m.Root, r, false, into(&text.body)), s.Text(m.Root, r, true, into(&text.all))); err != nil {
		t.Error(err)
	}
	return text
}

// checkText reads the text in other ways.
func checkText(t *testing.T, name string, b []byte, m *Parsed) {
	t.Helper()
	text := textOf(t, b, m)
	var s Scanner
	if header := string(s.FoldHeader(nil, b[:m.HeaderSize])); header != text.header {
		t.Errorf("%s: header text: %s", name, cmp.Diff(text.header, header))
	}
	// Of one field after the other there is as much as of all at once.
	names := make(map[string]bool)
	octets := 0
	for line := range strings.Lines(text.header) {
		field, _, _ := strings.Cut(line, ": ")
		if field = strings.ToLower(field); !names[field] {
			names[field] = true
			octets += len(s.FoldHeader(nil, b[:m.HeaderSize], field))
		}
	}
	if octets != len(text.header) {
		t.Errorf("%s: of the fields %v there are %d octets, of the header %d", name, names, octets, len(text.header))
	}
}

// checkList checks that s is one well-formed parenthesized list as IMAP has
// them.
func checkList(t *testing.T, name string, s []byte) {
	t.Helper()
	depth := 0
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case '(':
			depth++
			i++
		case ')':
			depth--
			i++
			if depth == 0 && i != len(s) {
				t.Errorf("%s: list ends early: %q", name, s)
				return
			}
		case '"', '{':
			raw, n := readString(nil, s[i:])
			if n == 0 || bytes.IndexByte(raw, 0) >= 0 || c == '"' && bytes.ContainsAny(raw, "\r\n") {
				t.Errorf("%s: bad string in %q", name, s)
				return
			}
			i += n
		default:
			if !strings.ContainsRune("NIL 0123456789", rune(c)) {
				t.Errorf("%s: %q in %q", name, c, s)
				return
			}
			i++
		}
	}
	if depth != 0 {
		t.Errorf("%s: unbalanced: %q", name, s)
	}
}
