package imapd

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"posthorn/internal/wire"
)

// TestLimits: what a client may send, and an octet or a word more. The figures are
// not the constants', so that these cannot change unnoticed.
func TestLimits(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	literal := func(n int) string { return fmt.Sprintf("{%d+}\r\n%s", n, x(n)) }
	pairs := func(n int) string { return strings.TrimSpace(strings.Repeat(`"k" "v" `, n)) }
	response := func(n int) string { return base64.StdEncoding.EncodeToString([]byte(x(n))) }
	const login = `l LOGIN alice@example.org "` + password + "\"\r\n"
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{})
	for _, tt := range []struct{ what, before, send, want string }{
		{"a literal before login", "", "a LOGIN {8000}\r\n", "+ "},
		{"a longer one", "", "a LOGIN {8200}\r\n", "a NO [TOOBIG]"},
		{"two that are too long together", "", "a LOGIN " + literal(5000) + " {4000}\r\n", "a NO [TOOBIG]"},
		{"a line before login", "", "a NOOP " + x(8000) + "\r\n", "a BAD "},
		{"a longer one", "", "a NOOP " + x(8200) + "\r\n", "* BYE [TOOBIG]"},
		{"a literal that is read away", "", "a LOGIN " + literal(64<<10) + " x\r\n", "a NO [TOOBIG]"},
		{"one that is not", "", "a LOGIN " + literal(64<<10+1), "* BYE [TOOBIG]"},
		{"ten commands that are none", "", strings.Repeat("a XYZZY\r\n", 10) + "b NOOP\r\n", "b OK"},
		{"eleven", "", strings.Repeat("a XYZZY\r\n", 11) + "b NOOP\r\n", "* BYE Too many bad commands"},
		{"a response", "", "a AUTHENTICATE PLAIN\r\n" + response(9216) + "\r\n", "a BAD"},
		{"a longer one", "", "a AUTHENTICATE PLAIN\r\n" + response(9219) + "\r\n", "* BYE [TOOBIG]"},
		{"a literal after login", login, "a LIST \"\" " + literal(1<<20-100) + "\r\n", "a "},
		{"a longer one", login, "a LIST \"\" {1048577}\r\n", "a NO [TOOBIG]"},
		{"a literal that is read away", login, "a LIST \"\" " + literal(15<<20) + "\r\n", "a NO [TOOBIG]"},
		{"fields of ID", login, "a ID (" + pairs(30) + ")\r\n", "a OK"},
		{"more fields", login, "a ID (" + pairs(31) + ")\r\n", "a BAD"},
		{"a name in ID", login, "a ID (\"" + x(30) + "\" NIL)\r\n", "a OK"},
		{"a longer one", login, "a ID (\"" + x(31) + "\" NIL)\r\n", "a BAD"},
		{"a value in ID", login, "a ID (\"k\" \"" + x(1024) + "\")\r\n", "a OK"},
		{"a longer one", login, "a ID (\"k\" \"" + x(1025) + "\")\r\n", "a BAD"},
		{"a line in IDLE", login, "a IDLE\r\n" + x(1024) + "\r\n", "a BAD"},
		{"a longer one", login, "a IDLE\r\n" + x(1025) + "\r\n", "* BYE [TOOBIG]"},
	} {
		c := dialTCP(t, addr)
		c.until("* OK")
		c.say(tt.before)
		if tt.before != "" {
			c.until("l OK")
		}
		c.say(tt.send)
		tag, _, _ := strings.Cut(tt.want, " ")
		for line := ""; !strings.HasPrefix(line, tt.want); {
			if line = c.until(""); !strings.HasPrefix(line, tt.want) && (strings.HasPrefix(line, tag+" ") && tag != "*" || strings.HasPrefix(line, "* BYE")) {
				t.Errorf("%s: %q, want %q", tt.what, line, tt.want)
				break
			}
		}
		c.Close()
	}
}

// TestLazyPreviews: of many previews that are asked for with LAZY two hundred are
// made, and of the others nothing is told (RFC 8970 §4).
func TestLazyPreviews(t *testing.T) {
	f := newFixture(t)
	for range 205 {
		check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\ntext\r\n")))
	}
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.selectInbox()
	for command, want := range map[string]int{"PREVIEW (LAZY)": 200, "PREVIEW": 205} {
		c.say("f FETCH 1:* " + command + "\r\n")
		made := 0
		for line := ""; !strings.HasPrefix(line, "f "); line = c.until("") {
			if strings.Contains(line, `PREVIEW "text"`) {
				made++
			}
		}
		if made != want {
			t.Errorf("%s makes %d of 205, want %d", command, made, want)
		}
	}
}
