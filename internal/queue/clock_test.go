package queue

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/store"
)

// reopen has the store go on with a clock that is ahead by so much.
func (p *postoffice) reopen(wrong time.Duration) {
	p.t.Helper()
	if err := p.store.Close(); err != nil {
		p.t.Fatal(err)
	}
	p.wrong = wrong
	p.open()
}

// A clock that was a day ahead is set right: what was queued meanwhile, and
// what was put off, goes out now and not tomorrow, and no attempt is made twice.
func TestClockIsSetBack(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.reopen(24 * time.Hour)
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		id := p.send(outbound("alice@crepes.fr", "carol@elsewhere.example"))
		tomorrow := time.Now().Add(28 * time.Hour) // an attempt that failed, at that time
		if err := p.store.FinishAttempt(t.Context(), []store.QueueOutcome{{ID: id, NextTry: tomorrow}}); err != nil {
			t.Fatal(err)
		}
		p.reopen(0)
		p.run()
		p.after(2 * time.Minute)
		if len(p.hops.tries) != 2 || len(p.queued()) != 0 || len(p.inbox()) != 0 {
			t.Errorf("attempts %v, queue %v, reports %q", p.hops.tries, p.queued(), p.inbox())
		}
	})
}

// A clock that was a day behind is set right: what was queued is tried at once
// and then at the usual intervals; it is late, but not given up.
func TestClockIsSetForward(t *testing.T) {
	inBubble(t, func(t *testing.T, p *postoffice) {
		p.hops.down["hamburger.edu"] = &noAnswer
		p.reopen(-24 * time.Hour)
		p.send(outbound("alice@crepes.fr", "bob@hamburger.edu"))
		p.reopen(0)
		p.run()
		synctest.Wait()
		p.after(25 * time.Minute)
		about(t, p.begin, p.hops.tries, 0, time.Minute, 5*time.Minute, 15*time.Minute)
		if q := p.queued(); len(q) != 1 || !q[0].Delayed {
			t.Errorf("queue %+v", q)
		}
		if got := p.inbox(); len(got) != 1 || !strings.Contains(got[0], "Action: delayed") {
			t.Errorf("reports %q", got)
		}
	})
}
