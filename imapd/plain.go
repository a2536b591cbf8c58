package imapd

// The commands that imapserver answers: no extension touches them. They are
// checked here and handed on as the one line that it reads right.

// cmdNoop is NOOP (RFC 9051 §6.1.2) and RFC 3501's CHECK.
func (s *session) cmdNoop(d *decoder) error { return s.hand(s.name, d) }

// cmdLogout is LOGOUT (RFC 9051 §6.1.3): BYE, OK, and the end.
func (s *session) cmdLogout(d *decoder) error {
	s.deselect()
	return s.hand("LOGOUT", d)
}

func (s *session) hand(command string, d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.driver = driverTag + " " + command + "\r\n"
	return nil
}
