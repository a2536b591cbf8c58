package auth

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// inBubble runs a test with a store and time of its own.
func inBubble(t *testing.T, cfg Config, test func(t *testing.T, a *Authenticator)) {
	synctest.Test(t, func(t *testing.T) {
		st := open(t)
		addUser(t, st, cheap(), "alice@example.org", "pencil", "phone")
		addUser(t, st, cheap(), "bob@example.org", "crayon")
		test(t, New(st, cfg))
	})
}

// guesses are wrong passwords, each another one.
type guesses struct {
	t *testing.T
	a *Authenticator
	n int
}

// try makes n guesses and returns how many of them were looked at.
func (g *guesses) try(from netip.Addr, user string, n int) (looked int) {
	g.t.Helper()
	for range n {
		g.n++
		_, err := g.a.Password(g.t.Context(), from, user, fmt.Sprint("wrong", g.n))
		switch {
		case errors.Is(err, ErrFailed):
			looked++
		case !errors.Is(err, ErrThrottled):
			g.t.Fatalf("guess %d: %v", g.n, err)
		}
	}
	return looked
}

func logIn(t *testing.T, a *Authenticator, from netip.Addr, user, password string) error {
	t.Helper()
	_, err := a.Password(t.Context(), from, user, password)
	return err
}

func TestLockout(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		start := time.Now()
		looked := 0
		for time.Since(start) < 10*time.Minute {
			looked += g.try(home, "alice@example.org", 1)
			// In no minute more than ten, the first included.
			if minutes := time.Since(start).Minutes(); float64(looked) > perAccountAndNetwork*(minutes+1)+0.01 {
				t.Fatalf("%d guesses looked at within %v", looked, time.Since(start))
			}
			time.Sleep(time.Second / 2)
		}
		if looked < 50 {
			t.Errorf("only %d guesses in ten minutes", looked)
		}
		g.try(home, "alice@example.org", 1)
		// The attacker's whole network is slowed, also with the right password.
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), ErrThrottled)
		wants(t, logIn(t, a, nextTo, "alice@example.org", "pencil"), ErrThrottled)
		wants(t, logIn(t, a, netip.MustParseAddr("::ffff:192.0.2.9"), "alice@example.org", "pencil"), ErrThrottled)
		// The owner elsewhere, and others in that network, are not.
		wants(t, logIn(t, a, away, "alice@example.org", "pencil"), nil)
		wants(t, logIn(t, a, visitor, "alice@example.org", "phone"), nil)
		wants(t, logIn(t, a, nextTo, "bob@example.org", "crayon"), nil)
		// Nor the owner here, some seconds after it stopped.
		time.Sleep(time.Minute / perAccountAndNetwork)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
	})
}

func TestLockoutNetworks(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		looked := 0
		for i := range 50 {
			looked += g.try(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), "alice@example.org", 1)
		}
		if looked != perAccountAndNetwork {
			t.Errorf("a /24 had %d guesses", looked)
		}
		looked = 0
		for i := range 50 {
			b := netip.MustParseAddr("2001:db8:7:7::").As16()
			b[15] = byte(i)
			looked += g.try(netip.AddrFrom16(b), "alice@example.org", 1)
		}
		if looked != perAccountAndNetwork {
			t.Errorf("a /64 had %d guesses", looked)
		}
	})
}

// TestLockoutKnownAddress: who logged in from an address before is not slowed
// by his neighbours.
func TestLockoutKnownAddress(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		time.Sleep(time.Hour) // the password is forgotten by now
		for range 100 {
			g.try(nextTo, "alice@example.org", 10)
			wants(t, logIn(t, a, nextTo, "alice@example.org", "pencil"), ErrThrottled)
			wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
			time.Sleep(time.Minute)
		}
		// The known address has guesses of its own, and no more of them.
		if n := g.try(home, "alice@example.org", 50); n != perAccountAndNetwork {
			t.Errorf("%d guesses from the known address", n)
		}
		time.Sleep(30*24*time.Hour + time.Hour)
		g.try(nextTo, "alice@example.org", 10)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), ErrThrottled)
	})
}

// TestLockoutManyNames: one network tries many names.
func TestLockoutManyNames(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		looked := 0
		for i := range 180 {
			looked += g.try(home, fmt.Sprintf("user%d@example.org", i), 1)
		}
		if looked > 61 || looked < 60 {
			t.Errorf("%d names looked at", looked)
		}
		wants(t, logIn(t, a, home, "bob@example.org", "crayon"), ErrThrottled)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil) // known here
		wants(t, logIn(t, a, away, "bob@example.org", "crayon"), nil)
	})
}

// TestLockoutManyNetworks: many networks try one name.
func TestLockoutManyNetworks(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		looked := 0
		for i := range 3 * perAccount {
			looked += g.try(netip.AddrFrom4([4]byte{10, 0, byte(i), 1}), "alice@example.org", 1)
		}
		if looked > perAccount+1 || looked < perAccount {
			t.Errorf("%d networks looked at", looked)
		}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil) // known here
		wants(t, logIn(t, a, away, "bob@example.org", "crayon"), nil)
	})
}

// TestRepeatedGuess: a phone that has the old password, and asks every few
// seconds, does not keep its owner out.
func TestRepeatedGuess(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		for range 1000 {
			wants(t, logIn(t, a, home, "alice@example.org", "last year's"), ErrFailed)
			time.Sleep(2 * time.Second)
		}
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		// That goes for names that are nobody's as well.
		for range 100 {
			wants(t, logIn(t, a, home, "nobody@example.org", "last year's"), ErrFailed)
		}
	})
}

// TestManyLoginsAtOnce: a mail program's connections, all with the right
// password, cost one hash and are no guesses.
func TestManyLoginsAtOnce(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		errs := make(chan error)
		for range 30 {
			go func() { errs <- logIn(t, a, home, "alice@example.org", "pencil") }()
		}
		for range 30 {
			wants(t, <-errs, nil)
		}
		for range 30 {
			go func() { errs <- logIn(t, a, away, "alice@example.org", "wrong") }()
		}
		for range 30 {
			wants(t, <-errs, ErrFailed)
		}
	})
}

func TestNoLockout(t *testing.T) {
	inBubble(t, Config{NoLockout: true}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		for _, from := range []string{"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"} {
			if n := g.try(netip.MustParseAddr(from), "alice@example.org", 30); n != 30 {
				t.Errorf("%s: %d guesses", from, n)
			}
		}
		if n := g.try(home, "alice@example.org", 30); n != perAccountAndNetwork {
			t.Errorf("%d guesses from elsewhere", n)
		}
	})
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		if n := g.try(netip.MustParseAddr("127.0.0.1"), "alice@example.org", 30); n != perAccountAndNetwork {
			t.Errorf("%d guesses from loopback", n)
		}
	})
}

// TestWith: another configuration forgets nothing.
func TestWith(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		g.try(localhost, "alice@example.org", perAccountAndNetwork)
		wants(t, logIn(t, a, localhost, "alice@example.org", "pencil"), ErrThrottled)
		free := a.With(Config{NoLockout: true})
		wants(t, logIn(t, free, localhost, "alice@example.org", "pencil"), nil)
		wants(t, logIn(t, free.With(Config{}), away, "alice@example.org", "pencil"), nil)
		if n := free.Hashed(); n != perAccountAndNetwork+1 {
			t.Errorf("%d hashes", n)
		}
	})
}

// TestNoAddress: a connection without an address (a pipe) is a network too.
func TestNoAddress(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		g := &guesses{t: t, a: a}
		if n := g.try(netip.Addr{}, "alice@example.org", 30); n != perAccountAndNetwork {
			t.Errorf("%d guesses", n)
		}
	})
}

func TestLockoutIsBounded(t *testing.T) {
	l := newLockout()
	for i := range 60_000 {
		g := gate{l, false, fmt.Sprint("user", i), netip.AddrFrom16([16]byte{0x20, 1, byte(i >> 16), byte(i >> 8), byte(i)})}
		g.take()
		g.remember()
	}
	if l.buckets.order.Len() != 50_000 || l.known.order.Len() != 20_000 {
		t.Errorf("%d buckets, %d known", l.buckets.order.Len(), l.known.order.Len())
	}
}

func TestRemembered(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		hashes := countHashes(a)
		for range 10 {
			wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
			wants(t, logIn(t, a, away, "ALICE@example.org", "pencil"), nil)
		}
		if n := hashes(); n != 1 {
			t.Errorf("%d hashes", n)
		}
		time.Sleep(5*time.Minute - time.Second)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		if n := hashes(); n != 1 {
			t.Errorf("%d hashes within five minutes", n)
		}
		time.Sleep(2 * time.Second)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		if n := hashes(); n != 2 {
			t.Errorf("%d hashes after five minutes", n)
		}
	})
}

// TestRememberedWrong: the same wrong password costs nothing for an hour.
func TestRememberedWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		g := m.guess(&subject{}, "old")
		m.recall(g)
		m.settle(g, &outcome{})
		time.Sleep(time.Hour - 1)
		if _, known, _ := m.recall(g); !known {
			t.Error("forgotten within an hour")
		}
		time.Sleep(time.Nanosecond)
		if _, known, _ := m.recall(g); known {
			t.Error("remembered for more than an hour")
		}
	})
}

// TestLeastAnswer: an answer for which nothing is hashed takes five milliseconds.
func TestLeastAnswer(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		(&guesses{t: t, a: a}).try(away, "alice@example.org", 20)
		for _, name := range []string{"alice@example.org", "", "nobody"} {
			begun := time.Now()
			if err := logIn(t, a, away, name, "pencil"); err == nil || time.Since(begun) != 5*time.Millisecond {
				t.Errorf("%q: %v after %v", name, err, time.Since(begun))
			}
		}
	})
}

// TestForgotten: what is remembered ends with the credentials.
func TestForgotten(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		ctx := t.Context()
		alice, err := a.store.Account(ctx, parse(t, "alice@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, logIn(t, a, home, "alice@example.org", "phone"), nil)
		wants(t, a.RevokeAppPassword(ctx, alice.ID, "phone"), nil)
		wants(t, logIn(t, a, home, "alice@example.org", "phone"), ErrFailed)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), nil)
		wants(t, logIn(t, a, home, "alice@example.org", "eraser"), ErrFailed)
		wants(t, a.SetPassword(ctx, alice.ID, "eraser"), nil)
		wants(t, logIn(t, a, home, "alice@example.org", "eraser"), nil)
		wants(t, logIn(t, a, home, "alice@example.org", "pencil"), ErrFailed)
	})
}

func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	for i := range 30_000 {
		g := m.guess(&subject{}, fmt.Sprint(i))
		m.recall(g)
		m.settle(g, &outcome{ok: i%2 == 0})
	}
	if m.right.order.Len() != 10_000 || m.wrong.order.Len() != 10_000 || len(m.pending) > 0 {
		t.Errorf("%d right, %d wrong, %d pending", m.right.order.Len(), m.wrong.order.Len(), len(m.pending))
	}
}

// countHashes returns a function that tells how many passwords were hashed
// since.
func countHashes(a *Authenticator) func() int {
	before := a.Hashed()
	return func() int { return int(a.Hashed() - before) }
}
