//go:build crash || powercut

package crash

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// letter is a message that a client sends until it is acknowledged.
type letter struct {
	id   string
	size int
	to   []string // recipients as the ledger has them
	from string   // empty: sender@client.example
}

// data is the message, the same each time.
func (l *letter) data() []byte {
	var seed [32]byte
	sum := sha256.Sum256([]byte(l.id))
	copy(seed[:], sum[:])
	r := rand.NewChaCha8(seed)
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: sender@client.example\r\nTo: all@%s\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%s>\r\n\r\n", domain, l.id, l.id)
	raw := make([]byte, 54)
	for b.Len() < l.size {
		r.Read(raw)
		if b.Len()%3 == 0 {
			b.WriteString(strings.Repeat("words that repeat ", 4)) // compressed
		}
		b.WriteString(base64.StdEncoding.EncodeToString(raw))
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// ledger is what was acknowledged, and what may have been stored besides.
type ledger struct {
	dir string

	mu       sync.Mutex
	n        int
	lines    []string
	acked    int
	again    []letter // to be sent (again): not acknowledged
	inFlight int      // messages whose end was sent and not answered: each may be there twice
	refused  []string // replies other than 250 to the end of a message
	lastAck  time.Time
}

func (l *ledger) next(size int, to ...string) letter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := len(l.again); k > 0 {
		m := l.again[k-1]
		l.again = l.again[:k-1]
		return m
	}
	l.n++
	return letter{id: fmt.Sprintf("%06d.%s.%d@client.example", l.n, filepath.Base(l.dir), os.Getpid()), size: size, to: to}
}

func (l *ledger) ack(m letter, data []byte) {
	sum := sha256.Sum256(data)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked++
	l.lastAck = time.Now()
	for _, to := range m.to {
		l.lines = append(l.lines, fmt.Sprintf("<%s> %s %s", m.id, hex.EncodeToString(sum[:]), to))
	}
}

// fail notes a message that was not acknowledged; ended says that the server
// may have seen its end.
func (l *ledger) fail(m letter, ended bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, m)
	if ended {
		l.inFlight++
	}
}

func (l *ledger) refuse(m letter, reply string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, m)
	l.refused = append(l.refused, reply)
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

func (l *ledger) takeRefused() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.refused
	l.refused = nil
	return r
}

// file writes the ledger out.
func (l *ledger) file(t testing.TB) string {
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
func (s *server) compare(l *ledger, args ...string) found {
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
func (s *server) verify(l *ledger) found {
	s.t.Helper()
	s.checkDeep()
	return s.verifyLedger(l)
}

// verifyLedger is verify without the invariants.
func (s *server) verifyLedger(l *ledger) found {
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

// send sends a message. reply is the answer to its end; ended says that the
// end was sent.
func send(c *testserver.Client, m letter, data []byte) (reply string, ended bool, err error) {
	var b strings.Builder
	fmt.Fprintf(&b, "MAIL FROM:<%s>\r\n", cmp.Or(m.from, "sender@client.example"))
	for _, to := range m.to {
		if strings.HasSuffix(to, "@"+away) {
			to = "out@" + domain
		}
		fmt.Fprintf(&b, "RCPT TO:<%s>\r\n", to)
	}
	b.WriteString("DATA\r\n")
	if reply, err = c.Say(b.String(), len(m.to)+2, "354"); err != nil {
		if reply != "" {
			c.Say("RSET\r\n", 1, "250")
		}
		return reply, false, err
	}
	if _, err = c.Conn.Write(data); err != nil {
		return "", false, err
	}
	reply, err = c.Say(".\r\n", 1, "")
	return reply, true, err
}

// load sends messages over conns connections until ctx ends or the server is
// gone, and returns when all of them have ended.
func (s *server) load(ctx context.Context, l *ledger, conns int, pace time.Duration, kind func(n int) (size int, to []string)) {
	ctx, stop := context.WithTimeout(ctx, time.Minute) // a fault that is never reached
	defer stop()
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() { s.loadOne(ctx, l, i, pace, kind) })
	}
	all.Wait()
}

func (s *server) loadOne(ctx context.Context, l *ledger, i int, pace time.Duration, kind func(n int) (size int, to []string)) {
	c, err := testserver.DialSMTP(s.Address("smtp"))
	if err != nil {
		return
	}
	defer c.Conn.Close()
	for n := i; ctx.Err() == nil; n++ {
		size, to := kind(n)
		m := l.next(size, to...)
		data := m.data()
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

// deliver sends n messages of a size, one after the other.
func (s *server) deliver(l *ledger, size, n int, to ...string) {
	s.t.Helper()
	until := l.count() + n
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	s.loadOne(ctx, l, 0, 0, func(int) (int, []string) {
		if l.count() == until-1 {
			stop()
		}
		return size, to
	})
	if l.count() != until {
		s.t.Fatalf("%d messages were acknowledged, not %d; refused: %v", l.count(), until, l.takeRefused())
	}
}
