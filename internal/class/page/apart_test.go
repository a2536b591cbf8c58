package page

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestBombsApart: of a message that is made to cost much only so much is shown,
// and soon. The figures are not the constants', so that these cannot change
// unnoticed.
func TestBombsApart(t *testing.T) {
	repeat := strings.Repeat
	var trace, fields, flat, deep, to strings.Builder
	for i := range 90 {
		fmt.Fprintf(&trace, "Delivered-To: u%d@hamburger.edu\r\n", i)
		fmt.Fprintf(&to, "u%d@hamburger.edu, ", i)
	}
	for range 25 {
		fields.WriteString("To: " + repeat("a@example.org, ", 500) + "b@example.org\r\n")
	}
	fields.WriteString("To: " + to.String() + "b@example.org\r\n")
	fields.WriteString("X-Field: " + repeat("x", 30_000) + "\r\n" + repeat("X: y\r\n", 500)) // all within the header that the store keeps at hand
	for range 500 {
		flat.WriteString("--b\r\nX: " + repeat("y", 30_000) + "\r\n\r\ntext\r\n")
	}
	for i := range 60 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%[1]d\r\n\r\n--b%[1]d\r\n", i)
	}
	const multipart = "Content-Type: multipart/mixed; boundary=b\r\n"
	for _, tt := range []struct {
		what, text            string
		fields, parts, depth  int
		value, shown, decoded int // octets of the longest field, of the first leaf's text, and of all of it
	}{
		{"fields", fields.String() + "\r\ntext\r\n", 200, 1, 1, 8 << 10, 6, 6},
		{"parts", multipart + "\r\n" + flat.String() + "--b--\r\n", 91, 200, 2, 0, 4, 4},
		{"depth", deep.String() + "\r\ntext\r\n", 91, 21, 21, 0, 0, -2},
		{"text", "Subject: x\r\n\r\n" + repeat("x", 200_000) + "\r\n", 91, 1, 1, 0, 4 << 10, 200_002},
		{"large base64", "Content-Transfer-Encoding: base64\r\n\r\n" + repeat(repeat("QUJD", 18)+"\r\n", 50_000), 91, 1, 1, 0, 4 << 10, 2_700_000},
		{"larger base64", "Content-Transfer-Encoding: base64\r\n\r\n" + repeat(repeat("QUJD", 18)+"\r\n", 100_000), 91, 1, 1, 0, 4 << 10, -1},
	} {
		h, _, st, _ := newPage(t)
		deliverBob(t, st, tt.text, trace.String())
		list := messagesOf(t, h)
		began := time.Now()
		w := serve(h, request("GET", "/message?server=hamburger.edu&id="+list.Messages[0].ID, ""))
		took := time.Since(began)
		var m Message
		check(t, json.Unmarshal(w.Body.Bytes(), &m))
		parts, depth := count(m.Tree)
		if len(m.Header) != tt.fields || parts != tt.parts || depth != tt.depth || w.Body.Len() > 8<<20 || took > 10*time.Second {
			t.Errorf("%s: %d fields, %d parts %d deep, %d octets in %v", tt.what, len(m.Header), parts, depth, w.Body.Len(), took)
		}
		if want := min(64<<10, trace.Len()+len(tt.text)); len(m.Raw) != want {
			t.Errorf("%s: %d octets of source, not %d", tt.what, len(m.Raw), want)
		}
		longest := 0
		for _, f := range m.Header {
			longest = max(longest, len(f.Value), len(f.Raw))
		}
		if tt.value != 0 && longest != tt.value {
			t.Errorf("%s: a field has %d octets", tt.what, longest)
		}
		leaf := &m.Tree
		for len(leaf.Parts) > 0 {
			leaf = &leaf.Parts[0]
		}
		if tt.decoded > -2 && (len(leaf.Text) != tt.shown || leaf.Decoded != int64(tt.decoded)) {
			t.Errorf("%s: %d octets of text, %d decoded", tt.what, len(leaf.Text), leaf.Decoded)
		}
	}
}

// count counts parts, and how deep they are.
func count(p Part) (parts, depth int) {
	for _, child := range p.Parts {
		n, d := count(child)
		parts, depth = parts+n, max(depth, d)
	}
	return parts + 1, depth + 1
}
