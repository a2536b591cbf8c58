package pop3d

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/daemontest"
	"posthorn/internal/wire"
)

// Who reads in order has messages read ahead, some octets of them; who then does
// nothing holds none.
func TestAhead(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		text := "Subject: m\r\n\r\n" + strings.Repeat("0123456789abcdef\r\n", 1000)
		for i := range 12 {
			check(t, f.deliver("alice", text+strings.Repeat("more\r\n", i)))
		}
		near, far := daemontest.Pipe("127.0.0.1:1000")
		conn := wire.NewConn(far, &f.wires)
		s := &session{srv: f.srv, conn: conn, ctx: t.Context()}
		f.sessions.Go(func() {
			defer s.close()
			defer conn.Close()
			s.serve()
		})
		c := newClient(t, near)
		c.login("alice")
		for _, tt := range []struct {
			command string
			wait    time.Duration
			opened  int  // at once, the last time
			held    bool // some are for later
		}{
			{"RETR 1", 0, 1, false},
			{"RETR 2", 0, 2, true},
			{"RETR 3", 0, 2, false},
			{"RETR 4", 0, 4, true},
			{"NOOP", aheadTime - time.Millisecond, 4, true},
			{"RETR 5", time.Millisecond, 4, false}, // the second millisecond has passed
			{"RETR 6", 0, 5, true},                 // no more octets
			{"RETR 6", 0, 5, true},
			{"RETR 12", 0, 1, false}, // another one
			{"TOP 1 0", 0, 1, false},
			{"TOP 2 0", 0, 2, true},
			{"RETR 3", 0, 2, false},
		} {
			if c.do(tt.command); tt.command != "NOOP" {
				c.multiline(nil)
			}
			time.Sleep(tt.wait)
			synctest.Wait()
			if a := &s.drop.ahead; a.count != tt.opened || (a.batch != nil) != tt.held {
				t.Errorf("after %s: %d opened at once, some left: %v, want %d, %v", tt.command, a.count, a.batch != nil, tt.opened, tt.held)
			}
		}
		c.do("QUIT")
		near.Close()
		f.sessions.Wait()
	})
}

func TestNextLineDot(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		p := make([]byte, r.IntN(20))
		for i := range p {
			p[i] = "\r\n..a"[r.IntN(5)]
		}
		want := bytes.Index(p, []byte("\n."))
		if want >= 0 {
			want++
		}
		if got := nextLineDot(p); got != want {
			t.Fatalf("%q: %d, want %d", p, got, want)
		}
	}
}
