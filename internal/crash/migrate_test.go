//go:build crash

package crash

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/internal/testserver"
)

const steps = 50

// step is a migration that works for a while: in each of its steps, crash(N)
// is called when half of the step is done.
func migration(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("ALTER TABLE accounts ADD COLUMN note TEXT;\nCREATE TABLE extra (step INTEGER, uid INTEGER, filler BLOB);\n")
	for i := 1; i <= steps; i++ {
		fmt.Fprintf(&b, "INSERT INTO extra SELECT CASE uid WHEN 30 THEN crash(%d) ELSE %d END, uid, zeroblob(8000) FROM messages;\n", i, i)
	}
	file := filepath.Join(t.TempDir(), "0002_test.sql")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// A start that brings the schema up to date is killed at fifty points: the old
// program goes on with the old schema, or the new one with the new, and no
// message is lost.
func TestKillDuringMigration(t *testing.T) {
	prepared := newServer(t, t.TempDir(), faulty, "alice", "bob")
	prepared.MustStart()
	l := &acks{dir: prepared.Dir}
	prepared.deliver(l, 3000, 60, "alice@"+domain)
	prepared.Kill() // the log is not copied into the database yet
	withNew := "POSTHORN_MIGRATION=" + migration(t)
	version := prepared.number("PRAGMA user_version")

	points := []string{"migrate: before COMMIT:1", "migrate: after COMMIT:1"}
	for i := 1; i <= steps; i += pick(9, 1) {
		points = append(points, fmt.Sprintf("sql:%d", i))
	}
	for _, point := range points {
		t.Run(point, func(t *testing.T) {
			s := prepared.clone(t)
			l := &acks{dir: s.Dir, lines: l.lines}
			if err := s.Start(withNew, "POSTHORN_CRASH="+point); !errors.Is(err, testserver.ErrEnded) || !killed(s.Err()) {
				t.Fatalf("the server was not killed: %v, %v\n%s", err, s.Err(), s.Log())
			}
			if point == "migrate: after COMMIT:1" {
				_, errs, err := s.Command(nil, "", "check")
				if err == nil || !strings.Contains(errs, "newer Posthorn") {
					t.Errorf("the old program on the new schema: %v, %s", err, errs)
				}
			} else {
				s.verify(l) // by the old program
				if got := s.number("PRAGMA user_version"); got != version {
					t.Errorf("version %d, not %d", got, version)
				}
			}
			s.checkDeep(withNew)
			if got := s.number("PRAGMA user_version"); got != version+1 {
				t.Errorf("version %d, not %d", got, version+1)
			}
			if got := s.number("SELECT count(*) FROM extra"); got != steps*60 {
				t.Errorf("the migration made %d rows, not %d", got, steps*60)
			}
			out, errs, err := s.Command([]string{withNew}, "", "check", "--ledger", l.file(t))
			if err != nil {
				t.Errorf("%v\n%s%s", err, out, errs)
			}
		})
	}
	// The first step of all is a migration, too.
	for _, point := range points[:2] {
		t.Run("new store, "+point, func(t *testing.T) {
			s := &server{testserver.Prepare(t, testserver.Config{Program: faulty}), t}
			if _, errs, err := s.Command([]string{"POSTHORN_CRASH=" + point}, "", s.InitArgs()...); !killed(err) {
				t.Fatalf("init was not killed: %v\n%s", err, errs)
			}
			s.Must(s.InitArgs()...)
			s.AddUser("alice")
			s.checkDeep()
		})
	}
}

// A store that an older version left is brought up to date, and the program is
// killed before and after the end of each step.
func TestKillDuringUpgrade(t *testing.T) {
	const version, messages = 4, 32
	old := unpack(t, "../../store/testdata/schema4.db.gz")
	prepared := &server{testserver.Prepare(t, testserver.Config{Program: faulty}), t}
	prepared.Must(prepared.InitArgs()...)
	newest := prepared.number("PRAGMA user_version")
	for step := 1; step <= newest-version; step++ {
		for left, point := range []string{"migrate: before COMMIT", "migrate: after COMMIT"} {
			point = fmt.Sprintf("%s:%d", point, step)
			t.Run(point, func(t *testing.T) {
				s := prepared.clone(t)
				for _, name := range []string{"posthorn.db-wal", "posthorn.db-shm", "posthorn.commits"} {
					os.Remove(s.Data(name))
				}
				if err := os.WriteFile(s.Data("posthorn.db"), old, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := s.Start("POSTHORN_CRASH=" + point); !errors.Is(err, testserver.ErrEnded) || !killed(s.Err()) {
					t.Fatalf("the server was not killed: %v, %v\n%s", err, s.Err(), s.Log())
				}
				if got, want := s.number("PRAGMA user_version"), version+step-1+left; got != want {
					t.Errorf("version %d, not %d", got, want)
				}
				s.checkDeep()
				if got := s.number("PRAGMA user_version"); got != newest {
					t.Errorf("version %d, not %d", got, newest)
				}
				if got := s.number("SELECT count(*) FROM messages"); got != messages {
					t.Errorf("%d messages, not %d", got, messages)
				}
			})
		}
	}
}

func unpack(t *testing.T, file string) []byte {
	t.Helper()
	packed, err := os.Open(file)
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
	return b
}
