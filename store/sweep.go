package store

import (
	"context"
	"slices"
	"sync"

	"posthorn/internal/mail"
)

// Bounds of one step of the sweep, which holds the writer up.
const (
	sweepContents = 64
	sweepChunks   = 64
	sweepMessages = 500
)

// sweeper removes in the background, bit by bit, what nothing refers to any
// more: contents without references, staged bodies that were given up,
// mailboxes that were deleted.
type sweeper struct {
	s    *Store
	wake chan struct{} // holds one
	quit context.CancelFunc
	done chan struct{}

	mu      sync.Mutex
	aborted []ContentID // staged bodies that were given up
	buried  []MailboxID // mailboxes with too many tombstones
}

func newSweeper(s *Store) *sweeper {
	return &sweeper{s: s, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// signal says that there may be something to sweep.
func (w *sweeper) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// abort gives a staged body to the sweep.
func (w *sweeper) abort(id ContentID) {
	w.mu.Lock()
	w.aborted = append(w.aborted, id)
	w.mu.Unlock()
	w.signal()
}

// tooMany says that a mailbox has too many tombstones.
func (w *sweeper) tooMany(mb MailboxID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Contains(w.buried, mb) {
		w.buried = append(w.buried, mb)
	}
}

// start begins with what a crash left: bodies that were being staged.
func (w *sweeper) start() {
	ctx, quit := context.WithCancel(context.Background())
	w.quit = quit
	go w.run(ctx)
}

// close may be called more than once.
func (w *sweeper) close() {
	w.quit()
	<-w.done
}

func (w *sweeper) run(ctx context.Context) {
	defer close(w.done)
	for {
		if err := w.sweep(ctx); err != nil && ctx.Err() == nil {
			w.s.report("sweeping failed; it is tried again when there is more to sweep", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
		}
	}
}

// sweep works until there is nothing left, one small operation at a time, so
// that others get their turn between them.
func (w *sweeper) sweep(ctx context.Context) error {
	if err := w.sweepNoted(ctx); err != nil {
		return err
	}
	for _, step := range []func(tx *writeTx) (more bool, err error){
		(*writeTx).sweepMailboxes,
		(*writeTx).sweepContents,
	} {
		for more := true; more; {
			err := w.s.write(ctx, 1<<20, func(tx *writeTx) (err error) {
				more, err = step(tx)
				return err
			})
			if err != nil {
				return err
			}
			fault("sweep: between steps")
		}
	}
	return nil
}

// sweepNoted turns staged bodies that were given up into garbage, and prunes
// tombstones. What fails here is found again: the bodies at the next start,
// the tombstones by the next expunge.
func (w *sweeper) sweepNoted(ctx context.Context) error {
	w.mu.Lock()
	aborted, buried := w.aborted, w.buried
	w.aborted, w.buried = nil, nil
	w.mu.Unlock()
	for _, id := range aborted {
		err := w.s.write(ctx, 0, func(tx *writeTx) error {
			_, err := tx.exec("UPDATE garbage SET staged = 0 WHERE content = ?", id)
			fault("sweep: a staged body given up")
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, mb := range buried {
		if err := w.s.write(ctx, 0, func(tx *writeTx) error { return tx.pruneTombstones(mb, maxTombstones) }); err != nil {
			return err
		}
	}
	return nil
}

// sweepContents removes contents without references.
func (tx *writeTx) sweepContents() (more bool, err error) {
	ids, err := tx.ids("SELECT content FROM garbage WHERE staged = 0 LIMIT ?", sweepContents)
	if err != nil {
		return false, err
	}
	chunks := int64(0)
	for _, id := range ids {
		// The row goes first: who still reads it is told that it is gone, not
		// that it is damaged.
		for _, query := range []string{
			"DELETE FROM contents WHERE id = ?",
			"DELETE FROM meta WHERE content = ?",
			"DELETE FROM sortkeys WHERE content = ?",
		} {
			if _, err := tx.exec(query, id); err != nil {
				return false, err
			}
		}
		n, err := tx.exec("DELETE FROM chunks WHERE key IN (SELECT key FROM chunks WHERE key >= ? AND key < ? LIMIT ?)",
			chunkKey(id, 0), chunkKey(id+1, 0), sweepChunks)
		if err != nil {
			return false, err
		}
		fault("sweep: a content's chunks deleted")
		if chunks += n; chunks >= sweepChunks {
			return true, nil // this content may have more of them
		}
		if _, err := tx.exec("DELETE FROM garbage WHERE content = ?", id); err != nil {
			return false, err
		}
	}
	return len(ids) == sweepContents, nil
}

// ids runs a query of one column of content ids.
func (tx *readTx) ids(query string, args ...any) ([]ContentID, error) {
	rows, err := tx.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []ContentID
	for rows.Next() {
		var id ContentID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// sweepMailboxes empties mailboxes that were deleted, and then removes them.
func (tx *writeTx) sweepMailboxes() (more bool, err error) {
	var mb MailboxID
	err = tx.row("SELECT id FROM mailboxes WHERE account IS NULL LIMIT 1").Scan(&mb)
	if err != nil {
		return false, notFound(err, nil)
	}
	list, err := tx.items(mb, mail.AllUIDs(), false, sweepMessages)
	if err != nil {
		return false, err
	}
	if len(list) > 0 {
		if err := tx.deleteRows(mb, list); err != nil {
			return false, err
		}
		fault("sweep: some of a mailbox's messages deleted")
		return true, tx.unref(contentsOf(list)...)
	}
	n, err := tx.exec("DELETE FROM tombstones WHERE (mailbox, modseq, first) IN (SELECT mailbox, modseq, first FROM tombstones WHERE mailbox = ? LIMIT ?)", mb, sweepMessages)
	if err != nil || n == sweepMessages {
		return true, err
	}
	_, err = tx.exec("DELETE FROM mailboxes WHERE id = ?", mb)
	fault("sweep: a mailbox deleted")
	return true, err
}
