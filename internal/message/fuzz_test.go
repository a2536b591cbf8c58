package message

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzParser checks whatever holds of every message, and that it does not
// matter how the octets are cut.
func FuzzParser(f *testing.F) {
	_, messages := corpus(f)
	for _, m := range messages {
		if len(m) < 4000 {
			f.Add(m, uint16(7))
		}
	}
	f.Add([]byte(rfcExample), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		m := parse(b)
		checkInvariants(t, "fuzz", b, m)
		checkChunks(t, "fuzz", b, m, func() int { return int(cut%1000) + 1 })
		for _, path := range [][]int{nil, {1}, {2}, {1, 1}, {1, 2, 1}} {
			for what := SectionWhole; what <= SectionMIME; what++ {
				if start, end, ok := m.Root.Section(path, what); ok && (start < 0 || start > end || end > m.Size) {
					t.Errorf("%v %d: %d to %d", path, what, start, end)
				}
			}
		}
		header := b[:m.HeaderSize]
		some, others := FilterHeader(nil, header, []string{"to", "subject"}, false), FilterHeader(nil, header, []string{"to", "subject"}, true)
		if n := len(some) + len(others) - len(header); n < 0 || n > 2+len(header) {
			t.Errorf("%d and %d octets of %d", len(some), len(others), len(header))
		}
		if got := copyHeader(t, header, len(header), []string{"to", "x"}, cut%2 == 0); got != string(FilterHeader(nil, header, []string{"to", "x"}, cut%2 == 0)) {
			t.Errorf("%q is copied as %q", header, got)
		}
	})
}

func FuzzReadPart(f *testing.F) {
	tree := parse([]byte(rfcExample)).Root.AppendBinary(nil)
	f.Add(tree[:len(tree)-treeSumSize])
	f.Add([]byte{treeVersion})
	f.Add([]byte{firstVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 0 && b[0] == treeVersion {
			b = appendTreeSum(b, 0)
		}
		p, err := ReadPart(b)
		// A reader that has read others, or failed to, reads the same.
		var r TreeReader
		for _, other := range [][]byte{tree, b, tree} {
			got, gotErr := r.Read(other)
			want, wantErr := ReadPart(other)
			if gotErr != wantErr || wantErr == nil && !bytes.Equal(got.AppendBinary(nil), want.AppendBinary(nil)) {
				t.Errorf("read as %+v, %v; want %+v, %v", got, gotErr, want, wantErr)
			}
		}
		if err != nil {
			return
		}
		if size, err := TreeHeaderSize(b); err != nil || size != p.Body {
			t.Errorf("the header has %d octets, not %d (%v)", size, p.Body, err)
		}
		again, err := ReadPart(p.AppendBinary(nil))
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(p, again); d != "" {
			t.Error(d)
		}
	})
}

func FuzzAddressList(f *testing.F) {
	for _, s := range []string{"A <a@b>, c@d (e)", "G: <a@b>;, x", `"a\"" <@r:b@[1]>`, "=?utf-8?q?a,b?= <x@y>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkList(t, s, []byte(strings.Replace(addresses(s), "NIL", "(NIL)", 1)))
		// A comma in the open, and the next address is read, whatever stood before.
		if strings.ContainsAny(s, "\"()[]<\\") || strings.Contains(s, "=?") {
			return
		}
		if got := addresses(s + ",last@example.org"); !strings.Contains(got, `(NIL NIL "last" "example.org")`) && len(got) < maxAddresses {
			t.Errorf("%q hides the next address: %s", s, got)
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	for _, s := range []string{"=?utf-8?q?a=20b?= =?utf-8?b?YQ==?=", "=?iso-2022-jp?B?GyRC?=x", "caf\xe9\r\n\tx", "=?utf-7?q?+AP-?="} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := DecodeHeader(bytes.Clone(b)); !utf8.ValidString(s) {
			t.Errorf("%q", s)
		}
	})
}

func FuzzASCII(f *testing.F) {
	f.Add([]byte(`("Hà" NIL {3}` + "\r\nHà \"x\\\"à\")"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := ASCII(b)
		if isASCII(b) != bytes.Equal(out, b) && isASCII(b) {
			t.Errorf("%q was changed to %q", b, out)
		}
		if len(out) > 20*len(b)+1000 {
			t.Errorf("%d octets became %d", len(b), len(out))
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add("Việt Nam ß ǆ \u0323\u0302", 3)
	f.Fuzz(func(t *testing.T, s string, at int) {
		got := Fold(nil, s)
		if !utf8.Valid(got) {
			t.Errorf("%q", got)
		}
		if utf8.ValidString(s) && !manyMarks(s) && string(got) != slowFold(s) {
			t.Errorf("%q: %q, want %q", s, got, slowFold(s))
		}
		// What is found in a text is found in its fold.
		if at >= 0 && at <= len(s) && utf8.ValidString(s[:at]) && !bytes.HasPrefix(got, Fold(nil, s[:at])) && isASCII([]byte(s)) {
			t.Errorf("%q at %d", s, at)
		}
	})
}

// manyMarks reports whether s has so many combining characters in a row that
// package norm puts a joiner among them.
func manyMarks(s string) bool {
	marks := 0
	for _, r := range s {
		if _, first, last := foldRune(nil, r); first != 0 || last != 0 {
			marks++
		} else {
			marks = 0
		}
		if marks > 10 {
			return true
		}
	}
	return false
}

func FuzzParams(f *testing.F) {
	for _, s := range []string{`text/plain; a*0*=utf-8''%41; a*1="b"; c=d`, `a/b; x="open`, "a/b (c); d*=", ";;=;\"\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p := &Part{Encoding: "7bit"}
		p.setType(bytes.Clone(b), false)
		p.setDisposition(bytes.Clone(b))
		for _, param := range append(p.Params, p.DispParams...) {
			if !utf8.ValidString(param.Name) || !utf8.ValidString(param.Value) || param.Name == "" {
				t.Errorf("%q", param)
			}
		}
		checkList(t, string(b), p.AppendBodyStructure(nil, true))
	})
}

func FuzzDecoders(f *testing.F) {
	f.Add([]byte("a=41=\r\n = b \r\n"))
	f.Add([]byte("SGVs\r\nbG8="))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, encoding := range []string{"base64", "quoted-printable"} {
			if out := decode(t, encoding, string(b)); len(out) > len(b) {
				t.Errorf("%d octets became %d", len(b), len(out))
			}
		}
	})
}

func FuzzDate(f *testing.F) {
	f.Add([]byte("Fri, 21 Nov 1997 09(c): 55 :06 -0600 PM 2006-01-02T15:04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d := ParseDate(b); !d.IsZero() && (d.Year() < 1 || d.Year() > 9999) {
			t.Error(d)
		}
	})
}

// FuzzHTML: the text is the same however its HTML comes in pieces.
func FuzzHTML(f *testing.F) {
	f.Add([]byte("<p class='a>b'>x &amp; &#x1F600;&eacute<br>y<!-- > --><style>p{}</style ><script>if (a<b) {}</script>z"), 3, 40)
	f.Add([]byte("a<b<c</d/><!doctype html><?x?>&nbsp;&#0;&#xffffffff;&"), 7, 8)
	f.Fuzz(func(t *testing.T, b []byte, i, j int) {
		var whole, parted htmlText
		want := string(whole.write(b))
		i = int(uint(i) % uint(len(b)+1))
		j = i + int(uint(j)%uint(len(b)-i+1))
		got := ""
		for _, piece := range [][]byte{b[:i], b[i:j], b[j:]} {
			got += string(parted.write(piece))
		}
		if got != want || len(want) > len(b)+1 {
			t.Errorf("%q parted at %d and %d gives %q, whole %q", b, i, j, got, want)
		}
	})
}
