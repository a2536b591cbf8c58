package store

import (
	"context"
	"fmt"
)

// Bounds of the write-ahead log, in octets.
const (
	// walLook is how much is written before its size is looked at again.
	walLook = 8 << 20
	// walStart is the size at which it is copied back into the database. Most
	// of that goes on beside the writer; then the writer pauses for the rest,
	// since a log that grows while it is copied never begins anew.
	walStart = 64 << 20
	// walPauseTimeout is how long, in milliseconds, the pause may wait for
	// readers to leave the log.
	walPauseTimeout = 100
)

// checkpointer copies the write-ahead log into the database, on a connection
// and in a goroutine of its own.
type checkpointer struct {
	s    *Store
	c    *conn
	grew chan struct{} // holds one
	quit chan struct{}
	done chan struct{}
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
	return &checkpointer{s: s, c: c, grew: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}, nil
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
	size, err := k.checkpoint("PRAGMA wal_checkpoint(NOOP)")
	if err != nil || size < walStart {
		return err
	}
	if _, err := k.checkpoint("PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return err
	}
	return k.s.writer.pause(func() error {
		_, err := k.checkpoint("PRAGMA wal_checkpoint(RESTART)")
		return err
	})
}

// checkpoint runs one of the kinds of checkpoint and returns the octets that
// are in the log. That readers kept it from the end is no error.
func (k *checkpointer) checkpoint(pragma string) (size int64, err error) {
	var busy, frames, copied int64
	s, err := k.c.stmt(pragma)
	if err != nil {
		return 0, err
	}
	err = s.QueryRowContext(context.Background()).Scan(&busy, &frames, &copied)
	return frames * (pageSize + 24), err
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
