package imapd

import (
	"iter"
	"slices"

	"posthorn/internal/mail"
)

// view is what a session's client believes to be in its mailbox: the UIDs in
// the order of their sequence numbers, exactly as the client was told. It is
// pure: what happened in the store reaches it through add and expunge, at the
// moments when the client is told.
type view struct {
	uids []mail.UID // ascending
}

// len is the number of messages, and the highest sequence number.
func (v *view) len() int { return len(v.uids) }

// last is the highest UID, 0 of an empty mailbox.
func (v *view) last() mail.UID {
	if len(v.uids) == 0 {
		return 0
	}
	return v.uids[len(v.uids)-1]
}

// seq is the sequence number of a UID, 0 for one that the client doesn't know.
func (v *view) seq(uid mail.UID) uint32 {
	i, ok := slices.BinarySearch(v.uids, uid)
	if !ok {
		return 0
	}
	return uint32(i) + 1
}

// add appends messages with higher UIDs than all before.
func (v *view) add(uids []mail.UID) { v.uids = append(v.uids, uids...) }

// expunge takes out messages and calls announce for each with the number that
// it has at that moment, as EXPUNGE wants (RFC 9051 §7.5.1).
func (v *view) expunge(gone mail.UIDSet, announce func(seq uint32)) {
	kept, read := 0, 0
	for _, r := range gone {
		from, to := v.span(read, r)
		if from == to {
			continue
		}
		kept += copy(v.uids[kept:], v.uids[read:from])
		for range to - from {
			announce(uint32(kept) + 1)
		}
		read = to
	}
	kept += copy(v.uids[kept:], v.uids[read:])
	v.uids = v.uids[:kept]
}

// span is where in the view, from index start on, the UIDs of r stand.
func (v *view) span(start int, r mail.UIDRange) (from, to int) {
	from, _ = slices.BinarySearch(v.uids[start:], r.From)
	to, found := slices.BinarySearch(v.uids[start:], r.To)
	if found {
		to++
	}
	return start + from, start + to
}

// count is how many messages of the view are in set.
func (v *view) count(set mail.UIDSet) int {
	n, start := 0, 0
	for _, r := range set {
		from, to := v.span(start, r)
		n += to - from
		start = to
	}
	return n
}

// known is the part of set that is in the view.
func (v *view) known(set mail.UIDSet) mail.UIDSet {
	var out mail.UIDSet
	start := 0
	for _, r := range set {
		from, to := v.span(start, r)
		for _, u := range v.uids[from:to] {
			out.Add(u)
		}
		start = to
	}
	return out
}

// batches parts what of set is in the view into sets of at most n messages.
func (v *view) batches(set mail.UIDSet, n int) iter.Seq[mail.UIDSet] {
	return func(yield func(mail.UIDSet) bool) {
		var batch mail.UIDSet
		have, start := 0, 0
		for _, r := range set {
			from, to := v.span(start, r)
			for _, u := range v.uids[from:to] {
				batch.Add(u)
				if have++; have == n {
					if !yield(batch) {
						return
					}
					batch, have = nil, 0
				}
			}
			start = to
		}
		if have > 0 {
			yield(batch)
		}
	}
}

// uidsOf is the UIDs of a set of sequence numbers in ascending ranges. ok is
// false when a number is higher than there are messages (RFC 9051 §9,
// seq-number). A range becomes a range: the UIDs between its ends that are not
// in the view were expunged, and never come back.
func (v *view) uidsOf(seqs mail.UIDSet) (set mail.UIDSet, ok bool) {
	for _, r := range seqs {
		if r.From == 0 || int64(r.To) > int64(len(v.uids)) {
			return nil, false
		}
		set.AddRange(v.uids[r.From-1], v.uids[r.To-1])
	}
	return set, true
}

// upTo is set without what is above last.
func upTo(set mail.UIDSet, last mail.UID) mail.UIDSet {
	n, _ := slices.BinarySearchFunc(set, last, func(r mail.UIDRange, last mail.UID) int {
		if r.From <= last {
			return -1
		}
		return 1
	})
	set = set[:n]
	if n > 0 && set[n-1].To > last {
		set = slices.Clone(set)
		set[n-1].To = last
	}
	return set
}

// numSet is a sequence set as it was written (RFC 9051 §9, sequence-set), of
// sequence numbers or UIDs.
type numSet struct {
	ranges []numRange
	// saved: it is "$", the result of the last SEARCH RETURN (SAVE).
	saved bool
}

// numRange is from:to in the order written; star stands for "*".
type numRange struct{ from, to uint32 }

// star is "*" in a numRange: the largest number in use. Zero is no number.
const star = 0

// messages is the UIDs that a command's set means in the selected mailbox:
// none that the client doesn't know of.
func (s *session) messages(set numSet, uid bool) (mail.UIDSet, error) {
	v := &s.box.view
	switch {
	case set.saved:
		return s.box.saved, nil
	case v.len() == 0 && uid:
		return nil, nil
	case uid:
		return upTo(set.resolve(uint32(v.last())), v.last()), nil
	}
	uids, ok := mail.UIDSet(nil), false
	if v.len() > 0 {
		uids, ok = v.uidsOf(set.resolve(uint32(v.len())))
	}
	if !ok {
		return nil, bad("There is no message of that number")
	}
	return uids, nil
}
