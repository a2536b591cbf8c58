package auth

import (
	"context"
	"errors"
	"net/netip"
	"testing"

	"posthorn/internal/mail"
	"posthorn/store"
)

var (
	home      = netip.MustParseAddr("192.0.2.1")
	nextTo    = netip.MustParseAddr("192.0.2.200")
	away      = netip.MustParseAddr("198.51.100.1")
	visitor   = netip.MustParseAddr("2001:db8:1:1::1")
	localhost = netip.MustParseAddr("127.0.0.1")
)

// open opens a store with the domain example.org, checked when the test ends.
func open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Config{
		Dir:    t.TempDir(),
		Report: func(msg string, args ...any) { t.Errorf("store: %s %v", msg, args) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		problems, err := st.Check(context.Background(), true)
		if err != nil || len(problems) > 0 {
			t.Errorf("the store has problems: %v, %v", problems, err)
		}
		st.Close()
	})
	if err := st.AddDomain(t.Context(), "example.org"); err != nil {
		t.Fatal(err)
	}
	return st
}

// cheap are parameters that hash in no time, for tests about other things.
func cheap() parameters {
	return parameters{memory: 8, passes: 1, lanes: 1, rounds: 16, salt: "0123456789abcdef"}
}

// addUser makes an account with a password, and with app passwords for the
// other words, each named as it reads.
func addUser(t testing.TB, st *store.Store, p parameters, addr string, passwords ...string) store.Account {
	t.Helper()
	var creds []store.Credential
	for i, word := range passwords {
		prepared, err := checkPassword(word)
		if err != nil {
			t.Fatal(err)
		}
		v, err := makeVerifier(p, prepared)
		if err != nil {
			t.Fatal(err)
		}
		c := store.Credential{Verifier: v.marshal()}
		if i > 0 {
			c.Name = word
		}
		creds = append(creds, c)
	}
	a, err := st.AddAccount(t.Context(), parse(t, addr), creds)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parse(t testing.TB, addr string) mail.Address {
	t.Helper()
	a, err := mail.ParseAddress(addr)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// wants fails the test when err is not of the given kind.
func wants(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v, want %v", err, kind)
	}
}

func TestPassword(t *testing.T) {
	st := open(t)
	ctx := t.Context()
	if err := st.AddDomain(ctx, "bücher.example"); err != nil {
		t.Fatal(err)
	}
	alice := addUser(t, st, cheap(), "Alice@example.org", "pencil", "phone", "tablet")
	bare := addUser(t, st, cheap(), "bare@example.org")
	juergen := addUser(t, st, cheap(), "jürgen@bücher.example", "\u00bd tasse\u00ad caf\u00e9 \U0001f418")
	addUser(t, st, cheap(), "bob@example.org", "Pencil ")

	for _, tt := range []struct {
		user, password string
		id             store.AccountID // 0: ErrFailed
		app            string
	}{
		{"alice@example.org", "pencil", alice.ID, ""},
		{"ALICE@Example.ORG", "pencil", alice.ID, ""},
		{" alice@example.org\t", "pencil", alice.ID, ""},
		{"alice@example.org", "phone", alice.ID, "phone"},
		{"alice@example.org", "tablet", alice.ID, "tablet"},
		{"alice@example.org", "Pencil", 0, ""},
		{"alice@example.org", "pencil ", 0, ""},
		{"alice@example.org", "", 0, ""},
		{"alice@example.org", "pen\x00cil", 0, ""},
		{"alice", "pencil", 0, ""},
		{"alice+tag@example.org", "pencil", 0, ""},
		{"alice@example.com", "pencil", 0, ""},
		{"", "pencil", 0, ""},
		{"@", "pencil", 0, ""},
		{"nobody@example.org", "pencil", 0, ""},
		{"bare@example.org", "pencil", 0, ""},
		{"bob@example.org", "Pencil ", 4, ""},
		// The same letters in other code points (RFC 4013 §2.1, §2.2).
		{"jürgen@bücher.example", "\u00bd tasse\u00ad caf\u00e9 \U0001f418", juergen.ID, ""},
		{"JU\u0308RGEN@xn--bcher-kva.example", "1\u20442\u00a0tasse cafe\u0301 \U0001f418", juergen.ID, ""},
		{"jürgen@bücher.example", "1\u20442 tasse cafe \U0001f418", 0, ""},
		{"jürgen@bücher.example", "\xff", 0, ""},
		{"\xff@example.org", "pencil", 0, ""},
	} {
		for range 2 { // the second time as remembered
			a := New(st, Config{})
			who, err := a.Password(ctx, home, tt.user, tt.password)
			if tt.id == 0 {
				if !errors.Is(err, ErrFailed) || who != (Identity{}) {
					t.Errorf("%q with %q: %+v, %v", tt.user, tt.password, who, err)
				}
			} else if err != nil || who.Account != tt.id || who.AppPassword != tt.app || who.Address.Key() != parse(t, who.Address.String()).Key() {
				t.Errorf("%q with %q: %+v, %v", tt.user, tt.password, who, err)
			}
		}
	}
	_ = bare
}

func TestPasswordTooLong(t *testing.T) {
	st := open(t)
	long := string(make([]byte, maxPassword+1))
	_, err := New(st, Config{}).Password(t.Context(), home, "alice@example.org", long)
	wants(t, err, ErrFailed)
	// A name without end is bounded too.
	_, err = New(st, Config{}).Password(t.Context(), home, string(make([]byte, 1<<20)), "x")
	wants(t, err, ErrFailed)
}

func TestDisabled(t *testing.T) {
	st := open(t)
	ctx := t.Context()
	a := New(st, Config{})
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil")
	login := func() error {
		_, err := a.Password(ctx, home, "alice@example.org", "pencil")
		return err
	}
	wants(t, login(), nil)
	wants(t, st.SetDisabled(ctx, alice.ID, true), nil)
	wants(t, login(), ErrFailed)
	wants(t, login(), ErrFailed)
	wants(t, st.SetDisabled(ctx, alice.ID, false), nil)
	wants(t, login(), nil)
	wants(t, st.DeleteAccount(ctx, alice.ID), nil)
	wants(t, login(), ErrFailed)
}

// TestDamagedVerifier: an internal error is not a wrong password.
func TestDamagedVerifier(t *testing.T) {
	st := open(t)
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil")
	wants(t, st.SetCredentials(t.Context(), alice.ID, []store.Credential{{Verifier: []byte("$argon2id$nonsense")}}), nil)
	_, err := New(st, Config{}).Password(t.Context(), home, "alice@example.org", "pencil")
	if err == nil || errors.Is(err, ErrFailed) {
		t.Errorf("got %v", err)
	}
}
