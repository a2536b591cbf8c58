package imapd

import (
	"fmt"
	"slices"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdSelect is SELECT (RFC 9051 §6.3.2, RFC 3501 §6.3.1).
func (s *session) cmdSelect(d *decoder) error { return s.selectMailbox(d, false) }

// cmdExamine is EXAMINE (RFC 9051 §6.3.3).
func (s *session) cmdExamine(d *decoder) error { return s.selectMailbox(d, true) }

func (s *session) selectMailbox(d *decoder, readOnly bool) error {
	args := d.selectArgs()
	if err := d.end(); err != nil {
		return err
	}
	if args.resync != nil && !s.enabled.qresync {
		return errNoQresync
	}
	if s.enabled.uidOnly && args.resync != nil && len(args.resync.seqs) > 0 {
		return errUIDRequired
	}
	if s.box != nil {
		// Whether the new one can be selected or not (RFC 9051 §6.3.2).
		s.sync(true)
		s.deselect()
		s.boxDeleted = false
		s.out.status("*", status{"OK", "CLOSED", "The mailbox before is closed"})
	}
	if args.condstore {
		s.enableCondstore()
	}
	box, mb, err := s.openMailbox(args.mailbox, readOnly)
	if err != nil {
		return err
	}
	if _, ok := s.conn.Fault(fault.UIDValidity, ""); ok {
		s.shift++
	}
	s.noteSelected(box, &mb)
	s.box, s.state = box, selected
	if err = s.describe(mb, args.given); err == nil && args.resync != nil && args.resync.uidValidity == s.uidValidity(mb.UIDValidity) {
		err = s.resync(args.resync)
	}
	if err != nil {
		s.deselect()
		return err
	}
	if readOnly {
		s.ok("READ-ONLY", "EXAMINE completed")
	} else {
		s.ok("READ-WRITE", "SELECT completed")
	}
	return nil
}

// openMailbox takes the view of a mailbox. The mailbox's row is read after the
// list of UIDs, so that UIDNEXT is above all of them, and the watcher is there
// before both, so that nothing is missed.
func (s *session) openMailbox(name string, readOnly bool) (*mailbox, store.Mailbox, error) {
	st := s.srv.store
	mb, err := st.MailboxByName(s.ctx, s.account(), name)
	if err != nil {
		return nil, mb, err
	}
	box := &mailbox{id: mb.ID, name: mb.Name, readOnly: readOnly, watcher: st.Watch(s.account(), mb.ID)}
	if box.view.uids, box.modSeq, err = st.UIDList(s.ctx, mb.ID); err == nil {
		mb, err = st.MailboxByID(s.ctx, mb.ID)
	}
	if err != nil {
		box.watcher.Close()
		return nil, mb, err
	}
	box.flags = mail.NewFlags(mb.Keywords...)
	box.flags.System = mail.Seen | mail.Answered | mail.Flagged | mail.Deleted | mail.Draft
	return box, mb, nil
}

// describe sends what SELECT tells of a mailbox; given is its name as the
// client wrote it. RECENT and UNSEEN are RFC 3501's alone. No message is ever
// recent: of all sessions \Recent is for the one that is told of a message first,
// and RFC 9051 gave it up for good reason (§2.3.2).
func (s *session) describe(mb store.Mailbox, given string) error {
	s.writeFlags()
	s.announceExists()
	ok := func(code string, n uint64, text string) {
		s.out.status("*", status{"OK", fmt.Sprintf("%s %d", code, n), text})
	}
	if !s.enabled.rev2 {
		s.out.raw("* 0 RECENT")
		s.out.end()
	}
	if !s.enabled.rev2 && !s.enabled.uidOnly {
		first, err := s.firstUnseen(mb)
		if err != nil {
			return err
		}
		if first > 0 {
			ok("UNSEEN", uint64(first), "First unseen message")
		}
	}
	ok("UIDVALIDITY", uint64(s.uidValidity(mb.UIDValidity)), "UIDs valid")
	ok("UIDNEXT", uint64(mb.UIDNext), "Predicted next UID")
	s.out.status("*", status{"OK", "MAILBOXID (" + mb.ObjectID() + ")", "Ok"}) // RFC 8474 §4.2
	s.writeHighest(s.box.modSeq)
	if s.enabled.rev2 {
		return s.listSelected(mb, given)
	}
	return nil
}

// maxUnseenScan is how many messages SELECT looks at for the first unseen one.
// RFC 3501 §6.3.1: a client that isn't told can make no assumptions.
const maxUnseenScan = 10000

// unseenPiece is how many it asks the store for at a time: the first is often
// near, and who asks for most of a mailbox has the store read all of it.
const unseenPiece = 500

// firstUnseen is the number of the first unseen message, 0 when there is none
// or it is too far.
func (s *session) firstUnseen(mb store.Mailbox) (uint32, error) {
	if mb.Unseen == 0 {
		return 0, nil
	}
	v := &s.box.view
	near := v.uids[:min(v.len(), maxUnseenScan)]
	for piece := range slices.Chunk(near, unseenPiece) {
		set := mail.UIDSet{{From: piece[0], To: piece[len(piece)-1]}}
		for m, err := range s.srv.store.Messages(s.ctx, s.box.id, set, store.Brief) {
			if err != nil {
				return 0, err
			}
			if m.Flags.System&mail.Seen == 0 {
				return v.seq(m.UID), nil
			}
		}
	}
	return 0, nil
}
