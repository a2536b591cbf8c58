//go:build crash

package crash

import (
	"errors"
	"fmt"
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
