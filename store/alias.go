package store

import (
	"context"

	"posthorn/internal/mail"
)

// Alias leads mail for Address to Targets. An Address with an empty Local is
// its domain's catch-all.
type Alias struct {
	Address mail.Address
	Targets []mail.Address
}

func (s *Store) AddAlias(ctx context.Context, a Alias) error              { return errNotBuilt }
func (s *Store) DeleteAlias(ctx context.Context, addr mail.Address) error { return errNotBuilt }
func (s *Store) Aliases(ctx context.Context) ([]Alias, error)             { return nil, errNotBuilt }

// Resolution is where mail for an address goes.
type Resolution struct {
	Local  []Account
	Remote []mail.Address
}

// Resolve finds where mail for addr goes: an account, an alias's targets
// (followed, loops cut), the same without a +tag, postmaster, the catch-all.
// mail.ErrNotLocal, mail.ErrNoSuchUser, mail.ErrDisabled.
func (s *Store) Resolve(ctx context.Context, addr mail.Address) (Resolution, error) {
	return Resolution{}, errNotBuilt
}

// MaySendAs reports whether the account may use addr as a sender: its own
// address, one with a +tag, or an alias that leads to it.
func (s *Store) MaySendAs(ctx context.Context, id AccountID, addr mail.Address) (bool, error) {
	return false, errNotBuilt
}
