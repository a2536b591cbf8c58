package imapd

import "posthorn/internal/mail"

// UIDONLY (RFC 9586): once it is enabled no sequence number goes over the wire,
// in either direction.

// errUIDRequired refuses what names messages by sequence numbers.
var errUIDRequired error = &refusal{status{"BAD", "UIDREQUIRED", "Messages are named by UIDs alone since ENABLE UIDONLY"}}

// beginFetch writes a FETCH that nobody asked for up to its first item; it
// names the UID (RFC 9051 §7.5.2).
func (s *session) beginFetch(seq uint32, uid mail.UID) {
	s.beginItems(seq, uid)
	if !s.enabled.uidOnly {
		s.out.raw("UID ")
		s.out.num(uint64(uid))
		s.out.raw(" ")
	}
}

// beginItems writes a FETCH up to its first item, or a UIDFETCH.
func (s *session) beginItems(seq uint32, uid mail.UID) {
	w := s.out
	w.raw("* ")
	if s.enabled.uidOnly {
		w.num(uint64(uid))
		w.raw(" UIDFETCH (")
		return
	}
	w.num(uint64(seq))
	w.raw(" FETCH (")
}
