package imapd

import (
	"fmt"

	"posthorn/internal/mail"
	"posthorn/store"
)

// enableCondstore is called by the commands that RFC 7162 §3.1 calls CONDSTORE
// enabling. The first one tells the mailbox's modification sequence.
func (s *session) enableCondstore() {
	if s.enabled.condstore {
		return
	}
	s.enabled.condstore = true
	if s.box != nil {
		s.writeHighest(s.box.told())
	}
}

// writeHighest sends HIGHESTMODSEQ (RFC 7162 §3.1.2.1).
func (s *session) writeHighest(n mail.ModSeq) { s.out.status("*", highest(n)) }

func highest(n mail.ModSeq) status {
	return status{"OK", fmt.Sprintf("HIGHESTMODSEQ %d", n), "Highest"}
}

// writeModSeq appends a message's MODSEQ to a FETCH.
func (s *session) writeModSeq(n mail.ModSeq) {
	s.out.raw("MODSEQ (")
	s.out.num(uint64(n))
	s.out.raw(")")
	s.box.noteSent(n)
}

// noteSent notes that the client has seen a modification sequence. When it is
// of a change that sync hasn't come to, what else changed until then must be
// told before the command ends.
func (b *mailbox) noteSent(n mail.ModSeq) {
	b.sent = max(b.sent, n)
	if n > b.modSeq {
		b.woken.Store(true)
	}
}

// told is the modification sequence up to which the client was told
// everything. While expunges wait that is the one before the first of them.
func (b *mailbox) told() mail.ModSeq {
	if len(b.gone) > 0 {
		return b.held
	}
	return b.modSeq
}

// tellHighest ends a command. From the MODSEQs that it was sent a client takes
// up to where it is in step; where that would be too far, since an expunge is
// still to be told, it is given the right number (RFC 7162 §3.2 and §6), and
// again when it was told of it (§3.2.7, §3.2.9). It goes with the tagged OK where
// that has no other code.
func (s *session) tellHighest(say *status) {
	box := s.box
	if s.enabled.condstore && (box.sent > box.told() || box.vanished) {
		if say.kind == "OK" && say.code == "" {
			say.code = highest(box.told()).code
		} else {
			s.writeHighest(box.told())
		}
	}
	box.sent, box.vanished = 0, false
}

// announceModSeq sends the FETCH that answers a silent STORE: the client knows
// the flags.
func (s *session) announceModSeq(seq uint32, m store.FlagResult) {
	s.beginFetch(seq, m.UID)
	s.writeModSeq(m.ModSeq)
	s.out.raw(")")
	s.out.end()
}

// changedSince is what of set was changed after a modification sequence.
func (s *session) changedSince(set mail.UIDSet, since mail.ModSeq) (mail.UIDSet, error) {
	changed, err := s.srv.store.ChangedSince(s.ctx, s.box.id, since)
	return set.Intersect(changed), err
}
