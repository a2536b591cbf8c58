package pop3d

import (
	"fmt"
	"strings"
)

// cmdCapa is CAPA (RFC 2449 §5). What is offered in the AUTHORIZATION state
// must be in both, but STLS (RFC 2595 §4).
func (s *session) cmdCapa([]string) error {
	s.ok("Capabilities:")
	list := []string{"TOP", "UIDL"}
	if s.private() {
		list = append(list, "USER", "SASL "+strings.Join(s.srv.cfg.Auth.Mechanisms(s.conn.TLSState()), " "))
	}
	if s.state == authorization && s.conn.CanStartTLS() {
		list = append(list, "STLS")
	}
	implementation := "IMPLEMENTATION Posthorn"
	if v := s.srv.cfg.Version; v != "" {
		implementation += "-" + v
	}
	list = append(list, "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG", implementation)
	for _, capability := range list {
		fmt.Fprintf(s.conn, "%s\r\n", capability)
	}
	fmt.Fprint(s.conn, ".\r\n")
	return nil
}
