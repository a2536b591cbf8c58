package store

import (
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
