package message

import (
	"strings"
	"testing"
)

// addresses renders the address list of a field's value.
func addresses(value string) string {
	f := &fields{}
	f.keep(fieldTo, []byte(value))
	return string(f.appendAddresses(nil, fieldTo))
}

func TestAddressList(t *testing.T) {
	const missing = `"` + missingHost + `"`
	for _, tt := range []struct{ in, want string }{
		{"", "NIL"},
		{" , ,, ", "NIL"},
		{"(nobody)", "NIL"},
		{"<>", "NIL"},
		{"a@b.org", `((NIL NIL "a" "b.org"))`},
		{"<a@b.org>", `((NIL NIL "a" "b.org"))`},
		{"Alice <a@b.org>", `(("Alice" NIL "a" "b.org"))`},
		{"Alice B. Carroll <a@b.org>", `(("Alice B. Carroll" NIL "a" "b.org"))`},
		{"\"Carroll, Alice\" <a@b.org>", `(("Carroll, Alice" NIL "a" "b.org"))`},
		{`"a \"b\" \\c" <a@b.org>`, `(("a \"b\" \\c" NIL "a" "b.org"))`},
		{"a@b.org (Alice)", `(("Alice" NIL "a" "b.org"))`},
		{"(x) a@b.org (Alice (in) Crepes)", `(("Alice (in) Crepes" NIL "a" "b.org"))`},
		{`Pete(A nice \) chap) <pete(his account)@silly.test(his host)>`, `(("Pete" NIL "pete" "silly.test"))`},
		{`a@b.org (\\o/ \(x)`, `(("\\o/ (x" NIL "a" "b.org"))`},
		{"Muhammed.(I am  the greatest) Ali @(the)Vegas.WBA", `(("the" NIL "Muhammed.Ali" "Vegas.WBA"))`},
		{"a (Alice) @ (of) b.org, c@d", `(("of" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{"=?utf-8?q?H=C3=A0?= <a@b.org>", `(("=?utf-8?q?H=C3=A0?=" NIL "a" "b.org"))`},
		{"=?utf-8?q?Doe,_J?= <a@b.org>, c@d", `(("=?utf-8?q?Doe,_J?=" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{"\"a b\"@c.org", `((NIL NIL "a b" "c.org"))`},
		{"a . b @ c . org", `((NIL NIL "a.b" "c.org"))`},
		{"a@[192.0.2.1]", `((NIL NIL "a" "[192.0.2.1]"))`},
		{"<@x,@y:a@b>", `((NIL "@x,@y" "a" "b"))`},
		{"Häß <ö@ü.org>", `(("Häß" NIL "ö" "ü.org"))`},
		{"H\xe4\xdf <a@b>", `(("Häß" NIL "a" "b"))`},

		// groups
		{"undisclosed-recipients:;", `((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))`},
		{"G: a@b, C <c@d>; e@f", `((NIL NIL "G" NIL)(NIL NIL "a" "b")("C" NIL "c" "d")(NIL NIL NIL NIL)(NIL NIL "e" "f"))`},
		{"G: a@b", `((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL))`},
		{"G: a@b; H: c@d;", `((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL NIL NIL)(NIL NIL "H" NIL)(NIL NIL "c" "d")(NIL NIL NIL NIL))`},

		// malformed
		{"a@b; c@d", `((NIL NIL "a" "b")(NIL NIL "c" "d"))`},
		{"alice", `((NIL NIL "alice" ` + missing + `))`},
		{"Alice Carroll", `((NIL NIL "Alice Carroll" ` + missing + `))`},
		{"Alice <>", `(("Alice" NIL "missing-mailbox" ` + missing + `))`},
		{"@b.org", `((NIL NIL "missing-mailbox" "b.org"))`},
		{"a@", `((NIL NIL "a" ` + missing + `))`},
		{"Alice a@b.org", `(("Alice" NIL "a" "b.org"))`},
		{"a@b.org Alice", `(("Alice" NIL "a" "b.org"))`},
		{"a@b.org <a@b.org>", `(("a@b.org" NIL "a" "b.org"))`},
		{"<<a@b.org>>", `((NIL NIL "a" "b.org"))`},
		{"Alice <a@b.org, c@d", `(("Alice" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{"Alice <a@b.org> <x@y>, c@d", `(("Alice" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{`"Alice <a@b.org>, c@d`, `(("\"Alice" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{"(Alice a@b.org, c@d", `(("(Alice" NIL "a" "b.org")(NIL NIL "c" "d"))`},
		{"[x a@b, c@d", `(("[x" NIL "a" "b")(NIL NIL "c" "d"))`},
		{"a@@b, c@d", `((NIL NIL "a@" "b")(NIL NIL "c" "d"))`},
		{"\x00a@b, c@d", "((NIL NIL \"\uFFFDa\" \"b\")(NIL NIL \"c\" \"d\"))"},
		{"a\rb@c", `(("a" NIL "b" "c"))`},
	} {
		if got := addresses(tt.in); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.in, got, tt.want)
		}
		// Whatever stands before, the next address is read.
		if got := addresses(tt.in + ", last@example.org"); !strings.HasSuffix(got, `(NIL NIL "last" "example.org"))`) &&
			!strings.HasSuffix(got, `(NIL NIL "last" "example.org")(NIL NIL NIL NIL))`) {
			t.Errorf("%q hides the next: %s", tt.in, got)
		}
	}
}

// TestEnvelope is the example of RFC 9051 §8, and what §7.5.2 says of fields
// that are absent or empty.
func TestEnvelope(t *testing.T) {
	for _, tt := range []struct{ header, want string }{
		{"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\nFrom: Terry Gray <gray@cac.washington.edu>\r\n" +
			"Subject: IMAP4rev2 WG mtg summary and minutes\r\nTo: imap@cac.washington.edu\r\n" +
			"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\nMessage-Id: <B27397-0100000@cac.washington.edu>\r\n",
			`("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ` +
				`(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ` +
				`(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ` +
				`((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL "<B27397-0100000@cac.washington.edu>")`},
		{"Subject:\r\nFrom: a@b\r\nSender: \r\nReply-To: c@d\r\nTo:\r\nIn-Reply-To:\r\n",
			`(NIL "" ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) NIL NIL NIL "" NIL)`},
		// RFC 5322 §4.5.3: destinations that stand twice are joined.
		{"To: a@b\r\nSubject: x\r\n  y\r\n\tz\r\nTo: c@d\r\nSubject: second\r\n",
			`(NIL "x  y z" NIL NIL NIL ((NIL NIL "a" "b")(NIL NIL "c" "d")) NIL NIL NIL NIL)`},
		{"Subject: a\"b\\c\r\n", `(NIL "a\"b\\c" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"Subject: a\x00b\rc\r\n", "(NIL \"a\uFFFDb c\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"Subject: " + strings.Repeat("x", 1001) + "\r\n", "(NIL {1001}\r\n" + strings.Repeat("x", 1001) + " NIL NIL NIL NIL NIL NIL NIL NIL)"},
	} {
		if got := string(parse([]byte(tt.header + "\r\n")).Envelope); got != tt.want {
			t.Errorf("%q:\n got %s\nwant %s", tt.header, got, tt.want)
		}
	}
}
