//go:build crash || powercut

package crash

import (
	"database/sql"
	"net/url"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// query runs fn with the database, read by another program as it were.
func (s *server) query(fn func(db *sql.DB) error) {
	s.t.Helper()
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: s.Data("posthorn.db"), RawQuery: "mode=ro&_busy_timeout=10000"}
	db, err := sql.Open("sqlite3", dsn.String())
	if err == nil {
		err = fn(db)
		db.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// number is the one number that a query yields.
func (s *server) number(query string) (n int) {
	s.t.Helper()
	s.query(func(db *sql.DB) error { return db.QueryRow(query).Scan(&n) })
	return n
}

// unswept is how many rows wait for the sweep, or were forgotten by it.
const unswept = `SELECT (SELECT count(*) FROM garbage) + (SELECT count(*) FROM mailboxes WHERE account IS NULL)
	+ (SELECT count(*) FROM chunks WHERE NOT EXISTS (SELECT 1 FROM contents WHERE id = key >> 16))`

// awaitSweep waits until the running server has swept everything.
func (s *server) awaitSweep() {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		n := s.number(unswept)
		if n == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d rows are not swept", n)
		}
	}
}
