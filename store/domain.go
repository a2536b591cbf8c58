package store

import (
	"context"
	"fmt"
	"slices"

	"posthorn/internal/mail"
)

// AddDomain makes mail for a domain ours. An address literal may be one: mail
// for [192.0.2.1] is refused unless it was added. mail.ErrInvalid,
// mail.ErrExists.
func (s *Store) AddDomain(ctx context.Context, domain string) error {
	key := mail.DomainKey(domain)
	if !mail.ValidDomain(domain) || !mail.ValidDomain(key) || !(mail.Address{Domain: key}).IsASCII() {
		return fmt.Errorf("domain %q: %w", domain, mail.ErrInvalid)
	}
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		// later than any other, also within one millisecond: their order counts
		n, err := tx.exec(`
			INSERT INTO domains (domain, created)
			SELECT ?, max(?, coalesce((SELECT max(created) FROM domains), 0) + 1) WHERE true
			ON CONFLICT DO NOTHING`, key, millis(tx.now))
		if err == nil && n == 0 {
			err = fmt.Errorf("domain %s: %w", key, mail.ErrExists)
		}
		return err
	})
}

// DeleteDomain ends taking mail for a domain. It must have neither accounts
// nor aliases any more: mail.ErrInUse. mail.ErrNotLocal when it is not there.
func (s *Store) DeleteDomain(ctx context.Context, domain string) error {
	key := mail.DomainKey(domain)
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		var accounts, aliases int
		err := tx.row(`
			SELECT (SELECT count(*) FROM accounts WHERE substr(key, -length(?1)) = ?1),
			       (SELECT count(*) FROM aliases WHERE substr(key, -length(?1)) = ?1)`, "@"+key).Scan(&accounts, &aliases)
		if err != nil {
			return err
		}
		if accounts+aliases > 0 {
			return fmt.Errorf("domain %s has %d accounts and %d aliases: %w", key, accounts, aliases, mail.ErrInUse)
		}
		n, err := tx.exec("DELETE FROM domains WHERE domain = ?", key)
		if err == nil && n == 0 {
			err = fmt.Errorf("domain %s: %w", key, mail.ErrNotLocal)
		}
		return err
	})
}

// Domains lists our domains in their ASCII form, in the order in which they
// were added.
func (s *Store) Domains(ctx context.Context) (domains []string, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		domains, err = tx.domains()
		return err
	})
	return domains, err
}

// IsDomain reports whether a domain is ours. The database is asked only after a
// change.
func (s *Store) IsDomain(ctx context.Context, domain string) (bool, error) {
	key := mail.DomainKey(domain)
	is, known, changes := s.directory.isOurs(key)
	if known {
		return is, nil
	}
	list, err := s.Domains(ctx)
	if err != nil {
		return false, err
	}
	s.directory.rememberDomains(list, changes)
	return slices.Contains(list, key), nil
}

func (tx *readTx) domains() ([]string, error) {
	rows, err := tx.query("SELECT domain FROM domains ORDER BY created, domain")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var domains []string
	for rows.Next() {
		var d string
		if err := rows.Scan(&d); err != nil {
			return nil, err
		}
		domains = append(domains, d)
	}
	return domains, rows.Err()
}

// hasDomain reports whether a domain, as mail.DomainKey has it, is ours.
func (tx *readTx) hasDomain(key string) (is bool, err error) {
	err = tx.row("SELECT EXISTS (SELECT 1 FROM domains WHERE domain = ?)", key).Scan(&is)
	return is, err
}
