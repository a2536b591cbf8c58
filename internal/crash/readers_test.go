//go:build crash

package crash

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/testserver"
)

// Readers without pause, and one that is slow, beside deliveries: the log stays
// small, and no delivery waits long.
func TestReadersBesideDeliveries(t *testing.T) {
	s := newServer(t, t.TempDir(), plain, "alice", "bob")
	s.route("127.0.0.1:1")
	l := &acks{dir: s.Dir}
	s.MustStart()
	s.deliver(l, 200_000, 100, "alice@"+domain)
	ctx, stop := context.WithTimeout(t.Context(), time.Duration(pick(10, 600))*time.Second)
	defer stop()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { s.readOn(ctx) })
	}
	all.Go(func() { s.readSlowly(ctx) })
	var log int64
	all.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
			log = max(log, s.size("posthorn.db-wal"))
		}
	})
	var mu sync.Mutex
	var worst time.Duration
	for i := range 4 {
		all.Go(func() {
			c, err := testserver.DialSMTP(s.Address("smtp"))
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Conn.Close()
			for n := i; ctx.Err() == nil; n++ {
				size, to := 20_000, []string{"bob@" + domain}
				if n%10 == 0 {
					size = 400_000
				}
				m := l.next(size, to...)
				data := m.Data()
				begin := time.Now()
				reply, _, err := send(c, m, data)
				if err != nil || reply[:3] != "250" {
					t.Error(reply, err)
					return
				}
				took := time.Since(begin)
				l.ack(m, data)
				mu.Lock()
				worst = max(worst, took)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	s.Stop()
	s.verify(l)
	t.Logf("%d messages delivered; the log had %d MiB at most, the longest delivery took %v", l.count(), log>>20, worst)
	if log > 160<<20 {
		t.Errorf("the log had %d MiB", log>>20)
	}
	// In the short form, other work may hold the machine up.
	if limit := time.Duration(pick(3000, 200)) * time.Millisecond; worst > limit {
		t.Errorf("a delivery took %v, more than %v", worst, limit)
	}
}

// readOn reads messages at random without pause.
func (s *server) readOn(ctx context.Context) {
	c := s.IMAP("alice")
	defer c.Close()
	if _, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
		s.t.Error(err)
		return
	}
	whole := &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}
	for ctx.Err() == nil {
		from := 1 + rand.Uint32N(90)
		if err := c.Fetch(imap.SeqSet{{Start: from, Stop: from + 9}}, whole).Close(); err != nil {
			s.t.Error(err)
			return
		}
	}
}

// readSlowly asks for everything and takes a kilobyte now and then.
func (s *server) readSlowly(ctx context.Context) {
	conn, err := net.Dial("tcp", s.Address("imap"))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	fmt.Fprintf(conn, "a LOGIN alice@%s \"%s\"\r\nb EXAMINE INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\n", domain, testserver.Password)
	for ctx.Err() == nil {
		if _, err := io.CopyN(io.Discard, conn, 1000); err != nil {
			return // dropped, as it may be
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}
