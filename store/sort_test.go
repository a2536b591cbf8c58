package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// naiveMessage is a message for sorting and threading the slow way.
type naiveMessage struct {
	uid           mail.UID
	arrival, sent time.Time
	size          int64
	keys          message.Keys
}

// naiveMessages takes the messages of a mailbox apart anew.
func naiveMessages(t testing.TB, s *Store, mb MailboxID) (all []naiveMessage, hits []SearchHit) {
	t.Helper()
	for _, m := range list(t, s, mb, everything, 0) {
		raw := octets(t, s, m.Content)
		p := message.NewParser()
		p.Write([]byte(raw))
		parsed := p.Finish()
		n := naiveMessage{uid: m.UID, arrival: m.Date, sent: parsed.Date, size: m.Size, keys: message.KeysOf(parsed.Envelope, []byte(raw)[:parsed.HeaderSize])}
		if n.sent.IsZero() {
			n.sent = n.arrival
		}
		all = append(all, n)
		hits = append(hits, SearchHit{UID: m.UID, Score: int(m.UID) % 7})
	}
	return all, hits
}

// naiveSort sorts as RFC 5256 describes it, by insertion.
func naiveSort(all []naiveMessage, by []SortBy) (uids []mail.UID) {
	less := func(a, b *naiveMessage) bool {
		for _, b1 := range by {
			c := 0
			switch b1.Key {
			case SortArrival:
				c = a.arrival.Compare(b.arrival)
			case SortDate:
				c = a.sent.Compare(b.sent)
			case SortSize:
				c = cmp.Compare(a.size, b.size)
			case SortRelevancy:
				c = cmp.Compare(b.uid%7, a.uid%7)
			default:
				text := func(k message.Keys) string {
					return plainKey(map[SortKey]string{SortSubject: k.Subject, SortFrom: k.From, SortTo: k.To, SortCc: k.Cc,
						SortDisplayFrom: k.DisplayFrom, SortDisplayTo: k.DisplayTo}[b1.Key])
				}
				c = strings.Compare(text(a.keys), text(b.keys))
			}
			if b1.Reverse {
				c = -c
			}
			if c != 0 {
				return c < 0
			}
		}
		return a.uid < b.uid
	}
	var sorted []naiveMessage
	for _, m := range all {
		i := 0
		for i < len(sorted) && less(&sorted[i], &m) {
			i++
		}
		sorted = slices.Insert(sorted, i, m)
	}
	for _, m := range sorted {
		uids = append(uids, m.uid)
	}
	return uids
}

// checkSorts compares many sorts of a mailbox with the naive one.
func checkSorts(t *testing.T, s *Store, mb MailboxID, rnd *rand.Rand) {
	t.Helper()
	all, hits := naiveMessages(t, s, mb)
	var orders [][]SortBy
	for k := SortArrival; k <= SortDisplayTo; k++ {
		orders = append(orders, []SortBy{{Key: k}}, []SortBy{{Key: k, Reverse: true}})
	}
	for range 20 {
		var by []SortBy
		for range 1 + rnd.IntN(4) {
			by = append(by, SortBy{SortKey(rnd.IntN(int(SortDisplayTo) + 1)), rnd.IntN(2) == 0})
		}
		orders = append(orders, by)
	}
	for _, by := range orders {
		sorted, err := s.Sort(t.Context(), mb, hits, by, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []mail.UID
		for _, h := range sorted {
			got = append(got, h.UID)
		}
		if want := naiveSort(all, by); !slices.Equal(got, want) {
			t.Fatalf("%v:\n got %v\nwant %v", by, got, want)
		}
	}
}

func TestSortCorpus(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	_, messages := corpus(t)
	for i, m := range messages {
		deliver(t, s, m, Copy{Account: alice, Date: time.Unix(int64(1e9+i*i%97*1000), 0)})
	}
	mb := inboxOf(t, s, alice).ID
	checkSorts(t, s, mb, rand.New(rand.NewPCG(1, 1))) // makes the keys
	if n := rowsOf(t, s, "sortkeys"); n == 0 {
		t.Error("no keys are kept")
	}
	checkSorts(t, s, mb, rand.New(rand.NewPCG(1, 2))) // reads them
	checkThreads(t, s, mb)
}

// TestSortExpunged: what goes between search and sort is left out, and its
// keys go with the content.
func TestSortExpunged(t *testing.T) {
	s := openTest(t)
	alice := addUser(t, s, "alice@crepes.fr")
	for i := range 9 {
		deliver(t, s, fmt.Sprintf("Subject: %d\r\n\r\n", 9-i), Copy{Account: alice})
	}
	mb := inboxOf(t, s, alice).ID
	hits, err := s.Search(t.Context(), mb, And{})
	if err != nil {
		t.Fatal(err)
	}
	sort := func(want string) {
		t.Helper()
		sorted, err := s.Sort(t.Context(), mb, hits, []SortBy{{Key: SortSubject}}, nil)
		got := ""
		for _, h := range sorted {
			got += fmt.Sprint(h.UID)
		}
		if err != nil || got != want {
			t.Errorf("%s %v, want %s", got, err, want)
		}
	}
	expunge := func(uids ...mail.UID) {
		t.Helper()
		if _, _, err := s.Expunge(t.Context(), mb, mail.UIDs(uids...), true); err != nil {
			t.Fatal(err)
		}
	}
	expunge(4)
	sort("98765321")
	expunge(1, 9)
	sort("876532")
	if err := s.sweeper.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rowsOf(t, s, "sortkeys"); n != 6 {
		t.Errorf("keys of %d messages are kept, want 6", n)
	}
	threads, err := s.Thread(t.Context(), mb, hits, References, nil)
	if err != nil || len(threads) != 6 {
		t.Errorf("%d threads, %v", len(threads), err)
	}
}

// TestSortSparse: a mailbox's contents lie far apart among those of others, and
// some are in it twice.
func TestSortSparse(t *testing.T) {
	s := openTest(t)
	alice, bob := addUser(t, s, "alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	rnd := rand.New(rand.NewPCG(5, 6))
	for i := range 60 {
		to := bob
		if i%12 == 0 {
			to = alice
		}
		deliver(t, s, fmt.Sprintf("Subject: Re: %d\r\nMessage-ID: <%d@x>\r\nReferences: <%d@x>\r\n\r\n", rnd.IntN(3), i, rnd.IntN(60)/12*12), Copy{Account: to})
	}
	mb := inboxOf(t, s, alice).ID
	if _, err := s.CopyMessages(t.Context(), mb, mail.UIDs(2, 4), mb); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		checkSorts(t, s, mb, rnd)
		checkThreads(t, s, mb)
	}
}
