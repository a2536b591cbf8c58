package pop3d

import (
	"fmt"
	"strconv"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/store"
)

// drop is the maildrop (RFC 1939 §4): what the INBOX held at login, in the
// order of its UIDs. Mail that comes later, and what other programs do to the
// INBOX, does not change it.
type drop struct {
	mailbox  store.MailboxID
	owner    string // the account, for the transcript
	messages []message
	release  func() // nil: not held

	ahead   ahead
	watcher *store.Watcher // wakes when what was read ahead must be read again
}

// message is one of a drop. There may be many: it is kept small.
type message struct {
	size    int64 // octets, as RETR sends them but for doubled dots
	saved   int64 // when it came, in seconds since 1970
	uid     mail.UID
	deleted bool
}

// openDrop takes the drop of an account and lists it. mail.ErrInUse.
func (s *session) openDrop(id store.AccountID) error {
	if _, ok := s.conn.Fault(fault.InUse, ""); ok {
		return mail.ErrInUse
	}
	release, err := s.srv.cfg.Store.LockDrop(id)
	if err != nil {
		return err
	}
	s.drop = drop{release: release}
	if err := s.drop.list(s, id); err != nil {
		s.leaveDrop()
		return err
	}
	return nil
}

func (d *drop) list(s *session, id store.AccountID) error {
	inbox, err := s.srv.cfg.Store.MailboxByName(s.ctx, id, "INBOX")
	if err != nil {
		return err
	}
	d.mailbox = inbox.ID
	d.watcher = s.srv.cfg.Store.Watch(id, inbox.ID)
	d.messages = make([]message, 0, inbox.Messages)
	for m, err := range s.srv.cfg.Store.Messages(s.ctx, inbox.ID, mail.AllUIDs(), 0) {
		if err != nil {
			return err
		}
		d.messages = append(d.messages, message{size: m.Size, saved: m.Saved.Unix(), uid: m.UID})
	}
	return nil
}

// close ends the session; the connection is gone or about to be.
func (s *session) close() {
	s.leaveDrop()
	if s.leave != nil {
		s.leave()
	}
}

// leaveDrop lets others have the drop. What was marked stays where it is.
func (s *session) leaveDrop() {
	s.drop.ahead.leave()
	if s.drop.watcher != nil {
		s.drop.watcher.Close()
	}
	if s.drop.release != nil {
		s.drop.release()
	}
	s.drop = drop{}
}

// total counts the messages that are not marked as deleted, and their octets.
func (d *drop) total() (n int, octets int64) {
	for i := range d.messages {
		if m := &d.messages[i]; !m.deleted {
			n++
			octets += m.size
		}
	}
	return n, octets
}

func (d *drop) summary() string {
	n, octets := d.total()
	return fmt.Sprintf("%s (%d octets)", messages(n), octets)
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return strconv.Itoa(n) + " messages"
}

// message finds the message of a number, unless it is marked as deleted.
func (d *drop) message(arg string) (*message, int, error) {
	n, ok := number(arg)
	switch {
	case !ok:
		return nil, 0, refuse("A message's number is a number, such as 1")
	case n < 1 || n > len(d.messages):
		return nil, 0, refuse("No such message, only %s in the mailbox", messages(len(d.messages)))
	case d.messages[n-1].deleted:
		return nil, 0, refuse("Message %d is deleted", n)
	}
	return &d.messages[n-1], n, nil
}

// appendUIDL writes a message's unique id (RFC 1939 §7): its UID and the second
// in which it came into the mailbox. Two messages never share one, not even
// when an old copy of the store was put back and UIDs are given again; and
// unlike an id with UIDVALIDITY in it, it stays when the mailbox gets a new one
// for that reason, so that no program fetches all mail anew.
func (m *message) appendUIDL(b []byte) []byte { return fmt.Appendf(b, "%08x%08x", m.uid, m.saved) }
