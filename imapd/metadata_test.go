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
	c.say(`a LOGIN alice@example.org "` + password + "\"\r\n")
	c.until("a OK")
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
