package message

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func previewOf(t *testing.T, b []byte) string {
	t.Helper()
	s, err := parse(b).Root.Preview(bytes.NewReader(b))
	if err != nil {
		t.Error(err)
	}
	if n := utf8.RuneCountInString(s); n > maxPreview || !utf8.ValidString(s) || strings.ContainsAny(s, "\r\n\t\x00") || s != strings.TrimSpace(s) {
		t.Errorf("%d characters: %q", n, s)
	}
	return s
}

func TestPreview(t *testing.T) {
	plain := func(text string) string { return "Content-Type: text/plain; charset=utf-8\n\n" + text }
	html := func(text string) string { return "Content-Type: text/html; charset=utf-8\n\n" + text }
	multi := func(subtype string, parts ...string) string {
		return "Content-Type: multipart/" + subtype + "; boundary=b\n\n--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
	}
	for _, tt := range []struct{ in, want string }{
		{"Subject: x\n\nHello Joe, do you think\nwe can meet?\n", "Hello Joe, do you think we can meet?"},
		{plain("  Xin chào,\n\n\tViệt\u00a0Nam! \n"), "Xin chào, Việt Nam!"},
		{plain("On Monday Joe wrote:\n> a\n>> b\nYes.\n-- \nJoe\n"), "On Monday Joe wrote: Yes."},
		{plain("> only\n> what was said\n"), "only what was said"},
		{plain("-- \nJoe\n"), "-- Joe"},
		{plain("pre\u200bhea\u034fder\u202e!\u00ad\n"), "preheader!"},
		{html("<html><head><title>T</title><style>p { x: y }</style></head><body><p>Hello&nbsp;<b>wor</b>ld &lt;3</p>"), "Hello world <3"},
		{"Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 =\nnoir\n", "café noir"},
		{"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\nSMOgIE7h\nu5lpCg==\n", "Hà Nội"},
		{multi("alternative", html("<p>rich"), plain("plain")), "plain"},
		{multi("alternative", plain(" \n\n"), html("<p>rich")), "rich"},
		{multi("mixed", "Content-Type: image/png\n\nx", multi("related", html("<p>in related")), plain("second")), "in related"},
		{multi("mixed", "Content-Type: text/plain\nContent-Disposition: attachment\n\nnotes", plain("the letter")), "the letter"},
		{multi("mixed", "Content-Type: message/rfc822\n\nSubject: y\n\nforwarded"), ""},
		{multi("encrypted", "Content-Type: application/pgp-encrypted\n\nVersion: 1", "Content-Type: application/octet-stream\n\n-----BEGIN PGP MESSAGE-----"), ""},
		{"Content-Type: image/png\n\nx", ""},
		{"Content-Type: text/calendar\n\nBEGIN:VCALENDAR\n", ""},
		{"Subject: x\n\n", ""},
		{plain(strings.Repeat("é", 300)), strings.Repeat("é", 200)},
		{plain(strings.Repeat("ab ", 300)), strings.TrimSpace(strings.Repeat("ab ", 67)[:200])},
		{plain(strings.Repeat("ab\n", 300)), strings.TrimSpace(strings.Repeat("ab ", 67)[:200])},
		{html("<style>" + strings.Repeat("x", 100_000) + "</style>far"), "far"},
		{html("<style>" + strings.Repeat("x", 200_000) + "</style>too far"), ""},
	} {
		if got := previewOf(t, crlf([]byte(tt.in))); got != tt.want {
			t.Errorf("%.200q:\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

func FuzzPreview(f *testing.F) {
	f.Add([]byte("Content-Type: text/html\n\n<p>a &amp; b"))
	f.Add([]byte("Content-Type: multipart/alternative; boundary=b\n\n--b\n\n> a\n-- \n--b\nContent-Type: text/html\n\nx\n--b--"))
	f.Add([]byte("Content-Type: text/plain; charset=utf-16\nContent-Transfer-Encoding: base64\n\nAEgA4AAK"))
	f.Fuzz(func(t *testing.T, b []byte) { previewOf(t, b) })
}
