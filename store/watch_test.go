package store

import (
	"errors"
	"sync/atomic"
	"testing"

	"posthorn/internal/mail"
)

func woken(w *Watcher) bool {
	select {
	case <-w.C:
		return true
	default:
		return false
	}
}

func TestWatch(t *testing.T) {
	s := openTest(t)
	alice, bob, carol := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr"), addUser(t, s, "carol@crepes.fr")
	in, sent := inboxOf(t, s, alice).ID, mailboxOf(t, s, alice, "Sent").ID
	account, inbox, other, queue := s.Watch(alice, 0), s.Watch(alice, in), s.Watch(bob, 0), s.QueueWatch()
	for _, w := range []*Watcher{account, inbox, other, queue} {
		defer w.Close()
	}
	for _, tt := range []struct {
		what                           string
		do                             func() error
		account, inbox, other, inQueue bool
	}{
		{"deliver", func() error { deliver(t, s, someMessage, Copy{Account: alice}); return nil }, true, true, false, false},
		{"deliver elsewhere", func() error { deliver(t, s, someMessage, Copy{Account: alice, Mailbox: sent}); return nil }, true, false, false, false},
		{"deliver to both", func() error {
			deliver(t, s, someMessage, Copy{Account: bob}, Copy{Account: alice})
			return nil
		}, true, true, true, false},
		{"queue", func() error { enqueueTest(t, s, outboundTo("x@y.z")); return nil }, false, false, false, true},
		{"flags", func() error {
			_, _, err := s.SetFlags(t.Context(), in, everything, FlagsAdd, mail.NewFlags(`\Seen`), Unconditionally)
			return err
		}, true, true, false, false},
		{"the same flags", func() error {
			_, _, err := s.SetFlags(t.Context(), in, everything, FlagsAdd, mail.NewFlags(`\Seen`), Unconditionally)
			return err
		}, false, false, false, false},
		{"copy", func() error { _, err := s.CopyMessages(t.Context(), sent, everything, in); return err }, true, true, false, false},
		{"move", func() error { _, err := s.MoveMessages(t.Context(), sent, everything, in); return err }, true, true, false, false},
		{"expunge", func() error { _, _, err := s.Expunge(t.Context(), in, mail.UIDs(1), true); return err }, true, true, false, false},
		{"expunge nothing", func() error { _, _, err := s.Expunge(t.Context(), in, mail.UIDs(1), true); return err }, false, false, false, false},
		{"create", func() error { _, err := s.CreateMailbox(t.Context(), alice, "new", ""); return err }, true, false, false, false},
		{"subscribe", func() error { return s.SetSubscribed(t.Context(), alice, "new", true) }, true, false, false, false},
		{"rename", func() error { return s.RenameMailbox(t.Context(), alice, "new", "newer") }, true, false, false, false},
		{"rename INBOX", func() error { return s.RenameMailbox(t.Context(), alice, "INBOX", "old") }, true, true, false, false},
		{"delete", func() error { return s.DeleteMailbox(t.Context(), alice, "newer") }, true, false, false, false},
		{"delete the account", func() error { return s.DeleteAccount(t.Context(), alice) }, true, true, false, false},
	} {
		if err := tt.do(); err != nil {
			t.Errorf("%s: %v", tt.what, err)
		}
		// The wake-up follows the answer: it is there once the next commit is.
		if err := s.SetSubscribed(t.Context(), carol, "x", true); err != nil {
			t.Fatal(err)
		}
		got := []bool{woken(account), woken(inbox), woken(other), woken(queue)}
		want := []bool{tt.account, tt.inbox, tt.other, tt.inQueue}
		for i, who := range []string{"the account's", "the mailbox's", "the other account's", "the queue's"} {
			if got[i] != want[i] {
				t.Errorf("%s: %s watcher was woken: %t, want %t", tt.what, who, got[i], want[i])
			}
		}
	}
}

func TestWatchDeletedMailbox(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	w := s.Watch(id, mailboxOf(t, s, id, "Junk").ID)
	if err := s.DeleteMailbox(t.Context(), id, "Junk"); err != nil {
		t.Fatal(err)
	}
	<-w.C
	w.Close()
	w.Close()
	if len(s.watchers.by) != 0 {
		t.Errorf("%d accounts are watched still", len(s.watchers.by))
	}
}

func TestLockDrop(t *testing.T) {
	s := openTest(t)
	release, err := s.LockDrop(1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LockDrop(1); !errors.Is(err, mail.ErrInUse) {
		t.Errorf("a second session: %v", err)
	}
	if other, err := s.LockDrop(2); err != nil {
		t.Errorf("another account's: %v", err)
	} else {
		other()
	}
	release()
	again, err := s.LockDrop(1)
	if err != nil {
		t.Fatal(err)
	}
	release() // which is spent
	if _, err := s.LockDrop(1); !errors.Is(err, mail.ErrInUse) {
		t.Errorf("a spent release gave the drop away: %v", err)
	}
	again()
}

// A function that watches is called before the change is answered, and not
// after Close.
func TestWatchFunc(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb, other := inboxOf(t, s, id).ID, mailboxOf(t, s, id, "Archive").ID
	var calls atomic.Int32
	w := s.WatchFunc(id, mb, func() { calls.Add(1) })
	deliver(t, s, someMessage, Copy{Account: id, Mailbox: mb})
	if n := calls.Load(); n != 1 {
		t.Errorf("called %d times for a message, not once", n)
	}
	deliver(t, s, someMessage, Copy{Account: id, Mailbox: other})
	w.Close()
	deliver(t, s, someMessage, Copy{Account: id, Mailbox: mb})
	if n := calls.Load(); n != 1 {
		t.Errorf("called %d times for what is not watched", n-1)
	}
}
