package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
)

const someMessage = "From: Alice <alice@crepes.fr>\r\nSubject: Crêpes\r\n\r\nDo you like them?\r\n"

// addUser makes an account, and its domain where needed.
func addUser(t testing.TB, s *Store, addr string) AccountID {
	t.Helper()
	a := mustParse(addr)
	if err := s.AddDomain(t.Context(), a.Domain); err != nil && !errors.Is(err, mail.ErrExists) {
		t.Fatal(err)
	}
	account, err := s.AddAccount(t.Context(), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return account.ID
}

func inboxOf(t testing.TB, s *Store, id AccountID) Mailbox { return mailboxOf(t, s, id, "INBOX") }

func mailboxOf(t testing.TB, s *Store, id AccountID, name string) Mailbox {
	t.Helper()
	m, err := s.MailboxByName(t.Context(), id, name)
	if err != nil {
		t.Fatalf("mailbox %s: %v", name, err)
	}
	return m
}

// writeBody begins a body with the given octets.
func writeBody(t testing.TB, s *Store, octets string) *Body {
	t.Helper()
	b := s.NewBody(context.Background())
	if _, err := io.WriteString(b, octets); err != nil {
		t.Fatal(err)
	}
	return b
}

// deliver puts a message into mailboxes (INBOX where there is none of an account).
func deliver(t testing.TB, s *Store, octets string, copies ...Copy) Accepted {
	t.Helper()
	a, err := s.Accept(t.Context(), Delivery{Body: writeBody(t, s, octets), Copies: copies})
	if err != nil {
		t.Fatal(err)
	}
	return a[0]
}

// list reads a mailbox's messages, with all their octets kept.
func list(t testing.TB, s *Store, mb MailboxID, set mail.UIDSet, want Want) []Message {
	t.Helper()
	return collect(t, s.Messages(t.Context(), mb, set, want))
}

func collect(t testing.TB, messages iter.Seq2[*Message, error]) []Message {
	t.Helper()
	var all []Message
	for m, err := range messages {
		if err != nil {
			t.Fatal(err)
		}
		c := *m
		c.Trace, c.Envelope, c.Structure, c.Header = bytes.Clone(m.Trace), bytes.Clone(m.Envelope), bytes.Clone(m.Structure), bytes.Clone(m.Header)
		all = append(all, c)
	}
	return all
}

// octets reads a content whole.
func octets(t testing.TB, s *Store, id ContentID) string {
	t.Helper()
	c, err := s.Content(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := c.WriteRange(&out, 0, c.Size()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestAcceptForManyStoresOnce(t *testing.T) {
	s := openTest(t)
	alice, bob := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	sent := mailboxOf(t, s, alice, "Sent")
	date := time.Date(2001, 2, 3, 4, 5, 6, 0, time.FixedZone("", 7*3600))
	trace := "Return-Path: <alice@crepes.fr>\r\n"
	a := deliver(t, s, someMessage,
		Copy{Account: bob, Trace: []byte(trace)},
		Copy{Account: alice, Mailbox: sent.ID, Flags: mail.NewFlags(`\Seen`, "work"), Date: date})
	if len(a.Placed) != 2 || a.Placed[0].Mailbox != inboxOf(t, s, bob).ID || a.Placed[1] != (Placed{sent.ID, sent.UIDValidity, 1, mailboxOf(t, s, alice, "Sent").HighestModSeq}) {
		t.Errorf("placed %+v", a.Placed)
	}
	in, out := list(t, s, a.Placed[0].Mailbox, everything, WantHeader), list(t, s, sent.ID, everything, 0)
	if len(in) != 1 || len(out) != 1 {
		t.Fatalf("%d and %d messages", len(in), len(out))
	}
	if m := in[0]; m.Content != a.Content || string(m.Trace) != trace || m.Size != int64(len(trace)+len(someMessage)) ||
		string(m.Header) != someMessage[:strings.Index(someMessage, "\r\n\r\n")+4] {
		t.Errorf("bob's copy is %+v", m)
	}
	if m := out[0]; m.Content != a.Content || m.Trace != nil || !m.Flags.Equal(mail.NewFlags(`\Seen`, "work")) ||
		m.Date.Format(time.RFC3339) != date.Format(time.RFC3339) {
		t.Errorf("alice's copy is %+v", m)
	}
	if got := octets(t, s, a.Content); got != someMessage {
		t.Errorf("read %q", got)
	}
	if m := mailboxOf(t, s, alice, "Sent"); m.Messages != 1 || m.Unseen != 0 || m.UIDNext != 2 || fmt.Sprint(m.Keywords) != "[work]" {
		t.Errorf("Sent is %+v", m)
	}
}

func TestAcceptIsAllOrNothing(t *testing.T) {
	s := openTest(t)
	alice, bob := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	if err := s.SetQuota(t.Context(), bob, Quota{Messages: 1}); err != nil {
		t.Fatal(err)
	}
	both := []Copy{{Account: alice}, {Account: bob}}
	deliver(t, s, someMessage, both...)
	b := writeBody(t, s, someMessage)
	if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: both}); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("beyond the quota: %v", err)
	}
	if n := inboxOf(t, s, alice).Messages; n != 1 {
		t.Errorf("alice has %d messages", n)
	}
	// The body is not lost: it may go where there is room.
	if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: both[:1]}); err != nil {
		t.Error(err)
	}
	if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: both[:1]}); err == nil {
		t.Error("a body was accepted twice")
	}
	deliver(t, s, someMessage, Copy{Account: bob, IgnoreQuota: true})
	if err := s.CheckQuota(t.Context(), bob, 1, 1); !errors.Is(err, mail.ErrOverQuota) {
		t.Errorf("CheckQuota: %v", err)
	}
	if err := s.CheckQuota(t.Context(), alice, 1<<40, 1); err != nil {
		t.Errorf("CheckQuota without a quota: %v", err)
	}
	_, err := s.Accept(t.Context(), Delivery{Body: writeBody(t, s, "x"), Copies: []Copy{{Account: alice, Mailbox: inboxOf(t, s, bob).ID}}})
	if !errors.Is(err, mail.ErrNoSuchMailbox) {
		t.Errorf("into another account's mailbox: %v", err)
	}
}

// sweepTest sweeps until there is nothing left.
func sweepTest(t testing.TB, s *Store) {
	t.Helper()
	if err := s.sweeper.sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// randomOctets are octets that look like mail here and like nothing there.
func randomOctets(r *rand.Rand, n int) string {
	b := make([]byte, 0, n)
	for len(b) < n {
		switch r.IntN(3) {
		case 0:
			b = append(b, "Just some text that compresses, and a line end.\r\n"...)
		case 1:
			b = fmt.Appendf(b, "%x\r\n", r.Uint64())
		case 2:
			b = append(b, byte(r.Uint32()), byte(r.Uint32()), '\n')
		}
	}
	return string(b[:n])
}

// Whatever comes in goes out with the same octets, in pieces of any size.
func TestContentByteForByte(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	r := rand.New(rand.NewPCG(1, 2))
	messages := []string{"", "\r\n", "\n", "x", "\r\n\r\n", "no header end", "A: b\r\n\r\n", "A: b\n\nbare", "\r", "A: b\r\n\r"}
	for _, n := range []int{chunkSize - 1, chunkSize, chunkSize + 1, maxHead - 1, maxHead, maxHead + 1, 3*chunkSize + 7} {
		messages = append(messages, "A: b\r\n\r\n"+randomOctets(r, n), strings.Repeat("x", n), "A: b\r\n\r\n"+randomOctets(r, n-8))
	}
	for i, m := range messages {
		b := s.NewBody(t.Context())
		for rest := m; len(rest) > 0; {
			n := min(len(rest), 1+r.IntN(1+len(m)/2))
			if _, err := io.WriteString(b, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		a, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: alice}}})
		if err != nil {
			t.Fatal(err)
		}
		if octets(t, s, a[0].Content) != m {
			t.Errorf("message %d (%d octets) came back changed", i, len(m))
		}
		c, err := s.Content(t.Context(), a[0].Content)
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			off := r.Int64N(int64(len(m)) + 1)
			n := r.Int64N(int64(len(m)) + 1 - off)
			var out bytes.Buffer
			if err := c.WriteRange(&out, off, n); err != nil || out.String() != m[off:off+n] {
				t.Errorf("message %d: octets %d+%d: %v", i, off, n, err)
			}
		}
		whole, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
		if err != nil || string(whole) != m {
			t.Errorf("message %d by ReadAt: %d octets, %v", i, len(whole), err)
		}
		if h, err := c.Header(); err != nil || !strings.HasPrefix(m, string(h)) || int64(len(h)) != c.HeaderSize() {
			t.Errorf("message %d: header of %d octets, %v", i, len(h), err)
		}
	}
}

func TestBodyTooLarge(t *testing.T) {
	s := openTestIn(t, Config{Dir: t.TempDir(), MaxMessage: 100})
	alice := addUser(t, s, "alice@crepes.fr")
	deliver(t, s, strings.Repeat("x", 100), Copy{Account: alice})
	b := writeBody(t, s, strings.Repeat("x", 100))
	if _, err := io.WriteString(b, "x"); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("one octet too many: %v", err)
	}
	if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: alice}}}); !errors.Is(err, mail.ErrTooLarge) {
		t.Errorf("accept after that: %v", err)
	}
	b.Abort()
	b.Abort()
}
