package imapd

import (
	"errors"

	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdReplace is REPLACE (RFC 8508 §3.2).
func (s *session) cmdReplace(d *decoder) error { return s.replace(d, false) }

// cmdUIDReplace is UID REPLACE (§3.3).
func (s *session) cmdUIDReplace(d *decoder) error { return s.replace(d, true) }

// replace puts a message where another was, or into another mailbox, in one
// transaction.
func (s *session) replace(d *decoder, uid bool) error {
	head, lit, err := s.uploadHead(d.b, func(d *decoder) { d.replaced() })
	if err != nil {
		return err
	}
	d = newDecoder(head, s.enabled.unicode())
	which := d.replaced()
	u := &upload{s: s, name: d.uploadMailbox(), most: 1}
	if u.old, err = s.replaceable(d, which, uid); err != nil {
		return s.refuse(lit, err)
	}
	if err := u.receive(d, lit); err != nil {
		u.abort()
		return err
	}
	_, done := s.working(0)
	accepted, left, err := s.srv.store.Replace(s.ctx, s.box.id, u.old.UID, u.messages[0])
	done()
	if err != nil {
		u.abort()
		if errors.Is(err, mail.ErrNotFound) {
			err = errExpunged
		}
		return ofDestination(err)
	}
	s.noteReplaced(u, accepted, left)
	// Before the EXPUNGE that sync sends (§4.3).
	s.out.status("*", status{"OK", s.appendUID([]store.Accepted{accepted}), "Replacement message ready"})
	s.box.vanished = s.enabled.qresync // §4.5
	return nil
}

// replaceable finds the message that shall go. d has the command so far.
func (s *session) replaceable(d *decoder, which numSet, uid bool) (*store.Message, error) {
	if d.err != nil {
		return nil, d.err
	}
	if err := s.writable(); err != nil {
		return nil, err
	}
	set, err := s.messages(which, uid)
	if err != nil {
		return nil, err
	}
	if set = s.box.view.known(set); len(set) == 0 {
		return nil, no("NONEXISTENT", "There is no message of that UID")
	}
	for m, err := range s.srv.store.Messages(s.ctx, s.box.id, set, store.Brief) {
		return m, err
	}
	s.box.woken.Store(true) // so that the client hears that it is gone
	return nil, errExpunged
}
