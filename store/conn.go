package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

const (
	pageSize     = 4096
	writerCache  = 4 << 20 // octets of page cache
	readerCache  = 1 << 20
	busyTimeout  = 10_000 // milliseconds; nothing but recovery ever holds a lock that long
	walSizeLimit = 64 << 20
)

// conn is one connection to the database, with the statements that were ever
// prepared on it. One goroutine uses it at a time.
type conn struct {
	db    *sql.DB
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

// openConn opens the database file at path. mattn/go-sqlite3 sets
// synchronous=NORMAL, which may lose acknowledged commits in a power cut, on
// every connection whose DSN does not say otherwise: so it says, and is
// checked by reading it back.
func openConn(ctx context.Context, path string, readOnly bool) (*conn, error) {
	level, _ := synchronous()
	q := url.Values{
		"_synchronous":  {level},
		"_foreign_keys": {"on"},
		"_busy_timeout": {fmt.Sprint(busyTimeout)},
	}
	cache := writerCache
	if readOnly {
		cache = readerCache
		q.Set("mode", "ro")
		q.Set("_query_only", "on")
	}
	q.Set("_cache_size", fmt.Sprint(-cache/1024))
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}
	db, err := sql.Open(driver, dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return nil, err
	}
	cn := &conn{db: db, c: c, stmts: make(map[string]*sql.Stmt)}
	if err := cn.configure(ctx); err != nil {
		cn.close()
		return nil, err
	}
	return cn, nil
}

func (c *conn) configure(ctx context.Context) error {
	for _, pragma := range []string{
		"PRAGMA temp_store = MEMORY",    // statement journals need no file
		"PRAGMA wal_autocheckpoint = 0", // the checkpointer's work
		fmt.Sprintf("PRAGMA journal_size_limit = %d", walSizeLimit),
	} {
		if _, err := c.c.ExecContext(ctx, pragma); err != nil {
			return fmt.Errorf("%s: %w", pragma, err)
		}
	}
	var level int
	if err := c.c.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&level); err != nil {
		return err
	}
	if name, want := synchronous(); level != want {
		return fmt.Errorf("PRAGMA synchronous is %d, not %s: commits would not survive a power cut", level, name)
	}
	return nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	c.c.Close()
	return c.db.Close()
}

// stmt is the prepared statement of a constant query.
func (c *conn) stmt(query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	// A context that can end costs a goroutine per call: statements here are
	// short, and transactions are never left half-way.
	s, err := c.c.PrepareContext(context.Background(), preparedOnce(query))
	if err != nil {
		return nil, fmt.Errorf("%w in %s", err, query)
	}
	c.stmts[query] = s
	return s, nil
}

// preparedOnce has SQLite keep a statement's plan. It would look into the values
// of parameters that stand alone in a comparison or a LIMIT, and so prepare the
// statement again for every set of values, which costs more than most take to
// run. A plus sign, which changes nothing, hides them: it does what
// SQLITE_DBCONFIG_ENABLE_QPSG does, which the driver does not offer.
func preparedOnce(query string) string { return strings.ReplaceAll(query, "?", "+?") }

func (c *conn) exec(query string, args ...any) (sql.Result, error) {
	s, err := c.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}
