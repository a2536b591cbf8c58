package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"posthorn/internal/mail"
	"posthorn/store"
)

const (
	// maxAppPasswords of an account bound what SCRAM compares a proof with.
	maxAppPasswords = 100
	maxNameSize     = 64 // octets
	// A made password is groups of letters: 84 bits.
	madeGroups, madeLetters = 3, 6
)

// SetPassword sets an account's own password. App passwords stay, and so do
// the sessions that they opened; those that the old password opened end.
// mail.ErrInvalid.
func (a *Authenticator) SetPassword(ctx context.Context, id store.AccountID, password string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	creds, err := a.store.Credentials(ctx, id)
	if err != nil {
		return err
	}
	// With no others left, the salt is a new one.
	creds = slices.DeleteFunc(creds, func(c store.Credential) bool { return c.Name == "" })
	c, err := MakeCredential(creds, "", password)
	if err != nil {
		return err
	}
	return a.store.SetCredentials(ctx, id, append(creds, c))
}

// AddAppPassword makes another password for an account, for one device or
// program, under a name that tells which, and returns it. It cannot be shown
// again. mail.ErrExists, mail.ErrInvalid.
func (a *Authenticator) AddAppPassword(ctx context.Context, id store.AccountID, name string) (password string, err error) {
	if err := checkName(name); err != nil {
		return "", err
	}
	a.changing.Lock()
	defer a.changing.Unlock()
	creds, err := a.store.Credentials(ctx, id)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(creds, func(c store.Credential) bool { return c.Name == name }) {
		return "", fmt.Errorf("app password %q: %w", name, mail.ErrExists)
	}
	if len(creds) > maxAppPasswords {
		return "", fmt.Errorf("%w: the account has %d app passwords; revoke some", mail.ErrInvalid, maxAppPasswords)
	}
	password = newPassword()
	c, err := MakeCredential(creds, name, password)
	if err != nil {
		return "", err
	}
	return password, a.store.SetCredentials(ctx, id, append(creds, c))
}

// RevokeAppPassword removes an app password; it fails from now on, and the
// sessions that it opened end. mail.ErrNotFound.
func (a *Authenticator) RevokeAppPassword(ctx context.Context, id store.AccountID, name string) error {
	a.changing.Lock()
	defer a.changing.Unlock()
	creds, err := a.store.Credentials(ctx, id)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(creds, func(c store.Credential) bool { return c.Name == name })
	if i < 0 || name == "" {
		return fmt.Errorf("app password %q: %w", name, mail.ErrNotFound)
	}
	return a.store.SetCredentials(ctx, id, slices.Delete(creds, i, i+1))
}

// AppPasswords lists an account's app passwords by name, with when they were
// made and last used.
func (a *Authenticator) AppPasswords(ctx context.Context, id store.AccountID) ([]store.Credential, error) {
	creds, err := a.store.Credentials(ctx, id)
	creds = slices.DeleteFunc(creds, func(c store.Credential) bool { return c.Name == "" })
	slices.SortFunc(creds, func(x, y store.Credential) int { return strings.Compare(x.Name, y.Name) })
	return creds, err
}

// newPassword makes a password that nobody will guess and anybody can type:
// three groups of six letters, 84 bits.
func newPassword() string {
	var b strings.Builder
	for g := range madeGroups {
		if g > 0 {
			b.WriteByte('-')
		}
		for range madeLetters {
			b.WriteByte(randomLetter())
		}
	}
	return b.String()
}

// isMade reports whether a password has the form that newPassword gives.
func isMade(password string) bool {
	groups := strings.Split(password, "-")
	for _, g := range groups {
		if len(g) != madeLetters || strings.ContainsFunc(g, func(r rune) bool { return r < 'a' || r > 'z' }) {
			return false
		}
	}
	return len(groups) == madeGroups
}

// randomLetter is one of a to z, each as likely as the others.
func randomLetter() byte {
	const letters = 26
	for {
		var b [1]byte
		rand.Read(b[:])
		if b[0] < 256/letters*letters {
			return 'a' + b[0]%letters
		}
	}
}

func checkName(name string) error {
	if name == "" || len(name) > maxNameSize || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return fmt.Errorf("%w: the name of an app password is 1 to %d octets of printable text", mail.ErrInvalid, maxNameSize)
	}
	return nil
}
