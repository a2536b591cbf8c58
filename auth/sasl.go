package auth

import (
	"context"
	"crypto/tls"
	"net/netip"
	"strings"

	"github.com/emersion/go-sasl"
)

// maxResponse is the most octets of one response of a client: PLAIN's three
// fields at their longest, and some.
const maxResponse = 4096

// Exchange is one SASL exchange. Next is sasl.Server's (RFC 4422 §3), with a
// nil first response where the client sent none; when it is done without
// error, Identity tells who it was. The client must not be told more than
// success or failure before then: a challenge is never secret.
//
// Next gives ErrFailed, ErrThrottled and ErrMalformed; other errors are
// internal. After an error, or when it is done, the exchange is over.
type Exchange interface {
	sasl.Server
	Identity() Identity
	// User is the login name as the client gave it, at most as long as an
	// address can be, for the log. It is empty while there is none.
	User() string
	// Hidden reports that challenges are not to be shown in a transcript:
	// whoever sees SCRAM's can guess passwords at leisure.
	Hidden() bool
}

// Mechanisms lists the SASL mechanisms in the order to advertise, the
// strongest first: clients that take the first they know (mutt, curl) then
// take SCRAM. Thunderbird takes PLAIN wherever it stands, Outlook LOGIN. over
// is the TLS connection, nil in clear: SCRAM-SHA-256-PLUS needs TLS 1.3, and
// Config.ChannelBinding.
func (a *Authenticator) Mechanisms(over *tls.ConnectionState) []string {
	names := []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"}
	if !a.binding(over).IsSupported() {
		names = names[1:]
	}
	return names
}

// Start begins an exchange. Mechanism names are compared without regard to
// case; over is as in Mechanisms. ErrUnknownMechanism.
func (a *Authenticator) Start(ctx context.Context, from netip.Addr, over *tls.ConnectionState, mechanism string) (Exchange, error) {
	at := attempt{auth: a, ctx: ctx, from: from}
	switch name := strings.ToUpper(mechanism); name {
	case "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS":
		s := &scram{attempt: at, plus: name == "SCRAM-SHA-256-PLUS", binding: a.binding(over)}
		if s.plus && !s.binding.IsSupported() {
			return nil, ErrUnknownMechanism
		}
		return s, nil
	case "PLAIN":
		return &plain{attempt: at}, nil
	case "LOGIN":
		return &login{attempt: at}, nil
	}
	return nil, ErrUnknownMechanism
}

// attempt is what all mechanisms have in common.
type attempt struct {
	auth *Authenticator
	ctx  context.Context
	from netip.Addr
	user string // the login name
	who  Identity
	over bool
}

// Identity tells who logged in; it is zero before that.
func (at *attempt) Identity() Identity { return at.who }

// User tells which login name was given.
func (at *attempt) User() string { return at.user[:min(len(at.user), maxLogin)] }

// Hidden is false: most challenges are prompts.
func (at *attempt) Hidden() bool { return false }

// receive guards an exchange against responses that come too late, or are too
// long. It is called first for each response.
func (at *attempt) receive(response []byte) error {
	if at.over || len(response) > maxResponse {
		at.over = true
		return ErrMalformed
	}
	return nil
}

// password ends an exchange with a user name and a password.
func (at *attempt) password(user, password string) (challenge []byte, done bool, err error) {
	at.over = true
	at.user = user
	at.who, err = at.auth.Password(at.ctx, at.from, user, password)
	return nil, err == nil, err
}

// fail ends an exchange.
func (at *attempt) fail(err error) (challenge []byte, done bool, e error) {
	at.over = true
	return nil, false, err
}

// mayActAs reports whether who logs in as authcid may ask to be authzid:
// nobody acts for others here, so they must be the same (RFC 4616 §2).
func mayActAs(authcid, authzid string) bool {
	if authzid == "" || authzid == authcid {
		return true
	}
	_, a := loginAddress(strings.TrimSpace(authcid))
	_, b := loginAddress(strings.TrimSpace(authzid))
	return a == b
}
