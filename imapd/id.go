package imapd

// cmdID is ID (RFC 2971): who the server is. What the client tells of itself
// is for the transcript, and for nothing else.
func (s *session) cmdID(d *decoder) error {
	d.idArgs()
	if err := d.end(); err != nil {
		return err
	}
	s.out.raw(`* ID ("name" "Posthorn"`)
	if v := s.srv.cfg.Version; v != "" {
		s.out.raw(` "version" `)
		s.out.string(v)
	}
	s.out.raw(")")
	s.out.end()
	return nil
}
