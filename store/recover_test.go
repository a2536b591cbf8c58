package store

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

func TestReopenKeepsEverything(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	a := deliver(t, s, someMessage, Copy{Account: id, Flags: mail.NewFlags("k", `\Seen`)})
	before, listed := inboxOf(t, s, id), list(t, s, a.Placed[0].Mailbox, everything, WantEnvelope|WantHeader)
	cfg := s.cfg
	closeChecked(t, s)
	for _, name := range []string{databaseFile + "-wal", databaseFile + "-shm"} {
		if _, err := os.Stat(filepath.Join(cfg.Dir, name)); err == nil {
			t.Errorf("%s is left after Close", name)
		}
	}
	s = openTestIn(t, cfg)
	after := list(t, s, a.Placed[0].Mailbox, everything, WantEnvelope|WantHeader)
	if got := inboxOf(t, s, id); got.HighestModSeq != before.HighestModSeq || got.UIDNext != 2 || got.UIDValidity != before.UIDValidity {
		t.Errorf("INBOX was %+v and is %+v", before, got)
	}
	if len(after) != 1 || string(after[0].Envelope) != string(listed[0].Envelope) || octets(t, s, a.Content) != someMessage {
		t.Errorf("the message was %+v and is %+v", listed, after)
	}
}

// A kill leaves the last commits in the log alone: they are there at the next
// start, and nothing is missing.
func TestReopenAfterKill(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	a := deliver(t, s, someMessage, Copy{Account: id})
	killed := openTestIn(t, copyStore(t, s.cfg.Dir))
	if octets(t, killed, a.Content) != someMessage || inboxOf(t, killed, id).Messages != 1 {
		t.Error("an answered delivery is gone")
	}
}

// Without its log the database lacks commits that were answered. That is
// reported, and no number that they gave is given again.
func TestMissingCommits(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	first := deliver(t, s, someMessage, Copy{Account: id})
	in := first.Placed[0].Mailbox
	s.checkpointer.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
	lost := deliver(t, s, someMessage+"lost", Copy{Account: id})
	if _, _, err := s.SetFlags(t.Context(), in, mail.UIDs(1), FlagsAdd, mail.NewFlags(`\Seen`), Unconditionally); err != nil {
		t.Fatal(err)
	}
	var made Mailbox
	for i := range 100 { // in a second: the last ones' UIDVALIDITYs are the future's
		var err error
		if made, err = s.CreateMailbox(t.Context(), id, fmt.Sprint("box", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	client := inboxOf(t, s, id)

	cfg := copyStore(t, s.cfg.Dir)
	if err := os.Remove(filepath.Join(cfg.Dir, databaseFile+"-wal")); err != nil {
		t.Fatal(err)
	}
	var reported []any
	cfg.Report = func(msg string, args ...any) { reported = append(append(reported, msg), args...) }
	damaged, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(reported) != 3 || !strings.Contains(reported[0].(string), "missing") || reported[2] != uint64(102) {
		t.Errorf("reported %v", reported)
	}
	problems, err := damaged.Check(t.Context(), true)
	if err != nil || len(problems) != 1 || !strings.Contains(problems[0].What, "102 that were acknowledged") {
		t.Errorf("check: %v %v", problems, err)
	}
	c, err := damaged.ChangesSince(t.Context(), in, client.HighestModSeq, 100)
	if err != nil || !c.Vanished.Contains(lost.Placed[0].UID) || len(c.Changed) != 1 || c.Changed[0].Flags.System != 0 {
		t.Errorf("a client that knew the lost state is told %+v, %v", c, err)
	}
	next := deliver(t, damaged, someMessage, Copy{Account: id})
	if next.Placed[0].UID <= lost.Placed[0].UID || next.Content <= lost.Content || inboxOf(t, damaged, id).HighestModSeq <= client.HighestModSeq {
		t.Errorf("after the loss: %+v; lost: %+v", next, lost)
	}
	if mb, err := damaged.CreateMailbox(t.Context(), id, "box", ""); err != nil || mb.UIDValidity <= made.UIDValidity {
		t.Errorf("UIDVALIDITY %d after the loss of %d, %v", mb.UIDValidity, made.UIDValidity, err)
	}
	if err := damaged.Close(); err != nil {
		t.Fatal(err)
	}
	openTestIn(t, cfg) // it is reported once
}

// A database without its counter is a copy that was put there: no number is
// given that may have been given after it was made.
func TestRestoredCopy(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	deliver(t, s, someMessage, Copy{Account: id})
	s.checkpointer.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)")
	cfg := copyStore(t, s.cfg.Dir)
	if err := os.Remove(filepath.Join(cfg.Dir, counterFile)); err != nil {
		t.Fatal(err)
	}
	lost := deliver(t, s, someMessage+"lost", Copy{Account: id})
	client := inboxOf(t, s, id)

	var reported []string
	cfg.Report = func(msg string, _ ...any) { reported = append(reported, msg) }
	restored := openTestIn(t, cfg)
	if len(reported) != 1 || !strings.Contains(reported[0], "restored copy") {
		t.Errorf("reported %q", reported)
	}
	next := deliver(t, restored, someMessage, Copy{Account: id})
	if next.Placed[0].UID <= lost.Placed[0].UID || next.Content <= lost.Content || inboxOf(t, restored, id).HighestModSeq <= client.HighestModSeq {
		t.Errorf("after it: %+v; what came after the copy: %+v", next, lost)
	}
	if err := restored.Close(); err != nil {
		t.Fatal(err)
	}
	cfg.Report = nil
	openTestIn(t, cfg) // it is reported once
}

// A counter file that is torn claims nothing.
func TestCounterFileMayBeTorn(t *testing.T) {
	s := openTest(t)
	addUser(t, s, "alice@crepes.fr")
	cfg := s.cfg
	for _, text := range []string{"", "garbage\n", strings.Repeat("\x00", 21)} {
		closeChecked(t, s)
		if err := os.WriteFile(filepath.Join(cfg.Dir, counterFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s = openTestIn(t, cfg)
	}
}

func TestOpenReadOnlyFolderFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir}); err == nil || errors.Is(err, mail.ErrInUse) {
		t.Errorf("Open in a file: %v", err)
	}
}

// What a damaged page makes unreadable is an error, never a mailbox without
// messages: a client would drop what it keeps of them.
func TestDamagedMailboxIsNotEmpty(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	deliver(t, s, someMessage, Copy{Account: id})
	mb := inboxOf(t, s, id).ID
	if _, _, err := s.Expunge(t.Context(), mb, mail.UIDs(deliver(t, s, someMessage, Copy{Account: id}).Placed[0].UID), true); err != nil {
		t.Fatal(err)
	}
	var pages []int64
	err := s.read(t.Context(), func(tx *readTx) error {
		var table, index int64
		err := tx.row("SELECT (SELECT rootpage FROM sqlite_schema WHERE name = 'messages'), (SELECT rootpage FROM sqlite_schema WHERE name = 'messages_modseq')").Scan(&table, &index)
		pages = []int64{table, index}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	closeChecked(t, s)
	file, err := os.OpenFile(filepath.Join(s.cfg.Dir, databaseFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if _, err := file.WriteAt(make([]byte, pageSize), (page-1)*pageSize); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	damaged, err := Open(t.Context(), Config{Dir: s.cfg.Dir})
	if err != nil {
		t.Fatal(err)
	}
	defer damaged.Close()
	for name, look := range map[string]func() error{
		"UIDList":      func() error { _, _, err := damaged.UIDList(t.Context(), mb); return err },
		"ChangedSince": func() error { _, err := damaged.ChangedSince(t.Context(), mb, 0); return err },
		"ChangesSince": func() error { _, err := damaged.ChangesSince(t.Context(), mb, 0, 100); return err },
		"brief":        func() error { return firstError(damaged.Messages(t.Context(), mb, everything, Brief)) },
		"wide":         func() error { return firstError(damaged.Messages(t.Context(), mb, everything, WantEnvelope)) },
		"Search":       func() error { _, err := damaged.Search(t.Context(), mb, And{}); return err },
	} {
		if err := look(); !errors.Is(err, mail.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func firstError(messages iter.Seq2[*Message, error]) error {
	for _, err := range messages {
		if err != nil {
			return err
		}
	}
	return nil
}
