package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

func mailboxNames(t testing.TB, s *Store, id AccountID) string {
	t.Helper()
	all, err := s.Mailboxes(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range all {
		name := m.Name
		if m.NoSelect {
			name = "(" + name + ")"
		}
		names = append(names, name+m.SpecialUse)
	}
	return strings.Join(names, " ")
}

func TestMailboxesOfANewAccount(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	want := `INBOX Archive\Archive Drafts\Drafts Junk\Junk Sent\Sent Trash\Trash`
	if got := mailboxNames(t, s, alice); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	subs, err := s.Subscriptions(t.Context(), alice)
	if err != nil || fmt.Sprint(subs) != "[INBOX Archive Drafts Junk Sent Trash]" {
		t.Errorf("subscribed to %v, %v", subs, err)
	}
}

// newMailboxes makes an account with INBOX and the mailboxes named.
func newMailboxes(t testing.TB, s *Store, names ...string) AccountID {
	t.Helper()
	id := addUser(t, s, "alice@crepes.fr")
	for _, name := range []string{"Archive", "Drafts", "Junk", "Sent", "Trash"} {
		if err := s.DeleteMailbox(t.Context(), id, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if _, err := s.CreateMailbox(t.Context(), id, name, ""); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestCreateMailbox(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a/b/c", "inbox/x", "a.b", "été")
	if got := mailboxNames(t, s, id); got != "INBOX INBOX/x a a/b a/b/c a.b été" {
		t.Errorf("names: %s", got)
	}
	for name, want := range map[string]error{
		"": mail.ErrInvalid, "/": mail.ErrInvalid, "a/": mail.ErrInvalid, "/a": mail.ErrInvalid, "a//b": mail.ErrInvalid,
		"a\x00": mail.ErrInvalid, "a\r\n": mail.ErrInvalid, "\xff": mail.ErrInvalid, "a\u2028": mail.ErrInvalid,
		strings.Repeat("x", maxMailboxName+1): mail.ErrInvalid,
		"a/b":                                 mail.ErrExists, "InBox": mail.ErrExists, "100%": nil,
	} {
		if _, err := s.CreateMailbox(t.Context(), id, name, ""); !errors.Is(err, want) {
			t.Errorf("create %q: %v, want %v", name, err, want)
		}
	}
	if m, err := s.CreateMailbox(t.Context(), id, "Gesendet", `\Sent`); err != nil || m.SpecialUse != `\Sent` {
		t.Errorf("with a use: %+v %v", m, err)
	}
	for _, use := range []string{`\Sent`, `\Nonsense`} {
		if _, err := s.CreateMailbox(t.Context(), id, "other", use); !errors.Is(err, mail.ErrInvalid) {
			t.Errorf("with the use %s: %v", use, err)
		}
	}
}

func TestDeleteMailboxLeavesLevel(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a/b")
	a := mailboxOf(t, s, id, "a")
	deliver(t, s, someMessage, Copy{Account: id, Mailbox: a.ID})
	if err := s.DeleteMailbox(t.Context(), id, "a"); err != nil {
		t.Fatal(err)
	}
	if got := mailboxNames(t, s, id); got != "INBOX (a) a/b" {
		t.Errorf("names: %s", got)
	}
	if _, err := s.MailboxByID(t.Context(), a.ID); !errors.Is(err, mail.ErrNoSuchMailbox) {
		t.Errorf("the mailbox by its id: %v", err)
	}
	if _, err := s.MailboxByName(t.Context(), id, "a"); !errors.Is(err, mail.ErrNoSuchMailbox) {
		t.Errorf("the level as a mailbox: %v", err)
	}
	if err := s.DeleteMailbox(t.Context(), id, "a"); !errors.Is(err, mail.ErrNotPermitted) {
		t.Errorf("delete the level: %v", err)
	}
	again, err := s.CreateMailbox(t.Context(), id, "a", "")
	if err != nil || again.UIDValidity == a.UIDValidity || again.ID == a.ID || again.Messages != 0 {
		t.Errorf("made again: %+v %v", again, err)
	}
	if account, err := s.AccountByID(t.Context(), id); err != nil || account.Usage != (Quota{}) {
		t.Errorf("usage %+v %v", account.Usage, err)
	}
	sweepTest(t, s)
	if n := rowsOf(t, s, "contents") + rowsOf(t, s, "messages") + rowsOf(t, s, "chunks") + rowsOf(t, s, "meta"); n != 0 {
		t.Errorf("%d rows are left of what was deleted", n)
	}
}

func rowsOf(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	err := s.read(t.Context(), func(tx *readTx) error { return tx.row("SELECT count(*) FROM " + table).Scan(&n) })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRenameMailbox(t *testing.T) {
	for _, tt := range []struct {
		have, from, to string
		want           string
		err            error
	}{
		{"a", "a", "b", "b", nil},
		{"a/b/c", "a", "x/y", "x x/y x/y/b x/y/b/c", nil},
		{"a ab a/b", "a", "x", "ab x x/b", nil},
		{"a/b/b !a", "a/b", "a", "a a/b", nil}, // from the top down
		{"a/b !a", "a", "x", "x/b !x", nil},    // a level alone
		{"a b", "a", "b", "", mail.ErrExists},
		{"a/x b/x !b", "a", "b", "", mail.ErrExists},
		{"a", "a", "a/b", "", mail.ErrInvalid},
		{"a", "a", "b//c", "", mail.ErrInvalid},
		{"a", "a", "Inbox", "", mail.ErrExists},
		{"a", "b", "c", "", mail.ErrNoSuchMailbox},
		{"a", "inbox/nothing", "c", "", mail.ErrNoSuchMailbox},
	} {
		t.Run(tt.have+" "+tt.from+" "+tt.to, func(t *testing.T) {
			s := openTest(t)
			var id AccountID
			for i, name := range strings.Fields("- " + tt.have) {
				if i == 0 {
					id = newMailboxes(t, s)
				} else if level, ok := strings.CutPrefix(name, "!"); ok {
					if err := s.DeleteMailbox(t.Context(), id, level); err != nil {
						t.Fatal(err)
					}
				} else if _, err := s.CreateMailbox(t.Context(), id, name, ""); err != nil {
					t.Fatal(err)
				}
			}
			before := mailboxNames(t, s, id)
			if err := s.RenameMailbox(t.Context(), id, tt.from, tt.to); !errors.Is(err, tt.err) {
				t.Fatalf("rename: %v, want %v", err, tt.err)
			}
			want := before
			if tt.err == nil {
				want = "INBOX " + tt.want
				if level, ok := strings.CutPrefix(tt.want, "x/b !"); ok {
					want = "INBOX (" + level + ") x/b"
				}
			}
			if got := mailboxNames(t, s, id); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestRenameKeepsIdentity(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a")
	before := mailboxOf(t, s, id, "a")
	deliver(t, s, someMessage, Copy{Account: id, Mailbox: before.ID})
	if err := s.RenameMailbox(t.Context(), id, "a", "b"); err != nil {
		t.Fatal(err)
	}
	after := mailboxOf(t, s, id, "b")
	if after.ID != before.ID || after.UIDValidity != before.UIDValidity || after.UIDNext != 2 || after.Messages != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// RFC 9051 §6.3.6: the messages move, INBOX and what is below it stay.
func TestRenameInbox(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "INBOX/x")
	for range 3 {
		deliver(t, s, someMessage, Copy{Account: id})
	}
	if err := s.RenameMailbox(t.Context(), id, "inbox", "old/mail"); err != nil {
		t.Fatal(err)
	}
	if got := mailboxNames(t, s, id); got != "INBOX INBOX/x old old/mail" {
		t.Errorf("names: %s", got)
	}
	in, old := inboxOf(t, s, id), mailboxOf(t, s, id, "old/mail")
	if in.Messages != 0 || in.UIDNext != 4 || old.Messages != 3 {
		t.Errorf("INBOX %+v, the new one %+v", in, old)
	}
}

func TestSubscriptions(t *testing.T) {
	s := openTest(t)
	id := newMailboxes(t, s, "a")
	for _, sub := range []struct {
		name string
		on   bool
	}{{"Inbox", true}, {"nowhere", true}, {"nowhere", true}, {"Trash", false}, {"never was", false}, {"Sent", false}} {
		if err := s.SetSubscribed(t.Context(), id, sub.name, sub.on); err != nil {
			t.Errorf("%v: %v", sub, err)
		}
	}
	if err := s.SetSubscribed(t.Context(), id, "a\nb", true); !errors.Is(err, mail.ErrInvalid) {
		t.Errorf("a name that cannot be: %v", err)
	}
	subs, err := s.Subscriptions(t.Context(), id)
	if err != nil || fmt.Sprint(subs) != "[INBOX Archive Drafts Junk nowhere]" {
		t.Errorf("subscribed to %v, %v", subs, err)
	}
	if !inboxOf(t, s, id).Subscribed || mailboxOf(t, s, id, "a").Subscribed {
		t.Error("the mailboxes say otherwise")
	}
}

// An account may have so many mailboxes, and subscriptions, and no more; with as
// many one is renamed, and subscribed to again, as before.
func TestMostMailboxes(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	err := s.write(t.Context(), 0, func(tx *writeTx) error {
		var there int
		if err := tx.row("SELECT count(*) FROM mailboxes WHERE account = ?", id).Scan(&there); err != nil {
			return err
		}
		for i := range maxMailboxes - 2 - there {
			if err := tx.insertMailbox(id, fmt.Sprint("box", i), ""); err != nil {
				return err
			}
		}
		_, err := tx.exec("INSERT OR IGNORE INTO subscriptions SELECT account, name FROM mailboxes")
		return err
	})
	wants(t, err, nil)
	create := func(name string) error { _, err := s.CreateMailbox(t.Context(), id, name, ""); return err }
	wants(t, create("a/b/c"), mail.ErrOverQuota)
	wants(t, create("a/b"), nil)
	wants(t, create("c"), mail.ErrOverQuota)
	wants(t, s.RenameMailbox(t.Context(), id, "a/b", "d"), nil)
	wants(t, s.RenameMailbox(t.Context(), id, "d", "e/d"), mail.ErrOverQuota)
	wants(t, s.SetSubscribed(t.Context(), id, "a", true), nil)
	wants(t, s.SetSubscribed(t.Context(), id, "d", true), nil)
	wants(t, s.SetSubscribed(t.Context(), id, "e", true), mail.ErrOverQuota)
	wants(t, s.SetSubscribed(t.Context(), id, "d", true), nil)
}
