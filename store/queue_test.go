package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

// enqueueTest puts a message into the queue.
func enqueueTest(t testing.TB, s *Store, out *Outbound) QueueID {
	t.Helper()
	b := writeBody(t, s, "Subject: queued\r\n\r\nHello.\r\n")
	a, err := s.Accept(t.Context(), Delivery{Body: b, Queue: out})
	if err != nil {
		t.Fatal(err)
	}
	return a[0].Queue
}

func outboundTo(addresses ...string) *Outbound {
	out := &Outbound{From: mail.Address{Local: "alice", Domain: "crepes.fr"}, Account: 7}
	for _, a := range addresses {
		out.Recipients = append(out.Recipients, mail.Recipient{Address: mustParse(a)})
	}
	return out
}

func mustParse(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func due(t testing.TB, s *Store, now time.Time, limit int) []QueueEntry {
	t.Helper()
	entries, err := s.DueEntries(t.Context(), now, limit, nil)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestQueueKeepsEnvelope(t *testing.T) {
	s := openTest(t)
	out := &Outbound{
		From: mail.Address{Local: "al ice", Domain: "crepes.fr"}, Account: 3, Body: mail.Body8BitMIME,
		UTF8: true, RequireTLS: true, Return: mail.ReturnHeaders, EnvelopeID: "env+1",
		Recipients: []mail.Recipient{
			{Address: mustParse("bob@hamburger.edu"), Notify: mail.NotifySuccess | mail.NotifyDelay, OriginalType: "rfc822", Original: "B@x"},
			{Address: mustParse("hồ@phở.vn"), Notify: mail.NotifyNever},
		},
	}
	id := enqueueTest(t, s, out)
	got := due(t, s, time.Now(), 10)
	if len(got) != 2 {
		t.Fatalf("%d entries", len(got))
	}
	for i, e := range got {
		want := *out
		want.Recipients = nil
		if diff := cmp.Diff(want, e.Envelope); diff != "" {
			t.Errorf("envelope (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff(out.Recipients[i], e.To); diff != "" {
			t.Errorf("recipient (-want +got)\n%s", diff)
		}
		if e.ID != id || e.Recipient != i || time.Since(e.Queued) > time.Minute || !e.LastTry.IsZero() || e.Attempts != 0 {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestQueueLeases(t *testing.T) {
	s := openTest(t)
	id := enqueueTest(t, s, outboundTo("a@x.org", "b@x.org", "c@x.org"))
	now := time.Now()
	first := due(t, s, now, 2)
	rest := due(t, s, now, 2)
	if len(first) != 2 || len(rest) != 1 || first[0].Recipient+first[1].Recipient+rest[0].Recipient != 3 {
		t.Fatalf("leased %v, then %v", first, rest)
	}
	if next, err := s.NextDue(t.Context(), time.Time{}); err != nil || !next.IsZero() {
		t.Errorf("NextDue = %v, %v while all are leased", next, err)
	}
	later := now.Add(time.Hour).Truncate(time.Millisecond)
	err := s.FinishAttempt(t.Context(), []QueueOutcome{
		{ID: id, Recipient: first[0].Recipient, Done: true},
		{ID: id, Recipient: first[1].Recipient, NextTry: later, LastError: "450 not now", Delayed: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.ReleaseEntries(rest)
	if s.Leased(&rest[0]) || s.Leased(&first[0]) {
		t.Error("a lease was not given back")
	}
	if next, err := s.NextDue(t.Context(), time.Time{}); err != nil || !next.Equal(rest[0].NextTry) {
		t.Errorf("NextDue = %v, %v", next, err)
	}
	if next, err := s.NextDue(t.Context(), now); err != nil || !next.Equal(later) {
		t.Errorf("NextDue after now = %v, %v", next, err)
	}
	again := due(t, s, now, 10)
	if len(again) != 1 || again[0].Recipient != rest[0].Recipient {
		t.Errorf("due again: %v", again)
	}
	if next, _ := s.NextDue(t.Context(), time.Time{}); !next.Equal(later) {
		t.Errorf("NextDue = %v, want %v", next, later)
	}
	then := due(t, s, later, 10)
	if len(then) != 1 || then[0].Attempts != 1 || then[0].LastError != "450 not now" || !then[0].Delayed || then[0].LastTry.IsZero() {
		t.Errorf("due later: %+v", then)
	}
}

func TestQueueWanted(t *testing.T) {
	s := openTest(t)
	enqueueTest(t, s, outboundTo("a@x.org", "b@y.org", "c@x.org", "d@y.org"))
	var asked []string
	entries, err := s.DueEntries(t.Context(), time.Now(), 1, func(domain string) bool {
		asked = append(asked, domain)
		return domain == "y.org"
	})
	if err != nil || len(entries) != 1 || entries[0].To.Address.Local != "b" || len(asked) != 2 {
		t.Errorf("%v, %v, asked %v", entries, err, asked)
	}
	if rest := due(t, s, time.Now(), 10); len(rest) != 3 {
		t.Errorf("%d are left", len(rest))
	}
}

func TestQueueContentIsGarbageWithItsLastRecipient(t *testing.T) {
	s := openTest(t)
	id := enqueueTest(t, s, outboundTo("a@x.org", "b@x.org"))
	content := due(t, s, time.Now(), 10)[0].Content
	count := func() (rows, contents int) {
		t.Helper()
		sweepTest(t, s)
		err := s.read(t.Context(), func(tx *readTx) error {
			return tx.row("SELECT (SELECT count(*) FROM queue_messages), (SELECT count(*) FROM contents WHERE id = ?)", content).Scan(&rows, &contents)
		})
		if err != nil {
			t.Fatal(err)
		}
		return rows, contents
	}
	for i, want := range [][2]int{{1, 1}, {0, 0}, {0, 0}} { // the third is of an entry that is gone
		if err := s.FinishAttempt(t.Context(), []QueueOutcome{{ID: id, Recipient: min(i, 1), Done: true}}); err != nil {
			t.Fatal(err)
		}
		if rows, contents := count(); rows != want[0] || contents != want[1] {
			t.Errorf("after %d: %d messages, %d contents", i+1, rows, contents)
		}
	}
}

func TestQueueByOperator(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	var ids []QueueID
	for i := range 3 {
		ids = append(ids, enqueueTest(t, s, outboundTo(fmt.Sprintf("a%d@x.org", i), "b@x.org")))
	}
	later := time.Now().Add(time.Hour)
	for _, e := range due(t, s, time.Now(), 100) {
		if err := s.FinishAttempt(ctx, []QueueOutcome{{ID: e.ID, Recipient: e.Recipient, NextTry: later}}); err != nil {
			t.Fatal(err)
		}
	}
	watch := s.QueueWatch()
	defer watch.Close()
	if n, err := s.RetryQueue(ctx, ids[1]); n != 2 || err != nil {
		t.Errorf("RetryQueue = %d, %v", n, err)
	}
	select {
	case <-watch.C:
	default:
		t.Error("the queue's watcher was not woken")
	}
	entries := due(t, s, time.Now(), 100)
	if len(entries) != 2 || entries[0].ID != ids[1] {
		t.Errorf("due after retry: %v", entries)
	}
	if err := s.DeleteQueue(ctx, ids[1]); err != nil || s.Leased(&entries[0]) {
		t.Errorf("DeleteQueue: %v, still leased: %v", err, s.Leased(&entries[0]))
	}
	if _, err := s.RetryQueue(ctx, ids[1]); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("RetryQueue of what is gone: %v", err)
	}
	if err := s.DeleteQueue(ctx, ids[1]); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("DeleteQueue of what is gone: %v", err)
	}
	all, err := s.QueueEntries(ctx, 0)
	if err != nil || len(all) != 4 || all[0].ID != ids[0] || all[3].ID != ids[2] {
		t.Errorf("QueueEntries = %v, %v", all, err)
	}
	one, err := s.QueueEntries(ctx, ids[2])
	if err != nil || len(one) != 2 || one[1].To.Address.Local != "b" {
		t.Errorf("QueueEntries of one = %v, %v", one, err)
	}
	if n, err := s.RetryQueue(ctx, 0); n != 4 || err != nil {
		t.Errorf("RetryQueue of all = %d, %v", n, err)
	}
}

func TestQueueEntriesPages(t *testing.T) {
	s := openTest(t)
	var addresses []string
	for i := range queuePage {
		addresses = append(addresses, fmt.Sprintf("u%d@x.org", i))
	}
	for range 3 {
		enqueueTest(t, s, outboundTo(addresses...))
	}
	all, err := s.QueueEntries(t.Context(), 0)
	if err != nil || len(all) != 3*queuePage {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	for i, e := range all {
		if e.Recipient != i%queuePage {
			t.Fatalf("entry %d is recipient %d", i, e.Recipient)
		}
	}
}

// TestFinishAttemptStoresReports: outcome and report are one transaction.
func TestFinishAttemptStoresReports(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	id := enqueueTest(t, s, outboundTo("a@x.org"))
	due(t, s, time.Now(), 10)
	report := func(mb MailboxID) Delivery {
		return Delivery{
			Body:   writeBody(t, s, "Subject: bounce\r\n\r\n"),
			Copies: []Copy{{Account: alice, Mailbox: mb}},
			Queue:  outboundTo("b@x.org"),
		}
	}
	done := QueueOutcome{ID: id, Done: true}
	nowhere := report(99999)
	if err := s.FinishAttempt(t.Context(), []QueueOutcome{done}, nowhere); !errors.Is(err, mail.ErrNoSuchMailbox) {
		t.Errorf("a report to nowhere: %v", err)
	}
	nowhere.Body.Abort()
	left, err := s.QueueEntries(t.Context(), 0)
	if err != nil || len(left) != 1 || !s.Leased(&left[0]) {
		t.Errorf("the outcome was kept without its report: %v, %v", left, err)
	}
	if err := s.FinishAttempt(t.Context(), []QueueOutcome{done}, report(0)); err != nil {
		t.Fatal(err)
	}
	left, err = s.QueueEntries(t.Context(), 0)
	if err != nil || len(left) != 1 || left[0].To.Address.Local != "b" {
		t.Errorf("queue: %v, %v", left, err)
	}
	if mb, err := s.MailboxByName(t.Context(), alice, "INBOX"); err != nil || mb.Messages != 1 {
		t.Errorf("INBOX: %v, %v", mb, err)
	}
}
