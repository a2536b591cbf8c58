package message

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// bodyText is the folded body of a message of one part.
func bodyText(t *testing.T, contentType, encoding, body string) string {
	t.Helper()
	b := []byte("Content-Type: " + contentType + "\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body)
	m := parse(b)
	checkInvariants(t, contentType, b, m)
	checkChunks(t, contentType, b, m, func() int { return 1 })
	return textOf(t, b, m).body
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ contentType, encoding, body, want string }{
		{"text/plain", "7bit", "Hello\r\n\r\nWorld\r\n", "HELLO\n\nWORLD\n"},
		{"text/plain", "7bit", "a\rb\r\nc", "A\nB\nC\n"},
		{"text/plain", "8bit", "café\r\n", "CAFE\u0301\n"},
		{"text/plain", "8bit", "caf\xe9\r\ncafé\r\n", "CAFE\u0301\nCAFE\u0301\n"},
		{"text/plain; charset=x-nobody-knows", "8bit", "caf\xe9\r\n", "CAFE\u0301\n"},
		{"text/plain; charset=iso-8859-1", "8bit", "caf\xe9\r\n", "CAFE\u0301\n"},
		{"text/plain; charset=iso-8859-15", "quoted-printable", "=A4 caf=E9=\r\n!\r\n", "€ CAFE\u0301!\n"},
		{"text/plain; charset=utf-8", "quoted-printable", "H=C3=\r\n=A0\r\n", "HA\u0300\n"},
		{"text/plain; charset=utf-8", "base64", "SMOgIE7hu5lpCg==\r\n", "HA\u0300 NO\u0323\u0302I\n"},
		{"text/plain; charset=utf-8", "base64", "SM\r\nOgIE7h\r\nu5lp", "HA\u0300 NO\u0323\u0302I\n"},
		{"text/plain; charset=utf-16", "base64", "AEgA4AAK", "HA\u0300\n"},
		{"text/plain; charset=utf-16le", "base64", "SADgAAoA", "HA\u0300\n"},
		{"text/plain; charset=iso-2022-jp", "7bit", "\x1b$B%F%9%H\x1b(B\r\n", "テスト\n"},
		{"text/plain; charset=utf-7", "7bit", "Fr+APY-sche 1 +- 1\r\n", "FRO\u0308SCHE 1 + 1\n"},
		{"text/plain; charset=windows-1258", "8bit", "a\xcc\r\n", "A\u0300\n"},
		{"text/html; charset=utf-8", "7bit", "<p>Hello <b>wor</b>ld</p>", "HELLO WORLD\n"},
		{"text/html; charset=iso-8859-1", "quoted-printable", "caf=E9 &eacute;", "CAFE\u0301 E\u0301\n"},
		{"image/png", "base64", "SGVsbG8=", ""},
		{"message/disposition-notification", "7bit", "Disposition: displayed\r\n", "DISPOSITION: DISPLAYED\n"},
		{"text/plain", "x-uuencode", "begin\r\n", "BEGIN\n"},
		{"text/plain", "7bit", "", ""},
	} {
		if got := bodyText(t, tt.contentType, tt.encoding, tt.body); got != tt.want {
			t.Errorf("%s %s %q:\n got %q\nwant %q", tt.contentType, tt.encoding, tt.body, got, tt.want)
		}
	}
}

func TestHTML(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"a<br>b<p>c</p><div>d</div>", "A\nB\nC\nD"},
		{"  a \r\n  b  ", "A B"},
		{"a&nbsp;b &amp; &lt;c&gt; &#72;&#x69; &quot;", "A B & <C> HI \""},
		{"&unknown; & &; &amp", "&UNKNOWN; & &; &"},
		{"<style>p { color: red }</style>a<script>if (a < b) \"</p>\"</script>b", "AB"},
		{"<SCRIPT type='x'>x</SCRIPT >a", "A"},
		{"<!-- comment > still -- --->a<!DOCTYPE html><?xml x?>b", "AB"},
		{"<a href=\"http://x.org/?a>b\" title='c>d'>e</a>", "E"},
		{"<a title=it's>b</a>", "B"},
		{"1 < 2 and 3 > 2 <- 4 </ 5", "1 < 2 AND 3 > 2 <- 4 </ 5"},
		{"<title>T</title><body>b", "T\nB"},
		{"<td>a</td><td>b</td>", "A\nB"},
		{"a<!---->b<!-- c -- d --e--->f<!-->g", "ABFG"},
		{"<img alt=\"x\">y<", "Y<"},
		{"&#0;&#xD800;&#1114112;x", "\uFFFD\uFFFD\uFFFDX"},
		{strings.Repeat("<b>", 50) + "x", "X"},
		{"&" + strings.Repeat("a", 100) + ";", "&" + strings.Repeat("A", 100) + ";"},
	} {
		if got := strings.TrimSuffix(bodyText(t, "text/html", "7bit", tt.in), "\n"); got != tt.want {
			t.Errorf("%q:\n got %q\nwant %q", tt.in, got, tt.want)
		}
	}
}

// TestTextOf takes text from where it is: parts, nested messages, headers of
// parts; and from nowhere else.
func TestTextOf(t *testing.T) {
	b := crlf([]byte("Subject: =?utf-8?q?H=C3=A0?=\n N=?x\nX-Sneaky: =?utf-8?q?a=0AFrom:_b=00?=\nContent-Type: multipart/mixed; boundary=b\n\npreamble\n" +
		"--b\nContent-Type: text/plain; name=one.txt\n\none\n" +
		"--b\nContent-Type: message/rfc822\nContent-Description: a message\n\nSubject: nested\nContent-Type: text/html\n\n<p>two</p>\n" +
		"--b\nContent-Type: image/gif; name=three.gif\n\nthree\n--b--\nepilogue\n"))
	m := parse(b)
	checkInvariants(t, "", b, m)
	for _, tt := range []struct{ name, got, want string }{
		{"header", textOf(t, b, m).header, "SUBJECT: HA\u0300 N=?X\nX-SNEAKY: A FROM: B \nCONTENT-TYPE: MULTIPART/MIXED; BOUNDARY=B\n"},
		{"all", textOf(t, b, m).all, "CONTENT-TYPE: TEXT/PLAIN; NAME=ONE.TXT\nONE\nCONTENT-TYPE: MESSAGE/RFC822\nCONTENT-DESCRIPTION: A MESSAGE\nSUBJECT: NESTED\nCONTENT-TYPE: TEXT/HTML\nTWO\nCONTENT-TYPE: IMAGE/GIF; NAME=THREE.GIF\n"},
		{"body", textOf(t, b, m).body, "ONE\nSUBJECT: NESTED\nCONTENT-TYPE: TEXT/HTML\nTWO\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, tt.got, tt.want)
		}
	}
}

// TestLongText reads text that is longer than any buffer, of each kind, and stops
// where it is told to.
func TestLongText(t *testing.T) {
	const many = 1 << 20
	long := strings.Repeat("Tất cả mọi người sinh ra đều được tự do.\r\n", many/40)
	for _, tt := range []struct {
		name, s string
		part    string // of the text
		n       int    // how often
	}{
		{"body", "Content-Type: text/plain; charset=utf-8\r\n\r\n" + long + "end\r\n", "DO.\n", many / 40},
		{"preamble", "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + long + "\r\n--b\r\n\r\nshort\r\n--b--\r\n", "DO.\n", 0},
		{"header", strings.Repeat("X: "+strings.Repeat("x", 900)+"\r\n", many/800) + "Subject: last\r\n\r\nbody\r\n", "X: XXX", many / 800},
		{"parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\nX: "+strings.Repeat("x", 900)+"\r\n\r\n", many/800) + "--b--\r\n", "X: XXX", many / 800},
		{"one line", "Content-Type: text/html\r\n\r\n" + strings.Repeat("word ", many/4), "WORD", many / 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := []byte(tt.s)
			m := parse(b)
			checkInvariants(t, tt.name, b, m)
			text := textOf(t, b, m)
			if n := strings.Count(text.header+text.all, tt.part); n != tt.n {
				t.Errorf("%q is there %d times, not %d", tt.part, n, tt.n)
			}
			if !utf8.ValidString(text.header + text.all) {
				t.Error("the text is not UTF-8")
			}
			if tt.name == "header" && !strings.Contains(string(m.Envelope), `"last"`) {
				t.Errorf("envelope %s", m.Envelope)
			}
			var s Scanner
			pieces := 0
			once := func([]byte) bool { pieces++; return false }
			if err := errors.Join(s.Text(m.Root, bytes.NewReader(b), true, once), s.Header(m.Root, bytes.NewReader(b), once)); err != nil || pieces > 2 {
				t.Errorf("%d pieces after the first was enough: %v", pieces-2, err)
			}
		})
	}
}
