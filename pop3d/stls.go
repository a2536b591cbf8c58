package pop3d

// cmdSTLS is STLS (RFC 2595 §4).
func (s *session) cmdSTLS([]string) error {
	switch {
	case s.conn.TLSState() != nil:
		return refuse("TLS is active already")
	case s.state != authorization:
		return refuse("STLS comes before the login")
	case !s.conn.CanStartTLS():
		return refuse("There is no TLS here")
	}
	s.ok("Begin TLS")
	if err := s.conn.StartTLS(); err != nil {
		return errLost
	}
	s.user = "" // what was said in clear counts for nothing
	return nil
}
