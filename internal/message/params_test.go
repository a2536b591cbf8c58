package message

import (
	"fmt"
	"strings"
	"testing"
)

func TestContentType(t *testing.T) {
	const plain = `text/plain [{charset us-ascii}]`
	for _, tt := range []struct{ in, want string }{
		{"", plain},
		{"text/html", `text/html []`},
		{"TEXT/HTML; Charset=UTF-8", `text/html [{charset UTF-8}]`},
		{`text/plain; charset="utf-8"; format=flowed`, `text/plain [{charset utf-8} {format flowed}]`},
		{"text/plain; charset=us-ascii (Plain text)", `text/plain [{charset us-ascii}]`},
		{"text/plain charset=utf-8", `text/plain [{charset utf-8}]`},
		{"text/plain; charset = utf-8 ;", `text/plain [{charset utf-8}]`},
		{"text / plain; charset=utf-8", `text/plain [{charset utf-8}]`},
		{"text/plain; charset=utf-8 format=flowed", `text/plain [{charset utf-8}]`},
		{`"text/html"; charset="utf-8"`, `text/html [{charset utf-8}]`},
		{"text", `text/plain []`},
		{"multipart; boundary=x", `multipart/mixed [{boundary x}]`},
		{"multipart/; boundary=x", `multipart/mixed [{boundary x}]`},
		{"jpeg", plain},
		{"/plain", plain},
		{";charset=utf-8", plain},
		{`application/pdf; name=the file (1).pdf`, `application/pdf [{name the file (1).pdf}]`},
		{`application/pdf; name="a\"b\\c.pdf"`, `application/pdf [{name a"b\c.pdf}]`},
		{`application/pdf; name="a;b.pdf"; x=y`, `application/pdf [{name a;b.pdf} {x y}]`},
		{`application/pdf; name="open; x=y`, `application/pdf [{name open} {x y}]`},
		{`application/pdf; name="=?utf-8?q?H=C3=A0_N=E1=BB=99i.pdf?="`, `application/pdf [{name Hà Nội.pdf}]`},
		{"application/pdf; name=H\xe0.pdf", `application/pdf [{name Hà.pdf}]`},
		{"text/plain; a=1; a=2; b=3", `text/plain [{a 1} {b 3}]`},

		// RFC 2231
		{`message/external-body; access-type=URL; URL*0="ftp://"; URL*1="cs.utk.edu/pub/x.tar"`,
			`message/external-body [{access-type URL} {url ftp://cs.utk.edu/pub/x.tar}]`},
		{`application/x-stuff; title*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A`,
			`application/x-stuff [{title This is ***fun***}]`},
		{`application/x-stuff; title*0*=us-ascii'en'This%20is%20even%20more%20; title*1*=%2A%2A%2Afun%2A%2A%2A%20; title*2="isn't it!"`,
			`application/x-stuff [{title This is even more ***fun*** isn't it!}]`},
		{`a/b; n*1=two; n*0=one; n*2=three`, `a/b [{n onetwothree}]`},
		{`a/b; n=plain; n*=utf-8''H%C3%A0`, `a/b [{n Hà}]`},
		{`a/b; n*=iso-8859-1''H%E0`, `a/b [{n Hà}]`},
		{`a/b; n*=H%E0`, `a/b [{n Hà}]`},
		{`a/b; n*=utf-8''100%; m=1`, `a/b [{n 100%} {m 1}]`},
		{`a/b; n*x=1; n*99999999999=2`, `a/b [{n*x 1} {n*99999999999 2}]`},
	} {
		p := &Part{}
		p.setType([]byte(tt.in), false)
		if got := fmt.Sprintf("%s/%s %v", p.Type, p.Subtype, p.Params); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.in, got, tt.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	m := parse([]byte("Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: BASE64 (really)\r\n" +
		"Content-ID: <x@y>\r\nContent-Description: A =?utf-8?q?pi=C3=A8ce?=\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n" +
		"Content-Disposition: ATTACHMENT; filename*=utf-8''H%C3%A0.png; size=12\r\nContent-Language: en, vi (Tieng Viet)\r\n" +
		"Content-Location: http://example.org/a.png\r\n\r\nQUJD\r\n"))
	const want = `("image" "png" ("name" "a.png") "<x@y>" "A =?utf-8?q?pi=C3=A8ce?=" "base64" 6 "Q2hlY2sgSW50ZWdyaXR5IQ==" ` +
		`("attachment" ("filename" "Hà.png" "size" "12")) ("en" "vi") "http://example.org/a.png")`
	if got := string(m.Root.AppendBodyStructure(nil, true)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got, want := string(m.Root.AppendBodyStructure(nil, false)),
		`("image" "png" ("name" "a.png") "<x@y>" "A =?utf-8?q?pi=C3=A8ce?=" "base64" 6)`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	ascii := string(ASCII(m.Root.AppendBodyStructure(nil, true)))
	if !strings.Contains(ascii, `("filename" "=?utf-8?b?SMOgLnBuZw==?=" "size" "12")`) {
		t.Errorf("ASCII: %s", ascii)
	}
	for in, want := range map[string]string{
		"":                          " []",
		"inline":                    "inline []",
		"filename=x.pdf":            "attachment [{filename x.pdf}]",
		"; filename=x.pdf":          "attachment [{filename x.pdf}]",
		`"INLINE"; filename="x"`:    "inline [{filename x}]",
		`"inline`:                   " []",
		"attachment filename=\"x\"": "attachment [{filename x}]",
	} {
		p := &Part{}
		p.setDisposition([]byte(in))
		if got := fmt.Sprintf("%s %v", p.Disposition, p.DispParams); got != want {
			t.Errorf("%q: got %s want %s", in, got, want)
		}
	}
}
