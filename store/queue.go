package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"posthorn/internal/mail"
)

// Outbound is a message's envelope on its way out.
type Outbound struct {
	From       mail.Address
	Account    AccountID // who sent it; 0 for a bounce or a forwarded message
	Body       mail.BodyType
	UTF8       bool
	RequireTLS bool
	Return     mail.Return
	EnvelopeID string
	Recipients []mail.Recipient
}

// QueueEntry is one recipient of a queued message.
type QueueEntry struct {
	ID        QueueID // of the message; Recipient numbers within
	Recipient int
	Envelope  Outbound // with Recipients empty
	To        mail.Recipient
	Content   ContentID
	Size      int64
	Queued    time.Time
	Attempts  int
	LastTry   time.Time // zero: none yet
	NextTry   time.Time
	LastError string // the last reply or error, for the operator
	Delayed   bool   // a report of the delay has been sent
}

// QueueOutcome is what became of one entry.
type QueueOutcome struct {
	ID        QueueID
	Recipient int
	// Done removes the entry: delivered, or given up and reported.
	Done bool
	// Else it is tried again at NextTry.
	NextTry   time.Time
	LastError string
	Delayed   bool
}

// maxLastError is how much of an attempt's error is kept, in octets.
const maxLastError = 1 << 10

// queuePage is how many entries one read transaction reads.
const queuePage = 256

// entryKey names a queue entry.
type entryKey struct {
	id        QueueID
	recipient int
}

// leases are the entries that are being tried. They live in memory: whoever
// tries them dies with the process that holds the store, and then everything
// that is due is tried again. mu is held from before a read of the queue until
// its result is compared with held, and taken after the commit that ends a
// lease: so an entry is never handed out by what was true before that commit.
type leases struct {
	mu   sync.Mutex
	held map[entryKey]struct{}
}

// DueEntries returns up to limit entries whose NextTry has come, soonest
// first, and leases them: they are not returned again until FinishAttempt or
// ReleaseEntries. wanted, when not nil, is asked of each by its recipient's
// domain; it must not call the store.
func (s *Store) DueEntries(ctx context.Context, now time.Time, limit int, wanted func(domain string) bool) ([]QueueEntry, error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	var due []QueueEntry
	err := s.read(ctx, func(tx *readTx) error {
		keys, err := s.leases.free(tx, now, limit, wanted)
		if err != nil {
			return err
		}
		for _, k := range keys {
			e, err := scanEntry(tx.row(selectEntries+"WHERE r.message = ? AND r.n = ?", k.id, k.recipient))
			if err != nil {
				return err
			}
			due = append(due, e)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if s.leases.held == nil {
		s.leases.held = make(map[entryKey]struct{})
	}
	for i := range due {
		s.leases.held[due[i].key()] = struct{}{}
	}
	return due, nil
}

// free are up to limit entries that are due, not leased, and wanted. mu is
// held.
func (l *leases) free(tx *readTx, now time.Time, limit int, wanted func(domain string) bool) ([]entryKey, error) {
	rows, err := tx.query("SELECT message, n, domain FROM queue_recipients WHERE next_try <= ? ORDER BY next_try, message, n", millis(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []entryKey
	for len(keys) < limit && rows.Next() {
		var k entryKey
		var domain string
		if err := rows.Scan(&k.id, &k.recipient, &domain); err != nil {
			return nil, err
		}
		if _, leased := l.held[k]; !leased && (wanted == nil || wanted(domain)) {
			keys = append(keys, k)
		}
	}
	return keys, rows.Err()
}

// PullIn makes the entries due now whose NextTry is after latest, which none can
// be: it was set by a clock that was ahead, and has been set back since.
func (s *Store) PullIn(ctx context.Context, latest time.Time) error {
	var late bool
	err := s.readOne(ctx, func(tx *readTx) error {
		return tx.row("SELECT EXISTS (SELECT 1 FROM queue_recipients WHERE next_try > ?)", millis(latest)).Scan(&late)
	})
	if err != nil || !late {
		return err
	}
	return s.write(ctx, 0, func(tx *writeTx) error {
		_, err := tx.exec("UPDATE queue_recipients SET next_try = ? WHERE next_try > ?", min(millis(tx.now), millis(latest)), millis(latest))
		return err
	})
}

// Leased reports whether an entry that DueEntries returned is still to be
// tried: neither finished nor released nor deleted meanwhile.
func (s *Store) Leased(e *QueueEntry) bool {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	_, leased := s.leases.held[e.key()]
	return leased
}

// ReleaseEntries gives leased entries back untried.
func (s *Store) ReleaseEntries(entries []QueueEntry) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	for i := range entries {
		delete(s.leases.held, entries[i].key())
	}
}

// NextDue is the soonest NextTry after a time, of all entries that are not
// leased; zero when there is none.
func (s *Store) NextDue(ctx context.Context, after time.Time) (next time.Time, err error) {
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query("SELECT next_try, message, n FROM queue_recipients WHERE next_try > ? ORDER BY next_try, message, n", millis(after))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k entryKey
			var at int64
			if err := rows.Scan(&at, &k.id, &k.recipient); err != nil {
				return err
			}
			if _, leased := s.leases.held[k]; !leased {
				next = fromMillis(at)
				break
			}
		}
		return rows.Err()
	})
	return next, err
}

// QueueWatch is woken when entries come or become due by an operator's hand.
func (s *Store) QueueWatch() *Watcher { return s.watchers.add(topic{queueTopic, 0}) }

// QueueEntries lists the queue for the operator, oldest first. id 0: all.
func (s *Store) QueueEntries(ctx context.Context, id QueueID) (all []QueueEntry, err error) {
	var last QueueEntry
	for {
		page, err := s.QueuePage(ctx, id, last.ID, last.Recipient)
		all = append(all, page...)
		if err != nil || len(page) < queuePage {
			return all, err
		}
		last = page[len(page)-1]
	}
}

// QueuePage is some hundred entries of what QueueEntries lists: those behind the
// one of this message and recipient, 0 and 0 for the first. An empty page is the
// end.
func (s *Store) QueuePage(ctx context.Context, id, last QueueID, recipient int) (page []QueueEntry, err error) {
	highest := id
	switch {
	case id == 0:
		highest = math.MaxInt64
	case last == 0:
		last, recipient = id, -1
	}
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query(selectEntries+`WHERE (r.message, r.n) > (?, ?) AND r.message <= ?
			ORDER BY r.message, r.n LIMIT ?`, last, recipient, highest, queuePage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			e, err := scanEntry(rows)
			if err != nil {
				return err
			}
			page = append(page, e)
		}
		return rows.Err()
	})
	return page, err
}

// FinishAttempt records outcomes, and stores reports (bounces, each with an
// empty sender) in the same transaction. The entries are leased no more.
// Entries that were deleted meanwhile are passed over.
func (s *Store) FinishAttempt(ctx context.Context, outcomes []QueueOutcome, reports ...Delivery) error {
	weight, err := prepare(reports)
	if err != nil {
		return err
	}
	fault("finish: before")
	err = s.write(ctx, weight+len(outcomes)*queueRowWeight, func(tx *writeTx) error {
		for i := range outcomes {
			if err := tx.finishEntry(&outcomes[i]); err != nil {
				return err
			}
		}
		_, err := tx.accept(reports)
		fault("finish: in the transaction")
		return err
	})
	if err != nil {
		return err
	}
	fault("finish: committed")
	taken(reports)
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	for i := range outcomes {
		delete(s.leases.held, entryKey{outcomes[i].ID, outcomes[i].Recipient})
	}
	return nil
}

// queueRowWeight is about what a change of one entry writes, in octets.
const queueRowWeight = 256

// finishEntry carries out one outcome.
func (tx *writeTx) finishEntry(o *QueueOutcome) error {
	if !o.Done {
		_, err := tx.exec(`UPDATE queue_recipients
			SET attempts = attempts + 1, last_try = ?, next_try = ?, last_error = ?, delayed = ?
			WHERE message = ? AND n = ?`,
			millis(tx.now), millis(o.NextTry), o.LastError[:min(len(o.LastError), maxLastError)], o.Delayed, o.ID, o.Recipient)
		return err
	}
	n, err := tx.exec("DELETE FROM queue_recipients WHERE message = ? AND n = ?", o.ID, o.Recipient)
	if err != nil || n == 0 {
		return err
	}
	var left bool
	err = tx.row("SELECT EXISTS (SELECT 1 FROM queue_recipients WHERE message = ?)", o.ID).Scan(&left)
	if err != nil || left {
		return err
	}
	return tx.dequeue(o.ID)
}

// RetryQueue makes entries due now; id 0 means all. It returns how many. The
// order in which they were due is kept.
func (s *Store) RetryQueue(ctx context.Context, id QueueID) (int, error) {
	var n int64
	err := s.write(ctx, queueRowWeight, func(tx *writeTx) (err error) {
		tx.touchQueue()
		n, err = tx.exec("UPDATE queue_recipients SET next_try = min(next_try, ?) WHERE ? = 0 OR message = ?", millis(tx.now), id, id)
		if err == nil && n == 0 && id != 0 {
			return fmt.Errorf("queued message %d: %w", id, mail.ErrNotFound)
		}
		return err
	})
	return int(n), err
}

// DeleteQueue drops a queued message without a bounce. mail.ErrNotFound. A
// recipient to whom it is just being sent may get it still.
func (s *Store) DeleteQueue(ctx context.Context, id QueueID) error {
	err := s.write(ctx, queueRowWeight, func(tx *writeTx) error { return tx.dequeue(id) })
	if err != nil {
		return err
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	for k := range s.leases.held {
		if k.id == id {
			delete(s.leases.held, k)
		}
	}
	return nil
}

// enqueue puts a message with its recipients into the queue, due at once. The
// caller counts the reference to its content.
func (tx *writeTx) enqueue(out *Outbound, content ContentID, size int64) (QueueID, error) {
	now := millis(tx.now)
	id, err := tx.insert(`INSERT INTO queue_messages
		(content, size, account, sender_local, sender_domain, body, utf8, require_tls, ret, envelope_id, queued)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		content, size, out.Account, out.From.Local, out.From.Domain, string(out.Body), out.UTF8, out.RequireTLS,
		string(out.Return), out.EnvelopeID, now)
	if err != nil {
		return 0, err
	}
	for n := range out.Recipients {
		to := &out.Recipients[n]
		_, err := tx.exec(`INSERT INTO queue_recipients
			(message, n, local, domain, notify, original_type, original, next_try) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			id, n, to.Address.Local, to.Address.Domain, to.Notify, to.OriginalType, to.Original, now)
		if err != nil {
			return 0, err
		}
	}
	tx.touchQueue()
	return QueueID(id), nil
}

// dequeue removes a message with what recipients it has left.
func (tx *writeTx) dequeue(id QueueID) error {
	var content ContentID
	err := tx.row("SELECT content FROM queue_messages WHERE id = ?", id).Scan(&content)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("queued message %d: %w", id, mail.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM queue_messages WHERE id = ?", id); err != nil {
		return err
	}
	return tx.unref(content)
}

const selectEntries = `SELECT r.message, r.n, m.sender_local, m.sender_domain, m.account, m.body, m.utf8,
	m.require_tls, m.ret, m.envelope_id, r.local, r.domain, r.notify, r.original_type, r.original,
	m.content, m.size, m.queued, r.attempts, r.last_try, r.next_try, r.last_error, r.delayed
	FROM queue_recipients r JOIN queue_messages m ON m.id = r.message `

// scanEntry reads a row of selectEntries.
func scanEntry(row interface{ Scan(dest ...any) error }) (e QueueEntry, err error) {
	var queued, last, next int64
	env := &e.Envelope
	err = row.Scan(&e.ID, &e.Recipient, &env.From.Local, &env.From.Domain, &env.Account, &env.Body, &env.UTF8,
		&env.RequireTLS, &env.Return, &env.EnvelopeID, &e.To.Address.Local, &e.To.Address.Domain, &e.To.Notify,
		&e.To.OriginalType, &e.To.Original,
		&e.Content, &e.Size, &queued, &e.Attempts, &last, &next, &e.LastError, &e.Delayed)
	e.Queued, e.LastTry, e.NextTry = fromMillis(queued), fromMillis(last), fromMillis(next)
	return e, err
}

func (e *QueueEntry) key() entryKey { return entryKey{e.ID, e.Recipient} }
