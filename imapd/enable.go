package imapd

// cmdEnable is ENABLE (RFC 9051 §6.3.1). What isn't known, or needn't be
// enabled, is passed over.
func (s *session) cmdEnable(d *decoder) error {
	caps := d.enableArgs()
	if err := d.end(); err != nil {
		return err
	}
	condstore := false
	s.out.raw("* ENABLED")
	for _, c := range caps {
		switch {
		case s.hides(c):
		case c == "IMAP4REV2" && !s.enabled.rev2:
			s.enabled.rev2 = true
			s.out.raw(" IMAP4rev2")
		case c == "UTF8=ACCEPT" && !s.enabled.utf8:
			s.enabled.utf8 = true
			s.out.raw(" UTF8=ACCEPT")
		case c == "CONDSTORE" && !condstore:
			// Said anew after another of the commands that switch it on.
			condstore = true
			s.out.raw(" CONDSTORE")
		case c == "UIDONLY" && s.srv.cfg.UIDOnly && !s.enabled.uidOnly:
			s.enabled.uidOnly = true
			s.out.raw(" UIDONLY")
		case c == "QRESYNC" && !s.enabled.qresync:
			s.enabled.qresync = true
			s.out.raw(" QRESYNC")
		}
	}
	s.out.end()
	if condstore || s.enabled.qresync {
		s.enableCondstore()
	}
	s.out.unicode = s.enabled.unicode()
	return nil
}
