package imapd

import (
	"posthorn/store"
)

// cmdStatus is STATUS (RFC 9051 §6.3.11).
func (s *session) cmdStatus(d *decoder) error {
	name, items := d.statusArgs()
	if err := d.end(); err != nil {
		return err
	}
	if items.HighestModSeq {
		s.enableCondstore()
	}
	mb, err := s.srv.store.MailboxByName(s.ctx, s.account(), name)
	if err != nil {
		return err
	}
	return s.writeStatus(mb, items)
}

// writeStatus sends a STATUS response.
func (s *session) writeStatus(mb store.Mailbox, items statusItems) error {
	var deleted int64
	if items.DeletedStorage {
		var err error
		if deleted, err = s.deletedOctets(s.ctx, mb); err != nil {
			return err
		}
	}
	w := s.out
	w.raw("* STATUS ")
	w.mailbox(mb.Name)
	before := " ("
	item := func(asked bool, name string, n uint64) {
		if asked {
			w.raw(before, name, " ")
			w.num(n)
			before = " "
		}
	}
	item(items.NumMessages, "MESSAGES", uint64(mb.Messages))
	item(items.NumRecent, "RECENT", 0) // none ever is: see describe
	item(items.UIDNext, "UIDNEXT", uint64(mb.UIDNext))
	item(items.UIDValidity, "UIDVALIDITY", uint64(s.uidValidity(mb.UIDValidity)))
	item(items.NumUnseen, "UNSEEN", uint64(mb.Unseen))
	item(items.NumDeleted, "DELETED", uint64(mb.Deleted))
	item(items.DeletedStorage, "DELETED-STORAGE", uint64(deleted)) // RFC 9208 §4.1.4
	item(items.Size, "SIZE", uint64(mb.Bytes))
	item(items.AppendLimit, "APPENDLIMIT", uint64(s.srv.cfg.MaxMessage)) // RFC 7889 §4
	item(items.HighestModSeq, "HIGHESTMODSEQ", uint64(mb.HighestModSeq)) // RFC 7162 §3.1.7
	if items.mailboxID {
		w.raw(before, "MAILBOXID (", mb.ObjectID(), ")")
	}
	w.raw(")")
	w.end()
	return nil
}
