// Package auth answers "who is this?": passwords, app passwords, SASL
// mechanisms and lock-out, the same for all three protocols.
package auth

import (
	"context"
	"errors"
	"net/netip"

	"github.com/emersion/go-sasl"

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
}

// Config tunes an Authenticator; zero values are the defaults.
type Config struct {
	// NoLockout lets clients on loopback guess without being slowed (tests, classes).
	NoLockout bool
}

// Authenticator checks who somebody is. Any goroutine may use it.
type Authenticator struct{}

// New returns an Authenticator over the accounts in st.
func New(st *store.Store, cfg Config) *Authenticator { return &Authenticator{} }

// Password checks a user name (the full address, in any case) and a password,
// account or app password alike. ErrFailed, ErrThrottled; other errors are
// internal.
func (a *Authenticator) Password(ctx context.Context, from netip.Addr, user, password string) (Identity, error) {
	return Identity{}, ErrFailed
}

// Mechanisms lists the SASL mechanisms in the order to advertise.
func (a *Authenticator) Mechanisms() []string { return nil }

// Exchange is one SASL exchange. Next is sasl.Server's (RFC 4422 §3), with a
// nil first response where the client sent none; when it is done without
// error, Identity tells who it was.
type Exchange interface {
	sasl.Server
	Identity() Identity
}

// Start begins an exchange. Mechanism names are compared without regard to
// case. ErrUnknownMechanism.
func (a *Authenticator) Start(ctx context.Context, from netip.Addr, mechanism string) (Exchange, error) {
	return nil, ErrUnknownMechanism
}

// MakeCredential builds the stored form of a password. Its scram parameters
// (salt, iteration count) are those of the account's other credentials, where
// there are any. name is empty for the account's own password.
func MakeCredential(existing []store.Credential, name, password string) (store.Credential, error) {
	return store.Credential{}, nil
}
