//go:build crash

package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// The server is killed at random moments while eight connections deliver.
// Whatever was answered 250 is there, unaltered; what was in flight may be
// there twice once it was sent again.
func TestKillDuringDelivery(t *testing.T) {
	kills, perStore := pick(12, 1000), pick(6, 10)
	mails, duplicates, inFlight := 0, 0, 0
	for done := 0; done < kills; done += perStore {
		t.Run(fmt.Sprintf("store_%d", done/perStore), func(t *testing.T) { // which gives its ports back
			s := newServer(t, t.TempDir(), plain, "alice", "bob")
			defer s.Kill()
			s.route("127.0.0.1:1") // nobody takes it: it stays queued
			l := &acks{dir: s.Dir}
			var f found
			for i := range perStore {
				s.MustStart()
				ctx, stop := context.WithCancel(t.Context())
				before := l.count()
				go func() {
					for l.count() < before+pick(20, 50) && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					time.Sleep(rand.N(100 * time.Millisecond))
					s.Kill()
					stop()
				}()
				s.load(ctx, l, 8, 0, mixed)
				<-s.Done()
				if f = s.verifyLedger(l); i%5 == 4 {
					s.checkDeep()
				}
			}
			s.checkDeep()
			if done%100 == 0 && full() {
				fmt.Println(done, "kills")
			}
			mails, duplicates, inFlight = mails+l.count(), duplicates+len(f.Duplicated), inFlight+l.inFlight
		})
	}
	t.Logf("%d kills, %d messages acknowledged: 0 lost, %d duplicates of %d in flight", kills, mails, duplicates, inFlight)
}
