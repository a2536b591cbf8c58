package imapd

// cmdStartTLS is STARTTLS (RFC 9051 §6.2.1). The wire throws away what came
// before the handshake.
func (s *session) cmdStartTLS(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	if s.conn.TLSState() != nil {
		return bad("TLS is on already")
	}
	if !s.conn.CanStartTLS() {
		return no("UNAVAILABLE", "There is no certificate")
	}
	s.out.status(s.tag, status{"OK", "", "Begin TLS negotiation now"})
	s.out.flush()
	if err := s.conn.StartTLS(); err != nil {
		return s.lose(err)
	}
	s.answered = true
	return nil
}
