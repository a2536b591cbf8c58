package message

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"

	gomessage "github.com/emersion/go-message"
)

// leaf is a part that holds no others, as different readers see it.
type leaf struct {
	path    string
	typ     string
	content string // decoded
}

func ourLeaves(t *testing.T, b []byte, p *Part, path string) (leaves []leaf) {
	for i, child := range p.Children {
		leaves = append(leaves, ourLeaves(t, b, child, strings.TrimPrefix(fmt.Sprintf("%s.%d", path, i+1), "."))...)
	}
	if len(p.Children) > 0 {
		return leaves
	}
	r, err := NewDecoder(bytes.NewReader(b[p.Body:p.End]), p.Encoding)
	if err != nil {
		r = bytes.NewReader(b[p.Body:p.End])
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return []leaf{{path, p.Type + "/" + p.Subtype, string(content)}}
}

// goMessageLeaves reads with go-message, which looks into no nested messages.
func goMessageLeaves(b []byte) (leaves []leaf, err error) {
	e, err := gomessage.Read(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	err = e.Walk(func(path []int, e *gomessage.Entity, err error) error {
		if err != nil {
			return err
		}
		typ, _, err := e.Header.ContentType()
		if err != nil || strings.HasPrefix(typ, "multipart/") {
			return err
		}
		content, err := io.ReadAll(e.Body)
		var s []string
		for _, n := range path {
			s = append(s, fmt.Sprint(n+1))
		}
		leaves = append(leaves, leaf{strings.Join(s, "."), typ, string(content)})
		return err
	})
	return leaves, err
}

// libraryLeaves reads with net/mail and mime/multipart, without decoding.
func libraryLeaves(header textproto.MIMEHeader, body io.Reader, path string) (leaves []leaf, err error) {
	typ, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(typ, "multipart/") {
		content, err := io.ReadAll(body)
		return []leaf{{path, typ, string(content)}}, err
	}
	r := multipart.NewReader(body, params["boundary"])
	for n := 1; ; n++ {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return leaves, nil
		}
		if err != nil {
			return nil, err
		}
		if p.Header.Get("Content-Type") == "" {
			p.Header.Set("Content-Type", "text/plain")
		}
		sub, err := libraryLeaves(p.Header, p, strings.TrimPrefix(fmt.Sprintf("%s.%d", path, n), "."))
		if err != nil {
			return nil, err
		}
		leaves = append(leaves, sub...)
	}
}

// differences are the messages that mime/multipart reads otherwise, and why.
var differences = map[string]string{
	"apache_james-mime4j/ending-boundaries.msg":               "it wants nothing after the boundary",
	"apache_james-mime4j/missing-inner-boundary.msg":          "it finds nothing in a multipart without parts",
	"apache_james-mime4j/missing-inner-start-boundary.msg":    "likewise",
	"apache_james-mime4j/multipartdigestnestedemptyparts.msg": "it does not know digests",
	"apache_james-mime4j/very-long-boundary.msg":              "white space at a boundary's end counts",
	"apache_james-mime4j/weird-boundary.msg":                  "likewise",
	"stalwartlabs_mail-parser/malformed/000.eml":              "it wants a blank line after a part's header",
	"stalwartlabs_mail-parser/malformed/005.eml":              "the boundaries end in dashes",
	"stalwartlabs_mail-parser/malformed/013.eml":              "the boundaries are the same: the outer counts",
	"stalwartlabs_mail-parser/malformed/014.eml":              "a delimiter at the end begins no part",
	"stalwartlabs_mail-parser/malformed/020.eml":              "likewise, in a nested multipart",
	"stalwartlabs_mail-parser/malformed/021.eml":              "likewise",
	"stalwartlabs_mail-parser/rfc/004.eml":                    "it does not know digests",
	"stalwartlabs_mail-parser/rfc/008.eml":                    "we call a message in base64 an octet-stream",
	"stalwartlabs_mail-parser/thirdparty/007.eml":             "it does not know digests",
}

// TestAgainstLibrary compares our parts with those that mime/multipart finds
// in the corpus, where it finds nothing wrong.
func TestAgainstLibrary(t *testing.T) {
	compared := 0
	parseCorpus(t, func(name string, b []byte, m *Parsed) {
		msg, err := mail.ReadMessage(bytes.NewReader(b))
		if err != nil || !m.Root.Multipart() {
			return
		}
		want, err := libraryLeaves(textproto.MIMEHeader(msg.Header), msg.Body, "")
		if err != nil {
			return
		}
		compared++
		got := rawLeaves(b, m.Root, "")
		why := differences[name]
		if same := fmt.Sprint(got) == fmt.Sprint(want); same != (why == "") {
			t.Errorf("%s (%s):\n got %.300q\nwant %.300q", name, why, got, want)
		}
	})
	if compared < 140 {
		t.Errorf("only %d messages compared", compared)
	}
}

// rawLeaves are our parts, not decoded, without the insides of nested messages.
func rawLeaves(b []byte, p *Part, path string) (leaves []leaf) {
	if !p.Multipart() {
		return []leaf{{path, p.Type + "/" + p.Subtype, string(b[p.Body:p.End])}}
	}
	for i, child := range p.Children {
		leaves = append(leaves, rawLeaves(b, child, strings.TrimPrefix(fmt.Sprintf("%s.%d", path, i+1), "."))...)
	}
	return leaves
}

// TestAgainstGoMessage compares with go-message on random messages that are
// well-formed.
func TestAgainstGoMessage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	for i := range 500 {
		var b bytes.Buffer
		b.WriteString("From: a@b\r\nSubject: x\r\nMIME-Version: 1.0\r\n")
		writeEntity(rnd, &b, 3)
		m := parse(b.Bytes())
		checkInvariants(t, "random", b.Bytes(), m)
		want, err := goMessageLeaves(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if got := ourLeaves(t, b.Bytes(), m.Root, ""); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%d: %s\n got %q\nwant %q", i, b.Bytes(), got, want)
		}
	}
}

// writeEntity writes MIME fields, a blank line, and content.
func writeEntity(rnd *rand.Rand, w *bytes.Buffer, depth int) {
	if depth > 0 && rnd.IntN(2) == 0 {
		mw := multipart.NewWriter(w)
		fmt.Fprintf(w, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", mw.Boundary())
		if rnd.IntN(2) == 0 {
			w.WriteString("preamble\r\n")
		}
		for range 1 + rnd.IntN(3) {
			var part bytes.Buffer
			writeEntity(rnd, &part, depth-1)
			fmt.Fprintf(w, "\r\n--%s\r\n%s", mw.Boundary(), part.Bytes())
		}
		fmt.Fprintf(w, "\r\n--%s--\r\n", mw.Boundary())
		if rnd.IntN(2) == 0 {
			w.WriteString("epilogue\r\n")
		}
		return
	}
	text := make([]byte, rnd.IntN(500))
	for i := range text {
		text[i] = "abc =-\r\n"[rnd.IntN(8)]
	}
	text = crlf(bytes.ReplaceAll(text, []byte("\r"), nil))
	switch rnd.IntN(3) {
	case 0:
		fmt.Fprintf(w, "Content-Type: application/x-test\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		for enc := base64.StdEncoding.EncodeToString(text); enc != ""; {
			n := min(76, len(enc))
			w.WriteString(enc[:n] + "\r\n")
			enc = enc[n:]
		}
	case 1:
		fmt.Fprintf(w, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		q := quotedprintable.NewWriter(w)
		q.Write(text)
		q.Close()
	default:
		fmt.Fprintf(w, "Content-Type: text/html; charset=utf-8\r\n\r\n%s", bytes.ReplaceAll(text, []byte("\r\n--"), []byte("\r\n")))
	}
}
