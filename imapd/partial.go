package imapd

import (
	"github.com/emersion/go-imap/v2"

	"posthorn/internal/mail"
	"posthorn/store"
)

// partialRange is a part of a list of messages (RFC 9394): from:to of those
// with the lowest UIDs, or with last of those with the highest, counted from the
// end. The numbers stand as they were written, in either order.
type partialRange struct {
	from, to uint32
	last     bool
}

// of is the part's first place in a list of n, from 0 on, and where it ends.
func (p *partialRange) of(n int) (start, end int) {
	start, end = min(int(min(p.from, p.to))-1, n), min(int(max(p.from, p.to)), n)
	if p.last {
		return n - end, n - start
	}
	return start, end
}

// len is how many messages the part can have.
func (p *partialRange) len() int { return int(max(p.from, p.to)-min(p.from, p.to)) + 1 }

// write appends the range as it was written.
func (p *partialRange) write(w *writer) {
	sign := ""
	if p.last {
		sign = "-"
	}
	w.raw(sign)
	w.num(uint64(p.from))
	w.raw(":", sign)
	w.num(uint64(p.to))
}

// part is what of set is in the view, from place start on, up to end.
func (v *view) part(set mail.UIDSet, start, end int) mail.UIDSet {
	var out mail.UIDSet
	place, at := 0, 0
	for _, r := range set {
		from, to := v.span(at, r)
		at = to
		n := to - from
		for i := from + max(0, start-place); i < from+min(n, end-place); i++ {
			out.Add(v.uids[i])
		}
		place += n
	}
	return out
}

// searchReturn is what RETURN asks for (RFC 9051 §6.4.4).
type searchReturn struct {
	imap.SearchOptions
	partial   *partialRange // PARTIAL, or nil
	relevancy bool          // RELEVANCY (RFC 6203)
}

// pick is the hits that are returned, and kept for "$": all, unless MIN, MAX and
// PARTIAL alone are asked for (RFC 9051 §6.4.4.1 table 4, RFC 9394 §3.2).
func (o *searchReturn) pick(hits []store.SearchHit) []store.SearchHit {
	if o.ReturnAll || o.ReturnCount || !o.ReturnMin && !o.ReturnMax && o.partial == nil {
		return hits
	}
	start, end := 0, 0
	if o.partial != nil {
		start, end = o.partial.of(len(hits))
	}
	var picked []store.SearchHit
	for i, h := range hits {
		if o.ReturnMin && i == 0 || o.ReturnMax && i == len(hits)-1 || start <= i && i < end {
			picked = append(picked, h)
		}
	}
	return picked
}
