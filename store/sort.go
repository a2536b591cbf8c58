package store

import (
	"cmp"
	"context"
	"slices"

	"posthorn/internal/mail"
)

// SortKey names what messages are sorted by (RFC 5256, 5957, 6203).
type SortKey int

const (
	SortArrival SortKey = iota
	SortDate
	SortSize
	SortRelevancy // the highest SearchHit.Score first
	SortSubject
	SortFrom
	SortTo
	SortCc
	SortDisplayFrom
	SortDisplayTo
)

// SortBy is one criterion of a sort.
type SortBy struct {
	Key     SortKey
	Reverse bool
}

// column is where a text is kept, empty for a key that is none.
func (k SortKey) column() string {
	switch k {
	case SortSubject:
		return "subject"
	case SortFrom:
		return "sender"
	case SortTo:
		return "recipient"
	case SortCc:
		return "cc"
	case SortDisplayFrom:
		return "display_from"
	case SortDisplayTo:
		return "display_to"
	}
	return ""
}

// Sort puts search hits, which ascend by UID, into an order; those that are
// equal in it stay in that of their UIDs. What was expunged since the search is
// left out. p, if not nil, counts them.
func (s *Store) Sort(ctx context.Context, mb MailboxID, hits []SearchHit, by []SortBy, p *Progress) ([]SearchHit, error) {
	want := keyColumns{}
	for _, b := range by {
		want.add(b.Key)
	}
	list, err := s.sortables(ctx, mb, hits, want, p)
	if err != nil {
		return nil, err
	}
	compares := make([]func(a, b *sortable) int, len(by))
	for i, b := range by {
		compares[i] = comparison(b.Key, want)
	}
	order := make([]*sortable, len(list))
	for i := range list {
		order[i] = &list[i]
	}
	slices.SortFunc(order, func(a, b *sortable) int {
		for i, compare := range compares {
			if c := compare(a, b); c != 0 {
				if by[i].Reverse {
					return -c
				}
				return c
			}
		}
		return cmp.Compare(a.hit.UID, b.hit.UID)
	})
	sorted := make([]SearchHit, len(order))
	for i, m := range order {
		sorted[i] = m.hit
	}
	return sorted, nil
}

// sortable is a message with what is compared of it.
type sortable struct {
	hit     SearchHit
	content ContentID
	arrival int64 // seconds since 1970
	sent    int64 // likewise; what has no Date was sent when it arrived
	size    int64
	reply   bool
	ids     string   // in hex
	texts   []string // by keyColumns
}

// comparison is what a key compares.
func comparison(key SortKey, columns keyColumns) func(a, b *sortable) int {
	switch key {
	case SortArrival:
		return func(a, b *sortable) int { return cmp.Compare(a.arrival, b.arrival) }
	case SortDate:
		return func(a, b *sortable) int { return cmp.Compare(a.sent, b.sent) }
	case SortSize:
		return func(a, b *sortable) int { return cmp.Compare(a.size, b.size) }
	case SortRelevancy:
		return func(a, b *sortable) int { return cmp.Compare(b.hit.Score, a.hit.Score) }
	}
	i := columns.place(key)
	return func(a, b *sortable) int { return cmp.Compare(a.texts[i], b.texts[i]) }
}

// keyColumns are the columns of sortkeys that are wanted: texts, and reply with
// ids.
type keyColumns struct {
	texts []SortKey
	ids   bool
}

// add wants what a key compares.
func (c *keyColumns) add(k SortKey) {
	if k.column() != "" && c.place(k) < 0 {
		c.texts = append(c.texts, k)
		slices.Sort(c.texts) // so that there are few different queries
	}
}

// place is where a key stands among the texts, -1 where it does not.
func (c *keyColumns) place(k SortKey) int { return slices.Index(c.texts, k) }

// none: nothing of sortkeys is wanted.
func (c *keyColumns) none() bool { return !c.ids && len(c.texts) == 0 }

// sortables reads the hits that are still there, ascending by UID: from the
// mailbox's index where there is one, else from the table.
func (s *Store) sortables(ctx context.Context, mb MailboxID, hits []SearchHit, want keyColumns, p *Progress) ([]sortable, error) {
	var set mail.UIDSet
	for _, h := range hits {
		set.Add(h.UID)
	}
	list := make([]sortable, 0, len(hits))
	add := func(uid mail.UID, content ContentID, arrival, sent, size int64) {
		for hits[0].UID < uid { // those are gone
			hits = hits[1:]
		}
		list = append(list, sortable{hit: hits[0], content: content, arrival: arrival, sent: sent, size: size})
	}
	next := mail.UID(1)
	if i := s.indexFor(ctx, mb, set, Brief); i != nil {
		next = i.each(ctx, set, func(e *entry) {
			arrival := e.date >> zoneBits
			sent := arrival
			if e.sent != 0 {
				sent = e.sent >> zoneBits
			}
			add(e.uid, e.content, arrival, sent, int64(e.size))
		})
	}
	if next > 0 {
		for m, err := range s.rows(ctx, mb, from(set, next, len(set)), Brief|withSent) {
			if err != nil {
				return nil, err
			}
			sent := m.Date
			if !m.Sent.IsZero() {
				sent = m.Sent
			}
			add(m.UID, m.Content, m.Date.Unix(), sent.Unix(), m.Size)
		}
	}
	if want.none() {
		p.add(len(list))
		return list, nil
	}
	return s.readKeys(ctx, mb, list, want, p)
}
