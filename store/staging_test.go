package store

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// incompressible octets, so that they are staged.
func incompressible(n int) []byte {
	r := rand.New(rand.NewPCG(5, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func writeAll(t testing.TB, b *Body, octets []byte) {
	t.Helper()
	if _, err := b.Write(octets); err != nil {
		t.Fatal(err)
	}
}

func TestLargeBodyIsStaged(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	octets5M := incompressible(5 << 20)
	b := s.NewBody(t.Context())
	for rest := octets5M; len(rest) > 0; rest = rest[min(len(rest), 100_000):] {
		writeAll(t, b, rest[:min(len(rest), 100_000)])
		if b.weight > stageAt+chunkSize+1 {
			t.Fatalf("%d octets are in memory", b.weight)
		}
	}
	if n := rowsOf(t, s, "chunks"); n < 30 || rowsOf(t, s, "contents") != 0 || rowsOf(t, s, "garbage") != 1 {
		t.Errorf("while it is staged: %d chunks, %d contents, %d garbage", n, rowsOf(t, s, "contents"), rowsOf(t, s, "garbage"))
	}
	sweepTest(t, s) // which must leave it alone
	a, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: id}}})
	if err != nil {
		t.Fatal(err)
	}
	if octets(t, s, a[0].Content) != string(octets5M) {
		t.Error("it came back changed")
	}
	if n := rowsOf(t, s, "garbage"); n != 0 {
		t.Errorf("%d rows of garbage are left", n)
	}
}

func TestAbortedBodyIsSwept(t *testing.T) {
	s := openTest(t)
	b := s.NewBody(t.Context())
	writeAll(t, b, incompressible(3<<20))
	b.Abort()
	sweepTest(t, s)
	if n := rowsOf(t, s, "chunks") + rowsOf(t, s, "garbage"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: 1}}}); err == nil {
		t.Error("it was accepted all the same")
	}
}

// copyStore copies a store's files as a kill would leave them, while nothing
// is being written.
func copyStore(t testing.TB, from string) Config {
	t.Helper()
	to := t.TempDir()
	for _, name := range []string{databaseFile, databaseFile + "-wal", counterFile} {
		octets, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(to, name), octets, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Config{Dir: to}
}

func TestKilledWhileStaging(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	kept := deliver(t, s, someMessage, Copy{Account: id})
	b := s.NewBody(t.Context())
	writeAll(t, b, incompressible(3<<20))
	killed := openTestIn(t, copyStore(t, s.cfg.Dir))
	b.Abort()
	sweepTest(t, killed)
	if n := rowsOf(t, killed, "garbage"); n != 0 {
		t.Errorf("%d bodies are still staged", n)
	}
	if n := rowsOf(t, killed, "chunks"); n != 1 {
		t.Errorf("%d chunks are left, want the one message's", n)
	}
	if octets(t, killed, kept.Content) != someMessage {
		t.Error("the message that was there is changed")
	}
	// The number that it had is not given again.
	if again := deliver(t, killed, someMessage, Copy{Account: id}); again.Content <= b.id {
		t.Errorf("content %d after %d", again.Content, b.id)
	}
}

// Each kind of work that the sweep may be killed in is taken up at the next start.
func TestKilledWhileSweeping(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	large := "A: b\r\n\r\n" + string(incompressible((sweepChunks+2)*chunkSize))
	deliver(t, s, large, Copy{Account: id, Mailbox: mailboxOf(t, s, id, "Junk").ID})
	for range 3 {
		deliver(t, s, someMessage, Copy{Account: id, Mailbox: mailboxOf(t, s, id, "Junk").ID})
	}
	s.sweeper.close()
	if err := s.DeleteMailbox(t.Context(), id, "Junk"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(tx *writeTx) (bool, error){
		func(tx *writeTx) (bool, error) { return false, nil },
		(*writeTx).sweepMailboxes,
		(*writeTx).sweepMailboxes,
		(*writeTx).sweepContents,
		(*writeTx).sweepContents,
	} {
		err := s.write(t.Context(), 0, func(tx *writeTx) error { _, err := step(tx); return err })
		if err != nil {
			t.Fatal(err)
		}
		killed := openTestIn(t, copyStore(t, s.cfg.Dir))
		sweepTest(t, killed)
		for _, table := range []string{"messages", "contents", "meta", "chunks", "garbage", "tombstones"} {
			if n := rowsOf(t, killed, table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	}
}

// A full disk fails what does not fit and nothing else, and no longer than it
// is full.
func TestDiskFull(t *testing.T) {
	var reports []string
	s := openTestIn(t, Config{Dir: t.TempDir(), Report: func(msg string, _ ...any) { reports = append(reports, msg) }})
	id := addUser(t, s, "alice@crepes.fr")
	kept := deliver(t, s, someMessage, Copy{Account: id})
	limit := func(more int) {
		t.Helper()
		err := s.writer.pause(func() error {
			var pages, got int
			err := s.writer.c.c.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages)
			if err == nil {
				_, err = s.writer.c.c.ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(pages+more))
			}
			if err == nil {
				err = s.writer.c.c.QueryRowContext(t.Context(), "PRAGMA max_page_count").Scan(&got)
			}
			if got != pages+more {
				t.Errorf("the limit is %d pages, not %d", got, pages+more)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(50)
	large := s.NewBody(t.Context())
	writeAll(t, large, incompressible(700_000))
	small := writeBody(t, s, someMessage)
	results := make(chan error, 2)
	go func() {
		_, err := s.Accept(t.Context(), Delivery{Body: large, Copies: []Copy{{Account: id}}})
		results <- err
	}()
	if _, err := s.Accept(t.Context(), Delivery{Body: small, Copies: []Copy{{Account: id}}}); err != nil {
		t.Errorf("the small message: %v", err)
	}
	if err := <-results; !errors.Is(err, mail.ErrNoSpace) {
		t.Errorf("the large message: %v", err)
	}
	if len(reports) != 1 || !strings.Contains(reports[0], "disk is full") {
		t.Errorf("reported %q", reports)
	}
	staged := s.NewBody(t.Context())
	if _, err := staged.Write(incompressible(2 << 20)); !errors.Is(err, mail.ErrNoSpace) {
		t.Errorf("staging: %v", err)
	}
	if !s.Full() {
		t.Error("the disk does not count as full")
	}
	staged.Abort()
	if octets(t, s, kept.Content) != someMessage || inboxOf(t, s, id).Messages != 2 {
		t.Error("what is there cannot be read")
	}
	limit(10_000)
	if _, err := s.Accept(t.Context(), Delivery{Body: large, Copies: []Copy{{Account: id}}}); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if s.Full() {
		t.Error("the disk still counts as full")
	}
}

// In one batch with a large operation that does not fit, the small ones hold.
func TestDiskFullInABatch(t *testing.T) {
	s := openTestIn(t, Config{Dir: t.TempDir(), Report: func(string, ...any) {}})
	id := addUser(t, s, "alice@crepes.fr")
	var ds []Delivery
	for _, n := range []int{100, 700_000, 100} {
		b := s.NewBody(t.Context())
		writeAll(t, b, incompressible(n))
		ds = append(ds, Delivery{Body: b, Copies: []Copy{{Account: id}}})
	}
	errs := make(chan error, len(ds))
	err := s.writer.pause(func() error {
		var pages int
		err := s.writer.c.c.QueryRowContext(t.Context(), "PRAGMA page_count").Scan(&pages)
		if err == nil {
			_, err = s.writer.c.c.ExecContext(t.Context(), "PRAGMA max_page_count = "+strconv.Itoa(pages+50))
		}
		// While the writer pauses they gather into one batch.
		for i := range ds {
			go func() { _, err := s.Accept(t.Context(), ds[i]); errs <- err }()
		}
		for len(s.writer.ops) < len(ds) {
			runtime.Gosched()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	for range ds {
		if err := <-errs; errors.Is(err, mail.ErrNoSpace) {
			full++
		} else if err != nil {
			t.Error(err)
		}
	}
	if full != 1 || inboxOf(t, s, id).Messages != 2 {
		t.Errorf("%d did not fit, %d messages are there", full, inboxOf(t, s, id).Messages)
	}
}

func TestBodyLeftAlone(t *testing.T) {
	s := openTest(t)
	b := writeBody(t, s, someMessage)
	if _, err := b.Finish(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(b, "x"); err == nil {
		t.Error("a write after Finish was taken")
	}
	b.Abort()
	if _, err := io.WriteString(b, "x"); err == nil {
		t.Error("a write after Abort was taken")
	}
}
