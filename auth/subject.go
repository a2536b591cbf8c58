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
	// key names the subject to the lock-out: the address as it is looked up, or
	// the account's where an alias was given, so that aliases are no more guesses.
	key string
	// name is the address as it was given. What was guessed at a name is
	// remembered for that name: else the same wrong password, asked for an alias
	// and for its account, would be answered sooner the second time.
	name    string
	account store.Account // zero for a stand-in
	// alias says that name is not the account's own address.
	alias     bool
	verifiers []verifier // never empty; all with the same parameters as the first
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
// the one as for the other, but for an alias's few rows more, which hold and
// the hash of a password hide.
func (a *Authenticator) subject(ctx context.Context, login string) (*subject, error) {
	s, err := a.account(ctx, login)
	if err != nil {
		return nil, err
	}
	return s, a.verifiers(ctx, s)
}

// verifiers fills in what passwords are compared with.
func (a *Authenticator) verifiers(ctx context.Context, s *subject) error {
	creds, err := a.store.Credentials(ctx, s.account.ID)
	if err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write([]byte(s.name))
	if s.open() {
		sum.Write([]byte{1})
	}
	for _, c := range creds {
		v, err := parseVerifier(c)
		if err != nil {
			return err
		}
		s.verifiers = append(s.verifiers, v)
		sum.Write(c.Verifier)
	}
	sum.Sum(s.generation[:0])
	standIn, err := a.standIn.verifier(ctx, a.store, s.key)
	if err != nil {
		return err
	}
	if len(s.verifiers) == 0 {
		s.verifiers = []verifier{standIn}
	}
	return nil
}

// account finds the account that a login name means, the zero Account when
// none, and the name's key.
func (a *Authenticator) account(ctx context.Context, login string) (*subject, error) {
	login = strings.TrimSpace(login) // on-screen keyboards add blanks
	if len(login) > maxLogin {
		login = login[:maxLogin]
	}
	addr, key := loginAddress(login)
	s, err := a.lookUp(ctx, addr, key)
	if !errors.Is(err, mail.ErrNoSuchUser) {
		return s, err
	}
	// RFC 5802 §5.1: names compare as prepared. An account may have a name
	// that preparation changes, so the name as it came goes first.
	if prepared, ok := prepare(login); ok && prepared != login {
		if addr, key := loginAddress(prepared); addr.Domain != "" {
			s, err = a.lookUp(ctx, addr, key)
			if !errors.Is(err, mail.ErrNoSuchUser) {
				return s, err
			}
		}
	}
	return &subject{key: key, name: key}, nil
}

func (a *Authenticator) lookUp(ctx context.Context, addr mail.Address, key string) (*subject, error) {
	account, alias, err := a.store.LoginAccount(ctx, addr)
	if err != nil {
		return nil, err
	}
	s := &subject{key: key, name: key, account: account, alias: alias}
	if alias {
		s.key = account.Address.Key()
	}
	return s, nil
}

// withoutAlias is the subject for SCRAM, which shows the salt to anybody: an
// alias that had its account's would tell that both are there, and belong
// together. So it is nobody there, and has a salt of its own, as every name has
// that is nobody's. PLAIN and LOGIN show nothing, and take aliases.
func (a *Authenticator) withoutAlias(ctx context.Context, login string) (*subject, error) {
	s, err := a.account(ctx, login)
	if err != nil {
		return nil, err
	}
	if s.alias {
		s = &subject{key: s.name, name: s.name, alias: true}
	}
	return s, a.verifiers(ctx, s)
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
