package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// rememberRight spares a client that connects every minute the hash.
	rememberRight = 5 * time.Minute
	// rememberWrong is for a forgotten phone that has the old password: the
	// same wrong guess teaches nobody anything, so it is neither hashed nor
	// counted again.
	rememberWrong = time.Hour
	// maxRemembered passwords of either kind are kept, of about 200 octets each.
	maxRemembered = 10_000
)

// memory remembers which passwords were right and which were wrong. It holds
// no passwords, but their hashes under a key that nobody else has and that is
// gone with the process.
type memory struct {
	key []byte

	mu    sync.Mutex
	right *lru[guess, outcome]
	wrong *lru[guess, outcome]
	// pending are guesses being verified; the channel is closed when that is over.
	pending map[guess]chan struct{}
}

// guess is a password for a subject in its present state: another password,
// a disabled account, a revoked app password make all guesses different ones.
type guess [sha256.Size]byte

type outcome struct {
	ok       bool
	verifier int // which of the subject's it was
	until    time.Time
}

func newMemory() *memory {
	m := &memory{
		key:     make([]byte, 32),
		right:   newLRU[guess, outcome](maxRemembered),
		wrong:   newLRU[guess, outcome](maxRemembered),
		pending: map[guess]chan struct{}{},
	}
	rand.Read(m.key)
	return m
}

func (m *memory) guess(s *subject, prepared string) guess {
	h := hmac.New(sha256.New, m.key)
	h.Write(s.generation[:])
	h.Write([]byte(prepared))
	return guess(h.Sum(nil))
}

// recall returns what is remembered of a guess. Where nothing is, it returns a
// channel to wait on before asking again, or nil: then the caller verifies the
// guess, and calls settle.
func (m *memory) recall(g guess) (o outcome, known bool, wait <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for _, l := range []*lru[guess, outcome]{m.right, m.wrong} {
		if o, ok := l.get(g); ok && now.Before(o.until) {
			return o, true, nil
		}
	}
	if done, ok := m.pending[g]; ok {
		return o, false, done
	}
	m.pending[g] = make(chan struct{})
	return o, false, nil
}

// settle ends what recall began. o is nil when nothing was found out.
func (m *memory) settle(g guess, o *outcome) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case o == nil:
	case o.ok:
		o.until = time.Now().Add(rememberRight)
		m.right.put(g, *o)
	default:
		o.until = time.Now().Add(rememberWrong)
		m.wrong.put(g, *o)
	}
	close(m.pending[g])
	delete(m.pending, g)
}
