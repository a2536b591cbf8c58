package store

import (
	"context"
	"fmt"

	"posthorn/internal/mail"
)

// maxTargets is the most targets of one alias. More people are a mailing
// list's work.
const maxTargets = 100

// Alias leads mail for Address to Targets. An Address with an empty Local is
// its domain's catch-all.
type Alias struct {
	Address mail.Address
	Targets []mail.Address
}

// AddAlias makes an alias. Its targets may be anywhere, and need not be there
// yet. mail.ErrInvalid, mail.ErrNotLocal, mail.ErrExists (an alias or an
// account).
func (s *Store) AddAlias(ctx context.Context, a Alias) error {
	if err := validAlias(a); err != nil {
		return err
	}
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		if err := tx.checkFree(a.Address); err != nil {
			return err
		}
		key := a.Address.Key()
		if _, err := tx.exec("INSERT INTO aliases (key, local, domain) VALUES (?, ?, ?)", key, a.Address.Local, a.Address.Domain); err != nil {
			return err
		}
		for n, t := range a.Targets {
			_, err := tx.exec("INSERT INTO alias_targets (alias, n, key, local, domain) VALUES (?, ?, ?, ?, ?)",
				key, n, t.Key(), t.Local, t.Domain)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func validAlias(a Alias) error {
	named := a.Address
	if named.Local == "" {
		named.Local = "catch-all"
	}
	if err := validAddress(named); err != nil {
		return err
	}
	if len(a.Targets) == 0 || len(a.Targets) > maxTargets {
		return fmt.Errorf("an alias has 1 to %d targets, not %d: %w", maxTargets, len(a.Targets), mail.ErrInvalid)
	}
	for _, t := range a.Targets {
		if err := validAddress(t); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAlias removes an alias. mail.ErrNotFound.
func (s *Store) DeleteAlias(ctx context.Context, addr mail.Address) error {
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		// Its targets go with it (ON DELETE CASCADE).
		n, err := tx.exec("DELETE FROM aliases WHERE key = ?", addr.Key())
		if err == nil && n == 0 {
			err = fmt.Errorf("alias %s: %w", addr, mail.ErrNotFound)
		}
		return err
	})
}

// Aliases lists all aliases, by domain and then by local part.
func (s *Store) Aliases(ctx context.Context) (list []Alias, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query(`
			SELECT a.local, a.domain, t.local, t.domain FROM aliases a JOIN alias_targets t ON t.alias = a.key
			ORDER BY a.domain, a.key, t.n`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var addr, target mail.Address
			if err := rows.Scan(&addr.Local, &addr.Domain, &target.Local, &target.Domain); err != nil {
				return err
			}
			if n := len(list); n == 0 || list[n-1].Address != addr {
				list = append(list, Alias{Address: addr})
			}
			last := &list[len(list)-1]
			last.Targets = append(last.Targets, target)
		}
		return rows.Err()
	})
	return list, err
}

// targets are those of the alias with this key; none when there is no such.
func (tx *readTx) targets(key string) ([]mail.Address, error) {
	rows, err := tx.query("SELECT local, domain FROM alias_targets WHERE alias = ? ORDER BY n", key)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var targets []mail.Address
	for rows.Next() {
		var t mail.Address
		if err := rows.Scan(&t.Local, &t.Domain); err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, rows.Err()
}
