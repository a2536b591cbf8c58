package store

import (
	"context"
	"net/netip"
	"time"
)

const (
	// loginEvery is how exact the last login from an address is.
	loginEvery = 24 * time.Hour
	// maxLoginAddresses of an account are kept, those used last.
	maxLoginAddresses = 100
)

// LoginAddress is where somebody logged in from, and when last, to within a
// day.
type LoginAddress struct {
	Account string // its address's Key
	From    netip.Addr
	Last    time.Time
}

// NoteLogin keeps that an account's owner logged in from an address at t. What
// was kept of the account from before since is forgotten. It does not wait.
func (s *Store) NoteLogin(id AccountID, from netip.Addr, t, since time.Time) {
	if !from.IsValid() || !s.logins.due(touchKey{id, from.String()}, t, loginEvery) {
		return
	}
	s.writeLater(func(tx *writeTx) error {
		_, err := tx.exec(`
			INSERT INTO logins (account, address, last)
			SELECT id, ?2, ?3 FROM accounts WHERE id = ?1
			ON CONFLICT DO UPDATE SET last = max(last, excluded.last)`, id, from.String(), millis(t))
		if err == nil {
			_, err = tx.exec(`
				DELETE FROM logins WHERE account = ?1 AND (last < ?2 OR address NOT IN (
					SELECT address FROM logins WHERE account = ?1 ORDER BY last DESC, address LIMIT ?3))`,
				id, millis(since), maxLoginAddresses)
		}
		return err
	})
}

// LoginAddresses lists the addresses of logins after since, the latest last,
// at most max of them.
func (s *Store) LoginAddresses(ctx context.Context, since time.Time, max int) (list []LoginAddress, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query(`
			SELECT * FROM (
				SELECT key, address, last FROM logins JOIN accounts ON id = account
				WHERE last > ? ORDER BY last DESC LIMIT ?)
			ORDER BY last`, millis(since), max)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l LoginAddress
			var from string
			var last int64
			if err := rows.Scan(&l.Account, &from, &last); err != nil {
				return err
			}
			if l.From, err = netip.ParseAddr(from); err != nil {
				return err
			}
			l.Last = fromMillis(last)
			list = append(list, l)
		}
		return rows.Err()
	})
	return list, err
}
