package store

import (
	"context"
	"database/sql"
	"sync"
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

// touchAccess has those woken who watch who may log in.
func (tx *writeTx) touchAccess() { tx.touch(accessTopic, 0) }

// maxReaders bounds the connections that read at once: more would only wait
// for processors, each with a page cache of its own.
const maxReaders = 8

// readers are the connections for reading, opened when first needed. The one
// that was used last is used next: what it has in its cache is warm, and those
// that many readers at once needed for a moment stay out of the way.
type readers struct {
	path  string
	slots chan struct{} // an entry for each that may read; closed in the end

	mu   sync.Mutex
	idle []*conn
}

func newReaders(path string) *readers {
	r := &readers{path: path, slots: make(chan struct{}, maxReaders)}
	for range maxReaders {
		r.slots <- struct{}{}
	}
	return r
}

// close waits for those who read and closes all connections.
func (r *readers) close() {
	for range maxReaders {
		<-r.slots
	}
	for _, c := range r.idle {
		c.close()
	}
	close(r.slots)
}

// take waits for a connection; ctx bounds the wait.
func (r *readers) take(ctx context.Context) (*conn, error) {
	var ok bool
	select {
	case _, ok = <-r.slots:
	default:
		select {
		case _, ok = <-r.slots:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if !ok {
		return nil, errClosed
	}
	if c := r.pop(); c != nil {
		return c, nil
	}
	c, err := openConn(ctx, r.path, true)
	if err != nil {
		r.slots <- struct{}{}
	}
	return c, err
}

func (r *readers) pop() *conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.idle) - 1
	if n < 0 {
		return nil
	}
	c := r.idle[n]
	r.idle = r.idle[:n]
	return c
}

// give takes a connection back.
func (r *readers) give(c *conn) {
	r.mu.Lock()
	r.idle = append(r.idle, c)
	r.mu.Unlock()
	r.slots <- struct{}{}
}

// read runs op in a read transaction of its own. ctx bounds the wait for a
// connection.
func (s *Store) read(ctx context.Context, op func(tx *readTx) error) error {
	c, err := s.readers.take(ctx)
	if err != nil {
		return classify(err)
	}
	defer s.readers.give(c)
	return classify(inSnapshot(c, op))
}

// readOne is read for an op of one statement, which is a transaction by itself
// and costs half as much. What op reads in a second one is true of a later
// moment.
func (s *Store) readOne(ctx context.Context, op func(tx *readTx) error) error {
	c, err := s.readers.take(ctx)
	if err != nil {
		return classify(err)
	}
	defer s.readers.give(c)
	return classify(op(&readTx{c}))
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
