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

// Sort puts search hits into an order, those that are equal by UID. What was
// expunged since the search is left out. tell, if not nil, is told how many
// are read.
func (s *Store) Sort(ctx context.Context, mb MailboxID, hits []SearchHit, by []SortBy, tell func(done int)) ([]SearchHit, error) {
	want := keyColumns{}
	for _, b := range by {
		want.add(b.Key)
	}
	list, err := s.sortables(ctx, mb, hits, want, tell)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b sortable) int {
		for i := range by {
			if c := a.compare(&b, by[i].Key, want); c != 0 {
				if by[i].Reverse {
					return -c
				}
				return c
			}
		}
		return cmp.Compare(a.hit.UID, b.hit.UID)
	})
	sorted := make([]SearchHit, len(list))
	for i := range list {
		sorted[i] = list[i].hit
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
	ids     []byte   // in hex
	texts   []string // by keyColumns
}

func (a *sortable) compare(b *sortable, key SortKey, columns keyColumns) int {
	switch key {
	case SortArrival:
		return cmp.Compare(a.arrival, b.arrival)
	case SortDate:
		return cmp.Compare(a.sent, b.sent)
	case SortSize:
		return cmp.Compare(a.size, b.size)
	case SortRelevancy:
		return cmp.Compare(b.hit.Score, a.hit.Score)
	}
	i := columns.place(key)
	return cmp.Compare(a.texts[i], b.texts[i])
}

// keyColumns are the columns of sortkeys that are wanted.
type keyColumns struct {
	texts []SortKey
	// sent, and reply with ids, are wanted.
	sent, ids bool
}

// add wants what a key compares.
func (c *keyColumns) add(k SortKey) {
	if k == SortDate {
		c.sent = true
	}
	if k.column() != "" && c.place(k) < 0 {
		c.texts = append(c.texts, k)
	}
}

// place is where a key stands among the texts, -1 where it does not.
func (c *keyColumns) place(k SortKey) int { return slices.Index(c.texts, k) }

// none: nothing of sortkeys is wanted.
func (c *keyColumns) none() bool { return !c.sent && !c.ids && len(c.texts) == 0 }

// sortables reads the hits that are still there, ascending by UID.
func (s *Store) sortables(ctx context.Context, mb MailboxID, hits []SearchHit, want keyColumns, tell func(done int)) ([]sortable, error) {
	var set mail.UIDSet
	for _, h := range hits {
		set.Add(h.UID)
	}
	list := make([]sortable, 0, len(hits))
	for m, err := range s.Messages(ctx, mb, set, Brief) {
		if err != nil {
			return nil, err
		}
		for len(hits) > 0 && hits[0].UID < m.UID { // it is gone
			hits = hits[1:]
		}
		list = append(list, sortable{hit: hits[0], content: m.Content, arrival: m.Date.Unix(), sent: m.Date.Unix(), size: m.Size})
	}
	if want.none() {
		return list, nil
	}
	return s.readKeys(ctx, mb, list, want, tell)
}
