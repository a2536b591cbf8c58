package imapd

import (
	"cmp"
	"errors"
	"strconv"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdCopy is COPY (RFC 9051 §6.4.7).
func (s *session) cmdCopy(d *decoder) error { return s.copy(d, false, false) }

// cmdUIDCopy is UID COPY.
func (s *session) cmdUIDCopy(d *decoder) error { return s.copy(d, true, false) }

// cmdMove is MOVE (RFC 9051 §6.4.8).
func (s *session) cmdMove(d *decoder) error { return s.copy(d, false, true) }

// cmdUIDMove is UID MOVE.
func (s *session) cmdUIDMove(d *decoder) error { return s.copy(d, true, true) }

func (s *session) copy(d *decoder, uid, move bool) error {
	args := d.copyArgs()
	if err := d.end(); err != nil {
		return err
	}
	set, err := s.messages(args.set, uid)
	if err != nil {
		return err
	}
	if move {
		if err := s.writable(); err != nil {
			return err
		}
	}
	to, err := s.destination(args.mailbox)
	if err != nil {
		return err
	}
	if len(set) == 0 {
		s.ok("", "No matching messages")
		return nil
	}
	set, lowest := s.withinLimit(set)
	if lowest > 0 && !move {
		return s.tooMany(lowest)
	}
	act, say := s.srv.store.CopyMessages, func(code string) { s.ok(code, "COPY completed") }
	if move { // COPYUID before the EXPUNGEs that sync sends (RFC 9051 §6.4.8)
		act, say = s.srv.store.MoveMessages, func(code string) { s.out.status("*", status{"OK", code, "Moved"}) }
	}
	_, done := s.working(0) // of a transaction nothing is known before it ends
	c, err := act(s.ctx, s.box.id, set, to.ID)
	done()
	if err != nil && len(c.From) == 0 {
		return ofDestination(err)
	}
	s.noteCopied(move, c, to.Name)
	if err == nil {
		s.limit = lowest
	}
	// A MOVE may fail partway, when COPYUID tells how far it came (RFC 6851 §3.3).
	return cmp.Or(err, s.copied(set, uid, c, say))
}

// copied says COPYUID, or why nothing was copied.
func (s *session) copied(set mail.UIDSet, uid bool, c store.Copied, say func(code string)) error {
	if len(c.From) == 0 {
		if uid {
			s.ok("", "No matching messages")
			return nil
		}
		return errExpunged
	}
	b := append([]byte("COPYUID "), strconv.FormatUint(uint64(s.uidValidity(c.UIDValidity)), 10)...)
	b = appendInOrder(append(b, ' '), c.From)
	b = appendInOrder(append(b, ' '), c.To)
	say(string(b))
	return nil
}

// destination finds the mailbox that messages shall go to.
func (s *session) destination(name string) (store.Mailbox, error) {
	if _, ok := s.conn.Fault(fault.Full, ""); ok {
		return store.Mailbox{}, mail.ErrOverQuota
	}
	mb, err := s.srv.store.MailboxByName(s.ctx, s.account(), name)
	return mb, ofDestination(err)
}

// ofDestination is an error about the mailbox that messages shall go to: where
// there is none, also none any more, the client may make it and try again
// (RFC 9051 §7.1, TRYCREATE). Where it is the selected one that is gone, so is
// the session.
func ofDestination(err error) error {
	if errors.Is(err, mail.ErrNoSuchMailbox) {
		return no("TRYCREATE", "No such mailbox")
	}
	return err
}

// errExpunged: what the client asked for is still in its view, but was
// expunged by another session (RFC 2180 §4, RFC 5530).
var errExpunged = no("EXPUNGEISSUED", "Some of these messages were expunged meanwhile")

// appendInOrder writes UIDs as a uid-set in the order in which they are given,
// consecutive ones as a range.
func appendInOrder(b []byte, uids []mail.UID) []byte {
	for i := 0; i < len(uids); {
		j := i
		for j+1 < len(uids) && uids[j+1] == uids[j]+1 {
			j++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, uint64(uids[i]), 10)
		if j > i {
			b = append(b, ':')
			b = strconv.AppendUint(b, uint64(uids[j]), 10)
		}
		i = j + 1
	}
	return b
}
