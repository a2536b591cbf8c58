package mail

import "errors"

// The kinds of failure that cross package borders. A function wraps one with
// fmt.Errorf("…: %w") and each protocol turns the kind into its own words in
// one place. An error of none of these kinds is internal: it is logged, and a
// stranger is told no more than "try again later".
var (
	// ErrInvalid: the request cannot be carried out as written (a malformed
	// address, a mailbox name with control characters).
	ErrInvalid = errors.New("invalid")
	// ErrNotPermitted: understood, and refused to this user.
	ErrNotPermitted = errors.New("not permitted")
	// ErrExists: an account, alias, domain or mailbox of that name is there already.
	ErrExists = errors.New("already exists")
	// ErrNotLocal: the domain is not one of ours.
	ErrNotLocal = errors.New("not a local domain")
	// ErrNoSuchUser: the domain is ours, the local part is nobody's.
	ErrNoSuchUser = errors.New("no such user")
	// ErrDisabled: the account exists and is switched off.
	ErrDisabled = errors.New("account is disabled")
	// ErrNoSuchMailbox: the account has no mailbox of that name.
	ErrNoSuchMailbox = errors.New("no such mailbox")
	// ErrNotFound: any other thing that was named and is not there (a queue
	// entry, an alias, an app password, a message that has been expunged).
	ErrNotFound = errors.New("not found")
	// ErrOverQuota: the account's quota of bytes or messages is used up.
	ErrOverQuota = errors.New("over quota")
	// ErrTooLarge: the message is larger than the largest that is taken.
	ErrTooLarge = errors.New("message too large")
	// ErrLoop: the message has passed more servers than any honest way has.
	ErrLoop = errors.New("mail loop: too many hops")
	// ErrInUse: somebody else holds what can be held once (a POP3 drop).
	ErrInUse = errors.New("in use")
	// ErrNoSpace: the disk is full; the same may work later.
	ErrNoSpace = errors.New("no space left")
	// ErrUnavailable: the store cannot write now (read-only, shutting down,
	// failed); the same may work later.
	ErrUnavailable = errors.New("temporarily unavailable")
	// ErrCorrupt: stored bytes do not match their checksum.
	ErrCorrupt = errors.New("stored data is damaged")
	// ErrTooMuchWork: the request asks for more than one request may cost.
	ErrTooMuchWork = errors.New("too much work")
)
