package store

import (
	"context"
	"strings"

	"posthorn/internal/mail"
)

// Copied pairs source and destination UIDs in order, for COPYUID (RFC 4315).
type Copied struct {
	UIDValidity uint32
	From, To    []mail.UID
	// ModSeq is that of the copies, and where they were moved within an account,
	// of what left; of many that were moved, the last that did.
	ModSeq mail.ModSeq
}

// CopyMessages copies messages into another mailbox (or the same), all or
// nothing. mail.ErrOverQuota, mail.ErrNoSuchMailbox (when either is gone).
func (s *Store) CopyMessages(ctx context.Context, from MailboxID, set mail.UIDSet, to MailboxID) (c Copied, err error) {
	err = s.write(ctx, weightOf(set), func(tx *writeTx) error {
		c, err = tx.copy(from, set, to)
		return err
	})
	if err != nil {
		return Copied{}, err
	}
	return c, nil
}

// MoveMessages moves messages. Each is in one of the mailboxes at any time, and
// of many some thousands go together: beside an error may stand what was moved
// (RFC 6851 §3.3). mail.ErrNoSuchMailbox, and mail.ErrOverQuota when the
// mailboxes belong to two accounts.
func (s *Store) MoveMessages(ctx context.Context, from MailboxID, set mail.UIDSet, to MailboxID) (c Copied, err error) {
	limit := s.together
	if from == to {
		limit = -1 // the next part would meet what this one has moved
	}
	err = inParts(set, func(part mail.UIDSet) (next mail.UID, err error) {
		var moved Copied
		err = s.write(ctx, weightOf(part), func(tx *writeTx) error {
			moved, next, err = tx.move(from, part, to, limit)
			fault("move: in the transaction")
			return err
		})
		if err == nil {
			fault("move: committed")
			c.add(moved)
		}
		return next, err
	})
	return c, err
}

// add adds what a later part gave.
func (c *Copied) add(part Copied) {
	c.UIDValidity = part.UIDValidity
	c.From = append(c.From, part.From...)
	c.To = append(c.To, part.To...)
	c.ModSeq = max(c.ModSeq, part.ModSeq)
}

func (tx *writeTx) copy(from MailboxID, set mail.UIDSet, to MailboxID) (Copied, error) {
	src, dst, err := tx.twoMailboxes(from, to)
	if err != nil {
		return Copied{}, err
	}
	c := Copied{UIDValidity: dst.UIDValidity}
	list, err := tx.items(from, set, false, -1)
	if err != nil || len(list) == 0 {
		return c, err
	}
	t := totalsOf(list)
	modseq, err := tx.charge(dst.Account, t.bytes, t.messages, false)
	if err != nil {
		return c, err
	}
	c.ModSeq = modseq
	if err := tx.addRefs(list); err != nil {
		return c, err
	}
	return c, tx.duplicate(&c, list, src, dst, modseq)
}

// move moves the first limit messages only, and says where there may be more.
func (tx *writeTx) move(from MailboxID, set mail.UIDSet, to MailboxID, limit int) (c Copied, next mail.UID, err error) {
	src, dst, err := tx.twoMailboxes(from, to)
	if err != nil {
		return Copied{}, 0, err
	}
	c.UIDValidity = dst.UIDValidity
	list, err := tx.items(from, set, false, limit)
	if err != nil || len(list) == 0 {
		return c, 0, err
	}
	left, arrived, err := tx.chargeMove(src.Account, dst.Account, totalsOf(list))
	if err != nil {
		return c, 0, err
	}
	c.ModSeq = arrived
	if err := tx.duplicate(&c, list, src, dst, arrived); err != nil {
		return c, 0, err
	}
	return c, after(list, limit), tx.bury(src, list, left)
}

// chargeMove takes the modification sequences with which messages leave one
// account's mailbox and arrive in another's: one and the same where the
// account is.
func (tx *writeTx) chargeMove(from, to AccountID, t totals) (left, arrived mail.ModSeq, err error) {
	if from == to {
		left, err = tx.nextModSeq(from)
		return left, left, err
	}
	if left, err = tx.charge(from, -t.bytes, -t.messages, true); err == nil {
		arrived, err = tx.charge(to, t.bytes, t.messages, false)
	}
	return left, arrived, err
}

// twoMailboxes reads the rows of both.
func (tx *writeTx) twoMailboxes(from, to MailboxID) (src, dst Mailbox, err error) {
	if src, err = tx.mailbox(from); err == nil {
		dst, err = tx.mailbox(to)
	}
	return src, dst, err
}

// duplicate puts copies of the items' rows into dst.
func (tx *writeTx) duplicate(c *Copied, list []item, src, dst Mailbox, modseq mail.ModSeq) error {
	if int64(dst.UIDNext)+int64(len(list)) > maxUID {
		return errUIDsUsedUp
	}
	next := dst.UIDNext
	for rest := list; len(rest) > 0; {
		part := rest[:min(len(rest), maxItems)]
		rest = rest[len(part):]
		_, err := tx.exec(`INSERT INTO messages (mailbox, uid, content, modseq, flags, keywords, date, sent, saved, size, trace, envelope)
			SELECT ?, ? + u.key, content, ?, flags, keywords, date, sent, ?, size, trace, envelope
			FROM json_each(?) AS u CROSS JOIN messages AS m ON m.mailbox = ? AND m.uid = u.value`,
			dst.ID, int64(next), int64(modseq), tx.now.Unix(), uidsJSON(part), src.ID)
		if err != nil {
			return err
		}
		for _, i := range part {
			c.From = append(c.From, i.uid)
			c.To = append(c.To, next)
			next++
		}
	}
	if err := tx.takeKeywords(src, dst, list); err != nil {
		return err
	}
	t := totalsOf(list)
	_, err := tx.exec("UPDATE mailboxes SET uidnext = ?, modseq = ?, messages = messages + ?, unseen = unseen + ?, deleted = deleted + ?, bytes = bytes + ? WHERE id = ?",
		int64(next), int64(modseq), t.messages, t.unseen, t.deleted, t.bytes, dst.ID)
	tx.touch(dst.Account, dst.ID)
	return err
}

// takeKeywords notes the keywords of messages that come from src as used in dst.
func (tx *writeTx) takeKeywords(src, dst Mailbox, list []item) error {
	if len(src.Keywords) == 0 || src.ID == dst.ID {
		return nil
	}
	var flags mail.Flags
	met := make(map[string]bool)
	for i := range list {
		if k := list[i].keywords; k != "" && !met[k] {
			met[k] = true
			flags = flags.With(list[i].flags())
		}
	}
	_, err := tx.useKeywords(dst.ID, strings.Join(dst.Keywords, " "), flags)
	return err
}
