package store

import (
	"context"

	"posthorn/internal/mail"
)

// messages is Messages for Brief. When the index falls away it returns the UID
// from which on to list without it; else 0.
func (i *index) messages(ctx context.Context, set mail.UIDSet, want Want, yield func(*Message, error) bool) (next mail.UID) {
	l := lister{want: want, scan: rowScanner{zones: zones{}}}
	size := indexBatch
	if want != Brief {
		size = maxRows
	}
	batch := make([]entry, 0, min(size, set.Len()))
	for next = 1; ; {
		part := from(set, next, size)
		if len(part) == 0 {
			return 0
		}
		lists, ok := [][]string(nil), false
		if batch, lists, ok = i.read(ctx, batch[:0], part); !ok {
			return next
		}
		if n := len(batch); n == cap(batch) {
			part = part.Intersect(mail.UIDSet{{From: 1, To: batch[n-1].uid}})
		}
		var err error
		l.reset()
		if want == Brief {
			l.take(batch, lists)
		} else if len(batch) > 0 {
			err = i.s.readOne(ctx, func(tx *readTx) error { return l.fillWide(tx, i.mailbox, part, batch, lists) })
		}
		if err != nil {
			yield(nil, err)
			return 0
		}
		if !l.each(i.s.blobs, yield) {
			return 0
		}
		last := l.upTo(part)
		if last == maxUID {
			return 0
		}
		next = last + 1
	}
}

// each hands out the entries of set. When the index falls away it returns the
// UID from which on to go on without it; else 0.
func (i *index) each(ctx context.Context, set mail.UIDSet, yield func(e *entry)) (next mail.UID) {
	batch := make([]entry, 0, min(indexBatch, set.Len()))
	for next = 1; ; {
		part := from(set, next, indexBatch)
		if len(part) == 0 {
			return 0
		}
		var ok bool
		if batch, _, ok = i.read(ctx, batch[:0], part); !ok {
			return next
		}
		for n := range batch {
			yield(&batch[n])
		}
		last := part[len(part)-1].To
		if n := len(batch); n == cap(batch) {
			last = batch[n-1].uid
		}
		if last == maxUID {
			return 0
		}
		next = last + 1
	}
}

// uidList is UIDList from an index.
func (i *index) uidList(ctx context.Context) (uids []mail.UID, at mail.ModSeq, ok bool) {
	if !i.current(ctx) {
		return nil, 0, false
	}
	defer i.mu.Unlock()
	uids = make([]mail.UID, len(i.entries))
	for n := range i.entries {
		uids[n] = i.entries[n].uid
	}
	return uids, i.at, true
}

// take adds rows of entries.
func (l *lister) take(batch []entry, lists [][]string) {
	for n := range batch {
		l.takeOne(&batch[n], lists)
	}
}

// takeOne adds a row. What a row had before stays in it where an index has
// nothing: it is the same of all rows of a listing.
func (l *lister) takeOne(e *entry, lists [][]string) {
	n := len(l.rows)
	if n == cap(l.rows) {
		l.rows = append(l.rows, Message{})
	} else {
		l.rows = l.rows[:n+1]
	}
	m := &l.rows[n]
	m.UID, m.Content, m.ModSeq = e.uid, e.content, e.modseq
	m.Flags = mail.Flags{System: e.system, Keywords: lists[e.keywords]}
	m.Date, m.Size = l.scan.zones.time(e.date), int64(e.size)
}

// fillWide adds rows of the messages in batch, which are those in part, and reads
// their wider columns. Those that are gone from the table are left out.
func (l *lister) fillWide(tx *readTx, mb MailboxID, part mail.UIDSet, batch []entry, lists [][]string) error {
	columns := "m.uid"
	if l.want&WantHeader != 0 {
		columns = "m.uid, m.trace"
	}
	rows, err := l.query(tx, columns, mb, part)
	if err != nil {
		return err
	}
	defer rows.Close()
	var uid any
	dest := []any{&uid}
	if l.want&WantHeader != 0 {
		dest = append(dest, &l.scan.trace)
	}
	dest = l.wide(dest)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		u, _ := uid.(int64)
		for len(batch) > 0 && batch[0].uid < mail.UID(u) {
			batch = batch[1:]
		}
		if len(batch) == 0 || batch[0].uid != mail.UID(u) {
			continue
		}
		l.takeOne(&batch[0], lists)
		if l.keepWide(); l.cut {
			return nil
		}
	}
	return rows.Err()
}
