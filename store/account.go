package store

import (
	"context"
	"fmt"
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

const selectAccount = `
	SELECT id, local, domain, disabled, created, quota_bytes, quota_messages, bytes, messages
	FROM accounts `

func scanAccount(scan func(dest ...any) error) (a Account, err error) {
	var created int64
	err = scan(&a.ID, &a.Address.Local, &a.Address.Domain, &a.Disabled, &created,
		&a.Quota.Bytes, &a.Quota.Messages, &a.Usage.Bytes, &a.Usage.Messages)
	a.Created = fromMillis(created)
	return a, err
}

// AddAccount makes an account with the default mailboxes and credentials.
// mail.ErrInvalid, mail.ErrNotLocal, mail.ErrExists (an account or an alias).
func (s *Store) AddAccount(ctx context.Context, addr mail.Address, creds []Credential) (a Account, err error) {
	if err := validAddress(addr); err != nil {
		return Account{}, err
	}
	err = s.changeDirectory(ctx, func(tx *writeTx) error {
		if err := tx.checkFree(addr); err != nil {
			return err
		}
		id, err := tx.insert("INSERT INTO accounts (key, local, domain, created) VALUES (?, ?, ?, ?)",
			addr.Key(), addr.Local, addr.Domain, millis(tx.now))
		if err != nil {
			return err
		}
		if err := tx.createDefaultMailboxes(AccountID(id)); err != nil {
			return err
		}
		if err := tx.insertCredentials(AccountID(id), creds); err != nil {
			return err
		}
		a, err = tx.accountByID(AccountID(id))
		return err
	})
	return a, err
}

// validAddress refuses what no address of ours can be.
func validAddress(addr mail.Address) error {
	again, err := mail.ParseAddress(addr.String())
	if err == nil && (again != addr || addr.Local == "") {
		err = mail.ErrInvalid
	}
	if err != nil {
		return fmt.Errorf("address %q: %w", addr.String(), err)
	}
	return nil
}

// checkFree reports whether an address may become an account's or an alias's.
func (tx *readTx) checkFree(addr mail.Address) error {
	local, err := tx.hasDomain(mail.DomainKey(addr.Domain))
	if err != nil {
		return err
	}
	if !local {
		return fmt.Errorf("domain %s: %w", addr.Domain, mail.ErrNotLocal)
	}
	var account, alias bool
	err = tx.row(`SELECT EXISTS (SELECT 1 FROM accounts WHERE key = ?1), EXISTS (SELECT 1 FROM aliases WHERE key = ?1)`,
		addr.Key()).Scan(&account, &alias)
	switch {
	case err != nil:
		return err
	case account:
		return fmt.Errorf("account %s: %w", addr, mail.ErrExists)
	case alias:
		return fmt.Errorf("alias %s: %w", addr, mail.ErrExists)
	}
	return nil
}

// Account finds an account by its own address, without regard to case.
// mail.ErrNoSuchUser.
func (s *Store) Account(ctx context.Context, addr mail.Address) (a Account, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		a, err = tx.account(addr.Key())
		return err
	})
	return a, err
}

// AccountByID finds an account. mail.ErrNoSuchUser.
func (s *Store) AccountByID(ctx context.Context, id AccountID) (a Account, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		a, err = tx.accountByID(id)
		return err
	})
	return a, err
}

func (tx *readTx) account(key string) (Account, error) {
	a, err := scanAccount(tx.row(selectAccount+"WHERE key = ?", key).Scan)
	return a, notFound(err, mail.ErrNoSuchUser)
}

func (tx *readTx) accountByID(id AccountID) (Account, error) {
	a, err := scanAccount(tx.row(selectAccount+"WHERE id = ?", id).Scan)
	return a, notFound(err, mail.ErrNoSuchUser)
}

// Accounts lists all accounts, by domain and then by local part.
func (s *Store) Accounts(ctx context.Context) (accounts []Account, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query(selectAccount + "ORDER BY domain, key")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			a, err := scanAccount(rows.Scan)
			if err != nil {
				return err
			}
			accounts = append(accounts, a)
		}
		return rows.Err()
	})
	return accounts, err
}

// SetDisabled switches an account off: nobody logs in, no mail is taken for
// it, and what it has stays. Whoever watches it is woken. mail.ErrNoSuchUser.
func (s *Store) SetDisabled(ctx context.Context, id AccountID, disabled bool) error {
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		tx.touch(id, 0)
		tx.touchAccess()
		return tx.changeAccount("UPDATE accounts SET disabled = ? WHERE id = ?", disabled, id)
	})
}

func (tx *writeTx) changeAccount(query string, args ...any) error {
	n, err := tx.exec(query, args...)
	if err == nil && n == 0 {
		err = mail.ErrNoSuchUser
	}
	return err
}

// DeleteAccount removes an account with all its mail: at once as far as
// anybody can see, while the sweep frees the space bit by bit, so that
// deliveries don't wait. What it has in the outbound queue is still sent.
// Aliases that lead to it lead nowhere. mail.ErrNoSuchUser.
func (s *Store) DeleteAccount(ctx context.Context, id AccountID) error {
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		if err := tx.disownMailboxes(id); err != nil {
			return err
		}
		tx.touchAccess()
		// Credentials, subscriptions and annotations go with it (ON DELETE CASCADE).
		return tx.changeAccount("DELETE FROM accounts WHERE id = ?", id)
	})
}
