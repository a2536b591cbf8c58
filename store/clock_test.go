package store

import (
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/mail"
)

// TestClockJumps: whatever the clock says, UIDs, modification sequences and
// UIDVALIDITYs ascend, also over a restart, and mail goes in and out.
func TestClockJumps(t *testing.T) {
	var clock atomic.Int64 // read by the store's goroutines
	clock.Store(time.Now().UnixNano())
	cfg := Config{Dir: t.TempDir(), Now: func() time.Time { return time.Unix(0, clock.Load()) }}
	s := openTestIn(t, cfg)
	ctx := t.Context()
	addDomains(t, s, "crepes.fr")
	id := addAccounts(t, s, "alice@crepes.fr")[0]
	inbox := inboxOf(t, s, id)
	lastUID, lastModSeq, lastValidity := mail.UID(0), inbox.HighestModSeq, uint32(0)
	for i, jump := range []time.Duration{0, 24 * time.Hour, -24 * time.Hour, -24 * time.Hour, 48 * time.Hour, -30 * 24 * time.Hour, time.Second} {
		clock.Add(int64(jump))
		if i%2 == 1 {
			closeChecked(t, s)
			s = openTestIn(t, cfg)
		}
		a := deliver(t, s, someMessage, Copy{Account: id})
		if uid := a.Placed[0].UID; uid <= lastUID {
			t.Errorf("after %v: UID %d after %d", jump, uid, lastUID)
		} else {
			lastUID = uid
		}
		if _, _, err := s.SetFlags(ctx, inbox.ID, mail.UIDs(1), FlagsAdd, mail.NewFlags(fmt.Sprint("k", i)), 0); err != nil {
			t.Error(err)
		}
		now := inboxOf(t, s, id)
		if now.HighestModSeq <= lastModSeq || now.UIDValidity != inbox.UIDValidity {
			t.Errorf("after %v: MODSEQ %d after %d, UIDVALIDITY %d, was %d", jump, now.HighestModSeq, lastModSeq, now.UIDValidity, inbox.UIDValidity)
		}
		lastModSeq = now.HighestModSeq
		// Made anew under the same name, it must be told from the one before.
		mb, err := s.CreateMailbox(ctx, id, "box", "")
		if err != nil || mb.UIDValidity <= lastValidity {
			t.Errorf("after %v: UIDVALIDITY %d after %d, %v", jump, mb.UIDValidity, lastValidity, err)
		}
		lastValidity = mb.UIDValidity
		wants(t, s.DeleteMailbox(ctx, id, "box"), nil)
		addDomains(t, s, fmt.Sprintf("d%d.example", i))
	}
	domains, err := s.Domains(ctx)
	if err != nil || fmt.Sprint(domains) != "[crepes.fr d0.example d1.example d2.example d3.example d4.example d5.example d6.example]" {
		t.Errorf("domains %v, %v", domains, err)
	}
}

// TestUIDValidityWithoutClock: a clock that no UIDVALIDITY can follow uses none of
// them up, and the last of them is not followed by the first.
func TestUIDValidityWithoutClock(t *testing.T) {
	var clock atomic.Int64
	s := openTestIn(t, Config{Dir: t.TempDir(), Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
	id := addUser(t, s, "alice@crepes.fr")
	last := mailboxOf(t, s, id, "Trash").UIDValidity
	for i, now := range []int64{-1, -1 << 33, 1 << 32, 1 << 40} {
		clock.Store(now)
		mb, err := s.CreateMailbox(t.Context(), id, fmt.Sprint("box", i), "")
		if last++; err != nil || mb.UIDValidity != last {
			t.Errorf("at %d: UIDVALIDITY %d, not %d; %v", now, mb.UIDValidity, last, err)
		}
	}
	clock.Store(math.MaxUint32)
	if mb, err := s.CreateMailbox(t.Context(), id, "last", ""); err != nil || mb.UIDValidity != math.MaxUint32 {
		t.Errorf("the last UIDVALIDITY: %d, %v", mb.UIDValidity, err)
	}
	_, err := s.CreateMailbox(t.Context(), id, "too late", "")
	wants(t, err, mail.ErrNotPermitted)
}
