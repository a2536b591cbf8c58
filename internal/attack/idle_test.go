//go:build attack

package attack

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// mostIdle is what a connection that idles may take up beyond TLS's own.
const mostIdle = 40 << 10

// idle logs in, selects INBOX and idles.
func idle(s *testserver.Server, service string) (*client, error) {
	c, err := connect("127.0.0.1", service, s)
	if err != nil {
		return nil, err
	}
	err = c.talk("* OK", append(imapLogin("alice"), "b SELECT INBOX", "b OK", "c IDLE", "+")...)
	return c, err
}

// TestMemoryOfIdle keeps thousands of connections in IDLE, in clear and in TLS.
func TestMemoryOfIdle(t *testing.T) {
	n := pick(500, 2000)
	for _, service := range []string{"imap", "imaps"} {
		t.Run(service, func(t *testing.T) {
			s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
			s.MustStart()
			for range 5 {
				if err := visit(s, "smtp"); err != nil {
					t.Fatal(err)
				}
			}
			connect := func(s *testserver.Server, _ int) (*client, error) { return idle(s, service) }
			// The first of them take what the password's hash has left behind.
			open := connectMany(t, s, pick(700, 1000), connect)
			before := mostRSS(t, s.PID())
			open = append(open, connectMany(t, s, n, connect)...)
			each := (mostRSS(t, s.PID()) - before) / int64(n)
			alone := int64(0)
			if service == "imaps" {
				alone = tlsAlone(t, s, n, "x")
			}
			t.Logf("%d octets each, of which TLS alone takes %d: %v", each, alone, figures(t, s))
			if each-alone > mostIdle {
				t.Errorf("a connection that idles takes up %d octets beyond TLS's own, most %d", each-alone, mostIdle)
			}
			for _, c := range open {
				c.Close()
			}
		})
	}
}

// TestNewsToIdle changes flags in a mailbox on which a hundred sessions idle:
// all must hear of it soon.
func TestNewsToIdle(t *testing.T) {
	const sessions = 100
	most := time.Duration(pick(2000, 20)) * time.Millisecond // CI's machines are shared
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	for range 5 {
		if err := visit(s, "smtp"); err != nil {
			t.Fatal(err)
		}
	}
	open := connectMany(t, s, sessions, func(s *testserver.Server, _ int) (*client, error) { return idle(s, "imap") })
	author := login(t, s)
	var times []time.Duration
	for round := range pick(30, 200) {
		sign := []string{"+", "-"}[round%2]
		began := time.Now()
		if err := author.say(fmt.Sprintf("d STORE 1 %sFLAGS.SILENT (\\Flagged)\r\n", sign)); err != nil {
			t.Fatal(err)
		}
		heard := make([]time.Duration, sessions)
		errs := make([]error, sessions)
		var listeners sync.WaitGroup
		for i, c := range open {
			listeners.Go(func() {
				for line := ""; errs[i] == nil && !strings.Contains(line, " FETCH ("); {
					line, errs[i] = c.line()
				}
				heard[i] = time.Since(began)
			})
		}
		listeners.Wait()
		if _, err := author.reply("d OK"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		times = append(times, heard...)
	}
	p99 := percentile99(times)
	t.Logf("changes reached %d sessions within %v (99th of 100)", sessions, p99)
	if p99 > most {
		t.Errorf("a change reached them within %v (99th of 100), most %v", p99, most)
	}
}
