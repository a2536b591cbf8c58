package dsn

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ph "posthorn/internal/mail"

	"posthorn/internal/golden"
)

var (
	arrived = time.Date(2020, 11, 30, 20, 27, 31, 0, time.FixedZone("", -8*3600))
	now     = arrived.Add(4 * time.Hour)
)

const original = "Received: from crepes ([192.0.2.1])\r\n\tby crepes.fr with ESMTPSA id abc;\r\n\tMon, 30 Nov 2020 20:27:31 -0800\r\n" +
	"Message-ID: <5fc5c634.1c69fb81@crepes.fr>\r\nSubject: Do you\r\n like ketchup?\r\nFrom: alice@crepes.fr\r\n\r\nHow about pickles?\r\n"

// content is a message in memory.
type content string

func (c content) Size() int64 { return int64(len(c)) }
func (c content) WriteRange(w io.Writer, off, n int64) error {
	_, err := io.WriteString(w, string(c[off:off+n]))
	return err
}

func headerOf(msg string) []byte {
	before, _, _ := strings.Cut(msg, "\r\n\r\n")
	return []byte(before + "\r\n\r\n")
}

// base is a report of kind a about bob, returning the header.
func base(a Action) *Report {
	return &Report{
		Hostname: "crepes.fr", ID: "k3jd8s7fhw2lq9xz", Now: now, Arrived: arrived, Action: a,
		To:     ph.Address{Local: "alice", Domain: "crepes.fr"},
		Header: headerOf(original),
		Recipients: []Recipient{{
			Recipient: ph.Recipient{Address: ph.Address{Local: "bob", Domain: "hamburger.edu"}},
			Result:    ph.Result{Status: "2.1.5"},
		}},
	}
}

func reports() map[string]*Report {
	refused := ph.Result{Disposition: ph.Failed, MTA: "mail.hamburger.edu", Code: 550, Status: "5.1.1", Text: "No such user here"}

	failed := base(Failed)
	failed.Original, failed.EnvelopeID = content(original), "QQ314159"
	failed.Recipients[0].Result, failed.Recipients[0].LastTry = refused, now
	failed.Recipients[0].OriginalType, failed.Recipients[0].Original = "rfc822", "Bob@Hamburger.EDU"
	failed.Recipients = append(failed.Recipients, Recipient{
		Recipient: ph.Recipient{Address: ph.Address{Local: "carol", Domain: "example.com"}},
		Result: ph.Result{Disposition: ph.Failed, MTA: "mx.example.com", Code: 452, Status: "4.2.2",
			Text: "The mailbox is full, and the server that says so has a good deal to say about it and about quotas in general"},
		Status: "5.4.7", LastTry: now,
	})

	delayed := base(Delayed)
	delayed.Recipients[0].Result = ph.Result{MTA: "hamburger.edu", Status: "4.4.1", Text: "connection refused"}
	delayed.Recipients[0].LastTry, delayed.Recipients[0].RetryUntil = now, arrived.Add(5*24*time.Hour)

	greylisted := base(Delayed)
	greylisted.Recipients[0].Result = ph.Result{MTA: "hamburger.edu", Code: 554, Status: "5.7.1", Text: "no SMTP service here"}

	const vietnamese = "Subject: Kh\u1ea3o s\u00e1t \u00fd ki\u1ebfn\r\nMessage-ID: <1@ph\u1edf.vn>\r\n\r\nXin ch\u00e0o\r\n"
	utf8 := base(Failed)
	utf8.To = ph.Address{Local: "hồ", Domain: "phở.vn"}
	utf8.Header, utf8.Original, utf8.Body, utf8.UTF8 = headerOf(vietnamese), content(vietnamese), ph.Body8BitMIME, true
	utf8.Recipients[0].Address = ph.Address{Local: "bánh", Domain: "mì.vn"}
	utf8.Recipients[0].OriginalType, utf8.Recipients[0].Original = "utf-8", `b\x{E1}nh@m\x{EC}.vn`
	utf8.Recipients[0].Result = ph.Result{Disposition: ph.Failed, MTA: "mx.example.com", Status: "5.6.7", Text: "SMTPUTF8 is not offered"}

	headers := base(Failed)
	headers.Header, headers.UTF8 = headerOf(vietnamese), true
	headers.Recipients[0].Result = refused
	headers.Recipients[0].OriginalType, headers.Recipients[0].Original = "utf-8", "bánh@mì.vn"

	hostile := base(Failed)
	hostile.EnvelopeID = "a\r\nX-Evil: 1\x00"
	hostile.Header = []byte("Subject: =?utf-8?q?a=0D=0ABcc:_x?= \x01\r\nMessage-ID: <a b>\r\n" + strings.Repeat("X: y\r\n", maxHeader))
	hostile.Recipients[0].Result = ph.Result{Disposition: ph.Failed, MTA: "mx\r\nX-Evil: 2", Code: 554, Status: "5.7.1", Text: "no\r\n.\r\n\x1b[31m caf\xe9"}

	return map[string]*Report{
		"failed-full": failed, "failed-utf8": utf8, "failed-headers-utf8": headers, "delayed": delayed, "delayed-554": greylisted,
		"delivered": base(Delivered), "relayed": base(Relayed), "expanded": base(Expanded), "hostile": hostile,
	}
}

func TestGolden(t *testing.T) {
	for name, r := range reports() {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			n, err := r.WriteTo(&got)
			if err != nil || n != int64(got.Len()) {
				t.Fatalf("WriteTo = %d, %v; wrote %d", n, err, got.Len())
			}
			if name != "hostile" {
				golden.Compare(t, filepath.Join("testdata", name+".eml"), got.Bytes())
			}
			checkForm(t, r, got.Bytes())
		})
	}
}

// checkForm takes a notification apart with other people's parsers.
func checkForm(t *testing.T, r *Report, b []byte) {
	t.Helper()
	if rest := bytes.ReplaceAll(b, []byte("\r\n"), nil); bytes.ContainsAny(rest, "\r\n\x00\x1b") {
		t.Errorf("bare line ends or control characters in:\n%.2000q", b)
	}
	if got := isASCII(string(b)); got != (r.BodyType() == ph.Body7Bit) && !r.NeedsUTF8() {
		t.Errorf("BodyType %s, but ASCII is %v", r.BodyType(), got)
	}
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	for name := range m.Header {
		if name == "X-Evil" || name == "Bcc" {
			t.Errorf("field %s crept in", name)
		}
	}
	mediaType, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/report" || params["report-type"] != "delivery-status" {
		t.Errorf("Content-Type %q %v %v", mediaType, params, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	var types []string
	for {
		p, err := parts.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if isASCII(string(body)) != (p.Header.Get("Content-Transfer-Encoding") == "") {
			t.Errorf("part %s: wrong Content-Transfer-Encoding", p.Header.Get("Content-Type"))
		}
		mediaType, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		types = append(types, mediaType)
		if strings.HasSuffix(mediaType, "delivery-status") {
			checkStatus(t, r, string(body))
		}
	}
	if len(types) != 3 || types[0] != "text/plain" {
		t.Errorf("parts %v", types)
	}
}

func checkStatus(t *testing.T, r *Report, body string) {
	t.Helper()
	groups := strings.Split(strings.TrimRight(body, "\r\n"), "\r\n\r\n")
	if len(groups) != 1+len(r.Recipients) {
		t.Errorf("%d groups of fields for %d recipients:\n%s", len(groups), len(r.Recipients), body)
	}
	for _, g := range groups {
		if strings.Contains(g, "\r\nX-Evil") {
			t.Errorf("a field crept in:\n%s", g)
		}
		for line := range strings.SplitSeq(g, "\r\n") {
			if len(line) > 998 {
				t.Errorf("line of %d octets", len(line))
			}
		}
	}
}

func TestHeaderIsBounded(t *testing.T) {
	r := reports()["hostile"]
	if n := len(r.clippedHeader()); n > maxHeader {
		t.Errorf("returns %d octets of header", n)
	}
}
