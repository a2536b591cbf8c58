package imapd

import (
	"errors"

	"posthorn/internal/mail"
)

// cmdDelete is DELETE (RFC 9051 §6.3.5). A mailbox with others below it leaves
// its name as a level, which can't be deleted until they are.
func (s *session) cmdDelete(d *decoder) error {
	name := d.mailboxArg()
	if err := d.end(); err != nil {
		return err
	}
	if name == "INBOX" {
		return no("CANNOT", "INBOX can't be deleted")
	}
	if err := s.srv.store.DeleteMailbox(s.ctx, s.account(), name); errors.Is(err, mail.ErrNotPermitted) {
		return no("HASCHILDREN", "There are mailboxes below that name")
	} else if err != nil {
		return err
	}
	s.noteMailbox("deleted", name, "")
	if s.enabled.rev2 && d.given != name {
		s.out.raw(`* LIST (\NonExistent) "/" `)
		s.out.mailbox(name)
		s.out.raw(` ("OLDNAME" (`)
		s.out.mailbox(d.given)
		s.out.raw("))")
		s.out.end()
	}
	return s.leaveDeleted()
}

// leaveDeleted deselects a mailbox that this session itself deleted: no reason
// to end the connection, as when somebody else does it.
func (s *session) leaveDeleted() error {
	if s.box == nil {
		return nil
	}
	_, err := s.srv.store.MailboxByID(s.ctx, s.box.id)
	if errors.Is(err, mail.ErrNoSuchMailbox) {
		s.deselect()
		s.out.status("*", status{"OK", "CLOSED", "The mailbox was deleted"})
		return nil
	}
	return err
}
