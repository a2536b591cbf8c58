package store

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"posthorn/internal/mail"
)

// Query is a search criterion; the types below are the kinds there are.
type Query interface{ query() }

type (
	// And matches what all match; of none, everything.
	And []Query
	// Or matches what any matches; of none, nothing.
	Or []Query
	// Not matches what Q does not.
	Not struct{ Q Query }
	// InSet matches UIDs in the set.
	InSet struct{ Set mail.UIDSet }
	// HasFlag matches a system flag (`\Seen`) or keyword.
	HasFlag struct{ Name string }
	// Larger and Smaller compare RFC822.SIZE, both strictly.
	Larger  struct{ Size int64 }
	Smaller struct{ Size int64 }
	// Dated matches dates from Since (included) to Before (not included); a
	// zero time leaves that side open. Only the day counts, without regard to
	// time and zone (RFC 9051 §6.4.4), unless Exact (RFC 5032).
	Dated struct {
		Field         DateField
		Since, Before time.Time
		Exact         bool
	}
	// HasText matches a substring under i;unicode-casemap. An empty Value
	// matches any message that has the field.
	HasText struct {
		In    TextField
		Name  string // of InHeader
		Value string
	}
	// ModSeqAtLeast matches modification sequences (RFC 7162 §3.1.5).
	ModSeqAtLeast struct{ ModSeq mail.ModSeq }
	// HasObjectID matches messages by Message.ObjectID (RFC 8474 §6).
	HasObjectID struct{ ID string }
	// HasThreadID matches messages by Message.ThreadID.
	HasThreadID struct{ ID string }
)

func (And) query()           {}
func (Or) query()            {}
func (Not) query()           {}
func (InSet) query()         {}
func (HasFlag) query()       {}
func (Larger) query()        {}
func (Smaller) query()       {}
func (Dated) query()         {}
func (HasText) query()       {}
func (ModSeqAtLeast) query() {}
func (HasObjectID) query()   {}
func (HasThreadID) query()   {}

// DateField names a date.
type DateField int

const (
	InternalDate DateField = iota
	SentDate
	SavedDate
)

// TextField names where HasText looks.
type TextField int

const (
	InText   TextField = iota // header and body, and the headers of parts
	InBody                    // body alone, with the headers of messages in it
	InHeader                  // the field Name; From, To, Cc, Bcc and Subject too
)

// SearchHit is one matching message.
type SearchHit struct {
	UID    mail.UID
	ModSeq mail.ModSeq
	// Score is how relevant it is, for SortRelevancy; Search leaves it 0.
	Score int
}

// maxSearchers bounds the goroutines of one search: it is for people, but
// those who deliver want processors too.
const maxSearchers = 4

// What a search with many criteria may cost. One with a few may take as long as
// it takes: that depends on the mailbox, not on who asks.
const (
	freeCriteria = 20
	// maxSearchWork is how many steps are taken: about a nanosecond each, and
	// rather less than more. What it takes to read the messages is not counted.
	maxSearchWork = 1_000_000_000
)

// Search returns the matching messages, ascending by UID. It reads in short
// transactions: what comes or goes meanwhile may be found or not. Of a mailbox
// that is gone nothing is found. The caller bounds q: each criterion costs time
// for each message, and q may nest at most a few thousand deep.
// mail.ErrTooMuchWork when it asks many things of a mailbox that is large.
func (s *Store) Search(ctx context.Context, mb MailboxID, q Query) ([]SearchHit, error) {
	return s.SearchCounted(ctx, mb, q, nil)
}

// SearchCounted is Search that counts in p, if not nil, the messages that it
// has decided. Searches with many criteria that share p may cost what one may.
func (s *Store) SearchCounted(ctx context.Context, mb MailboxID, q Query, p *Progress) ([]SearchHit, error) {
	if p == nil {
		p = new(Progress)
	}
	q, err := s.resolveThreads(ctx, mb, q)
	if err != nil {
		return nil, err
	}
	plan := compile(q)
	if isBrief(q) {
		return s.searchBrief(ctx, mb, plan, p)
	}
	run := &search{s: s, ctx: ctx, mailbox: mb, plan: plan, progress: p, next: 1}
	n := 1
	if plan.root.tier() > onRow {
		end, err := s.beginTurn(ctx, mb)
		if err != nil {
			return nil, err
		}
		defer end()
		n = min(runtime.GOMAXPROCS(0), maxSearchers)
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { run.work() })
	}
	wg.Wait()
	if run.err != nil {
		return nil, run.err
	}
	return slices.Concat(run.hits...), nil
}

// searchBrief is Search for what a brief listing decides, which comes from the
// mailbox's index where there is one.
func (s *Store) searchBrief(ctx context.Context, mb MailboxID, plan *plan, p *Progress) ([]SearchHit, error) {
	var hits []SearchHit
	for m, err := range s.Messages(ctx, mb, plan.within, Brief) {
		if err != nil {
			return nil, err
		}
		c := candidate{m: m}
		if plan.decide(&c) == yes {
			hits = append(hits, SearchHit{UID: m.UID, ModSeq: m.ModSeq})
		}
		if plan.costly() {
			if err := p.spend(c.work); err != nil {
				return nil, err
			}
		}
		p.add(1)
	}
	return hits, nil
}

// isBrief reports whether what Brief reads of a message decides a query.
func isBrief(q Query) bool {
	all := func(qs []Query) bool { return !slices.ContainsFunc(qs, func(q Query) bool { return !isBrief(q) }) }
	switch q := q.(type) {
	case And:
		return all(q)
	case Or:
		return all(q)
	case Not:
		return isBrief(q.Q)
	case InSet, HasFlag, Larger, Smaller, ModSeqAtLeast:
		return true
	case Dated:
		return q.Field == InternalDate
	}
	return false
}

// search is one search under way. Its workers take batches of messages in
// turn, and put what they find where the batch has its place.
type search struct {
	s        *Store
	ctx      context.Context
	mailbox  MailboxID
	plan     *plan
	progress *Progress

	mu   sync.Mutex
	next mail.UID // where the next batch begins; 0: there is none
	hits [][]SearchHit
	err  error // the first
}

// work takes batches until there are no more.
func (r *search) work() {
	for more := true; more; {
		err := r.s.turns.work(r.ctx, func() (err error) {
			defer r.s.recovered(&err)
			more, err = r.batch()
			return err
		})
		if err != nil {
			r.fail(err)
			return
		}
	}
}

// batch takes a batch and decides it. It reports false when there was none.
func (r *search) batch() (more bool, err error) {
	w := r.s.searchers.Get().(*searchWorker)
	w.search = r
	place, more := r.take(&w.lister)
	if more {
		var hits []SearchHit
		hits, err = w.batch()
		r.progress.add(len(w.lister.rows))
		r.put(place, hits)
	}
	w.release() // not where it panicked: nobody knows what is left in it
	return more, err
}

func (r *search) put(place int, hits []SearchHit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hits[place] = hits
}

func (r *search) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
}

// take reads the next batch of rows into l. It reports false when there are
// none, or the search is over.
func (r *search) take(l *lister) (place int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.ctx.Err()
	}
	if r.err != nil || r.next == 0 {
		return 0, false
	}
	part := from(r.plan.within, r.next, maxRows)
	if len(part) == 0 {
		return 0, false
	}
	r.err = r.s.readOne(r.ctx, func(tx *readTx) error { return l.fill(tx, r.mailbox, part) })
	for i := range l.rows {
		if r.err == nil {
			r.err = l.decode(i, r.s.blobs)
		}
	}
	if r.err != nil {
		return 0, false
	}
	r.next = l.upTo(part) + 1 // 0 after the last UID that there can be
	r.hits = append(r.hits, nil)
	return len(r.hits) - 1, true
}
