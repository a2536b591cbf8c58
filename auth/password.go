package auth

import (
	"context"
	"net/netip"
	"time"
)

// Password checks a user name (the full address, in any case) and a password,
// account or app password alike. ErrFailed, ErrThrottled; other errors are
// internal.
func (a *Authenticator) Password(ctx context.Context, from netip.Addr, user, password string) (Identity, error) {
	began := time.Now()
	id, err := a.password(ctx, from, user, password)
	if err != nil {
		hold(began)
	}
	return id, err
}

func (a *Authenticator) password(ctx context.Context, from netip.Addr, user, password string) (Identity, error) {
	if len(password) > maxPassword {
		return Identity{}, ErrFailed
	}
	prepared, ok := prepare(password)
	if !ok {
		return Identity{}, ErrFailed // whoever the user is
	}
	s, err := a.subject(ctx, user)
	if err != nil {
		return Identity{}, err
	}
	gate := a.gate(s, from)
	if i, ok := made(s.verifiers, prepared); ok && s.open() {
		return a.welcome(s, gate, &s.verifiers[i]), nil // whatever was guessed meanwhile
	}
	guess := a.memory.guess(s, prepared)
	for {
		if !gate.open() {
			return Identity{}, ErrThrottled
		}
		o, known, wait := a.memory.recall(guess)
		if wait != nil {
			// A mail program opens several connections at once: one of them
			// has the password hashed, for all.
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return Identity{}, ctx.Err()
			}
		}
		if !known {
			if o, err = a.verify(ctx, s, gate, guess, prepared); err != nil {
				return Identity{}, err
			}
		}
		if !o.ok {
			return Identity{}, ErrFailed
		}
		return a.welcome(s, gate, &s.verifiers[o.verifier]), nil
	}
}

// verify hashes a password and compares it with the subject's. What it found
// is remembered.
func (a *Authenticator) verify(ctx context.Context, s *subject, gate gate, g guess, prepared string) (o outcome, err error) {
	found := false
	defer func() {
		if found {
			a.memory.settle(g, &o)
		} else {
			a.memory.settle(g, nil)
		}
	}()
	if !gate.take() {
		return o, ErrThrottled
	}
	known := gate.isKnown()
	if err := a.slots.acquire(ctx, known); err != nil {
		return o, err
	}
	defer a.slots.release(known)
	hash, with := []byte(nil), parameters{}
	for i := range s.verifiers {
		v := &s.verifiers[i]
		if v.parameters != with {
			hash, with = v.parameters.hash(prepared), v.parameters
		}
		if v.matches(hash) && s.open() {
			o = outcome{ok: true, verifier: i}
		}
	}
	found = true
	if o.ok {
		gate.refund()
	}
	return o, nil
}

// welcome notes a successful login.
func (a *Authenticator) welcome(s *subject, gate gate, v *verifier) Identity {
	now := time.Now()
	gate.remember()
	a.store.NoteLogin(s.account.ID, gate.from, now, now.Add(-knownFor))
	a.store.TouchCredential(s.account.ID, v.name, now)
	return s.identity(v)
}
