package pop3d

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"posthorn/internal/wire"
)

// TestLimits: lines that are as long as they may be, and an octet longer; and how
// much of one that is too long is read away. The figures are not the constants',
// so that these cannot change unnoticed.
func TestLimits(t *testing.T) {
	f := newFixture(t)
	ws := wire.NewServer()
	addr, served := f.listen(ws)
	for _, tt := range []struct {
		what   string
		octets int
		auth   bool // in an exchange
		want   string
		closes bool
	}{
		{"a command", 2048, false, "-ERR Unknown command", false},
		{"a longer one", 2049, false, "-ERR Line too long: at most 2048 octets", false},
		{"one that is read away", 60_000, false, "-ERR Line too long: at most 2048 octets", false},
		{"one that is not", 70_000, false, "-ERR Line too long", true},
		{"a response", 12_288, true, "-ERR Malformed response", false},
		{"a longer one", 12_292, true, "-ERR Line too long: at most 12288 octets", false},
		{"one that is not read away", 90_000, true, "-ERR Line too long", true},
	} {
		c := dialTCP(t, addr)
		if tt.auth {
			fmt.Fprint(c.Conn, "AUTH PLAIN\r\n")
			c.line()
		}
		fmt.Fprintf(c.Conn, "%s\r\n", strings.Repeat("x", tt.octets))
		if line := c.line(); !strings.HasPrefix(line, tt.want) {
			t.Errorf("%s: %q, want %q", tt.what, line, tt.want)
		}
		fmt.Fprint(c.Conn, "QUIT\r\n")
		rest, _ := io.ReadAll(c)
		if closed := !strings.HasPrefix(string(rest), "+OK"); closed != tt.closes {
			t.Errorf("%s: then %q, want the connection closed: %v", tt.what, rest, tt.closes)
		}
	}
	ws.Shutdown(nil)
	check(t, <-served)
}
