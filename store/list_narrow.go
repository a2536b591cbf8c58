package store

import (
	"bytes"
	"context"
	"database/sql"
	"slices"

	"posthorn/internal/mail"
)

// A row that is handed over column by column costs four times what it costs
// SQLite to find it. The two narrow listings have SQLite write many rows into
// one text, which is then taken apart here.

// narrowRows is how many rows a narrow listing reads in one transaction.
const narrowRows = 1024

const listBrief = `
	SELECT group_concat(line, char(10)) FROM (
		SELECT concat_ws(' ', m.uid, m.content, m.modseq, m.flags, m.date, ifnull(m.sent, 0), m.size, m.keywords) AS line` + fromRanges + " LIMIT ?)"

// fillBrief reads the next batch of rows for Brief.
func (l *lister) fillBrief(tx *readTx, mb MailboxID, part mail.UIDSet) error {
	l.rows = l.rows[:0]
	text, err := tx.text(listBrief, rangesJSON(part), mb, narrowRows)
	for err == nil && len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		var n [7]int64
		for i := range n {
			n[i], line = leadingNumber(line)
		}
		l.scan.keywords = line
		m := Message{
			UID:     mail.UID(n[0]),
			Content: ContentID(n[1]),
			ModSeq:  mail.ModSeq(n[2]),
			Flags:   mail.Flags{System: mail.SystemFlags(n[3]), Keywords: l.scan.keywordList()},
			Date:    l.scan.zones.time(n[4]),
			Size:    n[6],
		}
		if l.sent && n[5] != 0 {
			m.Sent = l.scan.zones.time(n[5])
		}
		l.rows = append(l.rows, m)
	}
	slices.SortFunc(l.rows, func(a, b Message) int { return int(int64(a.UID) - int64(b.UID)) })
	return err
}

// leadingNumber reads the number that line begins with, and returns what
// follows the octet after it.
func leadingNumber(line []byte) (n int64, rest []byte) {
	if len(line) > 0 && line[0] == '-' { // a date before 1970
		n, rest = leadingNumber(line[1:])
		return -n, rest
	}
	for i, c := range line {
		if c < '0' || c > '9' {
			return n, line[i+1:]
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// text runs a query of one text; that of NULL is empty.
func (tx *readTx) text(query string, args ...any) ([]byte, error) {
	rows, err := tx.query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, rows.Err()
	}
	var raw sql.RawBytes
	err = rows.Scan(&raw)
	return bytes.Clone(raw), err
}

// appendUIDs reads UIDs parted by commas.
func appendUIDs(uids []mail.UID, text []byte) []mail.UID {
	for len(text) > 0 {
		var uid int64
		uid, text = leadingNumber(text)
		uids = append(uids, mail.UID(uid))
	}
	return uids
}

// UIDList lists the UIDs of a mailbox in order, with the moment it is true of.
// mail.ErrNoSuchMailbox.
func (s *Store) UIDList(ctx context.Context, mb MailboxID) (uids []mail.UID, at mail.ModSeq, err error) {
	if i := s.indexes.get(mb); i != nil && i.ready.Load() {
		if uids, at, ok := i.uidList(ctx); ok {
			return uids, at, nil
		}
	}
	var text []byte
	err = s.read(ctx, func(tx *readTx) error {
		var pruned mail.ModSeq
		var next mail.UID
		var messages, tombstones int
		err := tx.row("SELECT modseq, pruned, uidnext, messages, tombstones FROM mailboxes WHERE id = ? AND account IS NOT NULL", mb).
			Scan(&at, &pruned, &next, &messages, &tombstones)
		if err != nil {
			return notFound(err, mail.ErrNoSuchMailbox)
		}
		uids = make([]mail.UID, 0, messages)
		// All UIDs below the next were given: what was not expunged is there.
		if pruned == 0 && tombstones < messages/8 {
			gone, err := tx.vanished(mb, 0, at)
			if err != nil {
				return err
			}
			if gone.Len()+messages == int(next)-1 {
				uids = appendRest(uids, gone, next)
				return nil
			}
		}
		// The index is far smaller than the table.
		text, err = tx.text("SELECT group_concat(uid) FROM messages INDEXED BY messages_modseq WHERE mailbox = ?", mb)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if len(text) > 0 {
		uids = appendUIDs(uids, text)
		slices.Sort(uids) // they came by modification sequence
	}
	return uids, at, nil
}

// appendRest appends the UIDs below next that are not in gone.
func appendRest(uids []mail.UID, gone mail.UIDSet, next mail.UID) []mail.UID {
	for u := mail.UID(1); u < next; u++ {
		if len(gone) > 0 && gone[0].From == u {
			u = gone[0].To
			gone = gone[1:]
			continue
		}
		uids = append(uids, u)
	}
	return uids
}
