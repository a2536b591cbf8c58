package store

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// BenchmarkSort sorts and threads 100,000 messages, in threads of ten.
func BenchmarkSort(b *testing.B) {
	const n, batch = 100000, 500
	s := openTest(b)
	id := addUser(b, s, "alice@crepes.fr")
	rnd := rand.New(rand.NewPCG(1, 2))
	var ds []Delivery
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		refs, first := "", i/10*10
		for r := first; r < i; r++ {
			refs += fmt.Sprintf("\r\n <%x@example.org>", r*7919)
		}
		if refs != "" {
			refs = "References:" + refs + "\r\n"
		}
		at := start.Add(time.Duration(i)*time.Minute + time.Duration(rnd.IntN(3600*48))*time.Second)
		text := fmt.Sprintf("From: Sender %d <s%d@example.org>\r\nTo: alice@crepes.fr\r\nSubject: Re: [list] about matter %d\r\nDate: %s\r\nMessage-ID: <%x@example.org>\r\n%s\r\nbody\r\n",
			rnd.IntN(5000), rnd.IntN(5000), first*31%100003, at.Format(time.RFC1123Z), i*7919, refs)
		ds = append(ds, Delivery{Body: writeBody(b, s, text), Copies: []Copy{{Account: id, Date: start.Add(time.Duration(i) * time.Minute)}}})
		if len(ds) == batch {
			if _, err := s.Accept(b.Context(), ds...); err != nil {
				b.Fatal(err)
			}
			ds = ds[:0]
		}
	}
	mb := inboxOf(b, s, id).ID
	search := func() []SearchHit {
		hits, err := s.Search(b.Context(), mb, And{})
		if err != nil || len(hits) != n {
			b.Fatal(len(hits), err)
		}
		return hits
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			if err := s.write(b.Context(), 0, func(tx *writeTx) error { _, err := tx.exec("DELETE FROM sortkeys"); return err }); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if _, err := s.Sort(b.Context(), mb, search(), []SortBy{{Key: SortSubject}}, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for name, by := range map[string][]SortBy{
		"date":         {{SortDate, true}},
		"arrival":      {{SortArrival, true}},
		"subject-date": {{SortSubject, false}, {SortDate, false}},
		"displayfrom":  {{SortDisplayFrom, false}},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Sort(b.Context(), mb, search(), by, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, how := range map[string]ThreadAlgorithm{"orderedsubject": OrderedSubject, "references": References, "refs": Refs} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				threads, err := s.Thread(b.Context(), mb, search(), how, nil)
				if err != nil || len(threads) < n/10 {
					b.Fatal(len(threads), err)
				}
			}
		})
	}
}
