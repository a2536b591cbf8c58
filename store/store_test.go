package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/mail"
)

var everything = mail.AllUIDs()

// openTest opens a store in a folder of its own. When the test ends, it is
// checked and closed.
func openTest(t testing.TB) *Store {
	t.Helper()
	return openTestIn(t, Config{Dir: t.TempDir()})
}

func openTestIn(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Report == nil {
		cfg.Report = func(msg string, args ...any) { t.Errorf("store reports: %s %v", msg, args) }
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.indexes.smallest, s.together = 1, 3
	t.Cleanup(func() { closeChecked(t, s) })
	return s
}

// closeChecked checks the store deeply and closes it, if it is not closed yet.
func closeChecked(t testing.TB, s *Store) {
	t.Helper()
	problems, err := s.Check(context.Background(), true)
	if errors.Is(err, errClosed) {
		return
	}
	if err != nil {
		t.Errorf("check: %v", err)
	}
	for _, p := range problems {
		t.Errorf("check: %s", p.What)
	}
	checkIndexes(t, s)
	if err := s.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// countSettings tells how many rows of settings are visible to a reader.
func countSettings(t testing.TB, s *Store) (n int) {
	t.Helper()
	err := s.read(t.Context(), func(tx *readTx) error {
		return tx.row("SELECT count(*) FROM settings").Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func addSetting(ctx context.Context, s *Store, name string, fail error) error {
	return s.write(ctx, len(name), func(tx *writeTx) error {
		if _, err := tx.exec("INSERT INTO settings VALUES (?, '')", name); err != nil {
			return err
		}
		return fail
	})
}

func TestWriteCommitsAndUndoesOneByOne(t *testing.T) {
	s := openTest(t)
	errMine := errors.New("mine")
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			var want error
			if i%2 == 1 {
				want = errMine
			}
			if err := addSetting(t.Context(), s, fmt.Sprint(i), want); err != want {
				t.Errorf("operation %d: %v, want %v", i, err, want)
			}
		})
	}
	wg.Wait()
	if n := countSettings(t, s); n != 200 {
		t.Errorf("%d operations were kept, want 200", n)
	}
}

func TestWriteSurvivesPanic(t *testing.T) {
	var reported []string
	s := openTestIn(t, Config{Dir: t.TempDir(), Report: func(msg string, _ ...any) { reported = append(reported, msg) }})
	err := s.write(t.Context(), 0, func(tx *writeTx) error {
		tx.exec("INSERT INTO settings VALUES ('half', '')")
		panic("oops")
	})
	if err == nil || !strings.Contains(err.Error(), "oops") || len(reported) != 1 {
		t.Errorf("err %v, reported %q", err, reported)
	}
	if n := countSettings(t, s); n != 0 {
		t.Error("half an operation was kept")
	}
}

func TestWriteAfterCloseIsUnavailable(t *testing.T) {
	s := openTest(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := addSetting(t.Context(), s, "x", nil); !errors.Is(err, mail.ErrUnavailable) {
		t.Errorf("write: %v", err)
	}
	err := s.read(t.Context(), func(*readTx) error { return nil })
	if !errors.Is(err, mail.ErrUnavailable) {
		t.Errorf("read: %v", err)
	}
}

func TestWriteOfEndedContextDoesNothing(t *testing.T) {
	s := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := addSetting(ctx, s, "x", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if countSettings(t, s) != 0 {
		t.Error("it was written")
	}
}

func TestOpenTwiceIsInUse(t *testing.T) {
	s := openTest(t)
	if _, err := Open(t.Context(), s.cfg); !errors.Is(err, mail.ErrInUse) {
		t.Errorf("second Open: %v", err)
	}
}

func TestOpenKeepsOthersOut(t *testing.T) {
	s := openTestIn(t, Config{Dir: filepath.Join(t.TempDir(), "new", "dir")})
	addSetting(t.Context(), s, "x", nil)
	info, err := os.Stat(s.cfg.Dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v %v", info.Mode(), err)
	}
	entries, _ := os.ReadDir(s.cfg.Dir)
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", e.Name(), info.Mode(), err)
		}
	}
	if len(entries) < 5 {
		t.Errorf("only %v", entries)
	}
}

func TestDurabilityPragmas(t *testing.T) {
	s := openTest(t)
	for name, c := range map[string]*conn{"writer": s.writer.c, "checkpointer": s.checkpointer.c} {
		var sync, fk int
		if err := c.c.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&sync); err != nil || sync != 2 {
			t.Errorf("%s: synchronous %d %v, want 2 (FULL)", name, sync, err)
		}
		if err := c.c.QueryRowContext(t.Context(), "PRAGMA foreign_keys").Scan(&fk); err != nil || fk != 1 {
			t.Errorf("%s: foreign_keys %d %v", name, fk, err)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	s := openTest(t)
	err := s.read(t.Context(), func(tx *readTx) error {
		_, err := tx.c.exec("INSERT INTO settings VALUES ('x', '')")
		return err
	})
	if !errors.Is(err, mail.ErrUnavailable) {
		t.Errorf("writing in read: %v", err)
	}
}
