package store

import (
	"slices"
	"testing"

	"posthorn/internal/mail"
)

// TestObjectID: all copies of a message that have the same octets have one id,
// and nothing else has it.
func TestObjectID(t *testing.T) {
	s := openTest(t)
	a, b := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	in, other := inboxOf(t, s, a).ID, inboxOf(t, s, b).ID
	const text = "Subject: x\r\n\r\nx\r\n"
	deliver(t, s, text, Copy{Account: a, Mailbox: in, Trace: []byte("Delivered-To: a\r\n")}, Copy{Account: b, Mailbox: other, Trace: []byte("Delivered-To: b\r\n")})
	deliver(t, s, text, Copy{Account: a, Mailbox: in}, Copy{Account: b, Mailbox: other})
	deliver(t, s, text, Copy{Account: a, Mailbox: in})
	if _, err := s.CopyMessages(t.Context(), in, everything, in); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range append(list(t, s, in, everything, 0), list(t, s, other, everything, 0)...) {
		ids = append(ids, m.ObjectID())
	}
	for i, same := range []int{0, 1, 2, 0, 1, 2, -1, 1} {
		for j, id := range ids[:i] {
			if (id == ids[i]) != (same >= 0 && (j == same || j == same+3)) {
				t.Errorf("message %d has %s, message %d %s", i, ids[i], j, id)
			}
		}
	}
	for i, id := range ids[:3] {
		hits, err := s.Search(t.Context(), in, HasObjectID{id})
		if err != nil || len(hits) != 2 || hits[0].UID != mail.UID(i+1) || hits[1].UID != mail.UID(i+4) {
			t.Errorf("%s: found %v, %v", id, hits, err)
		}
	}
	for _, id := range []string{"", "M", "M0", "1", "m1", "Mx", ids[0] + "0", ids[6], "M1-"} {
		if hits, err := s.Search(t.Context(), in, HasObjectID{id}); err != nil || len(hits) > 0 {
			t.Errorf("%q: found %v, %v", id, hits, err)
		}
	}
}

// TestThreadID: messages of a thread have one id in all mailboxes, a search for
// it finds them whether or not they were sorted before, and it stays.
func TestThreadID(t *testing.T) {
	s := openTest(t)
	a, b := addUser(t, s, "a@example.org"), addUser(t, s, "b@example.org")
	in, other := inboxOf(t, s, a).ID, inboxOf(t, s, b).ID
	answers := []string{
		"Message-ID: <1@x>\r\n\r\n",
		"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n\r\n",
		"Message-ID: <o@x>\r\n\r\n",
		"Subject: y\r\n\r\n",
		"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n\r\n",
		"Subject: y\r\n\r\n",
	}
	for _, text := range answers {
		deliver(t, s, text, Copy{Account: a, Mailbox: in, Trace: []byte("Delivered-To: a\r\n")}, Copy{Account: b, Mailbox: other})
	}
	ids := func(mb MailboxID, want Want) (ids []string) {
		for _, m := range list(t, s, mb, everything, want|WantEnvelope|WantHeader) {
			ids = append(ids, m.ThreadID())
		}
		return ids
	}
	got := ids(in, 0)
	for _, again := range [][]string{ids(in, Brief), ids(other, 0)} {
		if !slices.Equal(got, again) {
			t.Errorf("%v, and elsewhere %v", got, again)
		}
	}
	for i, same := range []int{0, 0, 2, 3, 0, 5} {
		for j, id := range got[:i] {
			if (id == got[i]) != (slices.Index(got, id) == same) {
				t.Errorf("message %d has %s, message %d %s", i+1, got[i], j+1, id)
			}
		}
	}
	find := func(q Query, want ...mail.UID) {
		t.Helper()
		hits, err := s.Search(t.Context(), in, q)
		var uids []mail.UID
		for _, h := range hits {
			uids = append(uids, h.UID)
		}
		if err != nil || !slices.Equal(uids, want) {
			t.Errorf("%v: found %v, %v, want %v", q, uids, err, want)
		}
	}
	for range 2 { // the second time the keys are there
		find(HasThreadID{got[0]}, 1, 2, 5)
		find(HasThreadID{got[3]}, 4)
		find(HasThreadID{"T0"})
		find(Not{Or{HasThreadID{got[0]}, HasThreadID{got[5]}}}, 3, 4)
		find(And{HasThreadID{got[0]}, InSet{mail.UIDSet{{From: 2, To: 4}}}}, 2)
	}
}
