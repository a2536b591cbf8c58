package store

import (
	"context"
	"errors"
	"runtime"
	"sync"

	"posthorn/internal/mail"
)

// maxTurns is how many of an account's operations that do much work for each
// message of a mailbox are under way at once; others of it wait for their turn.
// It is two, so that one device's long search does not hold up another's.
const maxTurns = 2

// turns share the processors among searches of headers and bodies and the making
// of sort keys: however many connections ask for them, no more goroutines work
// than there are processors, and whoever delivers mail need not wait for
// hundreds. Goroutines wait for a slot in the order in which they came, and one
// account has but a few of them.
type turns struct {
	slots chan struct{} // has one for each goroutine that works

	mu       sync.Mutex
	accounts map[AccountID]*accountTurns
}

// accountTurns are those of an account that has operations under way or waiting.
type accountTurns struct {
	taken chan struct{} // has one for each that is under way
	users int           // under way or waiting; guarded by turns.mu
}

func newTurns() *turns {
	return &turns{slots: make(chan struct{}, runtime.GOMAXPROCS(0)), accounts: make(map[AccountID]*accountTurns)}
}

// begin waits for an account's turn; end gives it back. Who holds one begins no
// other. ctx bounds the wait.
func (t *turns) begin(ctx context.Context, id AccountID) (end func(), err error) {
	t.mu.Lock()
	a := t.accounts[id]
	if a == nil {
		a = &accountTurns{taken: make(chan struct{}, maxTurns)}
		t.accounts[id] = a
	}
	a.users++
	t.mu.Unlock()
	leave := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if a.users--; a.users == 0 {
			delete(t.accounts, id)
		}
	}
	select {
	case a.taken <- struct{}{}:
		return func() { <-a.taken; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}

// work calls fn, some tens of milliseconds' work, when there is a slot for it.
// ctx bounds the wait.
func (t *turns) work(ctx context.Context, fn func() error) error {
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
		return fn()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// beginTurn is begin for the account whose mailbox it is. One that is gone has
// nobody who could be in the way.
func (s *Store) beginTurn(ctx context.Context, mb MailboxID) (end func(), err error) {
	m, err := s.MailboxByID(ctx, mb)
	if err != nil && !errors.Is(err, mail.ErrNoSuchMailbox) {
		return nil, err
	}
	return s.turns.begin(ctx, m.Account)
}
