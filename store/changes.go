package store

import (
	"context"

	"posthorn/internal/mail"
)

// Changes is what happened in a mailbox after a modification sequence.
type Changes struct {
	// Vanished were expunged.
	Vanished mail.UIDSet
	// Changed have another modification sequence than then: new messages and
	// changed flags, ascending by UID, at most as many as were asked for.
	Changed []Message
	// HighestModSeq is what to ask from next time.
	HighestModSeq mail.ModSeq
	// More: there was more than the limit; ask again at once.
	More bool
}

// ChangesSince tells what happened in a mailbox after since. It is the one
// query behind NOOP, IDLE, CONDSTORE and QRESYNC. mail.ErrNoSuchMailbox when
// the mailbox is gone.
func (s *Store) ChangesSince(ctx context.Context, mb MailboxID, since mail.ModSeq, limit int) (Changes, error) {
	return Changes{}, errNotBuilt
}

// FlagOp is how SetFlags treats the flags that are there.
type FlagOp int

const (
	FlagsReplace FlagOp = iota
	FlagsAdd
	FlagsRemove
)

// FlagResult is a message after SetFlags.
type FlagResult struct {
	UID    mail.UID
	Flags  mail.Flags
	ModSeq mail.ModSeq
}

// SetFlags changes flags of messages; those that are gone are passed over.
// unchangedSince, when not 0, leaves messages changed after it alone and
// returns them as modified (RFC 7162 §3.1.3). done holds all others, changed
// or not. One modification sequence serves the whole call.
func (s *Store) SetFlags(ctx context.Context, mb MailboxID, set mail.UIDSet, op FlagOp, flags mail.Flags, unchangedSince mail.ModSeq) (done []FlagResult, modified mail.UIDSet, err error) {
	return nil, nil, errNotBuilt
}

// Copied pairs source and destination UIDs in order, for COPYUID (RFC 4315).
type Copied struct {
	UIDValidity uint32
	From, To    []mail.UID
}

// CopyMessages copies messages into another mailbox (or the same), all or
// nothing. mail.ErrOverQuota, mail.ErrNoSuchMailbox.
func (s *Store) CopyMessages(ctx context.Context, from MailboxID, set mail.UIDSet, to MailboxID) (Copied, error) {
	return Copied{}, errNotBuilt
}

// MoveMessages moves messages in one transaction (RFC 6851).
func (s *Store) MoveMessages(ctx context.Context, from MailboxID, set mail.UIDSet, to MailboxID) (Copied, error) {
	return Copied{}, errNotBuilt
}

// Expunge removes those messages of set that are flagged \Deleted, or all of
// set when force is given (POP3's QUIT); a nil set means the whole mailbox.
func (s *Store) Expunge(ctx context.Context, mb MailboxID, set mail.UIDSet, force bool) (mail.UIDSet, error) {
	return nil, errNotBuilt
}
