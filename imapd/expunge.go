package imapd

import "posthorn/internal/mail"

// cmdExpunge is EXPUNGE (RFC 9051 §6.4.3). What went is told by sync, which
// ends every command.
func (s *session) cmdExpunge(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	return s.expunge(mail.AllUIDs())
}

// expunge removes what is \Deleted of uids.
func (s *session) expunge(uids mail.UIDSet) error {
	_, done := s.working(0)
	gone, modseq, err := s.srv.store.Expunge(s.ctx, s.box.id, uids, false)
	done()
	s.noteExpunged(gone, modseq)
	// RFC 7162 §3.2.7: also when the client had not heard of these messages.
	s.box.vanished = s.enabled.qresync && len(gone) > 0
	return err
}

// cmdUIDExpunge is UID EXPUNGE (RFC 9051 §6.4.9).
func (s *session) cmdUIDExpunge(d *decoder) error {
	set := d.uidExpungeArgs()
	if err := d.end(); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	uids, err := s.messages(set, true)
	if err != nil {
		return err
	}
	uids, lowest, err := s.deletedWithinLimit(uids)
	if err == nil {
		err = s.expunge(uids)
	}
	if err == nil {
		s.limit = lowest
	}
	return err
}

// writable refuses changes to a mailbox that was only examined
// (RFC 9051 §6.3.3).
func (s *session) writable() error {
	if s.box.readOnly {
		return no("READ-ONLY", "The mailbox was opened by EXAMINE")
	}
	return nil
}
