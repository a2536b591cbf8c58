package store

import (
	"context"

	"posthorn/internal/mail"
)

// Mailbox is a mailbox's row with its counters, as of one moment.
type Mailbox struct {
	ID          MailboxID
	Account     AccountID
	Name        string // UTF-8, levels parted by "/"; INBOX in capitals
	SpecialUse  string // such as `\Sent` (RFC 6154), or empty
	Subscribed  bool
	UIDValidity uint32
	UIDNext     mail.UID
	// HighestModSeq is that of the mailbox (RFC 7162 §3.1.2.1).
	HighestModSeq mail.ModSeq
	Messages      uint32
	Unseen        uint32
	Deleted       uint32
	Bytes         int64
	Keywords      []string // those in use or ever used, for FLAGS
}

// Mailboxes lists an account's mailboxes, sorted by name, INBOX first.
func (s *Store) Mailboxes(ctx context.Context, id AccountID) ([]Mailbox, error) {
	return nil, errNotBuilt
}

// MailboxByName finds a mailbox; INBOX without regard to case.
// mail.ErrNoSuchMailbox.
func (s *Store) MailboxByName(ctx context.Context, id AccountID, name string) (Mailbox, error) {
	return Mailbox{}, errNotBuilt
}

// MailboxByID finds a mailbox. mail.ErrNoSuchMailbox when it is gone.
func (s *Store) MailboxByID(ctx context.Context, id MailboxID) (Mailbox, error) {
	return Mailbox{}, errNotBuilt
}

// CreateMailbox makes a mailbox and the levels above it that are missing.
// use is a special use or empty. mail.ErrExists, mail.ErrInvalid.
func (s *Store) CreateMailbox(ctx context.Context, id AccountID, name, use string) (Mailbox, error) {
	return Mailbox{}, errNotBuilt
}

// DeleteMailbox removes a mailbox with its messages. One with children stays
// as a level without messages (RFC 9051 §6.3.5 says how it is listed); INBOX
// is refused with mail.ErrNotPermitted.
func (s *Store) DeleteMailbox(ctx context.Context, id AccountID, name string) error {
	return errNotBuilt
}

// RenameMailbox renames a mailbox with its children. Renaming INBOX moves its
// messages to a new mailbox (RFC 9051 §6.3.6).
func (s *Store) RenameMailbox(ctx context.Context, id AccountID, from, to string) error {
	return errNotBuilt
}

// SetSubscribed notes a subscription; names that no mailbox has may be
// subscribed too (RFC 9051 §6.3.7). Subscriptions lists them.
func (s *Store) SetSubscribed(ctx context.Context, id AccountID, name string, on bool) error {
	return errNotBuilt
}
func (s *Store) Subscriptions(ctx context.Context, id AccountID) ([]string, error) {
	return nil, errNotBuilt
}
