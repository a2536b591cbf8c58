// Package auth answers "who is this?": passwords, app passwords, SASL
// mechanisms and lock-out, the same for all three protocols.
//
// A password comes in clear (PLAIN, LOGIN, USER/PASS, IMAP's LOGIN) or stays
// with the client (SCRAM). Either way an attempt goes through the same steps:
//
//   - the account is looked up, or a stand-in is made that is answered as
//     slowly and in the same words (subject.go);
//   - the lock-out says whether another guess is allowed here (lockout.go);
//   - a password that was verified, or found wrong, a short time ago is
//     remembered (memory.go); else it waits for its turn to be hashed
//     (slots.go) and is compared with the account's verifiers (verifier.go).
//
// Sessions that are open are known too, and end with what opened them
// (visit.go).
//
//	auth.go         Authenticator
//	password.go     a name and a password, in clear
//	sasl.go         an exchange of SASL: mechanisms and their steps
//	plain.go        … PLAIN
//	login.go        … LOGIN
//	scram.go        … SCRAM-SHA-256
//	binding.go      … bound to its TLS connection
//	subject.go      whom a login is about
//	lockout.go      whether a guess is allowed
//	memory.go       what was right or wrong a moment ago
//	lru.go          … a map of bounded size
//	slots.go        whose turn it is to be hashed
//	verifier.go     what is stored of a password
//	credentials.go  setting passwords, and app passwords
//	prepare.go      what a password may be
//	visit.go        open sessions
package auth

import (
	"errors"
	"sync"

	"posthorn/internal/mail"
	"posthorn/store"
)

var (
	// ErrFailed: wrong account, wrong password, disabled account: nobody is
	// told which.
	ErrFailed = errors.New("authentication failed")
	// ErrThrottled: too many failures; try again later.
	ErrThrottled = errors.New("too many failed attempts")
	// ErrUnknownMechanism: no such SASL mechanism here.
	ErrUnknownMechanism = errors.New("unknown mechanism")
	// ErrMalformed: the client's response does not parse (501, BAD).
	ErrMalformed = errors.New("malformed response")
)

// Identity is somebody who proved to be an account.
type Identity struct {
	Account store.AccountID
	Address mail.Address
	// AppPassword is the name of the app password that was used, or empty.
	AppPassword string
	// proof is the checksum of the verifier of the password that was used.
	proof checksum
}

// Config tunes an Authenticator; zero values are the defaults.
type Config struct {
	// NoLockout lets clients on loopback guess without being slowed (tests, classes).
	NoLockout bool
	// ChannelBinding offers SCRAM-SHA-256-PLUS under TLS 1.3. mutt and NeoMutt
	// built with GNU SASL, as Debian's are, then choose it for submission, cannot
	// do it, and try no other.
	ChannelBinding bool
}

// Authenticator checks who somebody is. Any goroutine may use it.
type Authenticator struct {
	cfg Config
	*state
}

// state is what Authenticators share that With made of one another.
type state struct {
	store   *store.Store
	lockout *lockout
	memory  *memory
	slots   *slots
	standIn standIn
	visits  visits

	// changing serializes changes of credentials, each of which reads them,
	// and writes them all.
	changing sync.Mutex
}

// New returns an Authenticator over the accounts in st.
func New(st *store.Store, cfg Config) *Authenticator {
	return &Authenticator{cfg, &state{
		store:   st,
		lockout: newLockout(),
		memory:  newMemory(),
		slots:   newSlots(),
	}}
}

// With returns an Authenticator with another configuration that goes on with
// what this one remembers: a reload must not set an attacker free.
func (a *Authenticator) With(cfg Config) *Authenticator { return &Authenticator{cfg, a.state} }

// Hashed is how many passwords have been hashed so far, at tens of
// milliseconds each: what logins cost.
func (a *Authenticator) Hashed() int64 { return a.slots.hashed.Load() }
