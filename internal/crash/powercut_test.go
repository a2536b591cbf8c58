//go:build powercut

package crash

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"
)

// The power is cut at random moments of a load that leaves the writer time: a
// writer without pause would sync one message with the next. What was answered
// 250 before the cut is there.
func TestPowerCut(t *testing.T) {
	cuts := pick(15, 500)
	lost, mails := powerCuts(t, plain, cuts)
	t.Logf("%d cuts, %d messages acknowledged: %d lost", cuts, mails, lost)
	if lost > 0 {
		t.Errorf("%d messages were lost", lost)
	}
}

// The same with commits that are not synced must lose mail: else the test
// above would prove nothing.
func TestPowerCutControl(t *testing.T) {
	cuts := pick(5, 20)
	lost, mails := powerCuts(t, faulty, cuts, "POSTHORN_SYNCHRONOUS=NORMAL")
	t.Logf("control: %d cuts, %d messages acknowledged: %d lost", cuts, mails, lost)
	if lost == 0 {
		t.Error("no message was lost, though commits were not synced: the cut does not cut")
	}
}

// powerCuts counts what is lost.
func powerCuts(t *testing.T, program string, cuts int, env ...string) (lost, mails int) {
	const perDisk = 25
	for done := 0; done < cuts; {
		t.Run("", func(t *testing.T) {
			d := newDisk(t, 1024)
			s := newServer(t, d.root, program, "alice", "bob")
			s.route("127.0.0.1:1")
			d.sync()
			l := &acks{dir: t.TempDir()}
			for range min(perDisk, cuts-done) {
				done++
				s.MustStart(env...)
				ctx, stop := context.WithCancel(t.Context())
				before, kept := l.count(), 0
				go func() {
					for l.count() < before+3 && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					time.Sleep(rand.N(300 * time.Millisecond))
					l.mu.Lock() // nothing is noted as acknowledged during the cut
					d.cut()
					kept = len(l.lines)
					l.mu.Unlock()
					stop()
					s.Kill()
				}()
				s.load(ctx, l, 4, 4*time.Millisecond, mixed)
				<-s.Done()
				stop()
				l.lines = l.lines[:kept]
				// A sync that failed in the cut is answered 451, and may have kept
				// what it was for.
				l.inFlight += len(l.takeRefused())
				d.unmount()
				d.mount()
				f := s.compare(l)
				s.checkDeep()
				if len(f.Altered) > 0 || len(f.Duplicated) > 2*l.inFlight {
					t.Fatalf("%d altered, %d duplicated, %d in flight", len(f.Altered), len(f.Duplicated), l.inFlight)
				}
				lost += len(f.Missing)
				if len(f.Missing) > 0 {
					l.lines = nil // they stay lost
				}
				d.sync() // what the checks have written
			}
			mails += l.count()
		})
	}
	return lost, mails
}
