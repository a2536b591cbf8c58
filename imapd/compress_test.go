package imapd

import (
	"bufio"
	"compress/flate"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// TestNotCompressed: what comes behind COMPRESS is compressed, also what comes
// with it in one write; a client that goes on in clear is told when that makes no
// sense, and hung up on, and none of it runs.
func TestNotCompressed(t *testing.T) {
	if _, err := testCertificate(); err != nil {
		t.Fatal(err)
	}
	credential()
	for _, more := range []string{"a NOOP\r\nb LOGOUT\r\n", "", "\xff"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.srv.cfg.Compress = true
			f.srv.commands = commands(f.srv.cfg)
			conn, err := f.dial("")
			check(t, err)
			defer conn.Close()
			r := bufio.NewReader(conn)
			line := func(want string) {
				t.Helper()
				if got, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
					t.Fatalf("%q, %v; want %s", got, err, want)
				}
			}
			line("* OK")
			go io.WriteString(conn, `l LOGIN alice@example.org "`+password+"\"\r\na COMPRESS DEFLATE\r\n"+more)
			line("l OK")
			line("a OK")
			if more == "" {
				go io.WriteString(conn, "a NOOP\r\n")
			}
			said, err := io.ReadAll(flate.NewReader(r))
			if string(said) != "* BYE What you send is not compressed\r\n" {
				t.Errorf("%q, %v", said, err)
			}
		})
	}
}
