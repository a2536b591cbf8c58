package store

import (
	"cmp"
	"context"
	"slices"

	"posthorn/internal/mail"
)

// Changes is what happened in a mailbox after a modification sequence.
type Changes struct {
	// Vanished were expunged.
	Vanished mail.UIDSet
	// Changed have another modification sequence than then: new messages and
	// changed flags, ascending by UID. Envelope, Structure and Header are not
	// read.
	Changed []Message
	// HighestModSeq is what to ask from next time.
	HighestModSeq mail.ModSeq
	// More: there was more than the limit. Ask again at once, and announce
	// new messages only when there is no more: their UIDs ascend within one
	// answer, but not from one to the next.
	More bool
}

// ChangesSince tells what happened in a mailbox after since. It is the one
// query behind NOOP, IDLE, CONDSTORE and QRESYNC. It stops after about limit
// changed messages (those of one modification sequence are never parted: a
// STORE of 10,000 messages comes in one). Applied in order until there is no
// More, the answers lead from the state at since to that at the last one's
// HighestModSeq. mail.ErrNoSuchMailbox when the mailbox is gone.
//
// Tombstones are kept in number (maxTombstones per mailbox); of an expunge
// before them Vanished also names UIDs that were expunged earlier.
func (s *Store) ChangesSince(ctx context.Context, mb MailboxID, since mail.ModSeq, limit int) (c Changes, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		c, err = tx.changesSince(mb, since, max(limit, 1))
		return err
	})
	return c, err
}

// ChangedSince lists the messages that have a higher modification sequence
// than since: new ones and those whose flags changed. Of a mailbox that is gone
// there are none.
func (s *Store) ChangedSince(ctx context.Context, mb MailboxID, since mail.ModSeq) (mail.UIDSet, error) {
	var uids []mail.UID
	err := s.readOne(ctx, func(tx *readTx) error {
		text, err := tx.text("SELECT group_concat(uid) FROM messages INDEXED BY messages_modseq WHERE mailbox = ? AND modseq > ?", mb, int64(since))
		uids = appendUIDs(nil, text)
		return err
	})
	slices.Sort(uids) // they came by modification sequence
	var set mail.UIDSet
	for _, u := range uids {
		set.Add(u)
	}
	return set, err
}

// ExpungedSince lists what was expunged after a modification sequence; of one
// that is too long ago (see ChangesSince) it also names what went earlier.
// mail.ErrNoSuchMailbox.
func (s *Store) ExpungedSince(ctx context.Context, mb MailboxID, since mail.ModSeq) (gone mail.UIDSet, err error) {
	err = s.read(ctx, func(tx *readTx) error {
		var highest, pruned mail.ModSeq
		var next mail.UID
		err := tx.row(selectSpan, mb).Scan(&highest, &pruned, &next)
		if err != nil {
			return notFound(err, mail.ErrNoSuchMailbox)
		}
		gone, err = tx.expunged(mb, since, highest, pruned, next)
		return err
	})
	return gone, err
}

const selectSpan = "SELECT modseq, pruned, uidnext FROM mailboxes WHERE id = ? AND account IS NOT NULL"

// expunged is what was expunged after since, up to and with until.
func (tx *readTx) expunged(mb MailboxID, since, until, pruned mail.ModSeq, next mail.UID) (mail.UIDSet, error) {
	if since < pruned {
		return tx.missing(mb, next)
	}
	return tx.vanished(mb, since, until)
}

func (tx *readTx) changesSince(mb MailboxID, since mail.ModSeq, limit int) (Changes, error) {
	var c Changes
	var pruned mail.ModSeq
	var next mail.UID
	err := tx.row(selectSpan, mb).Scan(&c.HighestModSeq, &pruned, &next)
	if err != nil {
		return c, notFound(err, mail.ErrNoSuchMailbox)
	}
	if c.HighestModSeq <= since {
		c.HighestModSeq = since
		return c, nil
	}
	if c.Changed, err = tx.changedAfter(mb, since, limit+1); err != nil {
		return c, err
	}
	if len(c.Changed) > limit {
		if err := tx.cut(&c, mb); err != nil {
			return c, err
		}
	}
	slices.SortFunc(c.Changed, func(a, b Message) int { return cmp.Compare(a.UID, b.UID) })
	c.Vanished, err = tx.expunged(mb, since, c.HighestModSeq, pruned, next)
	return c, err
}

// cut keeps of too many changes those whose modification sequences are
// complete, or all of the first one's.
func (tx *readTx) cut(c *Changes, mb MailboxID) (err error) {
	first, last := c.Changed[0].ModSeq, c.Changed[len(c.Changed)-1].ModSeq
	if first == last {
		c.More = first < c.HighestModSeq
		c.HighestModSeq = first
		c.Changed, err = tx.changedAt(mb, first)
		return err
	}
	n := len(c.Changed)
	for c.Changed[n-1].ModSeq == last {
		n--
	}
	c.Changed, c.HighestModSeq, c.More = c.Changed[:n], c.Changed[n-1].ModSeq, true
	return nil
}

// changedAfter lists messages by modification sequence.
func (tx *readTx) changedAfter(mb MailboxID, since mail.ModSeq, limit int) ([]Message, error) {
	return tx.changed("SELECT "+messageColumns+" FROM messages AS m INDEXED BY messages_modseq WHERE m.mailbox = ? AND m.modseq > ? ORDER BY m.modseq LIMIT ?",
		mb, int64(since), limit)
}

func (tx *readTx) changedAt(mb MailboxID, modseq mail.ModSeq) ([]Message, error) {
	return tx.changed("SELECT "+messageColumns+" FROM messages AS m INDEXED BY messages_modseq WHERE m.mailbox = ? AND m.modseq = ?",
		mb, int64(modseq))
}

func (tx *readTx) changed(query string, args ...any) ([]Message, error) {
	rows, err := tx.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	scan := rowScanner{zones: zones{}}
	dest := scan.dest()
	var list []Message
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		m := scan.message()
		m.Trace = slices.Clone(scan.trace)
		list = append(list, m)
	}
	return list, rows.Err()
}

// vanished is what was expunged after since, up to and with until.
func (tx *readTx) vanished(mb MailboxID, since, until mail.ModSeq) (mail.UIDSet, error) {
	rows, err := tx.query("SELECT first, last FROM tombstones WHERE mailbox = ? AND modseq > ? AND modseq <= ? ORDER BY first",
		mb, int64(since), int64(until))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var set mail.UIDSet
	for rows.Next() {
		var first, last mail.UID
		if err := rows.Scan(&first, &last); err != nil {
			return nil, err
		}
		set.AddRange(first, last)
	}
	return set, rows.Err()
}

// missing are all UIDs below next that no message has.
func (tx *readTx) missing(mb MailboxID, next mail.UID) (mail.UIDSet, error) {
	rows, err := tx.query("SELECT uid FROM messages WHERE mailbox = ? ORDER BY uid", mb)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var set mail.UIDSet
	free := mail.UID(1)
	for rows.Next() {
		var uid mail.UID
		if err := rows.Scan(&uid); err != nil {
			return nil, err
		}
		if uid > free {
			set.AddRange(free, uid-1)
		}
		free = uid + 1
	}
	if next > free {
		set.AddRange(free, next-1)
	}
	return set, rows.Err()
}
