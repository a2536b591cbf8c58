package store

import (
	"errors"
	"io"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// TestHeld takes messages while others hold much memory: each is kept octet for
// octet and found by its text all the same, or refused for now.
func TestHeld(t *testing.T) {
	const piece = "so many words that it takes more than one chunk to hold them\r\n"
	text := "Subject: held\r\n\r\n" + strings.Repeat(piece, 20_000) + "and a zebra\r\n"
	for _, others := range []int64{0, heldStage + 1, heldFull + 1} {
		s := openTest(t)
		id := addUser(t, s, "alice@example.org")
		s.held.Store(others)
		b := s.NewBody(t.Context())
		_, err := io.CopyBuffer(struct{ io.Writer }{b}, strings.NewReader(text), make([]byte, 4096))
		if others > heldFull {
			if !errors.Is(err, mail.ErrUnavailable) {
				t.Errorf("while others hold %d octets: %v", others, err)
			}
		} else if err != nil {
			t.Fatal(err)
		} else if _, err := s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: id, Mailbox: inboxOf(t, s, id).ID}}}); err != nil {
			t.Fatal(err)
		}
		b.Abort()
		if now := s.held.Load(); now != others {
			t.Errorf("%d octets are held after the end, %d before", now, others)
		}
		if others > heldFull {
			continue
		}
		hits, err := s.Search(t.Context(), inboxOf(t, s, id).ID, HasText{In: InBody, Value: "a zebra"})
		if err != nil || len(hits) != 1 {
			t.Errorf("while others held %d octets: found %d, %v", others, len(hits), err)
		}
	}
}
