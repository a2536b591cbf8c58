package imapd

import (
	"posthorn/auth"
	"posthorn/internal/wire"
)

// cmdUnauthenticate is UNAUTHENTICATE (RFC 8437): all is as it was after the
// greeting, but for TLS; a compression ends.
func (s *session) cmdUnauthenticate(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	s.deselect()
	s.leave()
	if err := s.conn.Authenticated(""); err != nil {
		// No room among those who are not logged in. NO is not allowed (§3).
		s.bye("Too many connections from your address")
		return s.lose(err)
	}
	s.note(wire.Note{Kind: "logged-out"})
	s.who, s.state, s.enabled, s.faults, s.loginFailures = auth.Identity{}, notAuthenticated, enabled{}, 0, 0
	s.out.unicode = false
	s.after = s.conn.EndDeflate // §4.1
	return nil
}
