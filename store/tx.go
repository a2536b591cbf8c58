package store

import (
	"context"
	"database/sql"
	"time"
)

// readTx is a read transaction: what it sees is true of one moment. Functions
// that take one keep it short (a few hundred rows) and call nothing that may
// block; SQL is constant text, so that its statement is prepared once.
type readTx struct{ c *conn }

// row queries one row; what is wrong comes out of its Scan (sql.ErrNoRows).
func (tx *readTx) row(query string, args ...any) *row {
	s, err := tx.c.stmt(query)
	if err != nil {
		return &row{err: err}
	}
	return &row{row: s.QueryRowContext(context.Background(), args...)}
}

// query runs a query of several rows. Close them before the next statement.
func (tx *readTx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := tx.c.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(context.Background(), args...)
}

// row is the one row of a query, or why there is none.
type row struct {
	row *sql.Row
	err error
}

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	return r.row.Scan(dest...)
}

// writeTx is one operation's part of the writer's transaction.
type writeTx struct {
	readTx
	s *Store
	// now is the moment of the transaction.
	now time.Time
	op  *operation
}

// exec runs a statement that changes something and returns how many rows.
func (tx *writeTx) exec(query string, args ...any) (int64, error) {
	tx.op.wrote = true
	res, err := tx.c.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// insert runs an INSERT and returns the new row's id.
func (tx *writeTx) insert(query string, args ...any) (int64, error) {
	tx.op.wrote = true
	res, err := tx.c.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

// update runs an UPDATE of one row that has a RETURNING clause.
func (tx *writeTx) update(query string, args ...any) *row {
	tx.op.wrote = true
	return tx.row(query, args...)
}

// touch has the watchers of an account and mailbox (0: of no one mailbox)
// woken when the transaction is committed.
func (tx *writeTx) touch(id AccountID, mb MailboxID) {
	t := topic{id, mb}
	if n := len(tx.op.wakes); n > 0 && tx.op.wakes[n-1] == t {
		return
	}
	tx.op.wakes = append(tx.op.wakes, t)
}

// touchQueue has the queue's watchers woken when the transaction is committed.
func (tx *writeTx) touchQueue() { tx.touch(queueTopic, 0) }

// maxReaders bounds the connections that read at once: more would only wait
// for processors, each with a page cache of its own.
const maxReaders = 8

// readers are the connections for reading, opened when first needed.
type readers struct {
	path string
	// slots holds maxReaders entries; nil stands for a connection not open yet.
	slots chan *conn
}

func newReaders(path string) *readers {
	r := &readers{path, make(chan *conn, maxReaders)}
	for range maxReaders {
		r.slots <- nil
	}
	return r
}

// close waits for those who read and closes all connections.
func (r *readers) close() {
	for range maxReaders {
		if c := <-r.slots; c != nil {
			c.close()
		}
	}
	close(r.slots)
}

// read runs op in a read transaction of its own. ctx bounds the wait for a
// connection.
func (s *Store) read(ctx context.Context, op func(tx *readTx) error) error {
	var c *conn
	var ok bool
	select {
	case c, ok = <-s.readers.slots:
	default:
		select {
		case c, ok = <-s.readers.slots:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if !ok {
		return errClosed
	}
	defer func() { s.readers.slots <- c }()
	if c == nil {
		var err error
		if c, err = openConn(ctx, s.readers.path, true); err != nil {
			c = nil
			return classify(err)
		}
	}
	return classify(inSnapshot(c, op))
}

func inSnapshot(c *conn, op func(tx *readTx) error) (err error) {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	defer func() {
		// Nothing was written: COMMIT and ROLLBACK are the same, and cannot
		// fail but with the connection.
		if _, e := c.exec("ROLLBACK"); err == nil {
			err = e
		}
	}()
	return op(&readTx{c})
}

// millis is a time as the tables have it; zero is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis is the reverse of millis.
func fromMillis(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// notFound turns a query's sql.ErrNoRows into kind.
func notFound(err error, kind error) error {
	if err == sql.ErrNoRows {
		return kind
	}
	return err
}
