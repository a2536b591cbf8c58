package store

import (
	"context"
	"fmt"
	"sync"
)

const (
	// walStart is the size in octets at which the write-ahead log is copied
	// back into the database. Most of that goes on beside the writer; then the
	// writer pauses for the rest, since a log that grows while it is copied
	// never begins anew. At twice that size the writer waits for it. The fsync
	// of the database, and what is left for the pause, grow with it; but one
	// delivery in a hundred meets a pause when there are many: with 16 MiB the
	// 99th of 100 took 9 to 10 ms at 8 connections, with 32 MiB 7 to 9.
	walStart = 32 << 20
	// walPauseTimeout is how long, in milliseconds, the pause may wait for
	// readers to leave the log.
	walPauseTimeout = 50
	// frameSize is what a page takes in the log.
	frameSize = pageSize + 24
)

// checkpointer copies the write-ahead log into the database, on a connection
// and in a goroutine of its own.
type checkpointer struct {
	s    *Store
	grew chan struct{} // holds one
	quit chan struct{}
	done chan struct{}
	// start is walStart; tests have less.
	start int64

	mu sync.Mutex // guards c
	c  *conn
}

func newCheckpointer(ctx context.Context, s *Store, path string) (*checkpointer, error) {
	c, err := openConn(ctx, path, false)
	if err != nil {
		return nil, err
	}
	for _, pragma := range []string{
		fmt.Sprintf("PRAGMA busy_timeout = %d", walPauseTimeout),
		"PRAGMA cache_size = -256",
	} {
		if _, err := c.c.ExecContext(ctx, pragma); err != nil {
			c.close()
			return nil, err
		}
	}
	return &checkpointer{
		s: s, c: c, start: walStart,
		grew: make(chan struct{}, 1),
		quit: make(chan struct{}),
		done: make(chan struct{}),
	}, nil
}

func (k *checkpointer) run() {
	defer close(k.done)
	for {
		select {
		case <-k.quit:
			return
		case <-k.grew:
		}
		if err := k.look(); err != nil {
			k.s.report("checkpoint failed", "err", err)
		}
	}
}

func (k *checkpointer) close() error {
	close(k.quit)
	<-k.done
	return k.c.close()
}

// look begins a checkpoint when the log is large enough.
func (k *checkpointer) look() error {
	size, _, err := k.checkpoint("PRAGMA wal_checkpoint(NOOP)")
	if err != nil || size < k.start {
		return err
	}
	_, _, err = k.checkpoint("PRAGMA wal_checkpoint(PASSIVE)")
	fault("checkpoint: half done")
	return k.s.writer.pause(func() error {
		if err != nil {
			return err // which may be one after which nothing is written
		}
		return k.s.writer.restartLog()
	})
}

// checkpoint runs one of the kinds of checkpoint. It returns the octets that
// are in the log, and whether somebody kept it from the end.
func (k *checkpointer) checkpoint(pragma string) (size int64, busy bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var frames, copied int64
	s, err := k.c.stmt(pragma)
	if err != nil {
		return 0, false, err
	}
	err = s.QueryRowContext(context.Background()).Scan(&busy, &frames, &copied)
	return frames * frameSize, busy, err
}

// restartLog copies what is left in the log, so that the next commit begins it
// anew. It is called between two transactions, in the writer's goroutine.
func (w *writer) restartLog() error {
	_, busy, err := w.s.checkpointer.checkpoint("PRAGMA wal_checkpoint(RESTART)")
	fault("checkpoint: done")
	if err == nil && !busy {
		w.logged = 0
	}
	return err
}

// noteGrowth takes note of about n octets that were written to the log. It
// tells the checkpointer now and then; and where that cannot keep up, it is
// the writer that waits.
func (w *writer) noteGrowth(n int) {
	k := w.s.checkpointer
	w.logged += int64(n)
	if w.grown += int64(n); w.grown < k.start/8 {
		return
	}
	w.grown = 0
	if w.logged >= 2*k.start {
		if err := w.restartLog(); err != nil {
			w.check(err, true)
		}
	}
	select {
	case k.grew <- struct{}{}:
	default:
	}
}

// pause runs fn while the writer has no transaction open and begins none.
func (w *writer) pause(fn func() error) error {
	var err error
	done := make(chan struct{})
	wrapped := func() {
		defer close(done)
		if w.failed == nil {
			if err = fn(); isFatal(err, true) {
				// An fsync of the database file failed: the log must not be
				// begun anew as if it were there.
				err = w.fail(err)
			}
		}
	}
	select {
	case w.between <- wrapped:
		<-done
		return err
	case <-w.done:
		return nil
	}
}
