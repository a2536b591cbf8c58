package imapd

import (
	"math"

	"posthorn/internal/mail"
)

// errNoQresync refuses what ENABLE QRESYNC must precede (RFC 7162 §3.2.3).
var errNoQresync = bad("ENABLE QRESYNC first")

// announceVanished tells of expunged messages all at once, by their UIDs
// (RFC 7162 §3.2.10.2).
func (s *session) announceVanished() {
	box := s.box
	s.out.raw("* VANISHED ")
	s.out.b = box.gone.Append(s.out.b)
	s.out.end()
	box.forget(func(uint32) {})
	box.vanished = true
}

// writeVanishedEarlier tells what of set was expunged after since, but for what
// this session is still to be told of as VANISHED (RFC 7162 §3.2.10.1).
func (s *session) writeVanishedEarlier(set mail.UIDSet, since mail.ModSeq) error {
	expunged, err := s.srv.store.ExpungedSince(s.ctx, s.box.id, since)
	if err != nil {
		return err
	}
	expunged = expunged.Intersect(set)
	expunged = expunged.Without(s.box.view.known(expunged))
	if len(expunged) > 0 {
		s.out.raw("* VANISHED (EARLIER) ")
		s.out.b = expunged.Append(s.out.b)
		s.out.end()
	}
	return nil
}

// earlier is the UIDs that a set means in UID FETCH with VANISHED: "*" and what
// is above the last message too, since messages were there once.
func (s *session) earlier(set numSet) mail.UIDSet {
	if set.saved {
		return s.box.saved
	}
	uids := set.resolve(math.MaxUint32)
	for _, r := range set.resolve(uint32(s.box.view.last())) {
		uids.AddRange(r.From, r.To)
	}
	return uids
}

// resync is the parameter QRESYNC of SELECT (RFC 7162 §3.2.5): what the client
// knows of the mailbox.
type resync struct {
	uidValidity uint32
	modSeq      mail.ModSeq
	known       mail.UIDSet // empty: not given
	// seqs and uids are some of its messages' numbers and UIDs, in pairs.
	seqs, uids mail.UIDSet
}

// resync tells what changed since the client knew the mailbox.
func (s *session) resync(r *resync) error {
	set := r.known
	if len(set) == 0 {
		set = mail.AllUIDs()
	}
	// Up to where numbers and UIDs agree the client knows what is gone.
	vanished := set
	if last := s.box.view.lastPair(r.seqs, r.uids); last > 0 {
		vanished = set.Without(mail.UIDSet{{From: 1, To: last}})
	}
	if err := s.writeVanishedEarlier(vanished, r.modSeq); err != nil {
		return err
	}
	changed, err := s.changedSince(set, r.modSeq)
	if err != nil {
		return err
	}
	return newFetch(s, []fetchItem{{kind: itemFlags}, {kind: itemModSeq}}, true).run(changed)
}

// lastPair is the highest of uids that a message has whose number stands at the
// same place in seqs; 0 when none has.
func (v *view) lastPair(seqs, uids mail.UIDSet) (last mail.UID) {
	var seq, uid mail.UIDRange // what is left of the ranges under way
	for {
		if seq.From == 0 {
			if len(seqs) == 0 {
				return last
			}
			seq, seqs = seqs[0], seqs[1:]
		}
		if uid.From == 0 {
			if len(uids) == 0 {
				return last
			}
			uid, uids = uids[0], uids[1:]
		}
		if int64(seq.From) > int64(v.len()) {
			return last
		}
		if v.uids[seq.From-1] == uid.From {
			last = uid.From
		}
		seq, uid = next(seq), next(uid)
	}
}

// next is a range without its first; of one that is over, zero.
func next(r mail.UIDRange) mail.UIDRange {
	if r.From == r.To {
		return mail.UIDRange{}
	}
	return mail.UIDRange{From: r.From + 1, To: r.To}
}
