package imapd

import (
	"errors"
	"strconv"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// What follows tells the transcript what a command changed. It costs an atomic
// load when nobody watches.

// note adds what all notes of a session have.
func (s *session) note(n wire.Note) {
	n.Account = s.who.Address.Key()
	s.conn.Note(n)
}

func (s *session) noteSelected(box *mailbox, mb *store.Mailbox) {
	if s.conn.Watched() {
		s.note(wire.Note{Kind: "selected", Mailbox: mb.Name, Count: box.view.len(), UIDValidity: s.uidValidity(mb.UIDValidity), ModSeq: uint64(box.modSeq)})
	}
}

// noteFlags tells of what STORE did; all have one modification sequence.
func (s *session) noteFlags(done []store.FlagResult, op store.FlagOp, flags mail.Flags) {
	if len(done) == 0 || !s.conn.Watched() {
		return
	}
	var set mail.UIDSet
	var last mail.ModSeq
	for _, r := range done {
		set.Add(r.UID)
		last = max(last, r.ModSeq)
	}
	sign := "="
	switch op {
	case store.FlagsAdd:
		sign = "+"
	case store.FlagsRemove:
		sign = "-"
	}
	s.note(wire.Note{Kind: "flags", Mailbox: s.box.name, UIDs: set.String(), Flags: sign + flags.String(), Count: len(done), ModSeq: uint64(last)})
}

func (s *session) noteExpunged(gone mail.UIDSet) {
	if len(gone) > 0 && s.conn.Watched() {
		s.note(wire.Note{Kind: "expunged", Mailbox: s.box.name, UIDs: gone.String(), Count: int(gone.Len())})
	}
}

func (s *session) noteCopied(move bool, c store.Copied, to string) {
	if len(c.From) == 0 || !s.conn.Watched() {
		return
	}
	kind := "copied"
	if move {
		kind = "moved"
	}
	s.note(wire.Note{Kind: kind, Mailbox: s.box.name, ToMailbox: to, Count: len(c.From),
		UIDs: string(appendInOrder(nil, c.From)), ToUIDs: string(appendInOrder(nil, c.To))})
}

func (s *session) noteAppended(u *upload, accepted []store.Accepted) {
	if !s.conn.Watched() {
		return
	}
	var uids []mail.UID
	for i := range accepted {
		uids = append(uids, accepted[i].Placed[0].UID)
	}
	s.note(wire.Note{Kind: "appended", Mailbox: u.to.Name, UIDs: string(appendInOrder(nil, uids)), Count: len(uids),
		UIDValidity: accepted[0].Placed[0].UIDValidity})
}

func (s *session) noteReplaced(u *upload, accepted store.Accepted) {
	if !s.conn.Watched() {
		return
	}
	s.noteAppended(u, []store.Accepted{accepted})
	s.note(wire.Note{Kind: "expunged", Mailbox: s.box.name, UIDs: strconv.FormatUint(uint64(u.old.UID), 10), Count: 1})
}

// noteMailbox tells of a mailbox itself.
func (s *session) noteMailbox(kind, name, to string) {
	if s.conn.Watched() {
		s.note(wire.Note{Kind: kind, Mailbox: name, ToMailbox: to})
	}
}

// errOnDemand ends a connection for a fault on demand.
var errOnDemand = errors.New("imapd: closed on demand")

// cut breaks the connection off, in the middle of an answer.
func (s *session) cut() error {
	s.out.flush()
	s.conn.Break()
	return s.lose(errOnDemand)
}

// uidValidity is the UIDVALIDITY that the client is told.
func (s *session) uidValidity(v uint32) uint32 { return v + s.shift }
