//go:build crash

package crash

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/ledger"
	"posthorn/internal/testserver"
)

// arrow is a moment at which the process is killed: the nth passage of one of
// store's faults.
func arrow(point string, n int) string { return fmt.Sprintf("POSTHORN_CRASH=%s:%d", point, n) }

// mustDie waits for the server to be killed by the fault that was put into it.
func (s *server) mustDie() {
	s.t.Helper()
	if !s.Ended(15 * time.Second) {
		s.t.Fatal("the server never came to the fault")
	}
	if !killed(s.Err()) {
		s.t.Fatalf("the server ended otherwise: %v\n%s", s.Err(), s.Log())
	}
}

// Deliveries are cut off on their way into the store: in memory, staged, and on
// each side of the commit.
func TestArrowsOfDelivery(t *testing.T) {
	prepared := newServer(t, t.TempDir(), faulty, "alice", "bob")
	prepared.route("127.0.0.1:1")
	for _, point := range []string{
		"stage: in the transaction", "stage: committed", "accept: in the transaction",
		"write: before COMMIT", "write: after COMMIT", "write: before the answer", "accept: committed",
	} {
		for _, n := range passages(1, 2, 3, 5, 8, 13) {
			t.Run(fmt.Sprint(point, n), func(t *testing.T) {
				s := prepared.clone(t)
				l := &acks{dir: s.Dir}
				if s.Start(arrow(point, n)) == nil { // else it died of a commit that it makes at the start
					s.load(t.Context(), l, 4, 0, func(n int) (int, []string) {
						size, to := mixed(n)
						if n%4 == 0 {
							size = staged
						}
						return size, to
					})
				}
				s.mustDie()
				s.verify(l)
				s.MustStart()
				s.sendAgain(l)
				s.awaitSweep()
				s.Stop()
				s.verify(l)
			})
		}
	}
}

// passages are those of a fault that are tried: few in the short form.
func passages(ns ...int) []int {
	if full() {
		return ns
	}
	return ns[len(ns)/2:][:1]
}

// sendAgain sends what was not acknowledged.
func (s *server) sendAgain(l *acks) {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	until := l.count() + len(l.again)
	if l.count() == until {
		return
	}
	s.loadOne(ctx, l, 0, 0, func(int) (int, []string) {
		if l.count() == until-1 {
			stop()
		}
		return 0, nil // what is to be sent again comes first
	})
	if l.count() != until {
		s.t.Fatalf("%d of %d were acknowledged: %v", l.count(), until, l.takeRefused())
	}
}

// A body whose end never came leaves nothing, be it in memory or staged.
func TestArrowsOfUnendedBodies(t *testing.T) {
	s := newServer(t, t.TempDir(), plain, "alice")
	l := &acks{dir: s.Dir}
	for _, size := range []int{500_000, 5_000_000} {
		s.MustStart()
		c, err := testserver.DialSMTP(s.Address("smtp"))
		if err != nil {
			t.Fatal(err)
		}
		m := l.next(size, "alice@"+domain)
		if _, err := c.Say("MAIL FROM:<>\r\nRCPT TO:<"+m.To[0]+">\r\nDATA\r\n", 3, "354"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Conn.Write(m.Data()); err != nil {
			t.Fatal(err)
		}
		for staged := false; !staged && size > 1<<20; time.Sleep(5 * time.Millisecond) {
			staged = s.number("SELECT count(*) FROM garbage WHERE staged = 1") > 0
		}
		s.Kill()
		c.Conn.Close()
		s.MustStart()
		s.awaitSweep()
		s.Stop()
		s.checkDeep()
		if n := s.number("SELECT count(*) FROM contents"); n != 0 {
			t.Errorf("%d octets without their end became a message", size)
		}
	}
}

// manyCopies is a server whose alice has 1,800 messages in Old, copies of 150,
// one of them large.
func manyCopies(t *testing.T, l *acks) *server {
	s := newServer(t, t.TempDir(), faulty, "alice", "bob")
	l.dir = s.Dir
	s.MustStart()
	s.deliver(l, 12<<20, 1, "alice@"+domain)
	s.deliver(l, 600, 149, "alice@"+domain)
	l.lines = nil // they are about to be deleted
	s.deliver(l, 600, 20, "bob@"+domain)
	c := s.IMAP("alice")
	defer c.Close()
	if err := c.Create("Old", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	all := imap.SeqSet{{Start: 1, Stop: 0}}
	for range 12 {
		if _, err := c.Copy(all, "Old").Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Store(all, &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Expunge().Close(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	return s
}

// Mailboxes and accounts are deleted, and emptied by the sweep, all of which
// is cut off: they are there with all their messages or gone, and what is gone
// is swept in the end.
func TestArrowsOfDeletion(t *testing.T) {
	l := &acks{}
	prepared := manyCopies(t, l)
	for _, tt := range []struct {
		point, command string
		passages       []int
	}{
		{"delete a mailbox: in the transaction", "mailbox delete --yes alice@" + domain + " Old", []int{1}},
		{"sweep: some of a mailbox's messages deleted", "mailbox delete --yes alice@" + domain + " Old", passages(1, 2, 3)},
		{"sweep: between steps", "mailbox delete --yes alice@" + domain + " Old", passages(1, 2, 4, 5, 6)},
		{"sweep: a content's chunks deleted", "mailbox delete --yes alice@" + domain + " Old", passages(1, 2, 3, 64, 100)},
		{"sweep: a mailbox deleted", "mailbox delete --yes alice@" + domain + " Old", []int{1}},
		{"delete an account: in the transaction", "user delete --yes alice@" + domain, []int{1}},
		{"write: before COMMIT", "user delete --yes alice@" + domain, passages(1, 2, 3, 4)},
		{"write: after COMMIT", "user delete --yes alice@" + domain, passages(1, 2, 3, 4)},
	} {
		for _, n := range tt.passages {
			t.Run(fmt.Sprint(tt.point, n), func(t *testing.T) {
				s := prepared.clone(t)
				l := &acks{dir: s.Dir, lines: l.lines}
				// The command reaches the server, or finds nobody after it was killed.
				if err := s.Start(arrow(tt.point, n)); err == nil {
					s.Command(nil, "", strings.Fields(tt.command)...)
				} else if !errors.Is(err, testserver.ErrEnded) {
					t.Fatal(err)
				}
				s.mustDie()
				s.verify(l)
				if n := s.number("SELECT count(*) FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE b.name = 'Old'"); n != 0 && n != 1800 {
					t.Errorf("Old is there with %d messages of 1800", n)
				}
				s.MustStart()
				s.awaitSweep()
				s.Stop()
				s.verify(l)
			})
		}
	}
}

// Expunging, and the sweep of one that gives a large body up.
func TestArrowsOfExpunge(t *testing.T) {
	prepared := newServer(t, t.TempDir(), faulty, "alice", "bob")
	prepared.MustStart()
	kept := &acks{dir: prepared.Dir}
	prepared.deliver(kept, 600, 10, "bob@"+domain)
	prepared.deliver(&acks{dir: "x"}, 600, 10, "alice@"+domain)
	prepared.Stop()
	for _, point := range []string{"expunge: in the transaction", "expunge: committed"} {
		t.Run(point, func(t *testing.T) {
			s := prepared.clone(t)
			s.MustStart(arrow(point, 1))
			c, err := testserver.DialPOP3(s.Address("pop3"), "alice@"+domain)
			if err != nil {
				t.Fatal(err)
			}
			c.Say("DELE 1\r\nDELE 2\r\nDELE 3\r\nQUIT\r\n", 4, "")
			s.mustDie()
			s.verify(&acks{dir: s.Dir, lines: kept.lines})
			want := map[string]int{"expunge: in the transaction": 10, "expunge: committed": 7}[point]
			if n := s.number("SELECT b.messages FROM mailboxes b JOIN accounts a ON a.id = b.account WHERE a.local = 'alice' AND b.name = 'INBOX'"); n != want {
				t.Errorf("%d messages are left, not %d", n, want)
			}
		})
	}
	t.Run("sweep: a staged body given up", func(t *testing.T) {
		s := prepared.clone(t)
		s.MustStart(arrow("sweep: a staged body given up", 1))
		c, err := testserver.DialSMTP(s.Address("smtp"))
		if err != nil {
			t.Fatal(err)
		}
		m := ledger.Letter{ID: "given-up", Size: 5_000_000, To: []string{"alice@" + domain}}
		if _, err := c.Say("MAIL FROM:<>\r\nRCPT TO:<"+m.To[0]+">\r\nDATA\r\n", 3, "354"); err != nil {
			t.Fatal(err)
		}
		c.Conn.Write(m.Data())
		c.Conn.Close()
		s.mustDie()
		s.MustStart()
		s.awaitSweep()
		s.Stop()
		s.verify(&acks{dir: s.Dir, lines: kept.lines})
	})
}

// A MOVE of more messages than go together is cut off: each is in one of the
// mailboxes, and in one only.
func TestArrowsOfMove(t *testing.T) {
	prepared := newServer(t, t.TempDir(), faulty, "alice")
	prepared.MustStart()
	l := &acks{dir: prepared.Dir}
	prepared.deliver(l, 600, 10, "alice@"+domain)
	all := imap.SeqSet{{Start: 1, Stop: 0}}
	c := prepared.IMAP("alice")
	c.Create("Old", nil).Wait()
	c.Select("INBOX", nil).Wait()
	for range 8 {
		if _, err := c.Copy(all, "INBOX").Wait(); err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	prepared.Stop()
	const messages = 10 << 8
	for _, tt := range []struct {
		point         string
		passage, want int
	}{
		{"move: in the transaction", 1, 0},
		{"move: committed", 1, 2000},
		{"move: in the transaction", 2, 2000},
		{"move: committed", 2, messages},
	} {
		t.Run(fmt.Sprint(tt.point, " ", tt.passage), func(t *testing.T) {
			s := prepared.clone(t)
			s.MustStart(arrow(tt.point, tt.passage))
			c := s.IMAP("alice")
			defer c.Close()
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				t.Fatal(err)
			}
			c.Move(all, "Old").Wait()
			s.mustDie()
			s.verify(&acks{dir: s.Dir, lines: l.lines})
			in := func(mailbox string) int {
				return s.number("SELECT count(*) FROM messages m JOIN mailboxes b ON b.id = m.mailbox WHERE b.name = '" + mailbox + "'")
			}
			if left, moved := in("INBOX"), in("Old"); moved != tt.want || left+moved != messages {
				t.Errorf("%d messages are in INBOX and %d in Old", left, moved)
			}
		})
	}
}

// A checkpoint is cut off half-way and at its end.
func TestArrowsOfCheckpoint(t *testing.T) {
	for _, point := range []string{"checkpoint: half done", "checkpoint: done"} {
		t.Run(point, func(t *testing.T) {
			s := newServer(t, t.TempDir(), faulty, "alice", "bob")
			s.route("127.0.0.1:1")
			l := &acks{dir: s.Dir}
			s.MustStart(arrow(point, 1))
			s.load(t.Context(), l, 4, 0, func(n int) (int, []string) {
				size, to := mixed(n)
				if n%5 > 0 {
					size = 6 << 20
				}
				return size, to
			})
			s.mustDie()
			s.verify(l)
		})
	}
}

// Attempts of the queue are cut off before, in and after the transaction that
// records them: relayed at least once, and one report for what was refused.
func TestArrowsOfQueue(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		for _, point := range []string{"finish: before", "finish: in the transaction", "write: before COMMIT", "write: after COMMIT", "finish: committed"} {
			t.Run(fmt.Sprint(point, " refused ", refuse), func(t *testing.T) { cutAttempt(t, point, refuse) })
		}
	}
}

func cutAttempt(t *testing.T, point string, refuse bool) {
	s := newServer(t, t.TempDir(), faulty, "alice")
	k := testserver.NewSink(t)
	k.Reply = func(line string) string {
		if refuse && strings.HasPrefix(line, "RCPT") {
			return "550 5.1.1 nobody here"
		}
		return ""
	}
	l := &acks{dir: s.Dir}
	s.MustStart() // without a route everything would fail for good: it waits
	s.Stop()
	s.route("127.0.0.1:1")
	s.MustStart()
	for range 6 {
		l.again = append(l.again, ledger.Letter{ID: fmt.Sprintf("%d.%d@client.example", len(l.again), s.Base()), Size: 900, To: []string{"x@" + away}, From: "alice@" + domain})
	}
	s.sendAgain(l)
	s.Stop()
	s.route(k.Address())
	if err := s.Start(arrow(point, 3)); err != nil && !errors.Is(err, testserver.ErrEnded) {
		t.Fatal(err)
	}
	s.mustDie()
	if f := s.compare(l, "--relayed", writeLines(t, s.Dir+"/relayed", k.Lines())); len(f.Missing) > 0 {
		t.Fatalf("lost: %v", f.Missing)
	}
	s.MustStart()
	for deadline := time.Now().Add(time.Minute); s.number("SELECT count(*) FROM queue_recipients") > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the queue does not empty:\n%s", s.Log())
		}
	}
	s.Stop()
	s.checkDeep()
	f := s.compare(l, "--relayed", writeLines(t, s.Dir+"/relayed", k.Lines()))
	total, more := k.Tally()
	reports := s.number("SELECT count(*) FROM messages")
	switch {
	case len(f.Missing) > 0:
		t.Errorf("lost: %v", f.Missing)
	case refuse && (reports != 6 || f.Returned != 6 || total != 0):
		t.Errorf("%d reports about 6 messages, %d returned, %d relayed", reports, f.Returned, total)
	case !refuse && (f.Relayed != 6 || more > 1 || reports != 0):
		t.Errorf("%d of 6 relayed, %d twice, %d reports", f.Relayed, more, reports)
	}
}
