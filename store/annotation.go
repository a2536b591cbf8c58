package store

import (
	"context"
	"fmt"
	"strings"

	"posthorn/internal/mail"
)

// Annotations are few and small, and none is in the quota: so they have bounds
// of their own.
const (
	// MaxAnnotation is the most octets of an annotation's value.
	MaxAnnotation = 64 << 10
	// maxAnnotationEntry is the most octets of its name.
	maxAnnotationEntry = 256
	// maxAnnotations is the most of one mailbox, or of the account itself.
	maxAnnotations = 100
	// maxAnnotated is the most octets of all of an account's, and
	// annotationCost what one counts beside its name and value: who may have
	// 10,000 mailboxes would else have a million rows.
	maxAnnotated   = 4 << 20
	annotationCost = 64
)

// Annotation is an entry of METADATA (RFC 5464) with its value.
type Annotation struct {
	Entry string // such as /private/comment, in lower case
	// Value may hold any octets. A nil one, when it is set, removes the entry.
	Value []byte
}

// Annotations lists those of a mailbox, its special use among them, or with
// mb 0 those of the account itself, by entry. Of a mailbox that is gone there
// are none.
func (s *Store) Annotations(ctx context.Context, id AccountID, mb MailboxID) (list []Annotation, err error) {
	err = s.readOne(ctx, func(tx *readTx) error {
		list, err = tx.annotations(id, mb)
		return err
	})
	return list, err
}

func (tx *readTx) annotations(id AccountID, mb MailboxID) ([]Annotation, error) {
	rows, err := tx.query(`
		SELECT entry, value FROM annotations WHERE account = ?1 AND mailbox = ?2
		UNION ALL SELECT ?3, CAST(special_use AS BLOB) FROM mailboxes WHERE account = ?1 AND id = ?2 AND special_use <> ''
		ORDER BY 1`, id, mb, SpecialUseEntry)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Annotation
	for rows.Next() {
		var a Annotation
		if err := rows.Scan(&a.Entry, &a.Value); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// MailboxAnnotations lists the annotations of all mailboxes of an account, each
// mailbox's by entry: at most 4 MiB.
func (s *Store) MailboxAnnotations(ctx context.Context, id AccountID) (by map[MailboxID][]Annotation, err error) {
	by = make(map[MailboxID][]Annotation)
	err = s.readOne(ctx, func(tx *readTx) error {
		rows, err := tx.query(`
			SELECT mailbox, entry, value FROM annotations WHERE account = ?1 AND mailbox > 0
			UNION ALL SELECT id, ?2, CAST(special_use AS BLOB) FROM mailboxes WHERE account = ?1 AND special_use <> ''
			ORDER BY 1, 2`, id, SpecialUseEntry)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var mb MailboxID
			var a Annotation
			if err := rows.Scan(&mb, &a.Entry, &a.Value); err != nil {
				return err
			}
			by[mb] = append(by[mb], a)
		}
		return rows.Err()
	})
	return by, err
}

// SetAnnotations sets and removes annotations of a mailbox, or with mb 0 of the
// account itself: all of them, or none. SpecialUseEntry changes the special
// use, and takes it from the mailbox that had it. mail.ErrNoSuchUser (with mb 0),
// mail.ErrNoSuchMailbox, mail.ErrInvalid (an entry's name, a special use), mail.ErrTooLarge (a value
// above MaxAnnotation), mail.ErrOverQuota (too many, or too much in all).
func (s *Store) SetAnnotations(ctx context.Context, id AccountID, mb MailboxID, list []Annotation) error {
	weight := 0
	for _, a := range list {
		if len(a.Value) > MaxAnnotation {
			return fmt.Errorf("the value of %s has more than %d octets: %w", a.Entry, MaxAnnotation, mail.ErrTooLarge)
		}
		if a.Entry == "" || len(a.Entry) > maxAnnotationEntry || a.Entry != strings.ToLower(a.Entry) {
			return fmt.Errorf("annotation %q: %w", a.Entry, mail.ErrInvalid)
		}
		weight += len(a.Entry) + len(a.Value)
	}
	return s.write(ctx, weight, func(tx *writeTx) error {
		m := Mailbox{Account: id} // with ID 0: the account itself
		if mb == 0 {
			if _, err := tx.accountByID(id); err != nil {
				return err
			}
		} else {
			var err error
			if m, err = tx.mailbox(mb); err != nil {
				return err
			} else if m.Account != id {
				return mail.ErrNoSuchMailbox
			}
		}
		changed := false
		for _, a := range list {
			did, err := tx.setAnnotation(m, a)
			if err != nil {
				return err
			}
			changed = changed || did
		}
		if changed && mb != 0 { // RFC 7162 §3.2
			modseq, err := tx.nextModSeq(id)
			if err != nil {
				return err
			}
			if _, err := tx.exec("UPDATE mailboxes SET modseq = ? WHERE id = ?", int64(modseq), mb); err != nil {
				return err
			}
		}
		tx.touch(id, mb)
		return tx.checkAnnotated(id, mb)
	})
}

// setAnnotation reports whether that changed anything.
func (tx *writeTx) setAnnotation(m Mailbox, a Annotation) (changed bool, err error) {
	if m.ID != 0 && a.Entry == SpecialUseEntry {
		return m.SpecialUse != string(a.Value), tx.setSpecialUse(m, string(a.Value))
	}
	var n int64
	if a.Value == nil {
		n, err = tx.exec("DELETE FROM annotations WHERE account = ? AND mailbox = ? AND entry = ?", m.Account, m.ID, a.Entry)
	} else {
		n, err = tx.exec(`INSERT INTO annotations VALUES (?, ?, ?, ?)
			ON CONFLICT DO UPDATE SET value = excluded.value WHERE value <> excluded.value`, m.Account, m.ID, a.Entry, a.Value)
	}
	return n > 0, err
}

// checkAnnotated refuses what went over a bound.
func (tx *writeTx) checkAnnotated(id AccountID, mb MailboxID) error {
	var number, octets int64
	err := tx.row("SELECT ifnull(sum(mailbox = ?), 0), ifnull(sum(length(value) + length(entry) + ?), 0) FROM annotations WHERE account = ?",
		mb, annotationCost, id).Scan(&number, &octets)
	switch {
	case err != nil:
		return err
	case number > maxAnnotations:
		return fmt.Errorf("a mailbox has at most %d annotations: %w", maxAnnotations, mail.ErrOverQuota)
	case octets > maxAnnotated:
		return fmt.Errorf("an account has at most %d octets of annotations: %w", maxAnnotated, mail.ErrOverQuota)
	}
	return nil
}

// copyAnnotations gives a mailbox those of another (RFC 5464 §4.1).
func (tx *writeTx) copyAnnotations(id AccountID, from, to MailboxID) error {
	_, err := tx.exec("INSERT INTO annotations SELECT account, ?, entry, value FROM annotations WHERE account = ? AND mailbox = ?", to, id, from)
	if err != nil {
		return err
	}
	return tx.checkAnnotated(id, to)
}
