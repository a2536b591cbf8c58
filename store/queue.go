package store

import (
	"context"
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

// DueEntries returns up to limit entries whose NextTry has come, soonest
// first, leaving out those that Lease holds.
func (s *Store) DueEntries(ctx context.Context, now time.Time, limit int) ([]QueueEntry, error) {
	return nil, errNotBuilt
}

// NextDue is the soonest NextTry of all entries; zero when the queue is empty.
func (s *Store) NextDue(ctx context.Context) (time.Time, error) { return time.Time{}, errNotBuilt }

// QueueWatch is woken when entries come or become due by an operator's hand.
func (s *Store) QueueWatch() *Watcher { return &Watcher{} }

// QueueEntries lists the queue for the operator, oldest first. id 0: all.
func (s *Store) QueueEntries(ctx context.Context, id QueueID) ([]QueueEntry, error) {
	return nil, errNotBuilt
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

// FinishAttempt records outcomes, and stores reports (bounces, each with an
// empty sender) in the same transaction.
func (s *Store) FinishAttempt(ctx context.Context, outcomes []QueueOutcome, reports ...Delivery) error {
	return errNotBuilt
}

// RetryQueue makes entries due now; id 0 means all. It returns how many.
func (s *Store) RetryQueue(ctx context.Context, id QueueID) (int, error) { return 0, errNotBuilt }

// DeleteQueue drops a queued message without a bounce. mail.ErrNotFound.
func (s *Store) DeleteQueue(ctx context.Context, id QueueID) error { return errNotBuilt }
