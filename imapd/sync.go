package imapd

import (
	"cmp"
	"errors"
	"slices"

	"posthorn/internal/mail"
	"posthorn/store"
)

// syncBatch is how many changed messages are asked for at a time.
const syncBatch = 500

// sync tells the client what changed in the selected mailbox: EXPUNGE and the
// flags that others changed, then EXISTS (Apple Mail counts on EXISTS after
// EXPUNGE). While expunge is false none is taken out (RFC 9051 §7.5.1):
// what is gone, and what came since, waits for the next time.
func (s *session) sync(expunge bool) {
	box := s.box
	defer func() { box.own = nil }()
	if !box.hasNews() {
		return
	}
	for {
		ch, err := s.srv.store.ChangesSince(s.ctx, box.id, box.modSeq, syncBatch)
		if err != nil {
			s.syncFailed(err)
			return
		}
		if len(box.gone) == 0 {
			box.held = box.modSeq
		}
		box.take(ch.Vanished)
		if expunge {
			s.announceExpunged()
		}
		for i := range ch.Changed {
			s.announceChange(&ch.Changed[i])
		}
		box.modSeq = ch.HighestModSeq
		if !ch.More {
			break
		}
	}
	if len(box.gone) == 0 && len(box.arrived) > 0 {
		slices.Sort(box.arrived)
		box.view.add(slices.Compact(box.arrived)) // one may have changed twice
		box.arrived = nil
		s.announceExists()
	}
}

// syncFailed: what can't be told now is told the next time; but a mailbox that
// was deleted under the client ends the connection (RFC 2180 §3.3).
func (s *session) syncFailed(err error) {
	if errors.Is(err, mail.ErrNoSuchMailbox) {
		s.boxDeleted = true
		return
	}
	s.box.woken.Store(true)
	s.srv.cfg.Log.Internal(s.conn.ID(), "looking for changes", err)
}

// hasNews reports whether anything may have happened since the last sync, or
// waits to be told. The store wakes the watcher before it answers whoever made
// a change, so nothing that the client may have heard of is missed.
func (b *mailbox) hasNews() bool {
	select {
	case <-b.watcher.C:
		b.woken.Store(true)
	default:
	}
	return b.woken.Swap(false) || len(b.gone) > 0 || len(b.arrived) > 0
}

// take notes what vanished: of the view until the client may be told, of the
// messages that it was never told of at once.
func (b *mailbox) take(vanished mail.UIDSet) {
	if len(vanished) == 0 {
		return
	}
	b.arrived = slices.DeleteFunc(b.arrived, vanished.Contains)
	for _, r := range b.view.known(vanished) {
		b.gone.AddRange(r.From, r.To)
	}
}

func (s *session) announceExpunged() {
	if len(s.box.gone) == 0 {
		return
	}
	if s.enabled.qresync || s.enabled.uidOnly {
		s.announceVanished()
		return
	}
	s.box.forget(func(seq uint32) {
		s.out.raw("* ")
		s.out.num(uint64(seq))
		s.out.raw(" EXPUNGE")
		s.out.end()
	})
}

// forget takes what is gone out of the view, and out of "$" (RFC 5182 §2.1).
func (b *mailbox) forget(announce func(seq uint32)) {
	b.view.expunge(b.gone, announce)
	b.saved = b.saved.Without(b.gone)
	b.gone = nil
}

func (s *session) announceExists() {
	s.out.raw("* ")
	s.out.num(uint64(s.box.view.len()))
	s.out.raw(" EXISTS")
	s.out.end()
}

// announceChange tells of flags, unless this session itself changed them, or
// notes a new message.
func (s *session) announceChange(m *store.Message) {
	box := s.box
	seq := box.view.seq(m.UID)
	switch {
	case seq == 0 && m.UID > box.view.last():
		box.arrived = append(box.arrived, m.UID)
	case seq != 0 && !box.isOwn(m):
		s.announceFlags(seq, store.FlagResult{UID: m.UID, Flags: m.Flags, ModSeq: m.ModSeq})
	}
}

// isOwn: m is as this session left it.
func (b *mailbox) isOwn(m *store.Message) bool {
	i, ok := slices.BinarySearchFunc(b.own, m.UID, func(r store.FlagResult, u mail.UID) int { return cmp.Compare(r.UID, u) })
	return ok && b.own[i].ModSeq == m.ModSeq
}

// announceFlags sends a FETCH that nobody asked for.
func (s *session) announceFlags(seq uint32, m store.FlagResult) {
	s.announceKeywords(m.Flags)
	s.beginFetch(seq, m.UID)
	w := s.out
	w.raw("FLAGS (")
	w.b = m.Flags.Append(w.b)
	w.raw(")")
	if s.enabled.condstore {
		w.raw(" ")
		s.writeModSeq(m.ModSeq)
	}
	w.raw(")")
	w.end()
}

// announceKeywords sends FLAGS anew before keywords come up that it didn't
// name (RFC 9051 §7.3.5).
func (s *session) announceKeywords(flags mail.Flags) {
	if slices.ContainsFunc(flags.Keywords, func(k string) bool { return !s.box.flags.Has(k) }) {
		s.box.flags = s.box.flags.With(flags)
		s.writeFlags()
	}
}

// writeFlags sends FLAGS and PERMANENTFLAGS.
func (s *session) writeFlags() {
	w := s.out
	w.raw("* FLAGS (")
	w.b = s.box.flags.Append(w.b)
	w.raw(")")
	w.end()
	w.raw("* OK [PERMANENTFLAGS (")
	if !s.box.readOnly {
		w.b = s.box.flags.Append(w.b)
		w.raw(` \*`)
	}
	w.raw(")] Flags that can be changed")
	w.end()
}
