package store

import (
	"context"
	"fmt"
	"slices"

	"posthorn/internal/mail"
)

// SetSubscribed notes a subscription; names that no mailbox has may be
// subscribed too (RFC 9051 §6.3.7). mail.ErrInvalid, mail.ErrOverQuota (too
// many), mail.ErrNoSuchUser.
func (s *Store) SetSubscribed(ctx context.Context, id AccountID, name string, on bool) error {
	name = canonicalName(name)
	return s.write(ctx, len(name), func(tx *writeTx) error {
		tx.touch(id, 0)
		if !on {
			_, err := tx.exec("DELETE FROM subscriptions WHERE account = ? AND name = ?", id, name)
			return err
		}
		if err := validName(name); err != nil {
			return err
		}
		if _, err := tx.accountByID(id); err != nil {
			return err
		}
		_, err := tx.exec("INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT DO NOTHING", id, name)
		if err != nil {
			return err
		}
		var n int
		if err := tx.row("SELECT count(*) FROM subscriptions WHERE account = ?", id).Scan(&n); err != nil {
			return err
		}
		if n > maxMailboxes {
			return fmt.Errorf("an account has at most %d subscriptions: %w", maxMailboxes, mail.ErrOverQuota)
		}
		return nil
	})
}

// Subscriptions lists the names that an account is subscribed to, sorted as
// Mailboxes are.
func (s *Store) Subscriptions(ctx context.Context, id AccountID) (names []string, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		names, err = tx.subscriptions(id)
		return err
	})
	return names, err
}

func (tx *readTx) subscriptions(id AccountID) ([]string, error) {
	rows, err := tx.query("SELECT name FROM subscriptions WHERE account = ?", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	slices.SortFunc(names, compareNames)
	return names, rows.Err()
}
