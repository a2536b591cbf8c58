package auth

import (
	"regexp"
	"sync"
	"testing"
	"time"

	"posthorn/internal/mail"
)

func TestAppPasswords(t *testing.T) {
	st := open(t)
	ctx := t.Context()
	a := New(st, Config{NoLockout: true})
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil")
	word, err := a.AddAppPassword(ctx, alice.ID, "Alice's phone")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[a-z]{6}-[a-z]{6}-[a-z]{6}$`).MatchString(word) {
		t.Errorf("the word is %q", word)
	}
	_, err = a.AddAppPassword(ctx, alice.ID, "Alice's phone")
	wants(t, err, mail.ErrExists)
	for _, bad := range []string{"", "a\nb", "\xff", string(make([]byte, maxNameSize+1))} {
		_, err = a.AddAppPassword(ctx, alice.ID, bad)
		wants(t, err, mail.ErrInvalid)
	}
	_, err = a.AddAppPassword(ctx, alice.ID+1, "phone")
	wants(t, err, mail.ErrNoSuchUser)

	list, err := a.AppPasswords(ctx, alice.ID)
	if err != nil || len(list) != 1 || list[0].Name != "Alice's phone" || !list[0].LastUsed.IsZero() {
		t.Errorf("%+v, %v", list, err)
	}
	who, err := a.Password(ctx, localhost, "alice@example.org", word)
	if err != nil || who.AppPassword != "Alice's phone" {
		t.Errorf("%+v, %v", who, err)
	}
	if who, err = scramLogin(t, a, "alice@example.org", word, ""); err != nil || who.AppPassword != "Alice's phone" {
		t.Errorf("%+v, %v", who, err)
	}
	waitUsed(t, a, alice.Address, "Alice's phone")

	// The own password changes, the app password stays.
	wants(t, a.SetPassword(ctx, alice.ID, "eraser"), nil)
	wants(t, a.SetPassword(ctx, alice.ID, ""), mail.ErrInvalid)
	wants(t, a.SetPassword(ctx, alice.ID+1, "eraser"), mail.ErrNoSuchUser)
	for password, want := range map[string]error{"eraser": nil, "pencil": ErrFailed, word: nil} {
		wants(t, logIn(t, a, localhost, "alice@example.org", password), want)
		_, err := scramLogin(t, a, "alice@example.org", password, "")
		wants(t, err, want)
	}

	wants(t, a.RevokeAppPassword(ctx, alice.ID, "phone"), mail.ErrNotFound)
	wants(t, a.RevokeAppPassword(ctx, alice.ID, ""), mail.ErrNotFound)
	wants(t, a.RevokeAppPassword(ctx, alice.ID, "Alice's phone"), nil)
	wants(t, logIn(t, a, localhost, "alice@example.org", word), ErrFailed)
	wants(t, logIn(t, a, localhost, "alice@example.org", "eraser"), nil)

	// With no app password left, the next password has a new salt.
	before := salt(t, a, alice.Address)
	wants(t, a.SetPassword(ctx, alice.ID, "eraser"), nil)
	if salt(t, a, alice.Address) == before {
		t.Error("the salt stayed")
	}
}

func salt(t *testing.T, a *Authenticator, addr mail.Address) string {
	t.Helper()
	s, err := a.subject(t.Context(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return s.verifiers[0].salt
}

// waitUsed waits until the store, which is lazy about it, has the last use.
func waitUsed(t *testing.T, a *Authenticator, addr mail.Address, name string) {
	t.Helper()
	account, err := a.store.Account(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	// A write that is waited for comes after those that are not.
	if err := a.store.SetDisabled(t.Context(), account.ID, false); err != nil {
		t.Fatal(err)
	}
	creds, err := a.store.Credentials(t.Context(), account.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range creds {
		if c.Name == name && time.Since(c.LastUsed) > time.Minute {
			t.Errorf("%q was last used %v", name, c.LastUsed)
		}
	}
}

// TestChangesDontRace adds app passwords at once: none may be lost.
func TestChangesDontRace(t *testing.T) {
	st := open(t)
	a := New(st, Config{})
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil")
	var wg sync.WaitGroup
	for _, name := range []string{"one", "two", "three", "four"} {
		wg.Go(func() {
			if _, err := a.AddAppPassword(t.Context(), alice.ID, name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := a.AppPasswords(t.Context(), alice.ID)
	if err != nil || len(list) != 4 || list[0].Name != "four" {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestNewPassword(t *testing.T) {
	seen := map[string]bool{}
	letters := map[rune]int{}
	for range 2000 {
		word := newPassword()
		if seen[word] {
			t.Fatalf("%s came twice", word)
		}
		seen[word] = true
		for _, r := range word {
			letters[r]++
		}
	}
	// 36,000 letters, 1,385 of each on average; six deviations are 220.
	for r := 'a'; r <= 'z'; r++ {
		if n := letters[r]; n < 1165 || n > 1605 {
			t.Errorf("%c came %d times", r, n)
		}
	}
}
