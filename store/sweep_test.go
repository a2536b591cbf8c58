package store

import (
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/mail"
)

// Whatever leaves octets that nobody needs has them swept soon, without anything
// else that happens.
func TestSweepsByItself(t *testing.T) {
	all := mail.UIDSet{{From: 1, To: 1000}}
	for what, leave := range map[string]func(t *testing.T, s *Store, id AccountID) error{
		"an expunged message": func(t *testing.T, s *Store, id AccountID) error {
			deliver(t, s, someMessage, Copy{Account: id})
			_, _, err := s.Expunge(t.Context(), inboxOf(t, s, id).ID, all, true)
			return err
		},
		"a deleted mailbox": func(t *testing.T, s *Store, id AccountID) error {
			deliver(t, s, someMessage, Copy{Account: id, Mailbox: mailboxOf(t, s, id, "Junk").ID})
			return s.DeleteMailbox(t.Context(), id, "Junk")
		},
		"a deleted account": func(t *testing.T, s *Store, id AccountID) error {
			deliver(t, s, someMessage, Copy{Account: id})
			return s.DeleteAccount(t.Context(), id)
		},
		"a body given up": func(t *testing.T, s *Store, _ AccountID) error {
			b := s.NewBody(t.Context())
			writeAll(t, b, incompressible(3<<20))
			if rowsOf(t, s, "chunks") == 0 {
				t.Error("nothing was staged")
			}
			b.Abort()
			return nil
		},
		"a message that was relayed": func(t *testing.T, s *Store, _ AccountID) error {
			to := []mail.Recipient{{Address: mail.Address{Local: "bob", Domain: "hamburger.edu"}}}
			_, err := s.Accept(t.Context(), Delivery{Body: writeBody(t, s, someMessage), Queue: &Outbound{Recipients: to}})
			if err != nil {
				return err
			}
			due, err := s.DueEntries(t.Context(), time.Now(), 10, nil)
			if err != nil || len(due) != 1 {
				t.Fatal(due, err)
			}
			return s.FinishAttempt(t.Context(), []QueueOutcome{{ID: due[0].ID, Recipient: due[0].Recipient, Done: true}})
		},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openTest(t)
				id := addUser(t, s, "alice@crepes.fr")
				if err := leave(t, s, id); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				for _, table := range []string{"messages", "contents", "meta", "chunks", "garbage"} {
					if n := rowsOf(t, s, table); n != 0 {
						t.Errorf("%d rows of %s are left", n, table)
					}
				}
			})
		})
	}
}

// A mailbox keeps forty thousand rows of tombstones at most: of more, the newest
// twenty thousand stay. Who asks from before them is told all that is missing.
func TestTombstonesArePruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openTest(t)
		id := addUser(t, s, "alice@crepes.fr")
		deliver(t, s, someMessage, Copy{Account: id})
		deliver(t, s, someMessage, Copy{Account: id})
		deliver(t, s, someMessage, Copy{Account: id})
		mb := inboxOf(t, s, id)
		err := s.write(t.Context(), 0, func(tx *writeTx) error { // as if every second of many messages had been expunged
			for _, sql := range []string{
				`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 39999)
				INSERT INTO tombstones SELECT ?, 100 + i, 100 + 2 * i, 100 + 2 * i FROM n`,
				"UPDATE mailboxes SET tombstones = 39999, modseq = 50000, uidnext = 100000 WHERE id = ?",
				"UPDATE accounts SET modseq = 50000 WHERE id = (SELECT account FROM mailboxes WHERE id = ?)",
			} {
				if _, err := tx.exec(sql, mb.ID); err != nil {
					return err
				}
			}
			tx.touch(id, mb.ID)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		tombstones := func(want int) {
			t.Helper()
			synctest.Wait()
			if n := rowsOf(t, s, "tombstones"); n != want {
				t.Errorf("%d tombstones, not %d", n, want)
			}
		}
		if _, _, err := s.Expunge(t.Context(), mb.ID, mail.UIDs(1), true); err != nil {
			t.Fatal(err)
		}
		tombstones(40_000)
		if _, err := s.MoveMessages(t.Context(), mb.ID, mail.UIDs(2), mailboxOf(t, s, id, "Junk").ID); err != nil {
			t.Fatal(err)
		}
		tombstones(20_000)
		for since, want := range map[mail.ModSeq]string{1: "1:2,4:99999", 50_000: "1:2"} {
			if gone, err := s.ExpungedSince(t.Context(), mb.ID, since); err != nil || gone.String() != want {
				t.Errorf("gone since %d: %.100v, %v", since, gone, err)
			}
		}
	})
}
