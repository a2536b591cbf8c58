package store

import (
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"

	"posthorn/internal/mail"
)

// Many change a mailbox at once while others follow it by ChangesSince and
// read what they are told of. In the end all who followed know the same.
func TestManyAtOnce(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	boxes := []MailboxID{inboxOf(t, s, id).ID, mailboxOf(t, s, id, "Archive").ID}
	steps := 40
	if testing.Short() {
		steps = 20
	}
	large := incompressible(1_500_000)
	ctx, done := context.WithCancel(t.Context())
	var writers, followers sync.WaitGroup
	for w := range 6 {
		writers.Go(func() { changeAtRandom(t, s, id, boxes, large, rand.New(rand.NewPCG(uint64(w), 9)), steps) })
	}
	states := make([]map[mail.UID]string, 4)
	for f := range states {
		followers.Go(func() { states[f] = follow(ctx, t, s, id, boxes[f%2]) })
	}
	writers.Wait()
	done()
	followers.Wait()
	for f, state := range states {
		want := make(map[mail.UID]string)
		for _, m := range list(t, s, boxes[f%2], everything, Brief) {
			want[m.UID] = m.Flags.String()
		}
		if !maps.Equal(state, want) {
			t.Errorf("follower %d knows %d messages, there are %d", f, len(state), len(want))
		}
	}
}

func changeAtRandom(t *testing.T, s *Store, id AccountID, boxes []MailboxID, large []byte, r *rand.Rand, steps int) {
	ctx := t.Context()
	for range steps {
		mb, other := boxes[r.IntN(2)], boxes[r.IntN(2)]
		from := mail.UID(1 + r.IntN(200))
		set := mail.UIDSet{{From: from, To: from + mail.UID(r.IntN(30))}}
		var err error
		switch r.IntN(9) {
		case 0:
			_, _, err = s.SetFlags(ctx, mb, set, FlagOp(r.IntN(3)), mail.NewFlags(`\Deleted`, "k"), Unconditionally)
		case 1:
			_, err = s.CopyMessages(ctx, mb, mail.UIDSet{{From: from, To: from + 3}}, other)
		case 2:
			_, err = s.MoveMessages(ctx, mb, set, other)
		case 3:
			_, _, err = s.Expunge(ctx, mb, everything, false)
		case 4:
			b := s.NewBody(ctx)
			if _, err = b.Write(large); err == nil && r.IntN(2) == 0 {
				_, err = s.Accept(ctx, Delivery{Body: b, Copies: []Copy{{Account: id, Mailbox: mb}}})
			}
			b.Abort()
		default:
			b := s.NewBody(ctx)
			io.WriteString(b, someMessage)
			_, err = s.Accept(ctx, Delivery{Body: b, Copies: []Copy{{Account: id, Mailbox: mb}, {Account: id, Mailbox: other}}})
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// follow keeps up with a mailbox until ctx ends, and then once more.
func follow(ctx context.Context, t *testing.T, s *Store, id AccountID, mb MailboxID) map[mail.UID]string {
	w := s.Watch(id, mb)
	defer w.Close()
	state := make(map[mail.UID]string)
	var since mail.ModSeq
	for last := false; ; {
		for more := true; more; {
			c, err := s.ChangesSince(t.Context(), mb, since, 7)
			if err != nil {
				t.Error(err)
				return nil
			}
			for uid := range state {
				if c.Vanished.Contains(uid) {
					delete(state, uid)
				}
			}
			for i := range c.Changed {
				state[c.Changed[i].UID] = c.Changed[i].Flags.String()
				readSome(t, s, c.Changed[i].Content)
			}
			since, more = c.HighestModSeq, c.More
		}
		if last {
			return state
		}
		select {
		case <-w.C:
		case <-ctx.Done():
			last = true
		}
	}
}

// readSome reads a content that may be gone meanwhile, but is never damaged.
func readSome(t *testing.T, s *Store, id ContentID) {
	c, err := s.Content(t.Context(), id)
	if err == nil {
		err = c.WriteRange(io.Discard, 0, c.Size())
	}
	if err != nil && !errors.Is(err, mail.ErrNotFound) {
		t.Error(err)
	}
}

// TestMemoryUsedAgain has messages come in beside each other whose chunks are made
// in memory that others have used, and some of which are given up. Whatever was
// written over shows in their checksums, when the test ends.
func TestMemoryUsedAgain(t *testing.T) {
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, id).ID
	messages := benchMessages(20, 20<<10)
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range messages {
				b := s.NewBody(t.Context())
				b.Write(messages[(i+g)%len(messages)])
				var err error
				if i%4 > 0 {
					_, err = s.Accept(t.Context(), Delivery{Body: b, Copies: []Copy{{Account: id, Mailbox: mb}}})
				} else {
					_, err = b.Finish()
				}
				if b.Abort(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n, want := len(list(t, s, mb, everything, Brief)), 8*len(messages)*3/4; n != want {
		t.Errorf("%d messages, not %d", n, want)
	}
}
