//go:build crash

package crash

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// The queue is killed while it delivers to a next hop that counts: nothing is
// lost, and what is delivered twice is what the next hop had just taken, and
// whose outcome was not recorded yet: at most one message a kill, in a burst,
// too, since it goes over one connection.
func TestKillDuringRelay(t *testing.T) {
	t.Run("trickle", func(t *testing.T) { killDuringRelay(t, pick(6, 200), 1) })
	t.Run("burst", func(t *testing.T) { killDuringRelay(t, pick(6, 200), 25) })
}

func killDuringRelay(t *testing.T, kills, messages int) {
	s := newServer(t, t.TempDir(), plain, "alice")
	k := testserver.NewSink(t)
	var gate sync.RWMutex // held: nothing is taken
	var left atomic.Int64 // until the kill
	k.Taken = func(string) {
		gate.RLock()
		defer gate.RUnlock()
		if left.Add(-1) == 0 {
			go func() {
				time.Sleep(rand.N(3 * time.Millisecond))
				s.Signal(os.Kill)
			}()
		}
	}
	s.route(k.Address())
	l := &acks{dir: s.Dir}
	for i := range kills {
		s.MustStart()
		gate.Lock()
		s.enqueue(l, messages)
		left.Store(int64(1 + rand.IntN(messages)))
		gate.Unlock()
		<-s.Done()
		if _, more := k.Tally(); more > i { // what this kill leaves comes later
			t.Fatalf("%d duplicates of %d kills", more, i)
		}
	}
	s.MustStart()
	for deadline := time.Now().Add(2 * time.Minute); s.queued() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the queue does not empty:\n%s", s.Must("queue", "list"))
		}
	}
	f := s.compare(l, "--relayed", writeLines(t, filepath.Join(s.Dir, "relayed"), k.Lines()))
	s.Stop()
	s.checkDeep()
	total, more := k.Tally()
	t.Logf("%d kills, %d messages acknowledged, %d taken by the next hop: %d lost, %d duplicates",
		kills, l.count(), total, len(f.Missing), more)
	if len(f.Missing) > 0 || f.Relayed != l.count() {
		t.Errorf("%d of %d were relayed; lost: %v", f.Relayed, l.count(), f.Missing)
	}
	if more > kills {
		t.Errorf("%d duplicates of %d kills", more, kills)
	}
}

// enqueue delivers n messages for the next hop, all acknowledged.
func (s *server) enqueue(l *acks, n int) {
	s.t.Helper()
	s.deliver(l, 2000, n, "x@"+away)
}

// queued is how many entries the queue has.
func (s *server) queued() int {
	s.t.Helper()
	return strings.Count(s.Must("queue", "list", "--json"), fmt.Sprintf("%q:", "to"))
}
