package store

import (
	"errors"
	"fmt"
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
	commits := func() int { return commitsOf(t, s) }
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
	if gone, _, err = s.Expunge(t.Context(), mb, everything, false); err != nil || gone.String() != "1,7" {
		t.Errorf("%v gone: %v", gone, err)
	}
}

// commitsOf is how many transactions there were.
func commitsOf(t *testing.T, s *Store) (n int) {
	t.Helper()
	err := s.read(t.Context(), func(tx *readTx) error { return tx.row("SELECT commits FROM state").Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMoveInParts moves more messages than go together. When a later part fails,
// what went before has moved, and the caller is told; a copy is undone.
func TestMoveInParts(t *testing.T) {
	s := openTest(t)
	s.together = 4
	id := addUser(t, s, "alice@crepes.fr")
	inbox := inboxOf(t, s, id).ID
	deliverMany(t, s, id, inbox, 10)
	box, err := s.CreateMailbox(t.Context(), id, "a", "")
	if err != nil {
		t.Fatal(err)
	}
	before := commitsOf(t, s)
	c, err := s.MoveMessages(t.Context(), inbox, mail.UIDSet{{From: 1, To: 1}, {From: 3, To: 20}}, box.ID)
	if n := commitsOf(t, s) - before; err != nil || n != 3 || fmt.Sprint(c.From, c.To) != "[1 3 4 5 6 7 8 9 10] [1 2 3 4 5 6 7 8 9]" {
		t.Errorf("%v in %d commits: %v", c, n, err)
	}
	if last := list(t, s, box.ID, everything, Brief)[8]; c.ModSeq != last.ModSeq {
		t.Errorf("MODSEQ %d, not %d", c.ModSeq, last.ModSeq)
	}
	// Into itself, where what has moved stands behind what has not.
	before = commitsOf(t, s)
	c, err = s.MoveMessages(t.Context(), box.ID, everything, box.ID)
	if n := commitsOf(t, s) - before; err != nil || n != 1 || fmt.Sprint(c.To) != "[10 11 12 13 14 15 16 17 18]" {
		t.Errorf("%v in %d commits: %v", c, n, err)
	}
	lastUIDs(t, s, inbox, 6)
	if c, err := s.CopyMessages(t.Context(), box.ID, everything, inbox); !errors.Is(err, mail.ErrNotPermitted) || c.From != nil {
		t.Errorf("copied %v: %v", c, err)
	}
	c, err = s.MoveMessages(t.Context(), box.ID, everything, inbox)
	if !errors.Is(err, mail.ErrNotPermitted) || fmt.Sprint(c.From) != "[10 11 12 13]" {
		t.Errorf("moved %v: %v", c, err)
	}
	if n, m := len(list(t, s, box.ID, everything, Brief)), len(list(t, s, inbox, everything, Brief)); n != 5 || m != 5 {
		t.Errorf("%d and %d messages", n, m)
	}
}

// lastUIDs leaves a mailbox n UIDs to give.
func lastUIDs(t *testing.T, s *Store, mb MailboxID, n int) {
	t.Helper()
	err := s.write(t.Context(), 1, func(tx *writeTx) error {
		_, err := tx.exec("UPDATE mailboxes SET uidnext = ? WHERE id = ?", int64(maxUID-n), mb)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
