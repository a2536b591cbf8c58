//go:build powercut

package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"posthorn/internal/ledger"
)

// The power is cut while clients of IMAP work on their mailboxes and mail comes
// in: no number that a client was told falls, no UID names two bodies, what was
// answered OK is done, and what was not is done as a whole or not at all.
func TestPowerCutDuringIMAP(t *testing.T) {
	cuts := pick(8, 200)
	ops, problems := imapCuts(t, plain, cuts)
	t.Logf("%d cuts, %d operations of IMAP: %d problems", cuts, ops, len(problems))
	for _, p := range problems {
		t.Error(p)
	}
}

// The same with commits that are not synced must show: else the test above
// would prove nothing.
func TestPowerCutDuringIMAPControl(t *testing.T) {
	cuts := pick(3, 10)
	ops, problems := imapCuts(t, faulty, cuts, "POSTHORN_SYNCHRONOUS=NORMAL")
	t.Logf("control: %d cuts, %d operations of IMAP: %d problems, such as %.120q", cuts, ops, len(problems), problems[:min(3, len(problems))])
	if len(problems) == 0 {
		t.Error("nothing was lost, though commits were not synced: the cut does not cut")
	}
}

// imapCuts counts what was done, and lists what was found wrong.
func imapCuts(t *testing.T, program string, cuts int, env ...string) (ops int, problems []string) {
	const perDisk = 25
	for done := 0; done < cuts && len(problems) == 0; done += perDisk {
		t.Run("", func(t *testing.T) {
			d := newDisk(t, 512)
			s := newServer(t, d.root, program, "alice", "bob")
			d.sync()
			l := &ledger.Ledger{Name: fmt.Sprint("cut", done)}
			readers := []*ledger.Reader{
				{Local: "alice", Prefix: "a", INBOX: true}, {Local: "alice", Prefix: "b"},
				{Local: "bob", Prefix: "a", INBOX: true}, {Local: "bob", Prefix: "b"},
			}
			for _, r := range readers {
				r.Ledger, r.Server, r.Pause = l, s.Server, 2*time.Millisecond
			}
			for range min(perDisk, cuts-done) {
				s.MustStart(env...)
				s.workAndCut(d, l, readers)
				s.MustStart(env...)
				for _, r := range readers {
					found, err := r.Verify()
					if err != nil {
						t.Fatal(err)
					}
					problems = append(problems, found...)
				}
				for _, id := range l.Missing("alice", "bob") {
					problems = append(problems, "lost: "+id)
				}
				s.Stop()
				s.checkDeep()
				d.sync() // what was read may have been written since
				if len(problems) > 0 {
					break // what is wrong stays wrong
				}
			}
			for _, r := range readers {
				ops += r.Ops
			}
		})
	}
	return ops, problems
}

// workAndCut has clients work until the power is cut, at a random moment.
func (s *server) workAndCut(d *disk, l *ledger.Ledger, readers []*ledger.Reader) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	defer stop()
	var all sync.WaitGroup
	for _, r := range readers {
		all.Go(func() {
			if err := r.Work(ctx); err != nil {
				s.t.Error(err)
			}
		})
	}
	for range 2 {
		all.Go(func() {
			if err := l.Deliver(ctx, s.Server, 5*time.Millisecond, "alice", "bob"); err != nil {
				s.t.Error(err)
			}
		})
	}
	time.Sleep(300*time.Millisecond + rand.N(900*time.Millisecond))
	l.Close(d.cut)
	s.Kill()
	stop()
	all.Wait()
	d.unmount()
	d.mount()
	l.Open()
}
