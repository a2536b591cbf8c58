package store

import (
	"context"
	"time"
)

// Credential is one way to prove to be an account. Package auth gives Verifier
// its meaning.
type Credential struct {
	// Name is empty for the account's password, else an app password's name.
	Name     string
	Verifier []byte
	Created  time.Time
	LastUsed time.Time // zero: never
}

func (s *Store) Credentials(ctx context.Context, id AccountID) ([]Credential, error) {
	return nil, errNotBuilt
}

// SetCredentials replaces all of an account's credentials in one transaction.
func (s *Store) SetCredentials(ctx context.Context, id AccountID, creds []Credential) error {
	return errNotBuilt
}

// TouchCredential notes that a credential was used at t. It may be lazy: the
// time is right to within a minute or so.
func (s *Store) TouchCredential(id AccountID, name string, t time.Time) {}

// Secret returns 32 random octets that belong to the store, the same for the
// same name ever after (made at first use).
func (s *Store) Secret(ctx context.Context, name string) ([]byte, error) { return nil, errNotBuilt }
