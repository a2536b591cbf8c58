package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"posthorn/internal/mail"
)

// Delivery is a message and everywhere it goes, all of it in one transaction.
type Delivery struct {
	Body   *Body
	Copies []Copy
	// Queue, when set, puts the message into the outbound queue.
	Queue *Outbound
}

// Copy is one recipient's copy.
type Copy struct {
	Account AccountID
	Mailbox MailboxID // 0: the account's INBOX
	Flags   mail.Flags
	// Date is the INTERNALDATE; zero means now.
	Date time.Time
	// Trace is put before the message's octets in this copy only (Return-Path,
	// Delivered-To): whole header lines ending in CRLF.
	Trace []byte
	// IgnoreQuota delivers even when the account is over its quota.
	IgnoreQuota bool
}

// Placed says where a copy went.
type Placed struct {
	Mailbox     MailboxID
	UIDValidity uint32
	UID         mail.UID
	ModSeq      mail.ModSeq
}

// Accepted says what became of a Delivery.
type Accepted struct {
	Content ContentID
	Placed  []Placed // one for each of Copies
	Queue   QueueID  // 0 when nothing was queued
}

// Accept stores deliveries in one transaction and returns when it is on stable
// storage. All or nothing; after an error the bodies may be accepted again or
// aborted. mail.ErrOverQuota, mail.ErrNoSuchUser, mail.ErrNoSuchMailbox,
// mail.ErrNoSpace, mail.ErrUnavailable.
func (s *Store) Accept(ctx context.Context, ds ...Delivery) ([]Accepted, error) {
	wait, err := s.BeginAccept(ctx, ds...)
	if err != nil {
		return nil, err
	}
	return wait()
}

// BeginAccept is Accept without waiting for the storage: wait does, and must be
// called, before the bodies are touched again. What one goroutine begins is
// stored in that order.
func (s *Store) BeginAccept(ctx context.Context, ds ...Delivery) (wait func() ([]Accepted, error), err error) {
	weight, err := prepare(ds)
	if err != nil {
		return nil, err
	}
	var out []Accepted
	done, err := s.begin(ctx, weight, func(tx *writeTx) (err error) {
		out, err = tx.accept(ds)
		fault("accept: in the transaction")
		return err
	})
	if err != nil {
		return nil, err
	}
	return func() ([]Accepted, error) {
		if err := done(); err != nil {
			return nil, err
		}
		fault("accept: committed")
		taken(ds)
		return out, nil
	}, nil
}

// prepare ends the bodies, which does all the work that needs no transaction,
// and returns about how many octets accepting them writes. After the
// transaction is committed, taken ends it.
func prepare(ds []Delivery) (weight int, err error) {
	for _, d := range ds {
		if d.Body == nil || d.Body.taken {
			return 0, errors.New("store: a delivery without a body, or with one that was taken or aborted")
		}
		if len(d.Copies) == 0 && d.Queue == nil {
			return 0, errors.New("store: a delivery to nobody")
		}
		if _, err := d.Body.Finish(); err != nil {
			return 0, err
		}
		weight += d.Body.rowWeight() + len(d.Copies)*(pageSize+len(d.Body.row.envelope))
	}
	return weight, nil
}

// taken notes that the deliveries are stored.
func taken(ds []Delivery) {
	for _, d := range ds {
		d.Body.taken = true
		d.Body.dropChunks()
		d.Body.unweigh()
	}
}

// accept stores deliveries that were prepared.
func (tx *writeTx) accept(ds []Delivery) ([]Accepted, error) {
	out := make([]Accepted, len(ds))
	for i := range ds {
		d, a := &ds[i], &out[i]
		a.Content = d.Body.id
		refs := len(d.Copies)
		if d.Queue != nil {
			refs++
		}
		if err := tx.insertContent(d.Body, refs); err != nil {
			return nil, err
		}
		for j := range d.Copies {
			p, err := tx.place(d.Body, &d.Copies[j])
			if err != nil {
				return nil, err
			}
			a.Placed = append(a.Placed, p)
		}
		if d.Queue != nil {
			id, err := tx.enqueue(d.Queue, d.Body.id, d.Body.size)
			if err != nil {
				return nil, err
			}
			a.Queue = id
		}
	}
	return out, nil
}

// place puts a copy into its mailbox.
func (tx *writeTx) place(b *Body, c *Copy) (Placed, error) {
	size := b.size + int64(len(c.Trace))
	modseq, err := tx.charge(c.Account, size, 1, c.IgnoreQuota)
	if err != nil {
		return Placed{}, err
	}
	unseen, deleted := counts(c.Flags.System)
	var p Placed
	var keywords string
	var uid int64
	if c.Mailbox == 0 {
		err = tx.update(`UPDATE mailboxes SET uidnext = uidnext + 1, modseq = ?, messages = messages + 1,
			unseen = unseen + ?, deleted = deleted + ?, bytes = bytes + ?
			WHERE account = ? AND name = 'INBOX' RETURNING id, uidvalidity, uidnext - 1, keywords`,
			int64(modseq), unseen, deleted, size, c.Account).Scan(&p.Mailbox, &p.UIDValidity, &uid, &keywords)
	} else {
		err = tx.update(`UPDATE mailboxes SET uidnext = uidnext + 1, modseq = ?, messages = messages + 1,
			unseen = unseen + ?, deleted = deleted + ?, bytes = bytes + ?
			WHERE id = ? AND account = ? RETURNING id, uidvalidity, uidnext - 1, keywords`,
			int64(modseq), unseen, deleted, size, c.Mailbox, c.Account).Scan(&p.Mailbox, &p.UIDValidity, &uid, &keywords)
	}
	if err != nil {
		return Placed{}, notFound(err, mail.ErrNoSuchMailbox)
	}
	if uid >= maxUID {
		return Placed{}, errUIDsUsedUp
	}
	p.UID, p.ModSeq = mail.UID(uid), modseq
	flags, err := tx.useKeywords(p.Mailbox, keywords, c.Flags)
	if err != nil {
		return Placed{}, err
	}
	date := c.Date
	if date.IsZero() {
		date = tx.now
	}
	var trace any
	if len(c.Trace) > 0 {
		trace = c.Trace
	}
	_, err = tx.exec(`INSERT INTO messages (mailbox, uid, content, modseq, flags, keywords, date, sent, saved, size, trace, envelope)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.Mailbox, uid, b.id, int64(modseq), int64(flags.System), joinKeywords(flags.Keywords),
		zonedTime(date), b.row.sent, tx.now.Unix(), size, trace, b.row.envelope)
	tx.touch(c.Account, p.Mailbox)
	return p, err
}

// counts is what a message with these flags adds to its mailbox's counters.
func counts(f mail.SystemFlags) (unseen, deleted int64) {
	if f&mail.Seen == 0 {
		unseen = 1
	}
	if f&mail.Deleted != 0 {
		deleted = 1
	}
	return unseen, deleted
}

// errUIDsUsedUp: a mailbox has given all of the 2^32-1 UIDs that there are.
var errUIDsUsedUp = fmt.Errorf("the mailbox has given all its UIDs; rename it and make a new one: %w", mail.ErrNotPermitted)

const maxUID = math.MaxUint32
