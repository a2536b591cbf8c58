package imapd

import (
	"errors"
	"strconv"
	"strings"

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

func (s *session) noteExpunged(gone mail.UIDSet, modseq mail.ModSeq) {
	if len(gone) > 0 && s.conn.Watched() {
		s.note(wire.Note{Kind: "expunged", Mailbox: s.box.name, UIDs: gone.String(), Count: int(gone.Len()), ModSeq: uint64(modseq)})
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
		UIDs: string(appendInOrder(nil, c.From)), ToUIDs: string(appendInOrder(nil, c.To)), ModSeq: uint64(c.ModSeq)})
}

func (s *session) noteAppended(u *upload, accepted []store.Accepted) {
	if !s.conn.Watched() {
		return
	}
	var uids []mail.UID
	var last mail.ModSeq
	for i := range accepted {
		uids = append(uids, accepted[i].Placed[0].UID)
		last = max(last, accepted[i].Placed[0].ModSeq)
	}
	s.note(wire.Note{Kind: "appended", Mailbox: u.to.Name, UIDs: string(appendInOrder(nil, uids)), Count: len(uids),
		UIDValidity: accepted[0].Placed[0].UIDValidity, ModSeq: uint64(last)})
}

func (s *session) noteReplaced(u *upload, accepted store.Accepted, left mail.ModSeq) {
	if !s.conn.Watched() {
		return
	}
	s.noteAppended(u, []store.Accepted{accepted})
	s.note(wire.Note{Kind: "expunged", Mailbox: s.box.name, UIDs: strconv.FormatUint(uint64(u.old.UID), 10), Count: 1,
		ModSeq: uint64(left)})
}

// missingLevels are the levels above a mailbox's name that are not there: what
// makes the mailbox makes them too. Nobody asks while nobody watches.
func (s *session) missingLevels(name string) []string {
	if !s.conn.Watched() {
		return nil
	}
	var missing []string
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		if _, err := s.srv.store.MailboxByName(s.ctx, s.account(), name[:i]); errors.Is(err, mail.ErrNoSuchMailbox) {
			missing = append(missing, name[:i])
		}
	}
	return missing
}

// noteCreated tells of a mailbox that was made, and of the levels above it.
func (s *session) noteCreated(mb *store.Mailbox, levels []string) {
	for _, level := range levels {
		s.noteMailbox("created", level, "")
	}
	if s.conn.Watched() {
		s.note(wire.Note{Kind: "created", Mailbox: mb.Name, UIDValidity: s.uidValidity(mb.UIDValidity), Flags: mb.SpecialUse})
	}
}

// noteRenamed tells of a mailbox that was renamed. INBOX stays, and its messages
// go (RFC 9051 §6.3.6).
func (s *session) noteRenamed(from, to string, levels []string) {
	kind := "renamed"
	if from == "INBOX" {
		kind, levels = "emptied", append(levels, to)
	}
	for _, level := range levels {
		s.noteMailbox("created", level, "")
	}
	s.noteMailbox(kind, from, to)
}

// noteAnnotated tells of annotations that were set, and of those that were
// removed: their names.
func (s *session) noteAnnotated(mailbox string, list []store.Annotation) {
	if !s.conn.Watched() {
		return
	}
	var set, removed []string
	for _, a := range list {
		if a.Value == nil || a.Entry == store.SpecialUseEntry && len(a.Value) == 0 {
			removed = append(removed, a.Entry)
		} else {
			set = append(set, a.Entry)
		}
	}
	if len(set) > 0 {
		s.note(wire.Note{Kind: "annotated", Mailbox: mailbox, Text: strings.Join(set, " ")})
	}
	if len(removed) > 0 {
		s.note(wire.Note{Kind: "unannotated", Mailbox: mailbox, Text: strings.Join(removed, " ")})
	}
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
