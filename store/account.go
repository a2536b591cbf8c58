package store

import (
	"context"
	"time"

	"posthorn/internal/mail"
)

// Account is one person's mail.
type Account struct {
	ID       AccountID
	Address  mail.Address
	Disabled bool
	Created  time.Time
	Quota    Quota
	Usage    Quota
}

// Quota is an amount of mail; as a limit, 0 means none.
type Quota struct{ Bytes, Messages int64 }

func (s *Store) AddDomain(ctx context.Context, domain string) error    { return errNotBuilt }
func (s *Store) DeleteDomain(ctx context.Context, domain string) error { return errNotBuilt }
func (s *Store) Domains(ctx context.Context) ([]string, error)         { return nil, errNotBuilt }

// AddAccount makes an account with the default mailboxes and credentials.
// mail.ErrExists, mail.ErrNotLocal.
func (s *Store) AddAccount(ctx context.Context, addr mail.Address, creds []Credential) (Account, error) {
	return Account{}, errNotBuilt
}

// Account finds an account by its own address, without regard to case.
// mail.ErrNoSuchUser.
func (s *Store) Account(ctx context.Context, addr mail.Address) (Account, error) {
	return Account{}, errNotBuilt
}
func (s *Store) AccountByID(ctx context.Context, id AccountID) (Account, error) {
	return Account{}, errNotBuilt
}
func (s *Store) Accounts(ctx context.Context) ([]Account, error) { return nil, errNotBuilt }
func (s *Store) SetDisabled(ctx context.Context, id AccountID, disabled bool) error {
	return errNotBuilt
}
func (s *Store) SetQuota(ctx context.Context, id AccountID, q Quota) error { return errNotBuilt }

// DeleteAccount removes an account with all its mail.
func (s *Store) DeleteAccount(ctx context.Context, id AccountID) error { return errNotBuilt }
