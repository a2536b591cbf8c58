//go:build attack

package attack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// A guess is either looked at (and wrong), or not looked at.
const (
	lookedAt = "looked at"
	notNow   = "not now"
)

// verdict reads an answer to a guess.
func verdict(t *testing.T, answer string) string {
	t.Helper()
	for prefix, v := range map[string]string{
		"535 5.7.8 ":                 lookedAt,
		"NO [AUTHENTICATIONFAILED] ": lookedAt,
		"-ERR [AUTH] ":               lookedAt,
		"454 4.7.0 Too many failed":  notNow,
		"421 4.7.0 ":                 notNow,
		"NO [UNAVAILABLE] ":          notNow,
		"-ERR [SYS/TEMP] ":           notNow,
		"HTTP/1.1 403 Forbidden: ":   lookedAt,
		"HTTP/1.1 429 ":              notNow,
	} {
		if strings.HasPrefix(answer, prefix) {
			return v
		}
	}
	t.Errorf("a guess was answered %q", answer)
	return ""
}

// guesser is somebody who tries passwords from one network without a pause.
type guesser struct {
	s    *testserver.Server
	quit chan struct{}
	done sync.WaitGroup

	mu       sync.Mutex
	answers  []string
	most     int // guesses on one connection
	odd      error
	passwrds int
}

// profile guesses where a profile for Apple's Mail is made. A connection must be
// closed after it.
var profile = way{"http", "a profile with a password", func(c *client, user, password string) (string, error) {
	form := url.Values{"emailaddress": {user}, "password": {password}}.Encode()
	return c.request("POST /setup/mail.mobileconfig", "Content-Type: application/x-www-form-urlencoded\r\n", form)
}}

// guess begins to guess an account's password by every way at once, each from
// another address of 127.9.9.0/24, the first from 127.9.9.1.
func guess(s *testserver.Server, user string) *guesser {
	g := &guesser{s: s, quit: make(chan struct{})}
	for i, way := range append(ways(), profile) {
		g.done.Go(func() {
			for !g.stopped() {
				g.connection(fmt.Sprintf("127.9.9.%d", 1+i), way, user)
			}
		})
	}
	return g
}

func (g *guesser) stopped() bool {
	select {
	case <-g.quit:
		return true
	default:
		return false
	}
}

// connection guesses on one connection until that is closed.
func (g *guesser) connection(from string, way way, user string) {
	c, err := dial(from, g.s.Address(way.service))
	if err != nil {
		g.fail(err)
		return
	}
	defer c.Close()
	if err := c.greet(way.service); err != nil {
		g.fail(err)
		return
	}
	for n := 1; !g.stopped(); n++ {
		answer, err := way.guess(c, user, g.password())
		if err != nil && answer == "" {
			return // closed
		}
		g.note(n, answer)
	}
}

func (g *guesser) password() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passwrds++
	return fmt.Sprint("guess ", g.passwrds)
}

func (g *guesser) note(n int, answer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.answers = append(g.answers, answer)
	g.most = max(g.most, n)
}

func (g *guesser) fail(err error) {
	time.Sleep(100 * time.Millisecond)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.odd = err
}

// end stops and returns how many guesses there were, and were looked at.
func (g *guesser) end(t *testing.T) (all, looked int) {
	t.Helper()
	close(g.quit)
	g.done.Wait()
	if g.odd != nil {
		t.Errorf("the guesser cannot connect: %v", g.odd)
	}
	for _, answer := range g.answers {
		if verdict(t, answer) == lookedAt {
			looked++
		}
	}
	return len(g.answers), looked
}

// TestGuessing: however many passwords somebody tries at an account from one
// network, by all ways at once, few are looked at, and its connections are
// closed; the owner gets in meanwhile, and so do others from that network.
func TestGuessing(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice", "bob"}})
	s.Set("auth", "lockout_loopback", true)
	s.Set("log", "level", "error")
	alice, bob := "alice@"+testserver.Domain, "bob@"+testserver.Domain
	app := lastWord(s.Must("user", "app-password", "add", alice, "laptop"))
	s.MustStart()
	// Where the owner comes from, within the guesser's network.
	if err := logIn(s, "127.9.9.200", ways()[0], alice, testserver.Password); err != nil {
		t.Fatal(err)
	}

	began := time.Now()
	g := guess(s, alice)
	time.Sleep(time.Second)
	for time.Since(began) < time.Duration(pick(4, 120))*time.Second {
		for _, way := range ways() {
			for _, who := range []struct{ what, from, user, password string }{
				{"the owner at home", "127.9.9.200", alice, testserver.Password},
				{"the owner elsewhere", "127.0.0.1", alice, testserver.Password},
				{"the owner's laptop at the guesser's address", "127.9.9.1", alice, app},
				{"another at the guesser's address", "127.9.9.1", bob, testserver.Password},
			} {
				if err := logIn(s, who.from, way, who.user, who.password); err != nil {
					t.Errorf("%s, by %s %s: %v", who.what, way.service, way.name, err)
				}
			}
		}
		if t.Failed() {
			break
		}
	}
	all, looked := g.end(t)
	minutes := time.Since(began).Minutes()
	t.Logf("%d guesses in %.1f minutes, %d looked at; at most %d on a connection", all, minutes, looked, g.most)
	// Twice five a minute: the guesser's first address is known since the owner
	// was there, and has guesses of its own.
	if float64(looked) > 2*(5+5*minutes)+1 || looked < 5 {
		t.Errorf("%d guesses were looked at within %.1f minutes", looked, minutes)
	}
	if g.most > 5 {
		t.Errorf("a connection had %d guesses", g.most)
	}
	if all < 100 {
		t.Errorf("only %d guesses: that proves little", all)
	}
}

// logIn logs in once, on a connection of its own.
func logIn(s *testserver.Server, from string, way way, user, password string) error {
	c, err := dial(from, s.Address(way.service))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.greet(way.service); err != nil {
		return err
	}
	var answer string
	if way.name == "SCRAM" {
		answer, err = c.scram(way.service, map[string]string{"imap": "a AUTHENTICATE ", "pop3": "AUTH ", "submission": "AUTH "}[way.service], user, "", password)
	} else {
		answer, err = way.guess(c, user, password)
	}
	for _, good := range []string{"235 ", "OK ", "+OK ", "-ERR [IN-USE]"} { // another login has the drop
		if strings.HasPrefix(answer, good) {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("answered %q", answer), err)
}

// TestWrongPasswords has 500 wrong passwords a second come from as many
// networks, so that many of them are hashed, beside somebody who logs in from
// where he did before, and somebody with an app password from a new address.
func TestWrongPasswords(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"alice", "bob"}})
	s.Set("auth", "lockout_loopback", true)
	s.Set("log", "level", "error")
	app := lastWord(s.Must("user", "app-password", "add", "bob@"+testserver.Domain, "phone"))
	s.MustStart()
	if err := logIn(s, "127.0.0.1", ways()[0], "alice@"+testserver.Domain, testserver.Password); err != nil {
		t.Fatal(err)
	}

	const perSecond = 500
	ctx, stop := context.WithCancel(t.Context())
	var flood sync.WaitGroup
	var mu sync.Mutex
	sent, hashed := 0, 0
	began := time.Now()
	flood.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / perSecond)))
			flood.Go(func() {
				way := ways()[i%len(ways())]
				answer := wrongOnce(ctx, s, source(1+256*(i%10_000)), way, fmt.Sprintf("user%d@%s", i%1000, testserver.Domain))
				mu.Lock()
				defer mu.Unlock()
				if answer != "" {
					sent++
				}
				if answer != "" && !strings.Contains(answer, "oo many") {
					hashed++
				}
			})
		}
	})
	time.Sleep(2 * time.Second)
	var known, unknown []time.Duration
	for i := 0; time.Since(began) < time.Duration(pick(8, 60))*time.Second; i++ {
		way := ways()[i%len(ways())]
		for _, who := range []struct {
			from, user, password string
			times                *[]time.Duration
		}{
			{"127.0.0.1", "alice@" + testserver.Domain, testserver.Password, &known},
			{source(1<<21 + 256*i), "bob@" + testserver.Domain, app, &unknown},
		} {
			start := time.Now()
			if err := logIn(s, who.from, way, who.user, who.password); err != nil {
				t.Errorf("%s: %v", who.user, err)
			}
			*who.times = append(*who.times, time.Since(start))
		}
	}
	mu.Lock()
	rate := float64(sent) / time.Since(began).Seconds()
	mu.Unlock()
	stop()
	flood.Wait()
	most := time.Duration(pick(4000, 250)) * time.Millisecond // in turn with all guesses it would take a minute; CI's machines are shared
	t.Logf("%.0f wrong passwords a second, %d of %d looked at; logins beside: %d from a known address, 99th of 100 %v; %d by app password, %v",
		rate, hashed, sent, len(known), percentile99(known), len(unknown), percentile99(unknown))
	if p := percentile99(known); p > most {
		t.Errorf("the good client's login took %v", p)
	}
	if p := percentile99(unknown); p > most {
		t.Errorf("the login by app password took %v", p)
	}
	if rate < 0.8*perSecond && full() {
		t.Errorf("only %.0f wrong passwords a second", rate)
	}
}

// wrongOnce guesses once; an empty answer is none.
func wrongOnce(ctx context.Context, s *testserver.Server, from string, way way, user string) string {
	c, err := dial(from, s.Address(way.service))
	if err != nil {
		return ""
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := c.greet(way.service); err != nil {
		return ""
	}
	answer, err := way.guess(c, user, "wrong "+from)
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	return answer
}
