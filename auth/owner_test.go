package auth

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestOwnerBesideGuesser: an app password opens its account from the very
// address of somebody who guesses, in clear and by SCRAM, and at once.
func TestOwnerBesideGuesser(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		alice, err := a.store.Account(t.Context(), parse(t, "alice@example.org"))
		wants(t, err, nil)
		app, err := a.AddAppPassword(t.Context(), alice.ID, "laptop")
		wants(t, err, nil)
		g := &guesses{t: t, a: a}
		g.try(home, "alice@example.org", 20)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), ErrThrottled)
		_, err = scramLogin(t, a, "alice@example.org", "pencil", "")
		wants(t, err, ErrThrottled)
		hashes := countHashes(a)
		for range 3 {
			wants(t, logIn(t, a, home, "alice@example.org", app), nil)
			who, err := scramLogin(t, a, "alice@example.org", app, "")
			if err != nil || who.AppPassword != "laptop" {
				t.Errorf("%+v, %v", who, err)
			}
		}
		if n := hashes(); n != 0 {
			t.Errorf("%d hashes", n)
		}
		// Words of its form are guesses like any other.
		g.try(away, "alice@example.org", 20)
		wants(t, logIn(t, a, away, "alice@example.org", newPassword()), ErrThrottled)
		g.try(home, "alice@example.org", 20) // it is known by now, and has guesses of its own
		_, err = scramLogin(t, a, "alice@example.org", newPassword(), "")
		wants(t, err, ErrThrottled)
		other := newPassword()
		wants(t, logIn(t, a, visitor, "alice@example.org", other), ErrFailed)
		wants(t, logIn(t, a, visitor, "bob@example.org", app), ErrFailed)
		wants(t, logIn(t, a, visitor, "nobody@example.org", app), ErrFailed)
		// It opens nothing that is shut.
		wants(t, a.store.SetDisabled(t.Context(), alice.ID, true), nil)
		wants(t, logIn(t, a, visitor, "alice@example.org", app), ErrFailed)
		_, err = scramLogin(t, a, "alice@example.org", app, "")
		wants(t, err, ErrThrottled)
		wants(t, a.store.SetDisabled(t.Context(), alice.ID, false), nil)
		wants(t, a.RevokeAppPassword(t.Context(), alice.ID, "laptop"), nil)
		wants(t, logIn(t, a, visitor, "alice@example.org", app), ErrFailed)
	})
}

// A password that somebody chose is never compared quickly, whatever its form.
func TestChosenPasswordIsHashed(t *testing.T) {
	c, err := MakeCredential(nil, "", "secret-secret-secret")
	wants(t, err, nil)
	if strings.Contains(string(c.Verifier), "made") {
		t.Errorf("%s", c.Verifier)
	}
	for _, odd := range []string{"pencil", "secret-secret", "secret-secret-secre1", "secret-secret-secret-secret", "Secret-secret-secret", ""} {
		if isMade(odd) {
			t.Errorf("%q", odd)
		}
	}
	if c, err = MakeCredential(nil, "phone", newPassword()); err != nil || !strings.Contains(string(c.Verifier), "$made$") {
		t.Errorf("%s, %v", c.Verifier, err)
	}
	if v, err := parseVerifier(c); err != nil || string(v.marshal()) != string(c.Verifier) {
		t.Errorf("%+v, %v", v, err)
	}
}

// TestKnownAfterRestart: where people logged in from is known for 30 days,
// whoever restarts the server.
func TestKnownAfterRestart(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		wants(t, logIn(t, a, visitor, "alice@example.org", "pencil"), nil)
		alice, err := a.store.Account(t.Context(), parse(t, "alice@example.org"))
		wants(t, err, nil)
		restart := func() *Authenticator {
			// After what is written later.
			wants(t, a.store.SetSubscribed(t.Context(), alice.ID, "x", true), nil)
			b := New(a.store, Config{})
			wants(t, b.Prepare(t.Context()), nil)
			(&guesses{t: t, a: b}).try(nextTo, "alice@example.org", 20)
			return b
		}
		wants(t, logIn(t, restart(), home, "alice@example.org", "pencil"), nil)
		time.Sleep(knownFor / 2)
		wants(t, logIn(t, restart(), home, "alice@example.org", "pencil"), nil)
		time.Sleep(knownFor/2 + 2*time.Hour)
		b := restart()
		wants(t, logIn(t, b, home, "alice@example.org", "pencil"), nil)
		if known := b.lockout.known.order.Len(); known != 1 { // the visitor's is forgotten
			t.Errorf("%d addresses are known", known)
		}
		time.Sleep(knownFor + 2*time.Hour)
		wants(t, logIn(t, restart(), home, "alice@example.org", "pencil"), ErrThrottled)
	})
}

// TestClockJumps: whatever the wall clock does, the lock-out goes by the time
// that passes. A jump moves nothing that is in memory; after a restart the
// addresses that are known have times that may lie in the future, or long ago.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
				alice, err := a.store.Account(t.Context(), parse(t, "alice@example.org"))
				wants(t, err, nil)
				then := time.Now().Add(-jump) // when the clock was wrong by that much
				a.store.NoteLogin(alice.ID, home, then, then.Add(-knownFor))
				a.store.NoteLogin(alice.ID, home, time.Now(), time.Now().Add(-knownFor))
				wants(t, a.store.SetSubscribed(t.Context(), alice.ID, "x", true), nil) // after the above
				b := New(a.store, Config{})
				wants(t, b.Prepare(t.Context()), nil)
				g := &guesses{t: t, a: b}
				g.try(nextTo, "alice@example.org", 20)
				wants(t, logIn(t, b, home, "alice@example.org", "pencil"), nil)
				if n := g.try(home, "alice@example.org", 50); n != perAccountAndNetwork {
					t.Errorf("%d guesses", n)
				}
				list, err := b.store.LoginAddresses(t.Context(), time.Time{}, 10)
				if err != nil || len(list) != 1 || list[0].From != home {
					t.Errorf("%+v, %v", list, err)
				}
			})
		})
	}
}
