package store

import (
	"context"
	"time"

	"posthorn/internal/mail"
)

// Query is a search criterion; the types below are the kinds there are.
type Query interface{ query() }

type (
	// And matches what all match; of none, everything.
	And []Query
	// Or matches what any matches; of none, nothing.
	Or []Query
	// Not matches what Q does not.
	Not struct{ Q Query }
	// InSet matches UIDs in the set.
	InSet struct{ Set mail.UIDSet }
	// HasFlag matches a system flag (`\Seen`) or keyword.
	HasFlag struct{ Name string }
	// Larger and Smaller compare RFC822.SIZE, both strictly.
	Larger  struct{ Size int64 }
	Smaller struct{ Size int64 }
	// Dated matches dates from Since (included) to Before (not included); a
	// zero time leaves that side open. Only the day counts, without regard to
	// time and zone (RFC 9051 §6.4.4), unless Exact (RFC 5032).
	Dated struct {
		Field         DateField
		Since, Before time.Time
		Exact         bool
	}
	// HasText matches a substring under i;unicode-casemap. An empty Value
	// matches any message that has the field.
	HasText struct {
		In    TextField
		Name  string // of InHeader
		Value string
	}
	// ModSeqAtLeast matches modification sequences (RFC 7162 §3.1.5).
	ModSeqAtLeast struct{ ModSeq mail.ModSeq }
)

func (And) query()           {}
func (Or) query()            {}
func (Not) query()           {}
func (InSet) query()         {}
func (HasFlag) query()       {}
func (Larger) query()        {}
func (Smaller) query()       {}
func (Dated) query()         {}
func (HasText) query()       {}
func (ModSeqAtLeast) query() {}

// DateField names a date.
type DateField int

const (
	InternalDate DateField = iota
	SentDate
	SavedDate
)

// TextField names where HasText looks.
type TextField int

const (
	InText   TextField = iota // header and body
	InBody                    // body alone
	InHeader                  // the field Name; From, To, Cc, Bcc and Subject too
)

// Search returns the matching messages, ascending by UID.
func (s *Store) Search(ctx context.Context, mb MailboxID, q Query) ([]SearchHit, error) {
	return nil, errNotBuilt
}

// SearchHit is one matching message.
type SearchHit struct {
	UID    mail.UID
	ModSeq mail.ModSeq
}
