package store

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/migrations"
)

func TestOpenRefusesNewerSchema(t *testing.T) {
	s := openTest(t)
	cfg := s.cfg
	if err := addSetting(t.Context(), s, "x", nil); err != nil {
		t.Fatal(err)
	}
	closeChecked(t, s)
	db, err := sql.Open("sqlite3", filepath.Join(cfg.Dir, databaseFile))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version int
	if err := db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version == 0 {
		t.Fatalf("user_version %d %v", version, err)
	}
	if _, err := db.Exec("PRAGMA user_version = 9999"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "newer Posthorn") {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenRefusesForeignFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, databaseFile)
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if _, err := Open(t.Context(), Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "no store") {
		t.Errorf("another program's database: %v", err)
	}
	if err := os.WriteFile(path, []byte(strings.Repeat("no database at all ", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Config{Dir: dir}); err == nil {
		t.Error("a file of text was taken")
	}
}

// A step of the schema that fails leaves nothing of itself.
func TestMigrationIsAllOrNothing(t *testing.T) {
	c, err := openConn(t.Context(), filepath.Join(t.TempDir(), "db"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	before, err := schemaVersion(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	bad := migrations.Migration{Version: before + 1, Name: "bad", SQL: "CREATE TABLE one (x); CREATE TABLE one (x);"}
	if err := apply(t.Context(), c, bad); err == nil {
		t.Fatal("it was applied")
	}
	var tables int
	c.c.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'one'").Scan(&tables)
	if after, err := schemaVersion(t.Context(), c); err != nil || after != before || tables != 0 {
		t.Errorf("version %d then %d, %d tables, %v", before, after, tables, err)
	}
}
