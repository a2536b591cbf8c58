package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"posthorn/internal/mail"
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

// Credentials lists an account's credentials by name, its own password first.
// An account that is not there has none.
func (s *Store) Credentials(ctx context.Context, id AccountID) (creds []Credential, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query("SELECT name, verifier, created, last_used FROM credentials WHERE account = ? ORDER BY name", id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var c Credential
			var created, used int64
			if err := rows.Scan(&c.Name, &c.Verifier, &created, &used); err != nil {
				return err
			}
			c.Created, c.LastUsed = fromMillis(created), fromMillis(used)
			creds = append(creds, c)
		}
		return rows.Err()
	})
	return creds, err
}

// SetCredentials replaces all of an account's credentials in one transaction.
// mail.ErrNoSuchUser, mail.ErrInvalid (one name twice).
func (s *Store) SetCredentials(ctx context.Context, id AccountID, creds []Credential) error {
	return s.write(ctx, 0, func(tx *writeTx) error {
		if _, err := tx.accountByID(id); err != nil {
			return err
		}
		if _, err := tx.exec("DELETE FROM credentials WHERE account = ?", id); err != nil {
			return err
		}
		tx.touchAccess()
		return tx.insertCredentials(id, creds)
	})
}

func (tx *writeTx) insertCredentials(id AccountID, creds []Credential) error {
	for _, c := range creds {
		created := c.Created
		if created.IsZero() {
			created = tx.now
		}
		n, err := tx.exec("INSERT INTO credentials (account, name, verifier, created, last_used) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			id, c.Name, c.Verifier, millis(created), millis(c.LastUsed))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("two credentials named %q: %w", c.Name, mail.ErrInvalid)
		}
	}
	return nil
}

const (
	// touchEvery is how exact a credential's last use is: a client that
	// connects every second must not cost a commit every second.
	touchEvery = time.Minute
	// maxTouches bounds the memory; past it all are forgotten, which costs a
	// commit each.
	maxTouches = 10_000
)

// touches are the last uses, of credentials or addresses, that were written
// lately.
type touches struct {
	mu   sync.Mutex
	last map[touchKey]time.Time
}

type touchKey struct {
	account AccountID
	name    string // a credential's, or an address
}

// due reports whether a use is to be written.
func (t *touches) due(k touchKey, now time.Time, every time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[k]; ok && now.Sub(last) < every && !now.Before(last) {
		return false
	}
	if t.last == nil || len(t.last) >= maxTouches {
		t.last = make(map[touchKey]time.Time)
	}
	t.last[k] = now
	return true
}

// TouchCredential notes that a credential was used at t. It does not wait; the
// time is right to within a minute.
func (s *Store) TouchCredential(id AccountID, name string, t time.Time) {
	if !s.touches.due(touchKey{id, name}, t, touchEvery) {
		return
	}
	s.writeLater(func(tx *writeTx) error {
		_, err := tx.exec("UPDATE credentials SET last_used = max(last_used, ?) WHERE account = ? AND name = ?", millis(t), id, name)
		return err
	})
}

// Secret returns 32 random octets that belong to the store, the same for the
// same name ever after (made at first use).
func (s *Store) Secret(ctx context.Context, name string) (secret []byte, err error) {
	const get = "SELECT value FROM secrets WHERE name = ?"
	err = s.read(ctx, func(tx *readTx) error {
		return tx.row(get, name).Scan(&secret)
	})
	if !errors.Is(err, sql.ErrNoRows) {
		return secret, err
	}
	fresh := make([]byte, 32)
	rand.Read(fresh)
	err = s.write(ctx, 0, func(tx *writeTx) error {
		if _, err := tx.exec("INSERT INTO secrets (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name, fresh); err != nil {
			return err
		}
		return tx.row(get, name).Scan(&secret) // another one's, if that was first
	})
	return secret, err
}
