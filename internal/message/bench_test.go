package message

import (
	"encoding/base64"
	"strings"
	"testing"
)

// benchMessages are 20 kB each, of the kinds that most mail is of.
func benchMessages() map[string][]byte {
	header := "Return-Path: <alice@crepes.fr>\r\n" +
		"Received: from mail.crepes.fr (mail.crepes.fr [192.0.2.1])\r\n\tby mail.hamburger.edu with ESMTPS id 12345\r\n\tfor <bob@hamburger.edu>; Thu, 1 Jan 2026 12:00:00 +0100\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=crepes.fr; s=mail;\r\n\th=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=" + strings.Repeat("A", 300) + "\r\n" +
		"Date: Thu, 1 Jan 2026 12:00:00 +0100\r\nFrom: Alice <alice@crepes.fr>\r\nTo: Bob <bob@hamburger.edu>, carol@example.org\r\n" +
		"Subject: =?utf-8?q?H=C3=A0_N=E1=BB=99i?= and other places\r\nMessage-ID: <12345@crepes.fr>\r\nMIME-Version: 1.0\r\n"
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again and again.\r\n", 260)
	viet := strings.Repeat("Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm.\r\n", 210)
	html := strings.Repeat("<tr><td class=\"x\" style='color:red'>The quick <b>brown</b> fox &amp; the lazy dog.</td></tr>\r\n", 210)
	mixed := func(ct, cte, body string) string {
		return header + "Content-Type: multipart/mixed; boundary=\"=_b1\"\r\n\r\n--=_b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n--=_b1\r\nContent-Type: " + ct + "\r\nContent-Transfer-Encoding: " + cte + "\r\n\r\n" + body + "\r\n--=_b1--\r\n"
	}
	return map[string][]byte{
		"text":       []byte(header + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + text),
		"vietnamese": []byte(header + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + viet),
		"attachment": []byte(mixed("application/pdf; name=a.pdf", "base64", lines76(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\x00\x01binary data\xff", 1000)))))),
		"base64text": []byte(mixed("text/plain; charset=utf-8", "base64", lines76(base64.StdEncoding.EncodeToString([]byte(viet))))),
		"html":       []byte(mixed("text/html; charset=utf-8", "7bit", html)),
		"qp":         []byte(mixed("text/plain; charset=iso-8859-1", "quoted-printable", strings.ReplaceAll(text, "again.", "=E4=F6=FC="))),
	}
}

// lines76 cuts base64 into lines.
func lines76(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s + "\r\n"
}

func BenchmarkParse(b *testing.B) {
	for name, m := range benchMessages() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(m)))
			b.ReportAllocs()
			for b.Loop() {
				p := NewParser()
				for c := m; len(c) > 0; c = c[min(4096, len(c)):] {
					p.Write(c[:min(4096, len(c))])
				}
				p.Finish()
			}
		})
	}
}

// BenchmarkStructure is what a BODYSTRUCTURE takes that is asked for.
func BenchmarkStructure(b *testing.B) {
	for name, m := range benchMessages() {
		stored := parse(m).Root.AppendBinary(nil)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var r TreeReader
			var out []byte
			for b.Loop() {
				root, err := r.Read(stored)
				if err != nil {
					b.Fatal(err)
				}
				out = root.AppendBodyStructure(out[:0], true)
			}
		})
	}
}
