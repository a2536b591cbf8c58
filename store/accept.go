package store

import (
	"context"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// Body is a message on its way in. Write its octets, then hand it to Accept,
// or Abort it. Past a megabyte its chunks are staged on disk, so that no
// connection holds a large message in memory; what is aborted is swept.
type Body struct{}

// NewBody begins a message of at most Config.MaxMessage octets.
func (s *Store) NewBody(ctx context.Context) *Body { return &Body{} }

// Write adds octets. mail.ErrTooLarge past the limit, mail.ErrNoSpace,
// mail.ErrUnavailable; after an error the body can only be aborted.
func (b *Body) Write(p []byte) (int, error) { return 0, errNotBuilt }

// Finish ends the message and returns what the parser found. It may be called
// once, before Accept, or left to Accept.
func (b *Body) Finish() (*message.Parsed, error) { return nil, errNotBuilt }

// Abort gives the message up. After Accept it does nothing.
func (b *Body) Abort() {}

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
}

// Accepted says what became of a Delivery.
type Accepted struct {
	Content ContentID
	Placed  []Placed // one for each of Copies
	Queue   QueueID  // 0 when nothing was queued
}

// Accept stores deliveries in one transaction and returns when it is on stable
// storage. All or nothing. mail.ErrOverQuota, mail.ErrNoSuchMailbox,
// mail.ErrNoSpace, mail.ErrUnavailable.
func (s *Store) Accept(ctx context.Context, ds ...Delivery) ([]Accepted, error) {
	return nil, errNotBuilt
}

// CheckQuota reports mail.ErrOverQuota when size more octets do not fit.
func (s *Store) CheckQuota(ctx context.Context, id AccountID, size int64) error { return errNotBuilt }
