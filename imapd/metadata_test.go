package imapd

import (
	"fmt"
	"strings"
	"testing"

	"posthorn/internal/wire"
)

// TestMetadataLimits: what a mailbox may hold is bounded (RFC 5464 §4.3), and
// of a command that goes over nothing is done.
func TestMetadataLimits(t *testing.T) {
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.login()
	c.say("b SETMETADATA INBOX (/private/comment \"kept\" /private/large {65536+}\r\n" + strings.Repeat("x", 65536) + ")\r\n")
	c.until("b OK")
	c.say("c SETMETADATA INBOX (/private/comment \"lost\" /private/large {65537+}\r\n" + strings.Repeat("x", 65537) + ")\r\n")
	c.until("c NO [METADATA MAXSIZE 65536]")
	c.say("d GETMETADATA INBOX (MAXSIZE 65535) (/private/large /private/comment)\r\n")
	c.until(`* METADATA INBOX (/private/comment "kept")`)
	c.until("d OK [METADATA LONGENTRIES 65536]")
	for i := range 98 {
		c.say(fmt.Sprintf("e%d SETMETADATA INBOX (/private/n/%d \"\")\r\n", i, i))
		c.until(fmt.Sprintf("e%d OK", i))
	}
	c.say("f SETMETADATA INBOX (/private/comment \"lost\" /private/n/98 \"\")\r\n")
	c.until("f NO [METADATA TOOMANY]")
	c.say("g SETMETADATA INBOX (/private/n/98 \"\" /private/n/0 NIL)\r\n")
	c.until("g OK")
	c.say("h GETMETADATA INBOX (DEPTH infinity MAXSIZE 100) /private/comment\r\n")
	c.until(`* METADATA INBOX (/private/comment "kept")`)
	c.until("h OK")
	var many []string
	for i := range maxEntries + 1 {
		many = append(many, fmt.Sprintf("/private/m/%d", i))
	}
	c.say("i GETMETADATA INBOX (" + strings.Join(many, " ") + ")\r\n")
	c.until("i NO [LIMIT]")
	c.say("j GETMETADATA INBOX /private/" + strings.Repeat("x", maxEntry) + "\r\n")
	c.until("j NO [LIMIT]")
}

func TestDecodeMetadata(t *testing.T) {
	type a = getMetadataArgs
	for in, want := range map[string]a{
		` "" /shared/comment`: {maxSize: -1, entries: []string{"/shared/comment"}},
		` inbox (/Shared/A "/private/b" {10}` + "\r\n/private/c)": {mailbox: "INBOX", maxSize: -1, entries: []string{"/Shared/A", "/private/b", "/private/c"}},
		` a (MAXSIZE 0 depth Infinity) ("/private")`:              {mailbox: "a", depth: allDepths, entries: []string{"/private"}},
		` (DEPTH 1 MAXSIZE 4294967295) a /private/x`:              {mailbox: "a", depth: 1, maxSize: 1<<32 - 1, entries: []string{"/private/x"}},
		` {0}` + "\r\n /private/x":                                {maxSize: -1, entries: []string{"/private/x"}},
	} {
		same(t, in, decoded(t, in, false, (*decoder).getMetadataArgs), want)
	}
	refused(t, "BAD", (*decoder).getMetadataArgs, "", ` a`, ` a `, ` a ()`, ` a (DEPTH 1)`, ` a (DEPTH 3) /private/x`, ` a (MAXSIZE 4294967296) /private/x`,
		` (DEPTH 1) a (DEPTH 1) /private/x`, ` () a /private/x`, ` a /other/x`, ` a private`, ` a //private`, ` a /private/x/`, ` a "/private/x*"`, ` a (/private/x  /private/y)`)
	refused(t, "NO [LIMIT]", (*decoder).getMetadataArgs, ` a (/private`+strings.Repeat(" /private", maxEntries)+`)`, ` a /private/`+strings.Repeat("x", maxEntry))
	set := func(d *decoder) []entryValue {
		_, list := d.setMetadataArgs()
		return list
	}
	same(t, "values", decoded(t, ` a (/private/A "" /shared/b NIL /private/vendor/x/y ~{3+}`+"\r\n\x00ab"+` /private/c {2}`+"\r\n\r\n)", false, set), []entryValue{
		{"/private/a", []byte{}}, {"/shared/b", nil}, {"/private/vendor/x/y", []byte("\x00ab")}, {"/private/c", []byte("\r\n")}})
	refused(t, "BAD", set, "", ` a`, ` a ()`, ` a (/private/x)`, ` a (/private/x a)`, ` a /private/x "a"`, ` a (/private "a")`, ` a (/private/vendor/x "a")`,
		` a (/private/x {1}`+"\r\n\x00)", ` a (/private/x "a"`, ` a (/private/x "a" /private/y)`)
}
