package store

import (
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// fillTest makes a store in which every table has rows.
func fillTest(t *testing.T, s *Store) {
	t.Helper()
	alice, bob := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	for range 3 {
		deliver(t, s, someMessage, Copy{Account: alice, Flags: mail.NewFlags("work")}, Copy{Account: bob, Trace: []byte("X: y\r\n")})
	}
	deliver(t, s, "A: b\r\n\r\n"+strings.Repeat("large\r\n", 50_000), Copy{Account: alice})
	in := inboxOf(t, s, alice)
	if _, _, err := s.Expunge(t.Context(), in.ID, mail.UIDs(2), true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CopyMessages(t.Context(), in.ID, mail.UIDs(1), mailboxOf(t, s, alice, "Archive").ID); err != nil {
		t.Fatal(err)
	}
	enqueueTest(t, s, outboundTo("x@example.org"))
	addAliases(t, s, "@crepes.fr: alice@crepes.fr x@example.org")
	sweepTest(t, s)
}

// damage changes the database behind the store's back.
func damage(t testing.TB, s *Store, sql string, args ...any) {
	t.Helper()
	err := s.writer.pause(func() error {
		_, err := s.writer.c.c.ExecContext(t.Context(), sql, args...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A check that cannot fail is none: each kind of damage must be found.
func TestCheckFinds(t *testing.T) {
	const big = "(SELECT id FROM contents WHERE size > 100000)"
	for _, tt := range []struct{ finding, sql string }{
		{"counters", "UPDATE mailboxes SET messages = messages + 1 WHERE name = 'INBOX'"},
		{"counters", "UPDATE mailboxes SET unseen = unseen + 1 WHERE name = 'Junk'"},
		{"counters", "UPDATE mailboxes SET deleted = deleted + 1 WHERE name = 'INBOX'"},
		{"counters", "UPDATE mailboxes SET bytes = bytes - 1 WHERE name = 'INBOX'"},
		{"counters", "UPDATE messages SET flags = 1 WHERE uid = 1"},
		{"counters", "DELETE FROM messages WHERE uid = 1"},
		{"usage", "UPDATE accounts SET bytes = bytes + 1"},
		{"usage", "UPDATE accounts SET messages = messages - 1"},
		{"mailbox of a message", "UPDATE messages SET mailbox = mailbox + 999"},
		{"UIDs", "UPDATE mailboxes SET uidnext = 1"},
		{"UIDs", "UPDATE messages SET uid = 0 WHERE uid = 1"},
		{"modification sequences of messages", "UPDATE messages SET modseq = 1000 WHERE uid = 1"},
		{"modification sequences of messages", "UPDATE messages SET modseq = 0 WHERE uid = 1"},
		{"modification sequences of mailboxes", "UPDATE accounts SET modseq = 1"},
		{"INBOX", "UPDATE mailboxes SET name = 'Inbox2' WHERE name = 'INBOX'"},
		{"names", "UPDATE mailboxes SET name = 'inbox' WHERE name = 'INBOX'"},
		{"names", "UPDATE mailboxes SET name = 'a//b' WHERE name = 'Junk'"},
		{"special uses", `UPDATE mailboxes SET special_use = '\Sent' WHERE name = 'Junk'`},
		{"annotations", "INSERT INTO annotations SELECT id, 999999, '/private/x', x'00' FROM accounts"},
		{"annotations", "INSERT INTO annotations SELECT id, 0, '/private/X', x'00' FROM accounts"},
		{"given numbers", "UPDATE mailboxes SET uidvalidity = (SELECT uidvalidity + 1 FROM state) WHERE id = 1"},
		{"given numbers", "UPDATE contents SET id = 1000000 WHERE id = (SELECT max(id) FROM contents)"},
		{"given numbers", "INSERT INTO garbage VALUES (1000000, 1)"},
		{"content of a message", "UPDATE messages SET content = 999999"},
		{"size of a message", "UPDATE messages SET size = size + 1"},
		{"size of a message", "UPDATE messages SET trace = NULL"},
		{"references", "UPDATE contents SET refs = refs + 1"},
		{"references", "DELETE FROM queue_messages"},
		{"references", "DELETE FROM messages WHERE uid = 3"},
		{"garbage", "UPDATE contents SET refs = 0 WHERE id = 1"},
		{"garbage", "INSERT INTO garbage VALUES (1, 0)"},
		{"garbage", "INSERT INTO garbage VALUES (1, 1)"},
		{"meta", "DELETE FROM meta WHERE content = 1"},
		{"meta", "UPDATE meta SET content = 555555 WHERE content = 1"},
		{"sort keys", "INSERT INTO sortkeys VALUES (555555, '0', 0, '', '', '', '', '', '')"},
		{"chunks", "DELETE FROM chunks WHERE key >> 16 = 1"},
		{"chunks", "DELETE FROM chunks WHERE key = (" + big + " << 16) + 1"},
		{"chunks", "INSERT INTO chunks (key, data) VALUES ((" + big + " << 16) + 3, x'00')"},
		{"chunks", "INSERT INTO chunks (key, data) VALUES (777777 << 16, x'00')"},
		{"tombstones", "UPDATE mailboxes SET tombstones = 7"},
		{"tombstones", "DELETE FROM tombstones"},
		{"tombstones", "UPDATE tombstones SET last = 1000"},
		{"tombstones", "UPDATE tombstones SET modseq = 1000"},
		{"tombstones", "UPDATE tombstones SET mailbox = 999"},
		{"tombstones", "UPDATE tombstones SET first = 1"},
		{"tombstones", "UPDATE mailboxes SET pruned = modseq WHERE tombstones > 0"},
		{"queue", "UPDATE queue_messages SET content = 999999"},
		{"queue", "DELETE FROM queue_recipients"},
		{"keywords", "UPDATE mailboxes SET keywords = ''"},
		{"keywords", "UPDATE messages SET keywords = 'work play' WHERE uid = 1"},
		{"directory", "UPDATE accounts SET key = 'Alice@crepes.fr' WHERE id = 1"},
		{"directory", "UPDATE accounts SET domain = 'other.example', key = local || '@other.example' WHERE id = 1"},
		{"directory", "DELETE FROM domains"},
		{"directory", "INSERT INTO aliases VALUES ('x@crepes.fr', 'x', 'crepes.fr')"},
		{"directory", "INSERT INTO aliases VALUES ('bob@crepes.fr', 'bob', 'crepes.fr'); INSERT INTO alias_targets VALUES ('bob@crepes.fr', 0, 'a@b', 'a', 'b')"},
		{"directory", "UPDATE alias_targets SET key = 'nonsense'"},
		{"commits", "UPDATE state SET commits = 0"},
		{"row", "DELETE FROM credentials; PRAGMA foreign_keys = OFF; INSERT INTO credentials VALUES (999, '', x'', 0, 0); PRAGMA foreign_keys = ON"},
		// Only a deep check reads these.
		{"piece", "UPDATE chunks SET data = x'0102' WHERE key >> 16 = 1"},
		{"piece", "UPDATE chunks SET data = x'00' WHERE key >> 16 = 1"},
		{"piece", "UPDATE chunks SET data = x'' WHERE key >> 16 = 1"},
		{"piece", "UPDATE chunks SET data = x'7f00' WHERE key >> 16 = 1"},
		{"checksum", "UPDATE contents SET sha256 = zeroblob(32) WHERE id = 1"},
		{"checksum", "UPDATE chunks SET data = zeroblob(length(data)) WHERE substr(data, 1, 1) = x'00'"},
		{"piece", "UPDATE contents SET size = size + 1 WHERE id = 1"},
		{"header", "UPDATE contents SET header_size = 3 WHERE id = 1"},
		{"part tree", "UPDATE meta SET parts = x'00' WHERE content = 1"},
		{"piece", "UPDATE meta SET header = x'7f00' WHERE content = 1"},
	} {
		t.Run(tt.finding, func(t *testing.T) {
			s, err := Open(t.Context(), Config{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			fillTest(t, s)
			if problems, err := s.Check(t.Context(), true); err != nil || len(problems) > 0 {
				t.Fatalf("before the damage: %v %v", problems, err)
			}
			s.sweeper.close()
			damage(t, s, tt.sql)
			problems, err := s.Check(t.Context(), true)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range problems {
				if strings.Contains(p.What, tt.finding) {
					return
				}
			}
			t.Errorf("%s: found only %v", tt.sql, problems)
		})
	}
}
