package store

import (
	"encoding/json"
	"strings"

	"posthorn/internal/mail"
)

// itemWeight is about how many octets changing a message writes.
const itemWeight = 256

// weightOf is about how many octets changing the messages of a set writes; how
// many of them there are is not known yet.
func weightOf(set mail.UIDSet) int { return min(set.Len(), maxItems) * itemWeight }

// item is what changing a message takes to know of it.
type item struct {
	uid      mail.UID
	content  ContentID
	modseq   mail.ModSeq
	system   mail.SystemFlags
	keywords string
	size     int64
}

func (i *item) flags() mail.Flags {
	return mail.Flags{System: i.system, Keywords: strings.Fields(i.keywords)}
}

// maxItems is how many messages one statement changes.
const maxItems = 1000

// maxTogether is how many messages of a change that need not be all or nothing
// are changed in one operation: all others wait for it, some 20 ms.
const maxTogether = 2000

// inParts calls fn with what is left of set, until that says that there is no
// next UID.
func inParts(set mail.UIDSet, fn func(part mail.UIDSet) (next mail.UID, err error)) error {
	next, err := fn(set)
	for next > 0 && err == nil {
		next, err = fn(from(set, next, len(set)))
	}
	return err
}

// addSet adds what a later part gave.
func addSet(to *mail.UIDSet, part mail.UIDSet) {
	for _, r := range part {
		to.AddRange(r.From, r.To)
	}
}

// after is the UID from which on there may be more than the first limit messages.
func after(list []item, limit int) mail.UID {
	if len(list) < limit || limit < 0 {
		return 0
	}
	return list[len(list)-1].uid + 1 // 0 after the last that there can be
}

// items lists at most limit messages of a mailbox whose UIDs are in set,
// ascending; with deletedOnly, those flagged \Deleted.
func (tx *readTx) items(mb MailboxID, set mail.UIDSet, deletedOnly bool, limit int) ([]item, error) {
	must := mail.SystemFlags(0)
	if deletedOnly {
		must = mail.Deleted
	}
	rows, err := tx.query("SELECT m.uid, m.content, m.modseq, m.flags, ifnull(m.keywords, ''), m.size"+fromRanges+" WHERE m.flags & ? = ? LIMIT ?",
		rangesJSON(set), mb, int64(must), int64(must), limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []item
	for rows.Next() {
		var i item
		if err := rows.Scan(&i.uid, &i.content, &i.modseq, &i.system, &i.keywords, &i.size); err != nil {
			return nil, err
		}
		list = append(list, i)
	}
	return list, rows.Err()
}

// uidsJSON are the items' UIDs as a parameter for IN (SELECT value FROM
// json_each(?)).
func uidsJSON(list []item) string {
	uids := make([]mail.UID, len(list))
	for i := range list {
		uids[i] = list[i].uid
	}
	b, _ := json.Marshal(uids) // integers always marshal
	return string(b)
}

// totals are what messages add to their mailbox's and account's counters.
type totals struct{ messages, unseen, deleted, bytes int64 }

func totalsOf(list []item) totals {
	var t totals
	for i := range list {
		unseen, deleted := counts(list[i].system)
		t.messages++
		t.unseen += unseen
		t.deleted += deleted
		t.bytes += list[i].size
	}
	return t
}

// deleteRows removes messages' rows, and what they add to their mailbox's
// counters.
func (tx *writeTx) deleteRows(mb MailboxID, list []item) error {
	_, err := tx.exec("DELETE FROM messages WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))", mb, uidsJSON(list))
	if err != nil {
		return err
	}
	t := totalsOf(list)
	_, err = tx.exec("UPDATE mailboxes SET messages = messages - ?, unseen = unseen - ?, deleted = deleted - ?, bytes = bytes - ? WHERE id = ?",
		t.messages, t.unseen, t.deleted, t.bytes, mb)
	return err
}

// addRefs adds a reference to the contents of messages for each of them.
func (tx *writeTx) addRefs(list []item) error {
	return eachOnce(contentsOf(list), func(ids string) error {
		_, err := tx.exec("UPDATE contents SET refs = refs + 1 WHERE id IN (SELECT value FROM json_each(?))", ids)
		return err
	})
}

// unref drops a reference to each of the contents; one that is named twice
// loses two. What has none left becomes garbage.
func (tx *writeTx) unref(contents ...ContentID) error {
	tx.op.garbage = true
	return eachOnce(contents, func(ids string) error {
		if _, err := tx.exec("UPDATE contents SET refs = refs - 1 WHERE id IN (SELECT value FROM json_each(?))", ids); err != nil {
			return err
		}
		_, err := tx.exec("INSERT INTO garbage SELECT id, 0 FROM contents WHERE id IN (SELECT value FROM json_each(?)) AND refs = 0", ids)
		return err
	})
}

func contentsOf(list []item) []ContentID {
	ids := make([]ContentID, len(list))
	for i := range list {
		ids[i] = list[i].content
	}
	return ids
}

// eachOnce calls fn with the ids as JSON, as often as it takes to have none
// twice in one call.
func eachOnce(ids []ContentID, fn func(ids string) error) error {
	for len(ids) > 0 {
		met := make(map[ContentID]bool, len(ids))
		var now, later []ContentID
		for _, id := range ids {
			if met[id] {
				later = append(later, id)
			} else {
				met[id] = true
				now = append(now, id)
			}
		}
		b, _ := json.Marshal(now) // integers always marshal
		if err := fn(string(b)); err != nil {
			return err
		}
		ids = later
	}
	return nil
}
