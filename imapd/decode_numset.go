package imapd

import (
	"cmp"
	"slices"

	"posthorn/internal/mail"
)

// numSet decodes a sequence-set (RFC 9051 §9), of sequence numbers or UIDs.
func (d *decoder) numSet() numSet {
	if d.take('$') {
		return numSet{saved: true}
	}
	var set numSet
	for d.err == nil {
		r := numRange{from: d.seqNumber()}
		r.to = r.from
		if d.take(':') {
			r.to = d.seqNumber()
		}
		set.ranges = append(set.ranges, r)
		if !d.take(',') {
			break
		}
	}
	return set
}

// seqNumber decodes a number from 1 on, or "*".
func (d *decoder) seqNumber() uint32 {
	if d.take('*') {
		return star
	}
	return uint32(d.digits(1<<32-1, true, "a message number, a range such as 2:4, or *"))
}

// plainSet decodes a set without "*" or "$".
func (d *decoder) plainSet() numSet {
	start := d.pos
	set := d.numSet()
	if set.saved || slices.ContainsFunc(set.ranges, func(r numRange) bool { return r.from == star || r.to == star }) {
		d.pos = start
		d.fail(`a set without "*" or "$"`)
	}
	return set
}

// ascendingSet decodes a set that must be written in ascending order, each
// number once.
func (d *decoder) ascendingSet() mail.UIDSet {
	start := d.pos
	set := d.plainSet()
	last := uint32(0)
	for _, r := range set.ranges {
		if r.from <= last || r.to < r.from {
			d.pos = start
			d.fail("a set in ascending order")
		}
		last = r.to
	}
	return set.resolve(0)
}

// resolve is the set with last in place of "*", as ranges that ascend and don't
// overlap; with last 0, a "*" alone is nothing. It takes n·log n time for any
// set, which adding its ranges to a UIDSet in the order written would not.
func (s numSet) resolve(last uint32) mail.UIDSet {
	ranges := make([]numRange, 0, len(s.ranges))
	for _, r := range s.ranges {
		if r.from == star {
			r.from = last
		}
		if r.to == star {
			r.to = last
		}
		r = numRange{max(min(r.from, r.to), 1), max(r.from, r.to)}
		if r.from <= r.to {
			ranges = append(ranges, r)
		}
	}
	slices.SortFunc(ranges, func(a, b numRange) int { return cmp.Compare(a.from, b.from) })
	var out mail.UIDSet
	for _, r := range ranges {
		out.AddRange(mail.UID(r.from), mail.UID(r.to))
	}
	return out
}
