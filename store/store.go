// Package store keeps accounts, mailboxes, messages and the outbound queue in
// one SQLite file. It is the only package that knows that there is SQLite.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

var errNotBuilt = errors.New("store: not built yet")

// Config says where the store is and what bounds it. The zero value of every
// field but Dir is useful.
type Config struct {
	// Dir is the data folder; it is made (0700) when it is not there.
	Dir string
	// MaxMessage is the most octets of one message; 0 means 50 MiB.
	MaxMessage int64
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Report is told of what happens in the background (a sweep that failed, a
	// commit missing at start); nil drops it. The keys and values are slog's.
	Report func(msg string, args ...any)
}

// Store is an open store. Its methods may be called from many goroutines.
type Store struct{}

// Open opens the store in cfg.Dir, makes it when it is not there, brings its
// schema up to date, and takes the lock that keeps other processes out
// (mail.ErrInUse when one has it).
func Open(ctx context.Context, cfg Config) (*Store, error) { return nil, errNotBuilt }

// Close waits for what is being written and closes the store.
func (s *Store) Close() error { return errNotBuilt }

// Failed is closed when the disk refused a write that may not be retried (EIO
// on fsync). Every write fails from then on with mail.ErrUnavailable; the
// process should end.
func (s *Store) Failed() <-chan struct{} { return nil }

type (
	AccountID int64
	MailboxID int64
	// ContentID names a stored message's content, shared by all copies
	// (RFC 8474's EMAILID).
	ContentID int64
	QueueID   int64
)

// ---- domains, accounts, aliases ----

// Account is one person's mail.
type Account struct {
	ID       AccountID
	Address  mail.Address
	Disabled bool
	Created  time.Time
	Quota    Quota
	Usage    Quota
}

// Quota is an amount of mail; as a limit, 0 means none.
type Quota struct{ Bytes, Messages int64 }

func (s *Store) AddDomain(ctx context.Context, domain string) error    { return errNotBuilt }
func (s *Store) DeleteDomain(ctx context.Context, domain string) error { return errNotBuilt }
func (s *Store) Domains(ctx context.Context) ([]string, error)         { return nil, errNotBuilt }

// AddAccount makes an account with the default mailboxes and credentials.
// mail.ErrExists, mail.ErrNotLocal.
func (s *Store) AddAccount(ctx context.Context, addr mail.Address, creds []Credential) (Account, error) {
	return Account{}, errNotBuilt
}

// Account finds an account by its own address, without regard to case.
// mail.ErrNoSuchUser.
func (s *Store) Account(ctx context.Context, addr mail.Address) (Account, error) {
	return Account{}, errNotBuilt
}
func (s *Store) AccountByID(ctx context.Context, id AccountID) (Account, error) {
	return Account{}, errNotBuilt
}
func (s *Store) Accounts(ctx context.Context) ([]Account, error) { return nil, errNotBuilt }
func (s *Store) SetDisabled(ctx context.Context, id AccountID, disabled bool) error {
	return errNotBuilt
}
func (s *Store) SetQuota(ctx context.Context, id AccountID, q Quota) error { return errNotBuilt }

// DeleteAccount removes an account with all its mail.
func (s *Store) DeleteAccount(ctx context.Context, id AccountID) error { return errNotBuilt }

// Credential is one way to prove to be an account. Package auth gives Verifier
// its meaning.
type Credential struct {
	// Name is empty for the account's password, else an app password's name.
	Name     string
	Verifier []byte
	Created  time.Time
	LastUsed time.Time // zero: never
}

func (s *Store) Credentials(ctx context.Context, id AccountID) ([]Credential, error) {
	return nil, errNotBuilt
}

// SetCredentials replaces all of an account's credentials in one transaction.
func (s *Store) SetCredentials(ctx context.Context, id AccountID, creds []Credential) error {
	return errNotBuilt
}

// TouchCredential notes that a credential was used at t. It may be lazy: the
// time is right to within a minute or so.
func (s *Store) TouchCredential(id AccountID, name string, t time.Time) {}

// Secret returns 32 random octets that belong to the store, the same for the
// same name ever after (made at first use).
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) { return nil, errNotBuilt }

// Alias leads mail for Address to Targets. An Address with an empty Local is
// its domain's catch-all.
type Alias struct {
	Address mail.Address
	Targets []mail.Address
}

func (s *Store) AddAlias(ctx context.Context, a Alias) error              { return errNotBuilt }
func (s *Store) DeleteAlias(ctx context.Context, addr mail.Address) error { return errNotBuilt }
func (s *Store) Aliases(ctx context.Context) ([]Alias, error)             { return nil, errNotBuilt }

// Resolution is where mail for an address goes.
type Resolution struct {
	Local  []Account
	Remote []mail.Address
}

// Resolve finds where mail for addr goes: an account, an alias's targets
// (followed, loops cut), the same without a +tag, postmaster, the catch-all.
// mail.ErrNotLocal, mail.ErrNoSuchUser, mail.ErrDisabled.
func (s *Store) Resolve(ctx context.Context, addr mail.Address) (Resolution, error) {
	return Resolution{}, errNotBuilt
}

// MaySendAs reports whether the account may use addr as a sender: its own
// address, one with a +tag, or an alias that leads to it.
func (s *Store) MaySendAs(ctx context.Context, id AccountID, addr mail.Address) (bool, error) {
	return false, errNotBuilt
}

// ---- mailboxes ----

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

// ---- taking mail in ----

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

// ---- reading ----

// Message is a message's row in a mailbox.
type Message struct {
	UID     mail.UID
	Content ContentID
	ModSeq  mail.ModSeq
	Flags   mail.Flags
	// Date is the INTERNALDATE, Saved when the copy came into this mailbox
	// (RFC 8514).
	Date, Saved time.Time
	// Size is RFC822.SIZE: trace and content together.
	Size int64
	// Trace is put before the content's octets (see Copy.Trace).
	Trace []byte
	// Envelope is as message.Parsed has it; only with WantEnvelope.
	Envelope []byte
	// Structure is the extended BODYSTRUCTURE rendered; only with WantStructure.
	Structure []byte
	// Header is the content's header block without Trace; only with WantHeader.
	Header []byte
}

// Want says which costlier columns a listing reads.
type Want uint8

const (
	WantEnvelope Want = 1 << iota
	WantStructure
	WantHeader
)

// Messages yields the messages of a mailbox whose UIDs are in set, ascending.
// It reads a few hundred rows per transaction and holds none while it yields;
// the *Message is valid until the next one. It stops at the first error.
func (s *Store) Messages(ctx context.Context, mb MailboxID, set mail.UIDSet, want Want) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) { yield(nil, errNotBuilt) }
}

// UIDList lists the UIDs of a mailbox in order, with the moment it is true of.
func (s *Store) UIDList(ctx context.Context, mb MailboxID) ([]mail.UID, mail.ModSeq, error) {
	return nil, 0, errNotBuilt
}

// Content gives access to a stored message's octets.
type Content struct{}

// Content opens a stored message. mail.ErrNotFound when it is gone.
func (s *Store) Content(ctx context.Context, id ContentID) (*Content, error) {
	return nil, errNotBuilt
}

// Size is the number of octets, HeaderSize those of the header.
func (c *Content) Size() int64       { return 0 }
func (c *Content) HeaderSize() int64 { return 0 }

// Header is the header block with its blank line, read without the body.
func (c *Content) Header() ([]byte, error) { return nil, errNotBuilt }

// Root is the part tree.
func (c *Content) Root() (*message.Part, error) { return nil, errNotBuilt }

// WriteRange copies octets off to off+n to w, chunk by chunk, holding no read
// transaction while it writes. When it copies the whole content it verifies
// the checksum before the last octets go out (mail.ErrCorrupt).
func (c *Content) WriteRange(w io.Writer, off, n int64) error { return errNotBuilt }

// ReadAt implements io.ReaderAt.
func (c *Content) ReadAt(p []byte, off int64) (int, error) { return 0, errNotBuilt }

// ---- changing ----

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

// ---- watching ----

// Watcher is woken when something changed in what it watches.
type Watcher struct {
	// C receives when there may be something new; it holds one wake-up.
	C <-chan struct{}
}

// Watch watches an account, or with mb not 0 one mailbox of it (and its
// deletion). Close it.
func (s *Store) Watch(id AccountID, mb MailboxID) *Watcher { return &Watcher{} }

// Close ends the watching.
func (w *Watcher) Close() {}

// LockDrop takes an account's POP3 drop; mail.ErrInUse when another session
// has it. Call release when done.
func (s *Store) LockDrop(id AccountID) (release func(), err error) { return nil, errNotBuilt }

// ---- search ----

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

// ---- outbound queue ----

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

// ---- check ----

// Problem is one broken invariant.
type Problem struct{ What string }

// Check verifies every invariant that the package documents. deep also reads
// every body and compares its checksum.
func (s *Store) Check(ctx context.Context, deep bool) ([]Problem, error) { return nil, errNotBuilt }
