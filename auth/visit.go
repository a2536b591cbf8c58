package auth

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"posthorn/internal/mail"
	"posthorn/store"
)

// visits are the sessions that are open, so that they can be ended with the
// password or the account that opened them.
type visits struct {
	mu sync.Mutex
	by map[store.AccountID]map[*visit]struct{}
}

// visit is one open session.
type visit struct {
	who Identity
	end func()
}

// Enter notes that who has a session open, until leave is called, which may be
// more than once. end is called (in another goroutine, and at most once) as soon
// as the password that opened it is changed or revoked, or the account disabled
// or deleted; for that Watch must run. ErrFailed when it is so already. Other
// errors are internal; with any, there is no session and nothing to leave.
func (a *Authenticator) Enter(ctx context.Context, who Identity, end func()) (leave func(), err error) {
	v := &visit{who, end}
	a.visits.add(v)
	// Noted first, asked then: what is changed from now on, Watch sees.
	valid, err := a.valid(ctx, who.Account)
	if err == nil && !valid(who) {
		err = ErrFailed
	}
	if err != nil {
		a.visits.remove(v)
		return nil, err
	}
	return func() { a.visits.remove(v) }, nil
}

// Sessions is how many are open of those who have logged in.
func (a *Authenticator) Sessions() int {
	a.visits.mu.Lock()
	defer a.visits.mu.Unlock()
	n := 0
	for _, of := range a.visits.by {
		n += len(of)
	}
	return n
}

// Watch ends sessions when what opened them does not count any more. It
// returns when ctx ends.
func (a *Authenticator) Watch(ctx context.Context, failed func(error)) {
	w := a.store.WatchAccess()
	defer w.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.C:
		}
		if err := a.endInvalid(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// endInvalid looks at all accounts with open sessions.
func (a *Authenticator) endInvalid(ctx context.Context) error {
	var errs []error
	for _, id := range a.visits.accounts() {
		valid, err := a.valid(ctx, id)
		if err != nil {
			errs = append(errs, err) // who can be looked at is
			continue
		}
		for _, v := range a.visits.of(id) {
			if !valid(v.who) && a.visits.remove(v) {
				v.end()
			}
		}
	}
	return errors.Join(errs...)
}

// valid returns whether what somebody proved by would still do.
func (a *Authenticator) valid(ctx context.Context, id store.AccountID) (func(Identity) bool, error) {
	account, err := a.store.AccountByID(ctx, id)
	if errors.Is(err, mail.ErrNoSuchUser) || err == nil && account.Disabled {
		return func(Identity) bool { return false }, nil
	}
	if err != nil {
		return nil, err
	}
	creds, err := a.store.Credentials(ctx, id)
	if err != nil {
		return nil, err
	}
	return func(who Identity) bool {
		return slices.ContainsFunc(creds, func(c store.Credential) bool {
			return c.Name == who.AppPassword && sumOf(c) == who.proof
		})
	}, nil
}

func (vs *visits) add(v *visit) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.by == nil {
		vs.by = map[store.AccountID]map[*visit]struct{}{}
	}
	if vs.by[v.who.Account] == nil {
		vs.by[v.who.Account] = map[*visit]struct{}{}
	}
	vs.by[v.who.Account][v] = struct{}{}
}

// remove reports whether the visit was there still.
func (vs *visits) remove(v *visit) bool {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	of := vs.by[v.who.Account]
	_, there := of[v]
	delete(of, v)
	if len(of) == 0 {
		delete(vs.by, v.who.Account)
	}
	return there
}

func (vs *visits) accounts() []store.AccountID {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return slices.Collect(maps.Keys(vs.by))
}

func (vs *visits) of(id store.AccountID) []*visit {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return slices.Collect(maps.Keys(vs.by[id]))
}
