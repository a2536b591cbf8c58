package imapd

// cmdNoop is NOOP (RFC 9051 §6.1.2) and RFC 3501's CHECK: what changed is told
// after any command.
func (s *session) cmdNoop(d *decoder) error { return d.end() }

// cmdLogout is LOGOUT (RFC 9051 §6.1.3): BYE, OK, and the end. It is the one
// command that imapserver answers, which knows then that the connection is over.
func (s *session) cmdLogout(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.deselect()
	s.driver = driverTag + " LOGOUT\r\n"
	return nil
}
