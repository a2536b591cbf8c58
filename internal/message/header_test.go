package message

import (
	"strings"
	"testing"
)

// TestHeaderEnd says where headers end, also where there is none.
func TestHeaderEnd(t *testing.T) {
	for _, tt := range []struct {
		name, header, rest string
		subject            string // in the envelope
		body               string // folded
	}{
		{"nothing", "", "", "NIL", ""},
		{"blank line alone", "\r\n", "", "NIL", ""},
		{"blank line first", "\r\n", "Subject: no\r\n", "NIL", "SUBJECT: NO\n"},
		{"plain", "Subject: x\r\n\r\n", "body\r\n", `"x"`, "BODY\n"},
		{"LF alone", "Subject: x\n\n", "body\n", `"x"`, "BODY\n"},
		{"no blank line", "Subject: x\r\n", "", `"x"`, ""},
		{"no line end", "Subject: x", "", `"x"`, ""},
		{"CR before the line end", "Subject: x\r\n\r\r\n", "body", `"x"`, "BODY\n"},
		{"folded", "Subject: a\r\n  b\r\n\tc\r\n\r\n", "", `"a  b c"`, ""},
		{"space before the colon", "Subject  : x\r\n\r\n", "", `"x"`, ""},

		// malformed lines
		{"line without a colon", "From: a@b\r\nthis is no field\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"its continuation", "From: a@b\r\nthis is no field\r\n and this neither\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"name with a space", "From: a@b\r\nnot a name: x\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"name in other letters", "From: a@b\r\nGr\xc3\xb6\xc3\x9fe: x\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"no name", "From: a@b\r\n: x\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"mbox line", "From alice@crepes.fr Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"quoted mbox line", ">From alice@crepes.fr Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"mbox line without a date", "From alice@crepes.fr\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"mbox line below traces", "Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\nFrom alice@crepes.fr Thu Jan  1 00:00:00 1970\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},
		{"indented first field", "  X-Y: z\r\nSubject: x\r\n\r\n", "body", `"x"`, "BODY\n"},

		// typed over telnet
		{"text alone", "", "Do you like ketchup?\r\nHow about pickles?\r\n", "NIL", "DO YOU LIKE KETCHUP?\nHOW ABOUT PICKLES?\n"},
		{"text with a colon later", "", "Dear Bob: hello\r\nSubject: no\r\n", "NIL", "DEAR BOB: HELLO\nSUBJECT: NO\n"},
		{"text that begins with From", "", "From what I know, no.\r\n", "NIL", "FROM WHAT I KNOW, NO.\n"},
		{"indented text", "", "   Hello\r\n", "NIL", "   HELLO\n"},
		{"text below traces", "Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\n", "Do you like ketchup?\r\n", "NIL", "DO YOU LIKE KETCHUP?\n"},
		{"text below white space", "Subject: x\r\n \r\n", "Do you like ketchup?\r\n", `"x"`, "DO YOU LIKE KETCHUP?\n"},
		{"white space in a field", "From: a@b\r\n \r\nSubject: x\r\n\r\n", "body\r\n", `"x"`, "BODY\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := []byte(tt.header + tt.rest)
			m := parse(b)
			if m.HeaderSize != int64(len(tt.header)) {
				t.Errorf("header of %d octets, not %d", m.HeaderSize, len(tt.header))
			}
			if want := "(NIL " + tt.subject + " "; !strings.HasPrefix(string(m.Envelope), want) {
				t.Errorf("envelope %s", m.Envelope)
			}
			if body := textOf(t, b, m).body; body != tt.body {
				t.Errorf("body %q, not %q", body, tt.body)
			}
		})
	}
}

// TestFacts are those that SMTP extensions hang on.
func TestFacts(t *testing.T) {
	for _, tt := range []struct {
		in                   string
		eight, binary, utf8h bool
	}{
		{"Subject: x\r\n\r\nbody\r\n", false, false, false},
		{"Subject: x\r\n\r\nb\xf6dy\r\n", true, false, false},
		{"Subject: \xc3\xb6\r\n\r\nbody\r\n", true, false, true},
		{"Subject: x\r\n\r\nbody\n", false, true, false},
		{"Subject: x\r\n\r\nbo\rdy\r\n", false, true, false},
		{"Subject: x\r\n\r\nbody\r", false, true, false},
		{"Subject: x\r\n\r\nbo\x00dy\r\n", false, true, false},
		{"Subject: x\r\n\r\n" + strings.Repeat("x", 998) + "\r\n", false, false, false},
		{"Subject: x\r\n\r\n" + strings.Repeat("x", 999) + "\r\n", false, true, false},
		{"Subject: x\r\n\r\n" + strings.Repeat("x", 100000) + "\r\n", false, true, false},
		{"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; name=\xc3\xb6\r\n\r\n\r\n--b--\r\n", true, false, true},
		{"Content-Type: message/rfc822\r\n\r\nSubject: \xc3\xb6\r\n\r\n", true, false, true},
		{"\xc3\xb6 is typed, without a header\r\n", true, false, false},
		{"Subject: x\r\n\xc3\xb6 is no field, but in the header\r\n\r\n", true, false, true},
	} {
		m := parse([]byte(tt.in))
		if m.EightBit != tt.eight || m.Binary != tt.binary || m.HeaderUTF8 != tt.utf8h {
			t.Errorf("%.40q: 8bit %v, binary %v, header %v", tt.in, m.EightBit, m.Binary, m.HeaderUTF8)
		}
	}
	if m := parse([]byte("Received: a\r\nReceived: b\r\nX: y\r\nRECEIVED: c\r\nContent-Type: message/rfc822\r\n\r\nReceived: d\r\n\r\n")); m.Received != 3 {
		t.Errorf("%d Received fields", m.Received)
	}
}
