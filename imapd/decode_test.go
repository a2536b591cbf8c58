package imapd

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
	"posthorn/store"
)

// decoded is what a decoding method found, for comparison.
func decoded[T any](t *testing.T, in string, unicode bool, method func(*decoder) T) T {
	t.Helper()
	d := newDecoder([]byte(in), unicode)
	v := method(d)
	if err := d.end(); err != nil {
		t.Errorf("%q: %v", in, err)
	}
	return v
}

// refused checks that each of inputs gets kind (BAD or NO and its code).
func refused[T any](t *testing.T, kind string, method func(*decoder) T, inputs ...string) {
	t.Helper()
	for _, in := range inputs {
		d := newDecoder([]byte(in), false)
		method(d)
		err := d.end()
		if err == nil || !strings.HasPrefix(err.Error(), kind) {
			t.Errorf("%q: %v, want %s", in, err, kind)
		}
	}
}

// same compares with unexported fields.
func same(t *testing.T, in string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.Exporter(func(_ /* any type */ reflect.Type) bool { return true })); diff != "" {
		t.Errorf("%q:\n%s", in, diff)
	}
}

func TestDecodeStrings(t *testing.T) {
	astring := func(d *decoder) string { return d.astring("a string") }
	for in, want := range map[string]string{
		"abc":                         "abc",
		"a]b":                         "a]b",
		`""`:                          "",
		`"a b"`:                       "a b",
		`"a\"b\\c"`:                   `a"b\c`,
		`"mật khẩu"`:                  "mật khẩu",
		"{0}\r\n":                     "",
		"{3}\r\na\r\n":                "a\r\n",
		"{3+}\r\nabc":                 "abc",
		"{5}\r\n\"a\" (":              `"a" (`,
		"{2}\r\n\xff\xfe":             "\xff\xfe",
		"NIL":                         "NIL",
		`"` + "\t" + `"`:              "\t",
		"abc  ":                       "abc", // spaces at the end
		"{000000000000000003}\r\nabc": "abc",
	} {
		if got := decoded(t, in, false, astring); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	refused(t, "BAD", astring,
		"", " ", "(", "a(b", "a b", `"`, `"a`, `"a\`, `"a\b"`, `"a"b`, "\"a\r\n\"", "\"a\x00\"", "\"\xff\"", "ä",
		"{", "{}", "{3", "{3}", "{3}\r", "{3}\r\n", "{3}\r\nab", "{3}\r\nabcd", "{3}\nabc", "{3++}\r\nabc", "{-3}\r\nabc",
		"{3}\r\na\x00b", "~{3}\r\nabc", "{99999999999999999999}\r\n", "{9223372036854775807}\r\n")
}

func TestDecodeNString(t *testing.T) {
	for _, tt := range []struct {
		in, s string
		ok    bool
	}{{"NIL", "", false}, {"nil", "", false}, {`"NIL"`, "NIL", true}, {`""`, "", true}, {"{1}\r\nx", "x", true}} {
		d := newDecoder([]byte(tt.in), false)
		s, ok := d.nstring("a string")
		if err := d.end(); err != nil || s != tt.s || ok != tt.ok {
			t.Errorf("%q: %q %v %v", tt.in, s, ok, err)
		}
	}
	refused(t, "BAD", func(d *decoder) bool { _, ok := d.nstring("a string"); return ok }, "abc", "NILS", "NI", "")
}

func TestDecodeNumbers(t *testing.T) {
	if n := decoded(t, "4294967295", false, (*decoder).nzNumber); n != 1<<32-1 {
		t.Error(n)
	}
	if n := decoded(t, "0012", false, (*decoder).number64); n != 12 {
		t.Error(n)
	}
	if n := decoded(t, "9223372036854775807", false, (*decoder).number64); n != 1<<63-1 {
		t.Error(n)
	}
	refused(t, "BAD", (*decoder).number64, "", "-1", "+1", "1a", "99999999999999999999999999", "9223372036854775808", "18446744073709551616")
	refused(t, "BAD", (*decoder).nzNumber, "", "0", "01", "4294967296")
	refused(t, "BAD", (*decoder).nzNumber64, "0", "9223372036854775808")
}

func TestDecodeDates(t *testing.T) {
	for in, want := range map[string]string{
		"1-Feb-1994":    "1994-02-01",
		"01-feb-1994":   "1994-02-01",
		`"31-DEC-2024"`: "2024-12-31",
		"29-Feb-2024":   "2024-02-29",
		"1-Jan-0001":    "0001-01-01",
	} {
		if got := decoded(t, in, false, (*decoder).date).Format(time.DateOnly); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
	refused(t, "BAD", (*decoder).date, "", "1-Feb-94", "001-Feb-1994", "29-Feb-2023", "0-Jan-2020", "32-Jan-2020", "1-Foo-2020",
		" 1-Feb-1994", `"1-Feb-1994`, `1-Feb-1994"`, "1/Feb/1994", "1-Feb-19944", "1-Feb", "1-2-1994", "1994-02-01")

	for in, want := range map[string]string{
		`"17-Jul-1996 02:44:25 -0700"`: "1996-07-17T02:44:25-07:00",
		`" 7-Feb-1994 21:52:25 -0800"`: "1994-02-07T21:52:25-08:00",
		`"01-Jan-2024 00:00:00 +0530"`: "2024-01-01T00:00:00+05:30",
		`"31-Dec-2016 23:59:60 +0000"`: "2017-01-01T00:00:00Z",
	} {
		if got := decoded(t, in, false, (*decoder).dateTime).Format(time.RFC3339); got != want {
			t.Errorf("%q: %s", in, got)
		}
	}
	refused(t, "BAD", (*decoder).dateTime, `17-Jul-1996 02:44:25 -0700`, `"7-Jul-1996 02:44:25 -0700"`, `"17-Jul-1996 2:44:25 -0700"`,
		`"17-Jul-1996 24:00:00 -0700"`, `"17-Jul-1996 02:60:00 -0700"`, `"17-Jul-1996 02:44:61 -0700"`, `"17-Jul-1996 02:44:25 0700"`,
		`"17-Jul-1996 02:44:25 -070"`, `"17-Jul-1996 02:44:25 -2400"`, `"17-Jul-1996 02:44:25 -0060"`, `"17-Jul-1996 02:44:25 -0700`,
		`"30-Feb-1996 02:44:25 -0700"`, `""`, `"17-Jul-1996"`)
}

func TestDecodeNumSet(t *testing.T) {
	for _, tt := range []struct {
		in   string
		last uint32
		want string
	}{
		{"1", 9, "1"},
		// RFC 9051 §9
		{"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
		{"*:4,5:7", 10, "4:10"},
		{"4:2", 9, "2:4"},
		{"3291:*", 7, "7:3291"},
		{"*", 9, "9"},
		{"*:*", 9, "9"},
		{"*", 0, ""},
		{"1:*", 0, "1"},
		{"5,3,1,2,4,9", 9, "1:5,9"},
		{"4294967295,1:4294967295", 9, "1:4294967295"},
	} {
		set := decoded(t, tt.in, false, (*decoder).numSet)
		if got := set.resolve(tt.last).String(); got != tt.want || set.saved {
			t.Errorf("%s of %d: %q, want %q", tt.in, tt.last, got, tt.want)
		}
	}
	if set := decoded(t, "$", false, (*decoder).numSet); !set.saved || set.ranges != nil {
		t.Errorf("$: %+v", set)
	}
	refused(t, "BAD", (*decoder).numSet, "", "0", "1:0", "1,", ",1", "1:", ":1", "1:2:3", "1,,2", "-1", "a", "4294967296", "01", "$,1", "1,$", "1 ,2", "**")
}

// TestNumSetDescending: a set written downwards must not cost the square of its length.
func TestNumSetDescending(t *testing.T) {
	var b strings.Builder
	for i := 1_000_000; i > 0; i -= 2 {
		fmt.Fprintf(&b, "%d,", i)
	}
	set := decoded(t, b.String()+"1", false, (*decoder).numSet)
	start := time.Now()
	if n := len(set.resolve(9)); n != 500_000 {
		t.Error(n)
	}
	if took := time.Since(start); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestDecodeMailbox(t *testing.T) {
	for _, tt := range []struct {
		in, rev1, unicode string // the name in each mode; "!" where it is refused
	}{
		{"foo", "foo", "foo"},
		{"iNbOx", "INBOX", "INBOX"},
		{`"inbox"`, "INBOX", "INBOX"},
		{"{5}\r\nInbox", "INBOX", "INBOX"},
		{"Inbox/Sub", "INBOX/Sub", "INBOX/Sub"},
		{"inboxes", "inboxes", "inboxes"},
		{"Foo/inbox", "Foo/inbox", "Foo/inbox"},
		{`""`, "", ""},
		{"Entw&APw-rfe", "Entwürfe", "Entw&APw-rfe"},
		{"R&-D", "R&D", "R&-D"},
		{"R&D", "!", "R&D"},
		{`"Entwürfe"`, "Entwürfe", "Entwürfe"}, // RFC 6855 §3
		{`"Entwürfe & mehr"`, "Entwürfe & mehr", "Entwürfe & mehr"},
		{"{9}\r\nEntw\xc3\xbcrfe", "Entwürfe", "Entwürfe"},
		{"{1}\r\n\xfc", "!", "!"},
		{"\"Entwu\u0308rfe\"", "Entwürfe", "Entwürfe"}, // NFD comes as NFC
		{"%*", "!", "!"},
		{`"%*"`, "%*", "%*"},
	} {
		for unicode, want := range map[bool]string{false: tt.rev1, true: tt.unicode} {
			d := newDecoder([]byte(tt.in), unicode)
			got := d.mailbox()
			if err := d.end(); err != nil {
				got = "!"
			}
			if got != want {
				t.Errorf("%q (unicode %v): %q, want %q", tt.in, unicode, got, want)
			}
		}
	}
	refused(t, "NO [CANNOT]", (*decoder).mailbox, "R&D", "&Jjo", "{1}\r\n\xfc")
	refused(t, "NO [LIMIT]", (*decoder).mailbox, strings.Repeat("a/", 600)+"a")
}

func TestDecodeFetch(t *testing.T) {
	plain := func(kinds ...itemKind) (items []fetchItem) {
		for _, k := range kinds {
			items = append(items, fetchItem{kind: k})
		}
		return items
	}
	all := plain(itemFlags, itemInternalDate, itemSize, itemEnvelope)
	for in, want := range map[string][]fetchItem{
		"ALL":   all,
		"fast":  all[:3],
		"Full":  plain(itemFlags, itemInternalDate, itemSize, itemEnvelope, itemBody),
		"FLAGS": plain(itemFlags),
		"(UID flags Internaldate RFC822.Size ENVELOPE BODY BODYSTRUCTURE)": plain(itemUID, itemFlags, itemInternalDate, itemSize, itemEnvelope, itemBody, itemBodyStructure),
		"(FLAGS UID FLAGS)":               plain(itemFlags, itemUID),
		"PREVIEW":                         plain(itemPreview),
		"preview (lazy)":                  {{kind: itemPreview, lazy: true}},
		"(PREVIEW (LAZY) PREVIEW (LAZY))": {{kind: itemPreview, lazy: true}},
		"(PREVIEW (LAZY) UID PREVIEW)":    plain(itemPreview, itemUID),
		"(RFC822)":                        plain(itemRFC822),
		"(RFC822.HEADER RFC822.TEXT)":     plain(itemRFC822Header, itemRFC822Text),
		"BODY[]":                          {{kind: itemSection, section: section{}}},
		"BODY.PEEK[]":                     {{kind: itemSection, section: section{peek: true}}},
		"body[header]":                    {{kind: itemSection, section: section{text: headerText}}},
		"BODY[TEXT]<0.2048>":              {{kind: itemSection, section: section{text: bodyText, partial: true, length: 2048}}},
		"BODY[4.2.HEADER]":                {{kind: itemSection, section: section{part: []int{4, 2}, text: headerText}}},
		"BODY[1.MIME]":                    {{kind: itemSection, section: section{part: []int{1}, text: mimeText}}},
		"BODY[3]<9223372036854775807.1>":  {{kind: itemSection, section: section{part: []int{3}, partial: true, offset: 1<<63 - 1, length: 1}}},
		"BODY[HEADER.FIELDS (DATE FROM)]": {{kind: itemSection, section: section{text: headerFields, fields: []string{"DATE", "FROM"}}}},
		`BODY.PEEK[1.2.HEADER.FIELDS.NOT ("x-a" {2}` + "\r\nTo)]<3.4>": {{kind: itemSection, section: section{part: []int{1, 2}, text: headerFieldsNot, fields: []string{"x-a", "To"}, partial: true, offset: 3, length: 4, peek: true}}},
		"(BINARY[1.2]<1.2> BINARY.PEEK[] BINARY.SIZE[4])": {
			{kind: itemBinary, section: section{part: []int{1, 2}, partial: true, offset: 1, length: 2}},
			{kind: itemBinary, section: section{peek: true}},
			{kind: itemBinarySize, section: section{part: []int{4}, peek: true}},
		},
		"(BODY[] BODY[])": {{kind: itemSection, section: section{}}, {kind: itemSection, section: section{}}},
	} {
		got := decoded(t, " 2:4 "+in, false, (*decoder).fetchArgs)
		got.count = 0
		same(t, in, got, fetchArgs{set: numSet{ranges: []numRange{{2, 4}}}, items: want})
	}
	refused(t, "BAD", (*decoder).fetchArgs,
		"", " ", " 1", " 1 ", "  1 FLAGS", " 1  FLAGS", " 1 ()", " 1 (ALL)", " 1 (FLAGS", " 1 (FLAGS  UID)", " 1 FLAGS UID", " 1 (FLAGS)x",
		" 1 FOO", " 1 BODY[", " 1 BODY[]<", " 1 BODY[]<0>", " 1 BODY[]<0.0>", " 1 BODY[]<.1>", " 1 BODY[]<-1.1>", " 1 BODY[0]", " 1 BODY[01]", " 1 BODY[1.]", " 1 BODY[1.0]",
		" 1 BODY[MIME]", " 1 BODY[.TEXT]", " 1 BODY[1TEXT]", " 1 BODY[FOO]", " 1 BODY[HEADER.FIELDS]", " 1 BODY[HEADER.FIELDS ()]", " 1 BODY[HEADER.FIELDS (a:b)]",
		" 1 BODY[HEADER.FIELDS (\"\")]", " 1 BODY[HEADER.FIELDS (\"a b\")]", " 1 BODY[TEXT.1]", " 1 BODYSTRUCTURE[]", " 1 BINARY[1.TEXT]", " 1 BINARY[1.]", " 1 BINARY.SIZE[1]<0.1>",
		" 1 BINARY", " 1 BINARY.SIZE", " 1 BODY.PEEK", " 1 RFC822.PEEK", " 1 FLAGS (CHANGEDSINCE)", " 1 BODY[1.4294967296]")
	refused(t, "NO [LIMIT]", (*decoder).fetchArgs, " 1 (BODY[]"+strings.Repeat(" BODY[]", maxFetchItems)+")",
		" 1 BODY[HEADER.FIELDS (a"+strings.Repeat(" a", maxFetchItems)+")]")
}

func TestDecodeStore(t *testing.T) {
	seen := mail.NewFlags(`\Seen`)
	set := numSet{ranges: []numRange{{2, 4}}}
	for in, want := range map[string]storeArgs{
		` 2:4 +FLAGS (\Deleted)`:                                  {set, store.FlagsAdd, mail.NewFlags(`\Deleted`), false, false, store.Unconditionally},
		` 2:4 -FLAGS.SILENT (\SEEN $Junk)`:                        {set, store.FlagsRemove, mail.NewFlags(`\Seen`, "$Junk"), true, false, store.Unconditionally},
		` 2:4 flags ()`:                                           {set, store.FlagsReplace, mail.Flags{}, false, false, store.Unconditionally},
		` 2:4 FLAGS \Seen`:                                        {set, store.FlagsReplace, seen, false, false, store.Unconditionally},
		` 2:4 FLAGS \Seen Work \Flagged  `:                        {set, store.FlagsReplace, mail.NewFlags(`\Seen`, `\Flagged`, "Work"), false, false, store.Unconditionally},
		` 2:4 FLAGS (\Recent \Foo \Seen)`:                         {set, store.FlagsReplace, seen, false, false, store.Unconditionally},
		` $ +FLAGS.Silent (\Seen)`:                                {numSet{saved: true}, store.FlagsAdd, seen, true, false, store.Unconditionally},
		` 7,5 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\Seen)`:   {numSet{ranges: []numRange{{7, 7}, {5, 5}}}, store.FlagsAdd, seen, true, true, 320162338},
		` 2:4 (unchangedsince 0) FLAGS ()`:                        {set, store.FlagsReplace, mail.Flags{}, false, true, 0},
		` 2:4 (UNCHANGEDSINCE 9223372036854775807) FLAGS (\Seen)`: {set, store.FlagsReplace, seen, false, true, 1<<63 - 1},
	} {
		same(t, in, decoded(t, in, false, (*decoder).storeArgs), want)
	}
	refused(t, "BAD", (*decoder).storeArgs, "", " 1", " 1 FLAGS", " 1 FLAGS ", ` 1 +FLAG (\Seen)`, ` 1 FLAGS.QUIET (\Seen)`, ` 1 FLAGS (\*)`, ` 1 FLAGS (\Seen,\Draft)x"`, ` 1 FLAGS ("a")`,
		` 1 FLAGS (a]b)`, ` 1 FLAGS (\Seen`, ` 1 FLAGS (\)`, ` 1 FLAGS ((a))`, ` 1 (UNCHANGEDSINCE) FLAGS (a)`, ` 1 (UNCHANGEDSINCE -1) FLAGS (a)`, ` 1 (UNCHANGEDSINCE 9223372036854775808) FLAGS (a)`,
		` 1 (UNCHANGEDSINCE 1 UNCHANGEDSINCE 2) FLAGS (a)`, ` 1 (UNCHANGEDSINCE (1)) FLAGS (a)`, ` 1 (CHANGEDSINCE 1) FLAGS (a)`, ` 1 UNCHANGEDSINCE 1 FLAGS (a)`, ` 1 ++FLAGS (a)`, ` 1 () FLAGS (a)`)
	refused(t, "NO [LIMIT]", (*decoder).storeArgs, ` 1 FLAGS (a`+strings.Repeat(" a", maxFlags)+")", " 1 FLAGS "+strings.Repeat("a", maxFlagName+1))
}

func TestDecodeCopyAndExpunge(t *testing.T) {
	same(t, "copy", decoded(t, " 2:4 MEETING", false, (*decoder).copyArgs), copyArgs{numSet{ranges: []numRange{{2, 4}}}, "MEETING"})
	same(t, "copy $", decoded(t, ` $ "Other Messages"`, false, (*decoder).copyArgs), copyArgs{numSet{saved: true}, "Other Messages"})
	refused(t, "BAD", (*decoder).copyArgs, "", " 1", " 1 ", " MEETING", " 1 a b")
	same(t, "uid expunge", decoded(t, " 3000:3002", false, (*decoder).uidExpungeArgs), numSet{ranges: []numRange{{3000, 3002}}})
	refused(t, "BAD", (*decoder).uidExpungeArgs, "", " ", " a")
}

// appendArguments are what APPEND has up to the announcement of its first message.
type appendArguments struct {
	mailbox string
	message appendMessage
}

func appendArgs(d *decoder) appendArguments {
	return appendArguments{d.uploadMailbox(), d.appendMessage()}
}

func TestDecodeAppend(t *testing.T) {
	date := time.Date(1994, 2, 7, 21, 52, 25, 0, time.FixedZone("", -8*3600))
	for in, want := range map[string]appendArguments{
		` saved-messages (\Seen) {310}`:                            {"saved-messages", appendMessage{flags: mail.NewFlags(`\Seen`), literal: literalHeader{310, false, false}}},
		` saved-messages (\Seen) {297+}`:                           {"saved-messages", appendMessage{flags: mail.NewFlags(`\Seen`), literal: literalHeader{297, true, false}}},
		` INBOX () " 7-Feb-1994 21:52:25 -0800" ~{5}`:              {"INBOX", appendMessage{date: date, literal: literalHeader{5, false, true}}},
		` {5}` + "\r\n" + `inbox " 7-Feb-1994 21:52:25 -0800" {0}`: {"INBOX", appendMessage{date: date}},
		` INBOX {1}`:          {"INBOX", appendMessage{literal: literalHeader{size: 1}}},
		` INBOX UTF8 (~{10+}`: {"INBOX", appendMessage{utf8: true, literal: literalHeader{10, true, true}}},
	} {
		same(t, in, decoded(t, in, false, appendArgs), want)
	}
	refused(t, "BAD", appendArgs, "", " INBOX", " INBOX ", ` INBOX "text"`, " INBOX text", ` INBOX \Seen {1}`, ` INBOX "1-Feb-1994" {1}`, " INBOX {1", " INBOX UTF8 {1}", " INBOX UTF8 ({1}", " INBOX (a){1}", " {1}")
	same(t, "replaced", decoded(t, " 4", false, (*decoder).replaced), numSet{ranges: []numRange{{4, 4}}})
	same(t, "replaced", decoded(t, " *", false, (*decoder).replaced), numSet{ranges: []numRange{{star, star}}})
	refused(t, "BAD", (*decoder).replaced, "", " ", " 0", " 1:2", " 1,2", " $", " 4294967296", " INBOX")
}

func TestDecodeSessionCommands(t *testing.T) {
	same(t, "id", decoded(t, ` ("name" "sodr" "version" NIL "os" {2+}`+"\r\nAX)", false, (*decoder).idArgs), []idField{{"name", "sodr"}, {"os", "AX"}})
	same(t, "id nil", decoded(t, ` nil`, false, (*decoder).idArgs), []idField(nil))
	same(t, "id ()", decoded(t, ` ()`, false, (*decoder).idArgs), []idField(nil))
	refused(t, "BAD", (*decoder).idArgs, "", " ", " name", ` ("name")`, ` ("name" )`, ` (name "x")`, ` ("name" x)`, ` ("a" "b" "c")`,
		` ("`+strings.Repeat("x", 31)+`" "y")`, " ("+strings.Repeat(`"a" "b" `, 30)+`"a" "b")`)

	same(t, "enable", decoded(t, " imap4rev2 UTF8=ACCEPT ", false, (*decoder).enableArgs), []string{"IMAP4REV2", "UTF8=ACCEPT"})
	refused(t, "BAD", (*decoder).enableArgs, "", " ", " (A)", ` "A"`, " A  B")

	same(t, "authenticate", decoded(t, " plain", false, (*decoder).authenticateArgs), authenticateArgs{"PLAIN", "", false})
	same(t, "authenticate", decoded(t, " PLAIN dGVzdA==", false, (*decoder).authenticateArgs), authenticateArgs{"PLAIN", "dGVzdA==", true})
	same(t, "authenticate", decoded(t, " EXTERNAL =", false, (*decoder).authenticateArgs), authenticateArgs{"EXTERNAL", "=", true})
	refused(t, "BAD", (*decoder).authenticateArgs, "", " ", " PLAIN !", " PLAIN a b", ` "PLAIN"`)

	same(t, "select", decoded(t, " INBOX", false, (*decoder).selectArgs), selectArgs{mailbox: "INBOX", given: "INBOX"})
	refused(t, "BAD", (*decoder).selectArgs, "", " ", " a b", " a ()", " a (BLURDYBLOOP)", " a (", " a (X")

	same(t, "create", decoded(t, " owatagusiam/", false, (*decoder).createArgs), createArgs{"owatagusiam", "owatagusiam", nil})
	same(t, "create", decoded(t, ` MySpecial (USE (\Drafts \Sent))`, false, (*decoder).createArgs), createArgs{"MySpecial", "MySpecial", []string{`\Drafts`, `\Sent`}})
	same(t, "create", decoded(t, ` x (use ())`, false, (*decoder).createArgs), createArgs{"x", "x", nil})
	refused(t, "BAD", (*decoder).createArgs, "", " ", " a ()", " a (USE)", ` a (USE \Sent)`, " a (USE (Sent))", ` a (FOO (\Sent))`, ` a (USE (\Sent)`)

	same(t, "rename", decoded(t, ` inbox "old mail/"`, false, (*decoder).renameArgs), renameArgs{"INBOX", "old mail", "inbox", "old mail"})
	refused(t, "BAD", (*decoder).renameArgs, "", " a", " a ", " a b c")

	user, password := "", ""
	login := func(d *decoder) bool { user, password = d.loginArgs(); return true }
	decoded(t, " {5}\r\nFR ED \"mật \\\"khẩu\"", false, login)
	if user != "FR ED" || password != `mật "khẩu` {
		t.Errorf("login: %q %q", user, password)
	}
	refused(t, "BAD", login, "", " a", " a ", " a b c")
}

// TestDecodeErrorsHideArguments: a password may stand anywhere.
func TestDecodeErrorsHideArguments(t *testing.T) {
	for _, in := range []string{" user secret secret", ` user "secret`, " user secret(", " secret"} {
		d := newDecoder([]byte(in), false)
		d.loginArgs()
		if err := d.end(); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestDecodeList(t *testing.T) {
	type o = imap.ListOptions
	status := &statusItems{StatusOptions: imap.StatusOptions{NumMessages: true, NumUnseen: true}}
	for in, want := range map[string]listArgs{
		` "" ""`:                       {extended: false, ref: "", patterns: []string{""}, options: o{}},
		` "" %`:                        {extended: false, ref: "", patterns: []string{"%"}, options: o{}},
		` ~/Mail/ %`:                   {extended: false, ref: "~/Mail/", patterns: []string{"%"}, options: o{}},
		` #news. comp.mail.*`:          {extended: false, ref: "#news.", patterns: []string{"comp.mail.*"}, options: o{}},
		` "" "a b*"`:                   {extended: false, ref: "", patterns: []string{"a b*"}, options: o{}},
		` "" &AOk-*]`:                  {extended: false, ref: "", patterns: []string{"é*]"}, options: o{}},
		` "" R&D*`:                     {extended: false, ref: "", patterns: nil, options: o{}}, // matches nothing (RFC 9051 §6.3.9)
		` (SUBSCRIBED) "" "*"`:         {extended: true, ref: "", patterns: []string{"*"}, options: o{SelectSubscribed: true}},
		` () "" "%" RETURN (CHILDREN)`: {extended: true, ref: "", patterns: []string{"%"}, options: o{ReturnChildren: true}},
		` (REMOTE subscribed) "" "*"`:  {extended: true, ref: "", patterns: []string{"*"}, options: o{SelectRemote: true, SelectSubscribed: true}},
		` (RECURSIVEMATCH SUBSCRIBED SUBSCRIBED) "" "*"`:        {extended: true, ref: "", patterns: []string{"*"}, options: o{SelectRecursiveMatch: true, SelectSubscribed: true}},
		` (SPECIAL-USE) "" "*" RETURN (SPECIAL-USE SUBSCRIBED)`: {extended: true, ref: "", patterns: []string{"*"}, options: o{SelectSpecialUse: true, ReturnSpecialUse: true, ReturnSubscribed: true}},
		` "" ("INBOX" "Drafts" Sent/%)`:                         {extended: true, ref: "", patterns: []string{"INBOX", "Drafts", "Sent/%"}, options: o{}},
		` "" % RETURN (STATUS (MESSAGES UNSEEN))`:               {extended: true, ref: "", patterns: []string{"%"}, status: status},
		` "" % RETURN (METADATA ("/shared/a" /private/b) CHILDREN METADATA /private/c)`: {extended: true, ref: "", patterns: []string{"%"}, options: o{ReturnChildren: true},
			metadata: []string{"/shared/a", "/private/b", "/private/c"}},
		` "" % return ()`: {extended: true, ref: "", patterns: []string{"%"}, options: o{}},
	} {
		got := decoded(t, in, false, (*decoder).listArgs)
		got.octets = 0
		same(t, in, got, want)
	}
	refused(t, "BAD", (*decoder).listArgs, "", ` ""`, ` "" `, ` "" ()`, ` (RECURSIVEMATCH) "" *`, ` (REMOTE RECURSIVEMATCH) "" *`, ` (FOO) "" *`, ` "" * RETURN`, ` "" * RETURN (FOO)`,
		` "" * RETURN (STATUS)`, ` "" * RETURN (STATUS ())`, ` "" * RETURN (STATUS (FOO))`, ` "" * CHILDREN`, ` (SUBSCRIBED)"" *`, ` "" (a b`, ` "" (a  b)`, ` % *`)
	refused(t, "NO [LIMIT]", (*decoder).listArgs, ` "" * RETURN (`+strings.Repeat("METADATA (/private/a) ", maxEntries)+`METADATA (/private/b))`, ` "" (a`+strings.Repeat(" a", maxPatterns/2)+")", ` "`+strings.Repeat("a", maxMailboxName+1)+`" a`)
	same(t, "lsub", decoded(t, ` "#news." "comp.mail.*"`, false, (*decoder).lsubArgs), listArgs{ref: "#news.", patterns: []string{"comp.mail.*"}, octets: 18})
	refused(t, "BAD", (*decoder).lsubArgs, ` "" (a b)`, ` (SUBSCRIBED) "" *`, ` "" * RETURN ()`)
}

func TestDecodeStatus(t *testing.T) {
	var name string
	status := func(d *decoder) statusItems {
		var o statusItems
		name, o = d.statusArgs()
		return o
	}
	same(t, "status", decoded(t, ` blurdybloop (UIDNEXT MESSAGES)`, false, status), statusItems{StatusOptions: imap.StatusOptions{UIDNext: true, NumMessages: true}})
	same(t, "status", decoded(t, ` inbox (recent uidvalidity unseen deleted size appendlimit)`, false, status),
		statusItems{StatusOptions: imap.StatusOptions{NumRecent: true, UIDValidity: true, NumUnseen: true, NumDeleted: true, Size: true, AppendLimit: true}})
	if name != "INBOX" {
		t.Error(name)
	}
	refused(t, "BAD", status, "", " a", " a ()", " a (FOO)", " a MESSAGES", " a (MESSAGES", " a (MESSAGES  SIZE)")
}
