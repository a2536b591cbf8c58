package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// What a batch has is what there is, in whatever order it is read, and again.
func TestBatch(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	bob := addUser(t, s, "bob@crepes.fr")
	r := rand.New(rand.NewPCG(7, 8))
	want := []string{
		"", "x", "A: b\r\n\r\n", "A: b\r\n\r\ntext\r\n", "no header end",
		"A: b\r\n\r\n" + base64Lines(r, 20_000, 76),
		"A: b\r\n\r\n" + randomOctets(r, chunkSize+1),
		strings.Repeat("x", maxHead+1),
		"A: b\r\n\r\n" + randomOctets(r, 3*chunkSize+7),
		"A: b\r\n\r\n" + randomOctets(r, 20_000),
	}
	for i, m := range want {
		deliver(t, s, m, Copy{Account: alice, Trace: fmt.Appendf(nil, "Trace: %d\r\n", i)}, Copy{Account: bob})
	}
	inbox := inboxOf(t, s, alice).ID
	const gone = 3
	if _, _, err := s.Expunge(t.Context(), inbox, mail.UIDs(gone), true); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		first, last mail.UID
		n           int
		have        []mail.UID
	}{
		{1, 10, 10, []mail.UID{1, 2, 4, 5, 6, 7, 8, 9, 10}},
		{1, 10, 3, []mail.UID{1, 2, 4}},
		{2, 4, 10, []mail.UID{4, 2}},
		{10, 10, 1, []mail.UID{10}},
		{6, 6, 1, []mail.UID{6, 6}},
		{gone, gone, 1, nil},
		{11, 20, 5, nil},
	} {
		b, err := s.OpenBatch(t.Context(), inbox, tt.first, tt.last, tt.n)
		if err != nil {
			t.Fatal(err)
		}
		if len(b.list) > len(tt.have) {
			t.Errorf("%+v: %d messages", tt, len(b.list))
		}
		for _, uid := range tt.have {
			trace, c := b.Message(uid)
			if c == nil {
				t.Errorf("%+v: no message %d", tt, uid)
				continue
			}
			if text := fmt.Sprintf("Trace: %d\r\n", uid-1); string(trace) != text {
				t.Errorf("%+v: message %d: %q, want %q", tt, uid, trace, text)
			}
			var out bytes.Buffer
			if err := c.WriteRange(&out, 0, c.Size()); err != nil || out.String() != want[uid-1] {
				t.Errorf("%+v: message %d: %d octets of %d, %v", tt, uid, out.Len(), len(want[uid-1]), err)
			}
			c.Close()
		}
		for _, uid := range []mail.UID{0, gone, 11} {
			if _, c := b.Message(uid); c != nil {
				t.Errorf("%+v: message %d is there", tt, uid)
			}
		}
		b.Close()
	}
}
