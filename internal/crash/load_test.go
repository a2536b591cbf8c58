//go:build crash || powercut

package crash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/ledger"
	"posthorn/internal/testserver"
)

// acks is what was acknowledged, and what may have been stored besides.
type acks struct {
	dir string

	mu       sync.Mutex
	n        int
	lines    []string
	acked    int
	again    []ledger.Letter // to be sent (again): not acknowledged
	inFlight int             // messages whose end was sent and not answered: each may be there twice
	refused  []string        // replies other than 250 to the end of a message
	lastAck  time.Time
}

func (l *acks) next(size int, to ...string) ledger.Letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := len(l.again); k > 0 {
		m := l.again[k-1]
		l.again = l.again[:k-1]
		return m
	}
	l.n++
	return ledger.Letter{ID: fmt.Sprintf("%06d.%s.%d@client.example", l.n, filepath.Base(l.dir), os.Getpid()), Size: size, To: to}
}

func (l *acks) ack(m ledger.Letter, data []byte) {
	sum := sha256.Sum256(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked++
	l.lastAck = time.Now()
	for _, to := range m.To {
		l.lines = append(l.lines, fmt.Sprintf("<%s> %s %s", m.ID, hex.EncodeToString(sum[:]), to))
	}
}

// fail notes a message that was not acknowledged; ended says that the server
// may have seen its end.
func (l *acks) fail(m ledger.Letter, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, m)
	if ended {
		l.inFlight++
	}
}

func (l *acks) refuse(m ledger.Letter, reply string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, m)
	l.refused = append(l.refused, reply)
}

func (l *acks) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

func (l *acks) takeRefused() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.refused
	l.refused = nil
	return r
}

// file writes the ledger out.
func (l *acks) file(t testing.TB) string {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	return writeLines(t, filepath.Join(l.dir, "ledger"), l.lines)
}

func writeLines(t testing.TB, file string, lines []string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// found is what check --ledger reports.
type found struct {
	Acknowledged, Mailboxes, Queued, Relayed, Returned int
	Missing, Duplicated, Altered                       []struct {
		MessageID string `json:"message_id"`
		Recipient string
	}
}

// compare compares the ledger with the store.
func (s *server) compare(l *acks, args ...string) found {
	s.t.Helper()
	out, errs, err := s.Command(nil, "", append([]string{"check", "--json", "--ledger", l.file(s.t)}, args...)...)
	var f found
	if jsonErr := json.Unmarshal([]byte(out), &f); jsonErr != nil {
		s.t.Fatalf("check --ledger: %v, %v\n%s%s", err, jsonErr, out, errs)
	}
	return f
}

// verify demands that the store is sound and holds every acknowledged message
// as it was sent, and none twice but what was in flight at a kill.
func (s *server) verify(l *acks) found {
	s.t.Helper()
	s.checkDeep()
	return s.verifyLedger(l)
}

// verifyLedger is verify without the invariants.
func (s *server) verifyLedger(l *acks) found {
	s.t.Helper()
	f := s.compare(l)
	if len(f.Missing) > 0 || len(f.Altered) > 0 {
		s.t.Fatalf("of %d acknowledged messages %d are lost and %d altered: %v %v\n%s", f.Acknowledged, len(f.Missing), len(f.Altered), f.Missing, f.Altered, s.Log())
	}
	// A message in flight has up to two recipients, each with a line.
	if len(f.Duplicated) > 2*l.inFlight {
		s.t.Fatalf("%d duplicates, with %d messages in flight at the kills: %v", len(f.Duplicated), l.inFlight, f.Duplicated)
	}
	return f
}

// send sends a message; what is for away goes to the alias that leads there.
func send(c *testserver.Client, m ledger.Letter, data []byte) (reply string, ended bool, err error) {
	m.To = slices.Clone(m.To)
	for i, to := range m.To {
		if strings.HasSuffix(to, "@"+away) {
			m.To[i] = "out@" + domain
		}
	}
	return ledger.SendTo(c, m, data)
}

// load sends messages over conns connections until ctx ends or the server is
// gone, and returns when all of them have ended.
func (s *server) load(ctx context.Context, l *acks, conns int, pace time.Duration, kind func(n int) (size int, to []string)) {
	ctx, stop := context.WithTimeout(ctx, time.Minute) // a fault that is never reached
	defer stop()
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { s.loadOne(ctx, l, i, pace, kind) })
	}
	all.Wait()
}

func (s *server) loadOne(ctx context.Context, l *acks, i int, pace time.Duration, kind func(n int) (size int, to []string)) {
	c, err := testserver.DialSMTP(s.Address("smtp"))
	if err != nil {
		return
	}
	defer c.Conn.Close()
	for n := i; ctx.Err() == nil; n++ {
		size, to := kind(n)
		m := l.next(size, to...)
		data := m.Data()
		reply, ended, err := send(c, m, data)
		switch {
		case strings.HasPrefix(reply, "250"):
			l.ack(m, data)
		case reply != "" && !strings.HasPrefix(reply, "421"):
			l.refuse(m, strings.TrimSpace(reply))
		default:
			l.fail(m, ended)
		}
		if err != nil && reply == "" || strings.HasPrefix(reply, "421") {
			return
		}
		if pace > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(rand.N(2 * pace)):
			}
		}
	}
}

// staged is the size of a message that is put on disk before its end comes.
const staged = 2500 << 10

// mixed is everyday mail: most of it small, some staged; local, queued, both.
func mixed(n int) (size int, to []string) {
	size = 500 + rand.IntN(20_000)
	if n%29 == 5 {
		size = staged
	}
	switch n % 4 {
	case 0:
		return size, []string{"alice@" + domain, "x@" + away}
	case 1:
		return size, []string{"x@" + away}
	case 2:
		return size, []string{"alice@" + domain, "bob@" + domain}
	}
	return size, []string{"bob@" + domain}
}

// deliver sends n messages of a size, one after the other; all are acknowledged.
func (s *server) deliver(l *acks, size, n int, to ...string) {
	s.t.Helper()
	until := l.count() + n
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.loadOne(ctx, l, 0, 0, func(int) (int, []string) {
		if l.count() == until-1 {
			stop() // after the one that is begun now
		}
		return size, to
	})
	if l.count() != until {
		s.t.Fatalf("%d messages were acknowledged, not %d; refused: %v", l.count(), until, l.takeRefused())
	}
}
