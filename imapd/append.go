package imapd

// cmdAppend is APPEND (RFC 9051 §6.3.12) with APPENDUID, LITERAL+, literal8,
// RFC 6855's UTF8 (~{…}) and several messages at once (RFC 3502). The messages
// go from the connection to the store as they come, and are accepted together.
//
// RFC 6855 §4 wants octets above 127 in headers refused before UTF8=ACCEPT is
// enabled. They are taken: other clients uploaded such messages, and strangers
// sent them, long before there was that word, and what is stored comes back as
// it was.
func (s *session) cmdAppend(d *decoder) error {
	head, lit, err := s.uploadHead(d.b, func(*decoder) {})
	if err != nil {
		return err
	}
	d = newDecoder(head, s.enabled.unicode())
	u := &upload{s: s, name: d.uploadMailbox(), most: s.mostUpload()}
	if err := u.receive(d, lit); err != nil {
		u.abort()
		return err
	}
	wait, err := s.srv.store.BeginAccept(s.ctx, u.messages...)
	if err != nil {
		u.abort()
		return err
	}
	return s.answerLater(&appending{s.tag, u, wait})
}
