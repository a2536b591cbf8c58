package store

import (
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// oldSchema is the schema's version in testdata/schema4.db.gz, a store that a
// Posthorn of that time made: a part of the corpus and a message with an
// attachment of three chunks, some of it expunged.
const oldSchema = 4

// oldStore makes a data folder with that store.
func oldStore(t *testing.T) (dir string) {
	t.Helper()
	packed, err := os.Open(fmt.Sprintf("testdata/schema%d.db.gz", oldSchema))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, databaseFile), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// openOld opens a store that was brought up to date, and compares all that is
// in it with what parsing its messages gives.
func openOld(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, counterFile), nil, 0o600); err != nil { // else it would be a restored copy
		t.Fatal(err)
	}
	s := openTestIn(t, Config{Dir: dir})
	id, err := s.Account(t.Context(), mustParse("alice@crepes.fr"))
	if err != nil {
		t.Fatal(err)
	}
	mb := inboxOf(t, s, id.ID).ID
	all := list(t, s, mb, everything, WantEnvelope|WantStructure|WantHeader)
	if len(all) != 32 {
		t.Errorf("%d messages", len(all))
	}
	for i := range all {
		checkStored(t, s, fmt.Sprint("UID ", all[i].UID), octets(t, s, all[i].Content), &all[i])
	}
	box := readSearchBox(t, s, mb)
	for _, q := range []Query{
		HasText{InBody, "", "the"}, HasText{InBody, "", "the first needle"}, HasText{InBody, "", "the last needle"}, HasText{InText, "", "zeros.bin"},
		HasText{InText, "", "base64"}, HasText{InHeader, "Subject", "re"}, HasText{InHeader, "Delivered-To", ""},
	} {
		if box.check(t, q) == 0 {
			t.Errorf("%+v finds nothing", q)
		}
	}
	deliver(t, s, someMessage, Copy{Account: id.ID})
	if _, _, err := s.Expunge(t.Context(), mb, everything, true); err != nil {
		t.Fatal(err)
	}
	sweepTest(t, s)
	for _, table := range []string{"contents", "meta", "chunks"} {
		if n := rowsOf(t, s, table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
}

// TestUpgrade opens a store of an older version.
func TestUpgrade(t *testing.T) { openOld(t, oldStore(t)) }

// TestUpgradeKilled takes the store's files as they are in the middle of each
// step of its upgrade, as a kill would leave them: they hold the schema before
// that step, and the upgrade goes on from there.
func TestUpgradeKilled(t *testing.T) {
	dir := oldStore(t)
	c, err := openConn(t.Context(), filepath.Join(dir, databaseFile), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	exec := func(sql string) {
		if _, err := c.c.ExecContext(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	// With so small a cache most of a step is in the log before its end.
	exec("PRAGMA journal_mode = WAL; PRAGMA cache_size = 5")
	all, err := allMigrations()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all[oldSchema:] {
		exec("BEGIN IMMEDIATE")
		exec(m.SQL)
		left := t.TempDir()
		for _, name := range []string{databaseFile, databaseFile + "-wal"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(left, name), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("in step %d %s has %d octets", m.Version, name, len(b))
		}
		exec("ROLLBACK")
		if err := apply(t.Context(), c, m); err != nil {
			t.Fatal(err)
		}
		killed, err := openConn(t.Context(), filepath.Join(left, databaseFile), false)
		if err != nil {
			t.Fatal(err)
		}
		version, err := schemaVersion(t.Context(), killed)
		killed.close()
		if err != nil || version != m.Version-1 {
			t.Errorf("killed in step %d, the schema is version %d, %v", m.Version, version, err)
		}
		openOld(t, left)
	}
}
