package store

import (
	"testing"

	"posthorn/internal/mail"
)

// TestInParts changes more messages than go together: in several transactions, and
// the caller sees one result.
func TestInParts(t *testing.T) {
	s := openTest(t)
	s.together = 4
	id := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, id).ID
	deliverMany(t, s, id, mb, 10)
	commits := func() (n int) {
		err := s.read(t.Context(), func(tx *readTx) error { return tx.row("SELECT commits FROM state").Scan(&n) })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := commits()
	done, modified, err := s.SetFlags(t.Context(), mb, everything, FlagsAdd, mail.NewFlags(`\Deleted`), Unconditionally)
	if err != nil || len(done) != 10 || modified != nil {
		t.Fatalf("%d done, %v modified: %v", len(done), modified, err)
	}
	if n := commits() - before; n != 3 || done[0].ModSeq != done[3].ModSeq || done[3].ModSeq == done[4].ModSeq {
		t.Errorf("%d commits: %v", n, done)
	}
	_, modified, err = s.SetFlags(t.Context(), mb, everything, FlagsAdd, mail.NewFlags(`\Seen`), 1)
	if err != nil || modified.String() != "1:10" {
		t.Errorf("%v modified: %v", modified, err)
	}
	before = commits()
	gone, _, err := s.Expunge(t.Context(), mb, mail.UIDSet{{From: 2, To: 6}, {From: 8, To: 20}}, false)
	if n := commits() - before; err != nil || gone.String() != "2:6,8:10" || n < 2 { // and the sweep's
		t.Errorf("%v gone in %d commits: %v", gone, n, err)
	}
	if gone, _, err = s.Expunge(t.Context(), mb, nil, false); err != nil || gone.String() != "1,7" {
		t.Errorf("%v gone: %v", gone, err)
	}
}
