//go:build crash

package crash

import (
	"context"
	"os"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// A large store that was killed is served again at once, whatever the log held.
func TestRestartOfLargeStore(t *testing.T) {
	size := int64(pick(200<<20, 10<<30))
	s := newServer(t, t.TempDir(), plain, "alice", "bob")
	s.route("127.0.0.1:1")
	l := &acks{dir: s.Dir}
	s.MustStart()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for s.size("posthorn.db") < size {
		filling, done := context.WithTimeout(ctx, 5*time.Second)
		s.load(filling, l, 4, 0, func(n int) (int, []string) {
			if n%4 == 0 {
				return 20_000, []string{"bob@" + domain}
			}
			return 8 << 20, []string{"alice@" + domain}
		})
		done()
	}
	for range pick(2, 10) {
		go func() {
			time.Sleep(2 * time.Second)
			s.Kill()
		}()
		s.load(t.Context(), l, 4, 0, mixed)
		<-s.Done()
		log := s.size("posthorn.db-wal")
		begin := time.Now()
		s.MustStart()
		c, err := testserver.DialSMTP(s.Address("smtp"))
		if err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		c.Conn.Close()
		t.Logf("%d MB of database and %d MB of log: banner after %v", s.size("posthorn.db")>>20, log>>20, took)
		if took > time.Duration(pick(10, 2))*time.Second { // where others use the machine
			t.Errorf("the banner came after %v", took)
		}
	}
	s.Stop()
	if !full() { // of 10 GB that takes its time
		s.verify(l)
	}
}

// size is how large a file in the data folder is.
func (s *server) size(name string) int64 {
	info, err := os.Stat(s.Data(name))
	if err != nil {
		return 0
	}
	return info.Size()
}
