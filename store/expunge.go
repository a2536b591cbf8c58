package store

import (
	"context"

	"posthorn/internal/mail"
)

// maxTombstones is about how many rows of tombstones a mailbox keeps. A row
// holds UIDs that are next to each other and went together, so that it takes
// as many scattered expunges to reach it. The sweep drops the oldest beyond.
const maxTombstones = 20_000

// Expunge removes those messages of set that are flagged \Deleted, or all of
// set when force is given (POP3's QUIT).
// With force all go together; else, of many, some thousands at a time, and
// beside an error may stand what is gone. modseq is the last one that a removal
// took; 0: there was none. mail.ErrNoSuchMailbox.
func (s *Store) Expunge(ctx context.Context, mb MailboxID, set mail.UIDSet, force bool) (gone mail.UIDSet, modseq mail.ModSeq, err error) {
	limit := s.together
	if force {
		limit = -1
	} else {
		set = s.deletedOf(ctx, mb, set)
	}
	err = inParts(set, func(part mail.UIDSet) (next mail.UID, err error) {
		var went mail.UIDSet
		var at mail.ModSeq
		err = s.write(ctx, weightOf(part), func(tx *writeTx) error {
			went, at, next, err = tx.expunge(mb, part, force, limit)
			fault("expunge: in the transaction")
			return err
		})
		if err == nil {
			fault("expunge: committed")
			addSet(&gone, went)
			modseq = max(modseq, at)
		}
		return next, err
	})
	return gone, modseq, err
}

// deletedOf is what of set is flagged \Deleted, where the mailbox's index tells, so
// that the operation, for which all others wait, finds it without reading all the
// others' rows. It looks again: set may come back as it is.
func (s *Store) deletedOf(ctx context.Context, mb MailboxID, set mail.UIDSet) mail.UIDSet {
	i := s.indexes.get(mb)
	if i == nil || !i.ready.Load() {
		return set
	}
	deleted, ok := i.flagged(ctx, set)
	if !ok || len(deleted) > maxItems { // it fell away; so many ranges take longer than the rows between them
		return set
	}
	return deleted
}

// expunge drops the rows of the first limit messages only, and says where there
// may be more; the sweep removes the contents later.
func (tx *writeTx) expunge(mb MailboxID, set mail.UIDSet, force bool, limit int) (gone mail.UIDSet, modseq mail.ModSeq, next mail.UID, err error) {
	m, err := tx.mailbox(mb)
	if err != nil {
		return nil, 0, 0, err
	}
	most := limit
	if !force { // behind the last one that is flagged there is none to look for
		most = min(limit, int(m.Deleted))
	}
	list, err := tx.items(mb, set, !force, most)
	if err != nil || len(list) == 0 {
		return nil, 0, 0, err
	}
	gone, modseq, err = tx.expungeItems(mb, list)
	return gone, modseq, after(list, limit), err
}

func (tx *writeTx) expungeItems(mb MailboxID, list []item) (mail.UIDSet, mail.ModSeq, error) {
	m, err := tx.mailbox(mb)
	if err != nil {
		return nil, 0, err
	}
	t := totalsOf(list)
	modseq, err := tx.charge(m.Account, -t.bytes, -t.messages, true)
	if err != nil {
		return nil, 0, err
	}
	if err := tx.bury(m, list, modseq); err != nil {
		return nil, 0, err
	}
	return uidSet(list), modseq, tx.unref(contentsOf(list)...)
}

func uidSet(list []item) mail.UIDSet {
	var set mail.UIDSet
	for i := range list {
		set.Add(list[i].uid)
	}
	return set
}

// bury removes messages' rows and leaves tombstones.
func (tx *writeTx) bury(m Mailbox, list []item, modseq mail.ModSeq) error {
	for rest := list; len(rest) > 0; {
		part := rest[:min(len(rest), maxItems)]
		rest = rest[len(part):]
		if err := tx.deleteRows(m.ID, part); err != nil {
			return err
		}
	}
	set := uidSet(list)
	for _, r := range set {
		if _, err := tx.exec("INSERT INTO tombstones VALUES (?, ?, ?, ?)", m.ID, int64(modseq), int64(r.From), int64(r.To)); err != nil {
			return err
		}
	}
	var tombstones int
	err := tx.update("UPDATE mailboxes SET modseq = ?, tombstones = tombstones + ? WHERE id = ? RETURNING tombstones",
		int64(modseq), len(set), m.ID).Scan(&tombstones)
	if tombstones > 2*maxTombstones {
		tx.s.sweeper.tooMany(m.ID)
		tx.op.garbage = true
	}
	tx.touch(m.Account, m.ID)
	return err
}

// pruneTombstones drops all but about keep of a mailbox's tombstones, the
// oldest first. Who asks from before them gets all UIDs that are missing (see
// ChangesSince).
func (tx *writeTx) pruneTombstones(mb MailboxID, keep int) error {
	var upTo int64
	err := tx.row("SELECT modseq FROM tombstones WHERE mailbox = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?", mb, keep).Scan(&upTo)
	if err != nil {
		return notFound(err, nil) // it was deleted meanwhile
	}
	gone, err := tx.exec("DELETE FROM tombstones WHERE mailbox = ? AND modseq <= ?", mb, upTo)
	if err != nil {
		return err
	}
	_, err = tx.exec("UPDATE mailboxes SET tombstones = tombstones - ?, pruned = ? WHERE id = ?", gone, upTo, mb)
	return err
}
