package httpd

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wellFormed fails the test when b is no XML.
func wellFormed(t testing.TB, b []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v:\n%s", err, b)
		}
	}
}

// TestAutodiscoverRefuses what is no request, and what is too much.
func TestAutodiscoverRefuses(t *testing.T) {
	cfg := site(t, "")
	const request = "<Autodiscover><Request><EMailAddress>user@contoso.com</EMailAddress></Request></Autodiscover>"
	for what, tt := range map[string]struct {
		body   string
		status int
		want   string
	}{
		"a request":         {request, 200, "<Type>IMAP</Type>"},
		"nothing":           {"", 200, "600"},
		"text":              {"hello", 200, "600"},
		"half":              {request[:40], 200, "600"},
		"elsewhere":         {"<A><EMailAddress>user@contoso.com</EMailAddress></A>", 200, "600"},
		"an entity":         {"<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>" + strings.Replace(request, "user", "&x;", 1), 200, "600"},
		"unknown entity":    {strings.Replace(request, "user", "&x;", 1), 200, "600"},
		"deep":              {request + strings.Repeat("<a>", 16) + strings.Repeat("</a>", 16), 200, "<Type>IMAP</Type>"},
		"too deep":          {request + strings.Repeat("<a>", 17) + strings.Repeat("</a>", 17), 200, "600"},
		"not UTF-8":         {strings.Replace(request, "user", "\xff", 1), 200, "600"},
		"UTF-16":            {"<?xml version=\"1.0\" encoding=\"utf-16\"?>" + request, 200, "600"},
		"at the limit":      {request + strings.Repeat(" ", 64<<10-len(request)), 200, "<Type>IMAP</Type>"},
		"beyond it":         {request + strings.Repeat(" ", 64<<10-len(request)+1), 413, "too large"},
		"a foreign address": {strings.Replace(request, "contoso.com", "foreign.example", 1), 404, "not kept here"},
		"no address":        {strings.Replace(request, "user@", "", 1), 400, "no e-mail address"},
		"in pieces":         {strings.Replace(request, "user@", "us<!-- -->er&#64;", 1), 200, "<LoginName>user@contoso.com</LoginName>"},
	} {
		r := ask(t, cfg, "POST /autodiscover/autodiscover.xml", tt.body)
		if body := bodyOf(t, r); r.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%s: %d, wants %d and %q:\n%s", what, r.StatusCode, tt.status, tt.want, body)
		}
	}
}

// FuzzAutodiscover: requests are XML from strangers.
func FuzzAutodiscover(f *testing.F) {
	files, err := filepath.Glob("testdata/request*.xml")
	if err != nil || len(files) == 0 {
		f.Fatal("no requests: ", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("<!DOCTYPE a><a/>"))
	f.Add([]byte("<?xml version='1.0' encoding='utf-16'?><a:b xmlns:a=''/>"))
	h := New(site(f, "")).Handler
	f.Fuzz(func(t *testing.T, body []byte) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("POST", "/autodiscover/autodiscover.xml", bytes.NewReader(body)))
		switch w.Code {
		case 200:
			wellFormed(t, w.Body.Bytes())
		case 400, 404, 413:
		default:
			t.Fatalf("%d", w.Code)
		}
	})
}
