package auth

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"posthorn/store"
)

// sessions are open sessions by name, and which of them were ended.
type sessions struct {
	t *testing.T
	a *Authenticator

	mu    sync.Mutex
	ended []string
}

// enter logs in and opens a session, which leave ends.
func (s *sessions) enter(ctx context.Context, name, user, password string) (leave func()) {
	s.t.Helper()
	who, err := s.a.Password(s.t.Context(), netip.MustParseAddr("192.0.2.1"), user, password)
	if err != nil {
		s.t.Fatal(err)
	}
	leave, err = s.a.Enter(ctx, who, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended = append(s.ended, name)
	})
	wants(s.t, err, nil)
	return leave
}

// want demands that exactly these sessions were ended since the last call.
func (s *sessions) want(names ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.ended)
	if !slices.Equal(s.ended, names) {
		s.t.Errorf("ended were %q, not %q", s.ended, names)
	}
	s.ended = nil
}

// Sessions end with the password, the account, that opened them, and only they.
func TestSessionsEnd(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		ctx, stop := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() { a.Watch(ctx, func(err error) { t.Error(err) }) })
		synctest.Wait()
		alice, err := a.store.Account(ctx, parse(t, "alice@example.org"))
		wants(t, err, nil)
		bob, err := a.store.Account(ctx, parse(t, "bob@example.org"))
		wants(t, err, nil)
		s := &sessions{t: t, a: a}
		s.enter(ctx, "own 1", "alice@example.org", "pencil")
		s.enter(ctx, "own 2", "alice@example.org", "pencil")
		leave := s.enter(ctx, "left", "alice@example.org", "pencil")
		s.enter(ctx, "phone", "alice@example.org", "phone")
		s.enter(ctx, "bob", "bob@example.org", "crayon")
		leave()
		leave()
		wants(t, a.SetPassword(ctx, alice.ID, "eraser"), nil)
		s.want("own 1", "own 2")
		s.enter(ctx, "own 3", "alice@example.org", "eraser")
		_, err = a.AddAppPassword(ctx, alice.ID, "tablet")
		wants(t, err, nil)
		s.want()
		wants(t, a.RevokeAppPassword(ctx, alice.ID, "phone"), nil)
		s.want("phone")
		wants(t, a.store.SetDisabled(ctx, bob.ID, true), nil)
		s.want("bob")
		wants(t, a.store.SetDisabled(ctx, bob.ID, false), nil)
		s.enter(ctx, "bob again", "bob@example.org", "crayon")
		wants(t, a.store.SetQuota(ctx, bob.ID, store.Quota{Messages: 1}), nil)
		s.want()
		wants(t, a.store.DeleteAccount(ctx, bob.ID), nil)
		s.want("bob again")

		// Changed between the password's proof and the session.
		who, err := a.Password(ctx, home, "alice@example.org", "eraser")
		wants(t, err, nil)
		wants(t, a.SetPassword(ctx, alice.ID, "sharpener"), nil)
		s.want("own 3")
		_, err = a.Enter(ctx, who, func() { t.Error("a session that was never open was ended") })
		wants(t, err, ErrFailed)
		wants(t, a.SetPassword(ctx, alice.ID, "ruler"), nil)
		synctest.Wait()
		if n := len(a.visits.by); n != 0 {
			t.Errorf("%d accounts are remembered", n)
		}
		stop()
		watching.Wait()
	})
}
