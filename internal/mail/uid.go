package mail

import (
	"iter"
	"math"
	"slices"
	"strconv"
)

// UID is a message's unique identifier within a mailbox (RFC 9051 §2.3.1.1).
type UID uint32

// ModSeq is a modification sequence (RFC 7162 §3.1), ascending per account.
type ModSeq uint64

// UIDRange is From to To, both included, From ≤ To.
type UIDRange struct{ From, To UID }

// UIDSet is a set of UIDs: ranges in ascending order that neither overlap nor
// touch. The zero value is empty. Make one with Add or AddRange.
type UIDSet []UIDRange

// AllUIDs is the set of all UIDs that there can be.
func AllUIDs() UIDSet { return UIDSet{{1, math.MaxUint32}} }

// UIDs is the set of the given UIDs.
func UIDs(uids ...UID) UIDSet {
	var s UIDSet
	for _, u := range uids {
		s.Add(u)
	}
	return s
}

// Add puts u into the set. Adding in ascending order takes constant time.
func (s *UIDSet) Add(u UID) { s.AddRange(u, u) }

// AddRange puts from to to into the set, in either order.
func (s *UIDSet) AddRange(from, to UID) {
	if from > to {
		from, to = to, from
	}
	set := *s
	if n := len(set); n == 0 || from > set[n-1].To+1 && set[n-1].To+1 != 0 {
		*s = append(set, UIDRange{from, to})
		return
	} else if last := &set[n-1]; from >= last.From {
		last.To = max(last.To, to)
		return
	}
	// first range that touches or follows [from, to]
	i, _ := slices.BinarySearchFunc(set, from, func(r UIDRange, f UID) int {
		if r.To < f && r.To+1 < f {
			return -1
		}
		return 1
	})
	j := i
	for j < len(set) && (set[j].From <= to || set[j].From == to+1) {
		from, to = min(from, set[j].From), max(to, set[j].To)
		j++
	}
	*s = slices.Replace(set, i, j, UIDRange{from, to})
}

// Contains reports whether u is in the set.
func (s UIDSet) Contains(u UID) bool {
	i, _ := slices.BinarySearchFunc(s, u, func(r UIDRange, u UID) int {
		if r.To < u {
			return -1
		}
		return 1
	})
	return i < len(s) && s[i].From <= u
}

// Intersect is what both sets have.
func (s UIDSet) Intersect(t UIDSet) UIDSet {
	var both UIDSet
	for len(s) > 0 && len(t) > 0 {
		if from, to := max(s[0].From, t[0].From), min(s[0].To, t[0].To); from <= to {
			both = append(both, UIDRange{from, to})
		}
		if s[0].To < t[0].To {
			s = s[1:]
		} else {
			t = t[1:]
		}
	}
	return both
}

// Without is what of s is not in t.
func (s UIDSet) Without(t UIDSet) UIDSet {
	var rest UIDSet
	for _, r := range s {
		for len(t) > 0 && t[0].To < r.From {
			t = t[1:]
		}
		left := t
		for len(left) > 0 && left[0].From <= r.To && r.From <= r.To {
			if r.From < left[0].From {
				rest = append(rest, UIDRange{r.From, left[0].From - 1})
			}
			if left[0].To >= r.To {
				r.From, r.To = 1, 0 // nothing
				break
			}
			r.From = left[0].To + 1
			left = left[1:]
		}
		if r.From <= r.To {
			rest = append(rest, r)
		}
	}
	return rest
}

// Len is the number of UIDs in the set.
func (s UIDSet) Len() int {
	n := 0
	for _, r := range s {
		n += int(r.To-r.From) + 1
	}
	return n
}

// All yields the UIDs in ascending order.
func (s UIDSet) All() iter.Seq[UID] {
	return func(yield func(UID) bool) {
		for _, r := range s {
			for u := r.From; ; u++ {
				if !yield(u) {
					return
				}
				if u == r.To {
					break
				}
			}
		}
	}
}

// String is the set as IMAP's uid-set, such as "1:3,7".
func (s UIDSet) String() string { return string(s.Append(nil)) }

// Append writes the set as IMAP's uid-set.
func (s UIDSet) Append(b []byte) []byte {
	for i, r := range s {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(r.From), 10)
		if r.To != r.From {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(r.To), 10)
		}
	}
	return b
}
