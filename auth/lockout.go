package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"posthorn/store"
)

// The lock-out limits wrong guesses, before anything is hashed. It must slow
// an attacker, and not the owner whose name he uses:
//
//   - guesses at an account from a network (IPv4 /24, IPv6 /64) have a bucket
//     of five, refilled at five a minute: at most ten in any minute. Who comes
//     from another network has his own.
//   - an address from which the account's owner logged in before has a bucket
//     apart from its network's, so that a neighbour cannot empty it.
//   - all guesses from a network together, and all guesses at an account
//     together, have a larger bucket each, for those who try many names from
//     one place, or one name from many. Known addresses are spared both.
//   - an app password is not to be guessed, and opens whatever was guessed
//     before: its owner gets in beside somebody who guesses from the very same
//     address. Whoever has only the account's own password waits with him.
//   - a repeated wrong guess is not counted (memory.go), and a right one gives
//     back what it took.
const (
	perAccountAndNetwork = 5  // guesses at once, and as many more each minute
	perNetwork           = 60 // the same
	perAccount           = 60 // the same
	// knownFor is how long an address stays known.
	knownFor = 30 * 24 * time.Hour
	// maxBuckets and maxKnown bound the memory, at about 300 octets each. A
	// bucket that is forgotten is full.
	maxBuckets = 50_000
	maxKnown   = 20_000
)

// What was guessed is kept in memory only: a restart gives a guesser five more.
// Known addresses are kept in the store, else it would take them from an owner.
type lockout struct {
	mu      sync.Mutex
	buckets *lru[bucketKey, bucket]
	known   *lru[bucketKey, time.Time] // since when; the prefix is one address
}

// bucketKey is an account's key and an address or network; either may be left
// out.
type bucketKey struct {
	kind  bucketKind
	who   string
	where netip.Prefix
}

type bucketKind uint8

const (
	byAddress bucketKind = iota
	byAccountAndNetwork
	byNetwork
	byAccount
)

type bucket struct {
	tokens float64
	at     time.Time
}

func newLockout() *lockout {
	return &lockout{
		buckets: newLRU[bucketKey, bucket](maxBuckets),
		known:   newLRU[bucketKey, time.Time](maxKnown),
	}
}

// gate is the lock-out for one attempt: who is being guessed, and from where.
type gate struct {
	lockout *lockout
	exempt  bool // always open
	who     string
	from    netip.Addr
}

func (a *Authenticator) gate(s *subject, from netip.Addr) gate {
	from = from.Unmap().WithZone("")
	return gate{a.lockout, a.cfg.NoLockout && from.IsLoopback(), s.key, from}
}

// open reports whether another guess is allowed.
func (g gate) open() bool { return g.change(1, 0) }

// take counts a guess, where one is allowed.
func (g gate) take() bool { return g.change(1, -1) }

// refund gives back a guess that was right.
func (g gate) refund() { g.change(0, +1) }

// remember makes the address known: the subject logged in from it.
func (g gate) remember() {
	g.lockout.mu.Lock()
	defer g.lockout.mu.Unlock()
	g.lockout.known.put(g.here(), time.Now())
}

// isKnown reports whether the owner logged in from this address before.
func (g gate) isKnown() bool {
	g.lockout.mu.Lock()
	defer g.lockout.mu.Unlock()
	return g.knownLocked()
}

func (g gate) knownLocked() bool {
	since, ok := g.lockout.known.get(g.here())
	return ok && time.Since(since) < knownFor
}

// load makes those addresses known that were before a restart.
func (l *lockout) load(ctx context.Context, st *store.Store) error {
	list, err := st.LoginAddresses(ctx, time.Now().Add(-knownFor), maxKnown)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range list {
		l.known.put(gate{who: k.Account, from: k.From}.here(), k.Last)
	}
	return nil
}

// change adds n to all buckets that concern the guess, if each of them holds
// at least the given number.
func (g gate) change(least, n float64) bool {
	if g.exempt {
		return true
	}
	g.lockout.mu.Lock()
	defer g.lockout.mu.Unlock()
	now := time.Now()
	limits := g.limitsLocked()
	for _, l := range limits {
		if g.lockout.tokensLocked(l, now) < least {
			return false
		}
	}
	if n == 0 {
		return true
	}
	for _, l := range limits {
		tokens := g.lockout.tokensLocked(l, now) + n
		if tokens >= l.size {
			g.lockout.buckets.remove(l.key)
		} else {
			g.lockout.buckets.put(l.key, bucket{tokens, now})
		}
	}
	return true
}

// limit is a bucket's size, which is also what runs in each minute.
type limit struct {
	key  bucketKey
	size float64
}

func (g gate) limitsLocked() []limit {
	if g.knownLocked() {
		return []limit{{g.here(), perAccountAndNetwork}}
	}
	network := g.network()
	return []limit{
		{bucketKey{byAccountAndNetwork, g.who, network}, perAccountAndNetwork},
		{bucketKey{byNetwork, "", network}, perNetwork},
		{bucketKey{byAccount, g.who, netip.Prefix{}}, perAccount},
	}
}

func (l *lockout) tokensLocked(lim limit, now time.Time) float64 {
	b, ok := l.buckets.get(lim.key)
	if !ok {
		return lim.size
	}
	return min(lim.size, b.tokens+now.Sub(b.at).Minutes()*lim.size)
}

// here is the subject at the one address.
func (g gate) here() bucketKey {
	p, _ := g.from.Prefix(g.from.BitLen())
	return bucketKey{byAddress, g.who, p}
}

func (g gate) network() netip.Prefix {
	bits := 64
	if g.from.Is4() {
		bits = 24
	}
	p, _ := g.from.Prefix(bits)
	return p
}
