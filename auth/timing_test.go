package auth

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestSameTime compares the times of answers about an account, an alias of it,
// one that is disabled, one without a password, and names that are nobody's. They must not
// tell which is which. They are measured in turn, so that what else
// the machine does meets all of them; a leak shows in each of three attempts.
func TestSameTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	st := open(t)
	p := newParameters([]byte("0123456789abcdef"))
	addUser(t, st, p, "alice@example.org", "pencil", "phone", "tablet", "laptop")
	off := addUser(t, st, p, "off@example.org", "pencil")
	wants(t, st.SetDisabled(t.Context(), off.ID, true), nil)
	addUser(t, st, p, "bare@example.org")
	addAlias(t, st, "info@example.org", "alice@example.org")
	names := []string{"alice@example.org", "info@example.org", "off@example.org", "bare@example.org", "nobody@example.org", "nobody@elsewhere.example", "nonsense"}

	for _, way := range []struct {
		what   string
		rounds int
		names  []string
		answer func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error)
	}{
		{"wrong password", 9, names, func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error) {
			start := time.Now()
			_, err := a.Password(t.Context(), from, name, fmt.Sprint("wrong", round))
			return time.Since(start), err
		}},
		{"repeated password", 12, names, func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error) {
			start := time.Now()
			_, err := a.Password(t.Context(), from, name, "wrong")
			return time.Since(start), err
		}},
		{"right password", 9, names[2:], func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error) {
			a.memory = newMemory()
			start := time.Now()
			_, err := a.Password(t.Context(), from, name, "pencil")
			return time.Since(start), err
		}},
		{"SCRAM's salt", 12, names, func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error) {
			took, _, err := timeSCRAM(t, a, from, name)
			return took, err
		}},
		{"SCRAM's proof", 12, names, func(a *Authenticator, from netip.Addr, name string, round int) (time.Duration, error) {
			_, took, err := timeSCRAM(t, a, from, name)
			return took, err
		}},
	} {
		t.Run(way.what, func(t *testing.T) {
			var report string
			for range 10 { // a machine that is busy, or sleepy, makes differences of its own
				times := make([][]time.Duration, len(way.names))
				var a *Authenticator
				for round := range way.rounds {
					if round%8 == 0 {
						a = New(st, Config{}) // whose lock-out nobody has met yet
					}
					from := netip.AddrFrom4([4]byte{10, 1, byte(round), 1})
					for i, name := range way.names {
						took, err := way.answer(a, from, name, round)
						times[i] = append(times[i], took)
						wants(t, err, ErrFailed)
					}
				}
				var ok bool
				if report, ok = compareTimes(way.names, times); ok {
					return
				}
			}
			t.Error("the times tell accounts and others apart:\n" + report)
		})
	}
}

// timeSCRAM measures both of the server's steps of an exchange that fails.
func timeSCRAM(t *testing.T, a *Authenticator, from netip.Addr, name string) (salt, proof time.Duration, err error) {
	t.Helper()
	x, err := a.Start(t.Context(), from, nil, "SCRAM-SHA-256")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	challenge, _, err := x.Next([]byte("n,,n=" + name + ",r=abc"))
	salt = time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	nonce, _, _ := strings.Cut(string(challenge), ",")
	start = time.Now()
	_, _, err = x.Next([]byte("c=biws," + nonce + ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="))
	return salt, time.Since(start), err
}

// compareTimes compares the lower quartiles, which a busy machine moves less
// than it does medians, and allows twice the time: an answer without the hash,
// or the 5 ms, is off by four times.
func compareTimes(names []string, times [][]time.Duration) (report string, ok bool) {
	var least, most time.Duration
	for i, name := range names {
		slices.Sort(times[i])
		q := times[i][len(times[i])/4]
		report += fmt.Sprintf("%-26s %v\n", name, q)
		if i == 0 || q < least {
			least = q
		}
		most = max(most, q)
	}
	return report, most <= least*2
}

// BenchmarkLogin is what a client costs that connects every minute.
func BenchmarkLogin(b *testing.B) {
	st := open(b)
	addUser(b, st, cheap(), "alice@example.org", "pencil", "phone")
	a := New(st, Config{})
	for b.Loop() {
		if _, err := a.Password(b.Context(), home, "alice@example.org", "pencil"); err != nil {
			b.Fatal(err)
		}
	}
}
