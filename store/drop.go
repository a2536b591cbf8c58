package store

import (
	"sync"

	"posthorn/internal/mail"
)

// drops are the POP3 drops that are taken.
type drops struct {
	mu   sync.Mutex
	held map[AccountID]bool
}

// LockDrop takes an account's POP3 drop (RFC 1939 §4); mail.ErrInUse when
// another session has it. Call release when done.
func (s *Store) LockDrop(id AccountID) (release func(), err error) {
	d := &s.drops
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[id] {
		return nil, mail.ErrInUse
	}
	if d.held == nil {
		d.held = make(map[AccountID]bool)
	}
	d.held[id] = true
	return sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.held, id)
	}), nil
}
