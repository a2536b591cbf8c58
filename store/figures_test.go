package store

import (
	"testing"
	"time"
)

func TestFigures(t *testing.T) {
	s := openTest(t)
	before, err := s.Figures(t.Context())
	if err != nil || before.Queued != 0 || !before.Oldest.IsZero() || before.Database == 0 {
		t.Fatalf("%+v, %v", before, err)
	}
	addDomains(t, s, "a.example")
	id := addAccounts(t, s, "alice@a.example")[0]
	deliver(t, s, someMessage, Copy{Account: id})
	enqueueTest(t, s, outboundTo("x@b.example"))
	enqueueTest(t, s, outboundTo("y@b.example"))
	f, err := s.Figures(t.Context())
	if err != nil || f.Queued != 2 || time.Since(f.Oldest) > time.Hour {
		t.Errorf("%+v, %v", f, err)
	}
	if n := f.Commits - before.Commits; n < 3 || f.CommitTime <= before.CommitTime || f.WAL == 0 {
		t.Errorf("%d commits, %+v", n, f)
	}
	last := uint64(0)
	for _, bound := range commitBounds {
		if f.Within[bound] < last || f.Within[bound] > f.Commits {
			t.Errorf("within %v: %d of %d", bound, f.Within[bound], f.Commits)
		}
		last = f.Within[bound]
	}
}
