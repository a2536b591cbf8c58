package imapd

import (
	"bufio"
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/daemontest"
)

// TestNotCompressed: what comes behind COMPRESS is compressed, also what comes
// with it in one write; a client that goes on in clear is told when that makes no
// sense, and hung up on, and none of it runs.
func TestNotCompressed(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
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

// TestClearBehindCompressed: UNAUTHENTICATE and the next login come in one write
// (RFC 8437 §3), the first compressed and the second not (§4.1), however the
// network cuts that.
func TestClearBehindCompressed(t *testing.T) {
	var said bytes.Buffer
	w, err := flate.NewWriter(&said, flate.BestCompression)
	check(t, err)
	io.WriteString(w, "c NOOP\r\nd UNAUTHENTICATE\r\n")
	check(t, w.Flush())
	flushed := said.Len()
	said.WriteString(`e LOGIN alice@example.org "` + password + "\"\r\nf LOGOUT\r\n")
	all := said.Bytes()
	for _, cut := range []int{0, 1, flushed - 6, flushed - 5, flushed - 4, flushed - 1, flushed, flushed + 1} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.srv.cfg.Compress, f.srv.cfg.Unauthenticate = true, true
			f.srv.commands = commands(f.srv.cfg)
			conn, err := f.dial("")
			check(t, err)
			defer conn.Close()
			r := bufio.NewReader(conn)
			hear := func(r *bufio.Reader, last string) {
				t.Helper()
				for {
					if line, err := r.ReadString('\n'); err != nil {
						t.Fatalf("cut at %d: %q, %v; want %s", cut, line, err, last)
					} else if strings.HasPrefix(line, last) {
						return
					}
				}
			}
			go io.WriteString(conn, `a LOGIN alice@example.org "`+password+"\"\r\nb COMPRESS DEFLATE\r\n")
			hear(r, "b OK")
			go func() {
				if cut > 0 {
					conn.Write(all[:cut])
					time.Sleep(time.Second)
				}
				conn.Write(all[cut:])
			}()
			inflated := bufio.NewReader(flate.NewReader(r)) // which takes no more of r than it needs
			hear(inflated, "c OK")
			hear(inflated, "d OK")
			// The server's last flush has an end, too.
			if end, err := r.Peek(5); err == nil && bytes.HasPrefix(end, []byte{0, 0, 0, 0xff, 0xff}) {
				r.Discard(5)
			}
			hear(r, "e OK")
			hear(r, "f OK")
		})
	}
}
