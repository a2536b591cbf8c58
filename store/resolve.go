package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"posthorn/internal/mail"
)

const (
	// maxFollowed bounds the addresses that one address leads to, directly or
	// by aliases of aliases.
	maxFollowed = 1000
	// maxResolutions bounds the memory of those that are remembered, at some
	// 300 octets each; past it all are forgotten.
	maxResolutions = 10_000
)

// Resolution is where mail for an address goes, each account and address
// once. Who gets one must not change it. The accounts' Usage is left out.
type Resolution struct {
	Local  []Account
	Remote []mail.Address
}

// Resolve finds where mail for addr goes. The first of these counts:
//
//   - an account, or an alias's targets (followed; loops are cut);
//   - the same without a +tag (RFC 5233);
//   - the domain's catch-all;
//   - for postmaster, who must always be reached (RFC 5321 §4.5.1): the
//     domain's first account, or failing that the server's. So the operator,
//     who made it, is the postmaster until there is an alias or account of
//     that name.
//
// <Postmaster> without domain is that of the first domain that has one, or
// else the server's first account. Disabled accounts get nothing: they are
// left out where there are others to go to.
//
// mail.ErrNotLocal, mail.ErrNoSuchUser, mail.ErrDisabled.
func (s *Store) Resolve(ctx context.Context, addr mail.Address) (Resolution, error) {
	key := addr.Key()
	res, changes, ok := s.directory.recall(key)
	if ok {
		return res, nil
	}
	err := s.read(ctx, func(tx *readTx) error {
		r := resolver{tx: tx, seen: make(map[string]bool)}
		err := r.resolve(addr)
		res = r.result
		return err
	})
	if err != nil {
		return Resolution{}, err
	}
	s.directory.remember(key, res, changes)
	return res, nil
}

// MaySendAs reports whether the account may use addr as a sender: that is so
// when mail for addr reaches it, by its own address, one with a +tag, or an
// alias.
func (s *Store) MaySendAs(ctx context.Context, id AccountID, addr mail.Address) (bool, error) {
	res, err := s.Resolve(ctx, addr)
	switch {
	case errors.Is(err, mail.ErrNotLocal), errors.Is(err, mail.ErrNoSuchUser), errors.Is(err, mail.ErrDisabled):
		return false, nil
	case err != nil:
		return false, err
	}
	return slices.ContainsFunc(res.Local, func(a Account) bool { return a.ID == id }), nil
}

// LoginAccount finds the account that a login name means: one of that address,
// or the one account that an alias of that address leads to, wherever else it
// leads. A +tag or a catch-all names nobody. alias says that it was one.
// mail.ErrNoSuchUser.
func (s *Store) LoginAccount(ctx context.Context, addr mail.Address) (a Account, alias bool, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		key := addr.Key()
		if a, err = tx.account(key); !errors.Is(err, mail.ErrNoSuchUser) {
			return err
		}
		r := resolver{tx: tx, seen: make(map[string]bool)}
		if _, err := r.lookUp(key); err != nil {
			return err
		}
		if len(r.result.Local) != 1 || r.disabled {
			return mail.ErrNoSuchUser
		}
		a, alias = r.result.Local[0], true
		return nil
	})
	return a, alias, err
}

// directory remembers resolutions, since each RCPT asks for one. Every change
// of what they are made of forgets them all.
type directory struct {
	mu      sync.RWMutex
	changes uint64
	known   map[string]Resolution // by mail.Address.Key
	// domains are ours, as mail.DomainKey has them; nil when they must be read.
	domains map[string]bool
}

// recall returns what is remembered for a key, and the number of changes so
// far, which remember wants.
func (d *directory) recall(key string) (Resolution, uint64, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	res, ok := d.known[key]
	return res, d.changes, ok
}

// remember keeps a resolution, unless something has changed since recall: it
// may have been read before that.
func (d *directory) remember(key string, res Resolution, changes uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if changes != d.changes {
		return
	}
	if d.known == nil || len(d.known) >= maxResolutions {
		d.known = make(map[string]Resolution)
	}
	d.known[key] = res
}

func (d *directory) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.changes++
	d.known = nil
	d.domains = nil
}

// isOurs reports whether a domain is ours, where that is known.
func (d *directory) isOurs(key string) (is, known bool, changes uint64) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.domains[key], d.domains != nil, d.changes
}

func (d *directory) rememberDomains(list []string, changes uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if changes != d.changes {
		return
	}
	d.domains = make(map[string]bool, len(list))
	for _, domain := range list {
		d.domains[domain] = true
	}
}

// changeDirectory is write for what resolutions are made of. They are
// forgotten before the change is answered for.
func (s *Store) changeDirectory(ctx context.Context, op func(tx *writeTx) error) error {
	defer s.directory.forget()
	return s.write(ctx, 0, op)
}

// resolver follows addresses.
type resolver struct {
	tx       *readTx
	seen     map[string]bool // keys of accounts and aliases
	disabled bool            // a disabled account was met
	result   Resolution
}

func (r *resolver) resolve(addr mail.Address) error {
	var err error
	if addr.Domain == "" && isPostmaster(addr) {
		err = r.anyPostmaster()
	} else {
		var local bool
		if local, err = r.tx.hasDomain(mail.DomainKey(addr.Domain)); err == nil && !local {
			return mail.ErrNotLocal
		}
		if err == nil {
			err = r.follow(addr)
		}
	}
	if err == nil && r.empty() && isPostmaster(addr) {
		err = r.firstAccount(addr.Domain)
	}
	switch {
	case err != nil:
		return err
	case !r.empty():
		r.result.Local = slices.Clip(r.result.Local)
		r.result.Remote = slices.Clip(r.result.Remote)
		return nil
	case r.disabled:
		return mail.ErrDisabled
	}
	return mail.ErrNoSuchUser
}

func (r *resolver) empty() bool { return len(r.result.Local)+len(r.result.Remote) == 0 }

// follow adds where mail for an address goes. An address in a domain of ours
// that is nobody's adds nothing.
func (r *resolver) follow(addr mail.Address) error {
	domain := mail.DomainKey(addr.Domain)
	local, err := r.tx.hasDomain(domain)
	if err != nil {
		return err
	}
	if !local {
		if r.first(addr.Key()) {
			r.result.Remote = append(r.result.Remote, addr)
		}
		return nil
	}
	keys := []string{addr.Key()}
	if plain, ok := addr.WithoutTag(); ok {
		keys = append(keys, plain.Key())
	}
	for _, key := range append(keys, "@"+domain) {
		if found, err := r.lookUp(key); found || err != nil {
			return err
		}
	}
	return nil
}

// lookUp adds the account or the alias's targets that a key stands for, and
// reports whether there is one.
func (r *resolver) lookUp(key string) (found bool, err error) {
	if r.seen[key] {
		return true, nil
	}
	a, err := r.tx.account(key)
	if err == nil {
		return true, r.add(key, a)
	} else if err != mail.ErrNoSuchUser {
		return false, err
	}
	targets, err := r.tx.targets(key)
	if err != nil || len(targets) == 0 {
		return false, err
	}
	r.first(key)
	for _, t := range targets {
		if len(r.seen) > maxFollowed {
			return true, fmt.Errorf("alias %s leads to more than %d addresses", key, maxFollowed)
		}
		if err := r.follow(t); err != nil {
			return true, err
		}
	}
	return true, nil
}

func (r *resolver) add(key string, a Account) error {
	switch {
	case !r.first(key):
	case a.Disabled:
		r.disabled = true
	default:
		a.Usage = Quota{}
		r.result.Local = append(r.result.Local, a)
	}
	return nil
}

// first reports whether a key is met for the first time.
func (r *resolver) first(key string) bool {
	if r.seen[key] {
		return false
	}
	r.seen[key] = true
	return true
}

func isPostmaster(addr mail.Address) bool {
	addr, _ = addr.WithoutTag()
	return strings.EqualFold(addr.Local, "postmaster")
}

// anyPostmaster adds the first domain's that has one.
func (r *resolver) anyPostmaster() error {
	domains, err := r.tx.domains()
	if err != nil {
		return err
	}
	for _, d := range domains {
		if found, err := r.lookUp("postmaster@" + d); found || err != nil {
			return err
		}
	}
	return nil
}

// firstAccount adds the account that was made first: in the domain, or if it
// has none in any.
func (r *resolver) firstAccount(domain string) error {
	a, err := scanAccount(r.tx.row(selectAccount+`
		WHERE disabled = 0 ORDER BY substr(key, -length(?1)) = ?1 DESC, id LIMIT 1`, "@"+mail.DomainKey(domain)).Scan)
	if err = notFound(err, mail.ErrNoSuchUser); err != nil {
		return err
	}
	return r.add(a.Address.Key(), a)
}
