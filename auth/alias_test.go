package auth

import (
	"bytes"
	"errors"
	"testing"

	"posthorn/internal/mail"
	"posthorn/store"
)

// addAlias leads an address to others.
func addAlias(t testing.TB, st *store.Store, addr string, targets ...string) {
	t.Helper()
	a := store.Alias{Address: mail.Address{Domain: "example.org"}}
	if addr[0] != '@' {
		a.Address = parse(t, addr)
	}
	for _, to := range targets {
		a.Targets = append(a.Targets, parse(t, to))
	}
	if err := st.AddAlias(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

// TestAlias: an alias that leads to one account logs into it, by a password.
func TestAlias(t *testing.T) {
	st := open(t)
	ctx := t.Context()
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil", "phone")
	addUser(t, st, cheap(), "bob@example.org", "crayon")
	off := addUser(t, st, cheap(), "off@example.org", "pencil")
	wants(t, st.SetDisabled(ctx, off.ID, true), nil)
	addAlias(t, st, "info@example.org", "alice@example.org")
	addAlias(t, st, "abroad@example.org", "info@example.org", "alice@example.com")
	addAlias(t, st, "both@example.org", "alice@example.org", "bob@example.org")
	addAlias(t, st, "away@example.org", "alice@example.com")
	addAlias(t, st, "gone@example.org", "nobody@example.org")
	addAlias(t, st, "dark@example.org", "off@example.org", "alice@example.org")
	addAlias(t, st, "loop@example.org", "loop2@example.org")
	addAlias(t, st, "loop2@example.org", "loop@example.org")
	a := New(st, Config{})
	for _, name := range []string{"info@example.org", "INFO@Example.org", "abroad@example.org"} {
		for _, password := range []string{"pencil", "phone"} {
			who, err := a.Password(ctx, home, name, password)
			if err != nil || who.Account != alice.ID || who.Address != alice.Address {
				t.Errorf("%s with %s: %+v, %v", name, password, who, err)
			}
		}
	}
	_, err := a.Password(ctx, home, "gone@example.org", "pencil")
	wants(t, err, ErrFailed)
	addAlias(t, st, "@example.org", "alice@example.org")
	for _, name := range []string{"both@example.org", "away@example.org", "dark@example.org",
		"loop@example.org", "anybody@example.org", "info+tag@example.org", "@example.org"} {
		_, err := New(st, Config{}).Password(ctx, home, name, "pencil")
		if !errors.Is(err, ErrFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAliasCountsOnItsAccount: who has another name to guess at has no more
// guesses, and the same wrong password costs one at each name.
func TestAliasCountsOnItsAccount(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		addAlias(t, a.store, "info@example.org", "alice@example.org")
		g := &guesses{t: t, a: a}
		if n := g.try(home, "info@example.org", 30); n != perAccountAndNetwork {
			t.Errorf("%d guesses", n)
		}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), ErrThrottled)
		wants(t, logIn(t, a, home, "bob@example.org", "crayon"), nil)
		hashes := countHashes(a)
		for range 2 {
			wants(t, logIn(t, a, away, "info@example.org", "wrong"), ErrFailed)
			wants(t, logIn(t, a, away, "alice@example.org", "wrong"), ErrFailed)
		}
		if n := hashes(); n != 2 {
			t.Errorf("%d hashes", n)
		}
	})
}

// TestAliasSCRAM: SCRAM shows a salt to whoever asks. An alias has one of its
// own, the same before it is made, while it is there and afterwards.
func TestAliasSCRAM(t *testing.T) {
	st := open(t)
	addUser(t, st, cheap(), "alice@example.org", "pencil")
	challenge := func(name string) []byte {
		x, err := New(st, Config{}).Start(t.Context(), home, nil, "SCRAM-SHA-256")
		if err != nil {
			t.Fatal(err)
		}
		c, _, err := x.Next([]byte("n,,n=" + name + ",r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		_, salt, _ := bytes.Cut(c, []byte(","))
		return salt
	}
	before := challenge("info@example.org")
	addAlias(t, st, "info@example.org", "alice@example.org")
	for _, name := range []string{"info@example.org", " INFO@example.org "} {
		if got := challenge(name); !bytes.Equal(got, before) || bytes.Equal(got, challenge("alice@example.org")) {
			t.Errorf("%q has the salt %s, before the alias was made %s", name, got, before)
		}
	}
	_, _, err := timeSCRAM(t, New(st, Config{}), home, "info@example.org")
	wants(t, err, ErrFailed)
	wants(t, err, errAlias)
}
