package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"posthorn/internal/mail"
)

// What one transaction takes at most: a commit's fsync is shared by as many as
// wait, but none of them waits for a transaction without bound.
const (
	maxBatch  = 128
	maxWeight = 8 << 20 // octets
)

var (
	errClosed = fmt.Errorf("store is closed: %w", mail.ErrUnavailable)
	errFailed = fmt.Errorf("the disk failed: %w", mail.ErrUnavailable)
)

// operation is one caller's change, part of the writer's transaction.
type operation struct {
	ctx    context.Context
	weight int
	fn     func(tx *writeTx) error
	done   chan struct{}

	// err is what the caller gets.
	err error
	// broken is set when fn panicked: it is not run again.
	broken error
	// wrote: there is something to commit. garbage: there is something to
	// sweep. wakes: whom to wake.
	wrote, garbage bool
	wakes          []topic
	// flags are the changes of flags, for recentFlags.
	flags []noted
}

// writer owns the one connection that writes, and is one goroutine.
type writer struct {
	s    *Store
	c    *conn
	ops  chan *operation
	done chan struct{} // closed when the goroutine has ended

	// mu keeps ops from being closed while somebody sends.
	mu     sync.RWMutex
	closed bool

	// between takes functions to run while no transaction is open.
	between chan func()

	counter *commitCounter
	commits uint64 // the last transaction's number
	logged  int64  // about how many octets are in the log
	grown   int64  // those written since the checkpointer was last told
	failed  error  // set once; nothing is written after

	// uidValidity is the last that was given.
	uidValidity uint32
	flags       recentFlags
}

// write runs op in the writer's transaction and returns when that is on
// stable storage, or with op's error when op had one and nothing of it is
// kept. weight is about how many octets op writes. op may run more than once:
// it sets its results, and adds to nothing outside the transaction. ctx ends
// the wait only until op is begun: then its outcome must be known.
func (s *Store) write(ctx context.Context, weight int, op func(tx *writeTx) error) error {
	wait, err := s.begin(ctx, weight, op)
	if err != nil {
		return err
	}
	return wait()
}

// begin is write without waiting: wait does. What one goroutine begins is done
// in the order in which it began it.
func (s *Store) begin(ctx context.Context, weight int, op func(tx *writeTx) error) (wait func() error, err error) {
	o := &operation{ctx: ctx, weight: weight, fn: op, done: make(chan struct{})}
	if err := s.writer.send(o); err != nil {
		return nil, err
	}
	return func() error {
		<-o.done
		return o.err
	}, nil
}

// writeLater is write for what nobody waits for, and that may be lost: when the
// writer is far behind, it is.
func (s *Store) writeLater(op func(tx *writeTx) error) {
	w := s.writer
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return
	}
	select {
	case w.ops <- &operation{ctx: context.Background(), fn: op, done: make(chan struct{})}:
	default:
	}
}

func (w *writer) send(o *operation) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed
	}
	select {
	case w.ops <- o:
		return nil
	case <-o.ctx.Done():
		return o.ctx.Err()
	}
}

// close lets what is under way end, and the goroutine with it.
func (w *writer) close() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.ops)
	}
	w.mu.Unlock()
	<-w.done
}

// run is the writer: it takes all operations that wait, up to a bound, and
// commits them together. It never lingers for more: while it is in fsync, the
// next batch gathers by itself.
func (w *writer) run() {
	defer close(w.done)
	batch := make([]*operation, 0, maxBatch)
	for {
		select {
		case fn := <-w.between:
			fn()
		case o, ok := <-w.ops:
			if !ok {
				return
			}
			batch = append(batch[:0], o)
			// Who was just answered, or has a message all but ready, may yet
			// come along: where nobody else can run this is no wait at all.
			runtime.Gosched()
			batch = w.gather(batch)
			w.commit(batch)
			clear(batch)
		}
	}
}

func (w *writer) gather(batch []*operation) []*operation {
	weight := batch[0].weight
	for len(batch) < maxBatch && weight < maxWeight {
		select {
		case o, ok := <-w.ops:
			if !ok {
				return batch
			}
			batch = append(batch, o)
			weight += o.weight
		default:
			return batch
		}
	}
	return batch
}

// commit carries out a batch and answers it. When the transaction as a whole
// does not hold (the disk is full: SQLite then drops all of it), each
// operation is tried by itself, so that a large one does not fail the small.
func (w *writer) commit(batch []*operation) {
	err := w.attempt(batch)
	if err != nil && w.failed == nil && len(batch) > 1 {
		for _, o := range batch {
			w.commit([]*operation{o})
		}
		return
	}
	for _, o := range batch {
		if err != nil {
			o.err = err
		}
		w.s.noteFullness(o)
		// The watchers first: who hears of a message from its sender and then
		// asks a session about it must find that session awake.
		if o.err == nil {
			w.s.watchers.wake(o.wakes)
			w.flags.add(o.flags)
			if o.garbage {
				w.s.sweeper.signal()
			}
		}
		close(o.done)
	}
}

// attempt runs a batch in one transaction. An error means that nothing of it
// was kept; one operation's own error is in it and does not concern the others.
//
// Savepoints, which undo one operation alone, have SQLite copy every page that
// two operations change: so a batch is first run without. When one fails, which
// is rare, all of it is undone and done again with them.
func (w *writer) attempt(batch []*operation) error {
	again, err := w.try(batch, false)
	if again {
		_, err = w.try(batch, true)
	}
	return err
}

// try is attempt with savepoints or without. again: an operation failed that
// cannot be undone alone, and nothing was kept.
func (w *writer) try(batch []*operation, savepoints bool) (again bool, err error) {
	if w.failed != nil {
		return false, errFailed
	}
	if _, err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return false, w.check(err, false)
	}
	now := w.s.now()
	kept, weight := 0, 0
	for _, o := range batch {
		o.err, o.wrote, o.garbage, o.wakes, o.flags = nil, false, false, o.wakes[:0], nil
		if o.err = cmp.Or(o.broken, o.ctx.Err()); o.err != nil {
			continue
		}
		if err := w.runOne(o, now, savepoints); err != nil {
			w.rollback()
			return false, w.check(err, false)
		}
		switch {
		case o.err == nil && o.wrote:
			kept++
			weight += o.weight
		case o.err != nil && !savepoints && len(batch) > 1:
			return true, w.rollback()
		}
	}
	if kept == 0 {
		return false, w.rollback()
	}
	return false, w.end(kept, weight)
}

// end commits the transaction of kept operations.
func (w *writer) end(kept, weight int) error {
	_, err := w.c.exec("UPDATE state SET commits = ?, content = ?, uidvalidity = ?",
		w.commits+1, w.s.lastContent.Load(), w.uidValidity)
	if err == nil {
		fault("write: before COMMIT")
		began := time.Now()
		_, err = w.c.exec("COMMIT")
		w.s.commitTimes.note(time.Since(began))
		if err != nil && isFatal(err, true) {
			return w.fail(err)
		}
	}
	if err != nil {
		w.rollback()
		return w.check(err, false)
	}
	fault("write: after COMMIT")
	w.commits++
	w.counter.set(w.commits)
	fault("write: before the answer")
	w.noteGrowth(weight + kept*2*pageSize)
	return nil
}

// runOne runs one operation and puts its error into it. The error returned is
// the transaction's: it is lost.
func (w *writer) runOne(o *operation, now time.Time, savepoint bool) error {
	if savepoint {
		if _, err := w.c.exec("SAVEPOINT op"); err != nil {
			return err
		}
	}
	err := w.call(o, now)
	if errors.Is(err, errPanicked) {
		o.broken = err
	}
	if isFatal(err, false) {
		return err
	}
	o.err = classify(err)
	switch {
	case !savepoint:
		return nil // attempt undoes what it did
	case err == nil:
		_, err = w.c.exec("RELEASE op")
		return err
	}
	// This fails when SQLite has dropped the whole transaction, as it does
	// when the disk is full.
	if _, e := w.c.exec("ROLLBACK TO op"); e != nil {
		return errors.Join(err, e)
	}
	_, err = w.c.exec("RELEASE op")
	return err
}

func (w *writer) call(o *operation, now time.Time) (err error) {
	defer w.s.recovered(&err)
	return o.fn(&writeTx{readTx{w.c}, w.s, now, o})
}

// rollback ends the transaction, if SQLite has not done so already.
func (w *writer) rollback() error {
	if _, err := w.c.exec("ROLLBACK"); err != nil && w.inTransaction() {
		return w.fail(err)
	}
	return nil
}

func (w *writer) inTransaction() bool {
	if _, err := w.c.exec("BEGIN"); err != nil {
		return true
	}
	w.c.exec("ROLLBACK")
	return false
}

// check passes an error on as the callers get it, and stops the store when it
// is one after which nothing may be written.
func (w *writer) check(err error, committing bool) error {
	if isFatal(err, committing) {
		return w.fail(err)
	}
	return classify(err)
}

// fail stops all writing for good.
func (w *writer) fail(err error) error {
	if w.failed == nil {
		w.failed = err
		w.s.report("the disk refused a write; nothing more is written", "err", err)
		close(w.s.failed)
	}
	return fmt.Errorf("%w (%w)", errFailed, err)
}
