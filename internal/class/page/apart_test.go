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
	fields.WriteString(repeat("X-Field: "+repeat("x", 30_000)+"\r\n", 5) + repeat("X: y\r\n", 500))
	for range 500 {
		flat.WriteString("--b\r\nX: " + repeat("y", 30_000) + "\r\n\r\ntext\r\n")
	}
	for i := range 60 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%[1]d\r\n\r\n--b%[1]d\r\n", i)
	}
	const multipart = "Content-Type: multipart/mixed; boundary=b\r\n"
	for what, text := range map[string]string{
		"fields": fields.String() + "\r\ntext\r\n",
		"parts":  multipart + "\r\n" + flat.String() + "--b--\r\n",
		"depth":  deep.String() + "\r\ntext\r\n",
		"text":   "Subject: x\r\n\r\n" + repeat("x", 200_000) + "\r\n",
		"base64": "Content-Transfer-Encoding: base64\r\n\r\n" + repeat(repeat("QUJD", 18)+"\r\n", 100_000),
	} {
		h, _, st, _ := newPage(t)
		deliverBob(t, st, text, trace.String())
		list := messagesOf(t, h)
		began := time.Now()
		w := serve(h, request("GET", "/message?server=hamburger.edu&id="+list.Messages[0].ID, ""))
		took := time.Since(began)
		var m Message
		check(t, json.Unmarshal(w.Body.Bytes(), &m))
		parts, depth := count(m.Tree)
		t.Logf("%s: %d fields, %d parts %d deep, %d octets in %v", what, len(m.Header), parts, depth, w.Body.Len(), took)
		if len(m.Header) > 200 || parts > 200 || depth > 21 || len(m.Raw) > 64<<10 || w.Body.Len() > 8<<20 || took > 10*time.Second {
			t.Errorf("%s: %d fields, %d parts %d deep, %d octets of source, %d in all, in %v", what, len(m.Header), parts, depth, len(m.Raw), w.Body.Len(), took)
		}
		for _, f := range m.Header {
			if len(f.Value) > 8<<10 || len(f.Raw) > 8<<10 {
				t.Errorf("%s: %s has %d and %d octets", what, f.Name, len(f.Value), len(f.Raw))
			}
		}
		if what == "text" && len(m.Tree.Text) != 4<<10 || what == "base64" && (m.Tree.Decoded != -1 || len(m.Tree.Text) != 4<<10) {
			t.Errorf("%s: %d octets of text, %d decoded", what, len(m.Tree.Text), m.Tree.Decoded)
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
