package auth

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"sync"
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

// subject is whom a login is about: an account, or a stand-in where there is
// none. All further steps treat both alike, so neither the answer nor its time
// tells whether a name is an account's.
type subject struct {
	// key names the subject to the lock-out: the address as it is looked up.
	key       string
	account   store.Account // zero for a stand-in
	verifiers []verifier    // never empty; all with the same parameters as the first
	// generation changes whenever a remembered password must be forgotten.
	generation [sha256.Size]byte
}

// maxLogin is the most octets of a login name: the longest address, and some
// for a name that is none. It bounds the lock-out's memory.
const maxLogin = mail.MaxLocalPart + 1 + mail.MaxDomain

// leastAnswer is how long an answer takes that could tell by its time what a
// name stands for. The hash of a password takes longer; this is for answers
// without one, whose microseconds depend on what is in the store.
const leastAnswer = 5 * time.Millisecond

// hold waits until the answer to what came at began may go out.
func hold(began time.Time) { time.Sleep(time.Until(began.Add(leastAnswer))) }

// open reports whether the right password is enough.
func (s *subject) open() bool { return s.account.ID != 0 && !s.account.Disabled }

// identity is who the subject proved to be with the password of v.
func (s *subject) identity(v *verifier) Identity {
	return Identity{Account: s.account.ID, Address: s.account.Address, AppPassword: v.name, proof: v.sum}
}

// subject looks a login name up. A name that is not an account's, or an
// account without a password, is no error. It reads as much from the store for
// the one as for the other.
func (a *Authenticator) subject(ctx context.Context, login string) (*subject, error) {
	account, key, err := a.account(ctx, login)
	if err != nil {
		return nil, err
	}
	creds, err := a.store.Credentials(ctx, account.ID)
	if err != nil {
		return nil, err
	}
	s := &subject{key: key, account: account}
	sum := sha256.New()
	sum.Write([]byte(key))
	if s.open() {
		sum.Write([]byte{1})
	}
	for _, c := range creds {
		v, err := parseVerifier(c)
		if err != nil {
			return nil, err
		}
		s.verifiers = append(s.verifiers, v)
		sum.Write(c.Verifier)
	}
	sum.Sum(s.generation[:0])
	standIn, err := a.standIn.verifier(ctx, a.store, key)
	if err != nil {
		return nil, err
	}
	if len(s.verifiers) == 0 {
		s.verifiers = []verifier{standIn}
	}
	return s, nil
}

// account finds the account that a login name means, the zero Account when
// none, and the name's key.
func (a *Authenticator) account(ctx context.Context, login string) (store.Account, string, error) {
	login = strings.TrimSpace(login) // on-screen keyboards add blanks
	if len(login) > maxLogin {
		login = login[:maxLogin]
	}
	addr, key := loginAddress(login)
	account, err := a.store.Account(ctx, addr)
	if !errors.Is(err, mail.ErrNoSuchUser) {
		return account, key, err
	}
	// RFC 5802 §5.1: names compare as prepared. An account may have a name
	// that preparation changes, so the name as it came goes first.
	if prepared, ok := prepare(login); ok && prepared != login {
		if addr, key := loginAddress(prepared); addr.Domain != "" {
			account, err = a.store.Account(ctx, addr)
			if !errors.Is(err, mail.ErrNoSuchUser) {
				return account, key, err
			}
		}
	}
	return store.Account{}, key, nil
}

// loginAddress reads a login name. What is no address is looked up too, as one
// that cannot be anybody's: the time must not tell.
func loginAddress(login string) (mail.Address, string) {
	addr, err := mail.ParseAddress(login)
	if err != nil {
		return mail.Address{Local: login, Domain: "invalid"}, strings.ToLower(login)
	}
	return addr, addr.Key()
}

// standIn makes verifiers for those who have none: no password fits them, and
// they stay the same for the same name, as an account's do, across restarts.
type standIn struct {
	mu     sync.Mutex
	secret []byte
}

func (x *standIn) verifier(ctx context.Context, st *store.Store, key string) (verifier, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.load(ctx, st); err != nil {
		return verifier{}, err
	}
	return verifier{
		parameters: newParameters(mac(x.secret, "salt", key)[:saltSize]),
		hash:       mac(x.secret, "hash", key),
		storedKey:  mac(x.secret, "stored key", key),
		serverKey:  mac(x.secret, "server key", key),
	}, nil
}

// load gets the secret. x.mu is held.
func (x *standIn) load(ctx context.Context, st *store.Store) (err error) {
	if x.secret == nil {
		x.secret, err = st.Secret(ctx, "auth: stand-in for unknown names")
	}
	return err
}

// Prepare makes what the first login of a new store would have to write, so
// that people can log in and read while the disk is full, and learns from which
// addresses people logged in before.
func (a *Authenticator) Prepare(ctx context.Context) error {
	if err := a.lockout.load(ctx, a.store); err != nil {
		return err
	}
	a.standIn.mu.Lock()
	defer a.standIn.mu.Unlock()
	return a.standIn.load(ctx, a.store)
}
