package imapd

import "posthorn/internal/mail"

// cmdClose is CLOSE (RFC 9051 §6.4.1): it expunges silently, unless the
// mailbox was only examined.
func (s *session) cmdClose(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	if !s.box.readOnly {
		if err := s.expunge(mail.AllUIDs()); err != nil {
			return err
		}
	}
	s.deselect()
	return nil
}

// cmdUnselect is UNSELECT (RFC 9051 §6.4.2).
func (s *session) cmdUnselect(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.deselect()
	return nil
}
