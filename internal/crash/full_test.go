//go:build powercut

package crash

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
)

// The disk is full: senders are told 452 4.3.1, reading goes on, and soon after
// there is room again mail is taken again. Nothing that was acknowledged is
// lost, and the process never ends.
func TestDiskFull(t *testing.T) {
	root := t.TempDir()
	rounds := pick(2, 10)
	sh(t, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", 32+8*rounds), "tmpfs", root)
	t.Cleanup(func() { sh(t, "umount", root) })
	s := newServer(t, root, plain, "alice", "bob")
	s.route("127.0.0.1:1")
	l := &acks{dir: t.TempDir()}
	s.MustStart()
	s.deliver(l, 5000, 10, "alice@"+domain)
	ballast := func(i int) string { return filepath.Join(root, fmt.Sprint("ballast", i)) }
	for i := range rounds + 1 {
		if err := os.WriteFile(ballast(i), make([]byte, 8<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rounds {
		s.loadUntilRefused(l, "452 4.3.1")
		s.mustRead("alice", 10)
		if err := os.Remove(ballast(i)); err != nil {
			t.Fatal(err)
		}
		s.mustTakeAgain(l, 10*time.Second)
	}
	s.Stop()
	// What the log had may have filled the disk to the last octet, and no store
	// can be opened without a page.
	if err := os.Remove(ballast(rounds)); err != nil {
		t.Fatal(err)
	}
	s.verify(l)
}

// loadUntilRefused delivers until all connections are refused, with nothing
// but the reply that is expected.
func (s *server) loadUntilRefused(l *acks, want string) {
	s.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 60*time.Second)
	defer stop()
	refused := 0
	for refused < 20 && ctx.Err() == nil {
		step, done := context.WithTimeout(ctx, 300*time.Millisecond)
		s.load(step, l, 4, time.Millisecond, mixed)
		done()
		for _, r := range l.takeRefused() {
			if !strings.HasPrefix(r, want) {
				s.t.Errorf("a client was told %q, not %s", r, want)
			}
			refused++
		}
	}
	if refused < 20 {
		s.t.Fatalf("only %d messages were refused\n%s", refused, s.Log())
	}
	select {
	case <-s.Done():
		s.t.Fatalf("the server ended: %v\n%s", s.Err(), s.Log())
	default:
	}
}

// mustRead demands that IMAP reads messages meanwhile.
func (s *server) mustRead(user string, atLeast int) {
	s.t.Helper()
	c := s.IMAP(user)
	defer c.Close()
	data, err := c.Select("INBOX", &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || int(data.NumMessages) < atLeast {
		s.t.Fatalf("SELECT: %v, %v", data, err)
	}
	list, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: uint32(atLeast)}}, &imap.FetchOptions{BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
	if err != nil || len(list) != atLeast {
		s.t.Errorf("FETCH gave %d of %d messages: %v", len(list), atLeast, err)
	}
}

// mustTakeAgain demands that small mail is taken within a time.
func (s *server) mustTakeAgain(l *acks, within time.Duration) {
	s.t.Helper()
	l.again = nil // the large ones among them may still not fit
	begin, before := time.Now(), l.count()
	for l.count() < before+5 {
		if time.Since(begin) > within {
			s.t.Fatalf("no mail is taken %v after there is room: %v\n%s", within, l.takeRefused(), s.Log())
		}
		ctx, stop := context.WithTimeout(context.Background(), 200*time.Millisecond)
		s.loadOne(ctx, l, 0, time.Millisecond, func(int) (int, []string) { return 1000, []string{"alice@" + domain} })
		stop()
	}
	s.t.Logf("mail is taken %v after there is room", time.Since(begin).Round(time.Millisecond))
	l.takeRefused()
}

// The file system becomes read-only, as ext4 does it on an error: 451, and
// IMAP reads.
func TestReadOnly(t *testing.T) {
	d := newDisk(t, 512)
	s := newServer(t, d.root, plain, "alice", "bob")
	s.route("127.0.0.1:1")
	l := &acks{dir: t.TempDir()}
	s.MustStart()
	s.deliver(l, 5000, 10, "alice@"+domain)
	d.sync()
	sh(t, "mount", "-o", "remount,abort", d.root)
	if err := os.WriteFile(filepath.Join(d.root, "x"), nil, 0o600); err == nil {
		t.Fatal("the file system is not read-only")
	}
	s.loadUntilRefused(l, "451 4.3.0")
	s.mustRead("alice", 10)
	s.Kill()
	d.unmount()
	d.mount()
	s.verify(l)
}
