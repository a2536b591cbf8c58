package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"posthorn/internal/mail"
)

const (
	// maxMailboxes bounds the mailboxes, and the subscriptions, of an account:
	// every LIST reads them all.
	maxMailboxes = 10_000
	// maxMailboxName is the most octets of a mailbox's whole name.
	maxMailboxName = 1000
	// maxLevels is the most levels of one. Each level of a subscription costs
	// LIST as much as a mailbox.
	maxLevels = 32
)

const inbox = "INBOX"

// Mailbox is a mailbox's row with its counters, as of one moment.
type Mailbox struct {
	ID          MailboxID
	Account     AccountID
	Name        string // UTF-8, levels parted by "/"; INBOX in capitals
	SpecialUse  string // such as `\Sent` (RFC 6154), or empty
	Subscribed  bool
	UIDValidity uint32
	UIDNext     mail.UID
	// HighestModSeq is that of the mailbox (RFC 7162 §3.1.2.1).
	HighestModSeq mail.ModSeq
	Messages      uint32
	Unseen        uint32
	Deleted       uint32
	Bytes         int64
	Keywords      []string // those in use or ever used, for FLAGS
	// NoSelect: there is no such mailbox, only mailboxes below that name. Only
	// Mailboxes gives these, with no more than Account, Name and Subscribed.
	NoSelect bool
}

const selectMailbox = `
	SELECT id, account, name, special_use, uidvalidity, uidnext, modseq, messages, unseen, deleted, bytes, keywords,
	       EXISTS (SELECT 1 FROM subscriptions s WHERE s.account = m.account AND s.name = m.name)
	FROM mailboxes m `

func scanMailbox(scan func(dest ...any) error) (m Mailbox, err error) {
	var keywords string
	err = scan(&m.ID, &m.Account, &m.Name, &m.SpecialUse, &m.UIDValidity, &m.UIDNext, &m.HighestModSeq,
		&m.Messages, &m.Unseen, &m.Deleted, &m.Bytes, &keywords, &m.Subscribed)
	m.Keywords = strings.Fields(keywords)
	return m, err
}

// Mailboxes lists an account's mailboxes, and the levels above them that are
// none, sorted by name, INBOX first.
func (s *Store) Mailboxes(ctx context.Context, id AccountID) ([]Mailbox, error) {
	var list []Mailbox
	subscribed := make(map[string]bool)
	err := s.read(ctx, func(tx *readTx) error {
		rows, err := tx.query(selectMailbox+"WHERE account = ?", id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			m, err := scanMailbox(rows.Scan)
			if err != nil {
				return err
			}
			list = append(list, m)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		names, err := tx.subscriptions(id)
		for _, name := range names {
			subscribed[name] = true
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	there := make(map[string]bool, len(list))
	for _, m := range list {
		there[m.Name] = true
	}
	for _, m := range list {
		for _, level := range levelsAbove(m.Name) {
			if !there[level] {
				there[level] = true
				list = append(list, Mailbox{Account: id, Name: level, Subscribed: subscribed[level], NoSelect: true})
			}
		}
	}
	slices.SortFunc(list, func(a, b Mailbox) int { return compareNames(a.Name, b.Name) })
	return list, nil
}

// MailboxByName finds a mailbox; INBOX without regard to case.
// mail.ErrNoSuchMailbox.
func (s *Store) MailboxByName(ctx context.Context, id AccountID, name string) (m Mailbox, err error) {
	err = s.readOne(ctx, func(tx *readTx) error {
		m, err = tx.mailboxByName(id, canonicalName(name))
		return err
	})
	return m, err
}

// MailboxByID finds a mailbox. mail.ErrNoSuchMailbox when it is gone.
func (s *Store) MailboxByID(ctx context.Context, id MailboxID) (m Mailbox, err error) {
	err = s.readOne(ctx, func(tx *readTx) error {
		m, err = tx.mailbox(id)
		return err
	})
	return m, err
}

func (tx *readTx) mailboxByName(id AccountID, name string) (Mailbox, error) {
	m, err := scanMailbox(tx.row(selectMailbox+"WHERE account = ? AND name = ?", id, name).Scan)
	return m, notFound(err, mail.ErrNoSuchMailbox)
}

func (tx *readTx) mailbox(id MailboxID) (Mailbox, error) {
	m, err := scanMailbox(tx.row(selectMailbox+"WHERE id = ? AND account IS NOT NULL", id).Scan)
	return m, notFound(err, mail.ErrNoSuchMailbox)
}

// CreateMailbox makes a mailbox and the levels above it that are missing.
// use is a special use (RFC 6154) or empty; one that another mailbox has is
// invalid. mail.ErrExists, mail.ErrInvalid, mail.ErrOverQuota (too many).
func (s *Store) CreateMailbox(ctx context.Context, id AccountID, name, use string) (m Mailbox, err error) {
	name = canonicalName(name)
	err = s.write(ctx, len(name), func(tx *writeTx) error {
		m, err = tx.createMailbox(id, name, use)
		return err
	})
	return m, err
}

func (tx *writeTx) createMailbox(id AccountID, name, use string) (Mailbox, error) {
	if err := validName(name); err != nil {
		return Mailbox{}, err
	}
	if use != "" && !slices.Contains(specialUses, use) {
		return Mailbox{}, fmt.Errorf("special use %s: %w", use, mail.ErrInvalid)
	}
	if _, err := tx.mailboxByName(id, name); err == nil {
		return Mailbox{}, mail.ErrExists
	} else if err != mail.ErrNoSuchMailbox {
		return Mailbox{}, err
	}
	var taken bool
	err := tx.row("SELECT ? <> '' AND EXISTS (SELECT 1 FROM mailboxes WHERE account = ? AND special_use = ?)", use, id, use).Scan(&taken)
	if err != nil {
		return Mailbox{}, err
	}
	if taken {
		return Mailbox{}, fmt.Errorf("another mailbox has the special use %s: %w", use, mail.ErrInvalid)
	}
	if err := tx.createLevelsAbove(id, name, 1); err != nil {
		return Mailbox{}, err
	}
	if err := tx.insertMailbox(id, name, use); err != nil {
		return Mailbox{}, err
	}
	return tx.mailboxByName(id, name)
}

// createLevelsAbove makes mailboxes of the levels above name that are none.
// mail.ErrOverQuota when there would be too many with so many more.
func (tx *writeTx) createLevelsAbove(id AccountID, name string, more int) error {
	var n int
	if err := tx.row("SELECT count(*) + ? FROM mailboxes WHERE account = ?", more, id).Scan(&n); err != nil {
		return err
	}
	for _, level := range levelsAbove(name) {
		_, err := tx.mailboxByName(id, level)
		if err == mail.ErrNoSuchMailbox {
			n++
			err = tx.insertMailbox(id, level, "")
		}
		if err != nil {
			return err
		}
	}
	if n > maxMailboxes {
		return fmt.Errorf("an account has at most %d mailboxes: %w", maxMailboxes, mail.ErrOverQuota)
	}
	return nil
}

func (tx *writeTx) insertMailbox(id AccountID, name, use string) error {
	modseq, err := tx.nextModSeq(id)
	if err != nil {
		return err
	}
	validity, err := tx.nextUIDValidity()
	if err != nil {
		return err
	}
	mb, err := tx.insert("INSERT INTO mailboxes (account, name, special_use, uidvalidity, modseq) VALUES (?, ?, ?, ?, ?)",
		id, name, use, validity, int64(modseq))
	if err != nil {
		return err
	}
	tx.touch(id, MailboxID(mb))
	return nil
}

// createDefaultMailboxes gives a new account its mailboxes, all subscribed.
func (tx *writeTx) createDefaultMailboxes(id AccountID) error {
	for _, m := range []struct{ name, use string }{
		{inbox, ""},
		{"Drafts", `\Drafts`},
		{"Sent", `\Sent`},
		{"Archive", `\Archive`},
		{"Junk", `\Junk`},
		{"Trash", `\Trash`},
	} {
		if err := tx.insertMailbox(id, m.name, m.use); err != nil {
			return err
		}
		if _, err := tx.exec("INSERT INTO subscriptions VALUES (?, ?)", id, m.name); err != nil {
			return err
		}
	}
	return nil
}

// nextModSeq takes the account's next modification sequence.
func (tx *writeTx) nextModSeq(id AccountID) (mail.ModSeq, error) {
	var n mail.ModSeq
	err := tx.update("UPDATE accounts SET modseq = modseq + 1 WHERE id = ? RETURNING modseq", id).Scan(&n)
	return n, notFound(err, mail.ErrNoSuchUser)
}

// nextUIDValidity takes a UIDVALIDITY that no mailbox ever had. It follows the
// clock, so that it is new even where the database is an old copy; a mailbox
// that is deleted and made again thus never has the old one's. A clock that is
// out of the range of 32 bits is not followed.
func (tx *writeTx) nextUIDValidity() (uint32, error) {
	w := tx.s.writer
	next := int64(w.uidValidity) + 1
	if now := tx.now.Unix(); now <= math.MaxUint32 {
		next = max(next, now)
	}
	if next > math.MaxUint32 {
		return 0, fmt.Errorf("all UIDVALIDITYs are given: %w", mail.ErrNotPermitted)
	}
	w.uidValidity = uint32(next)
	return w.uidValidity, nil
}

// DeleteMailbox removes a mailbox with its messages and annotations. When there
// are mailboxes below it, its name stays as a level without messages (RFC 9051
// §6.3.5 says how it is listed), which cannot be deleted again: that, and INBOX,
// is refused with mail.ErrNotPermitted.
func (s *Store) DeleteMailbox(ctx context.Context, id AccountID, name string) error {
	name = canonicalName(name)
	if name == inbox {
		return fmt.Errorf("INBOX cannot be deleted: %w", mail.ErrNotPermitted)
	}
	return s.write(ctx, 0, func(tx *writeTx) error {
		m, err := tx.mailboxByName(id, name)
		if err == mail.ErrNoSuchMailbox {
			below, e := tx.mailboxesBelow(id, name)
			if e == nil && len(below) > 0 {
				return fmt.Errorf("it has mailboxes below it: %w", mail.ErrNotPermitted)
			}
			return cmp.Or(e, err)
		} else if err != nil {
			return err
		}
		if _, err := tx.nextModSeq(id); err != nil {
			return err
		}
		_, err = tx.exec("UPDATE accounts SET bytes = bytes - ?, messages = messages - ? WHERE id = ?", m.Bytes, m.Messages, id)
		if err != nil {
			return err
		}
		return tx.disownMailbox(m)
	})
}

// disownMailbox takes a mailbox from its account at once; the sweep removes
// its messages, however many, bit by bit.
func (tx *writeTx) disownMailbox(m Mailbox) error {
	if _, err := tx.exec("DELETE FROM annotations WHERE account = ? AND mailbox = ?", m.Account, m.ID); err != nil {
		return err
	}
	_, err := tx.exec("UPDATE mailboxes SET account = NULL, name = NULL, special_use = '' WHERE id = ?", m.ID)
	fault("delete a mailbox: in the transaction")
	tx.touch(m.Account, m.ID)
	tx.op.garbage = true
	return err
}

// disownMailboxes takes all mailboxes from an account that is to be deleted.
func (tx *writeTx) disownMailboxes(id AccountID) error {
	_, err := tx.exec("UPDATE mailboxes SET account = NULL, name = NULL, special_use = '' WHERE account = ?", id)
	fault("delete an account: in the transaction")
	tx.touch(id, anyMailbox)
	tx.op.garbage = true
	return err
}

// RenameMailbox renames a mailbox with those below it, and makes the levels
// above the new name that are missing. Renaming INBOX moves its messages to a
// new mailbox (RFC 9051 §6.3.6). Annotations come along, and INBOX keeps its
// own (RFC 5464 §4.1). mail.ErrNoSuchMailbox, mail.ErrExists, mail.ErrInvalid.
func (s *Store) RenameMailbox(ctx context.Context, id AccountID, from, to string) error {
	from, to = canonicalName(from), canonicalName(to)
	return s.write(ctx, 0, func(tx *writeTx) error {
		if from == inbox {
			return tx.renameInbox(id, to)
		}
		if err := validName(to); err != nil {
			return err
		}
		if strings.HasPrefix(to, from+"/") {
			return fmt.Errorf("a mailbox cannot move below itself: %w", mail.ErrInvalid)
		}
		moving, err := tx.mailboxesBelow(id, from)
		if err != nil {
			return err
		}
		m, err := tx.mailboxByName(id, from)
		switch {
		case err == nil:
			moving = append(moving, m)
		case err != mail.ErrNoSuchMailbox || len(moving) == 0:
			return err
		}
		return tx.renameMailboxes(id, moving, from, to)
	})
}

func (tx *writeTx) renameMailboxes(id AccountID, moving []Mailbox, from, to string) error {
	if _, err := tx.mailboxByName(id, to); err == nil {
		return mail.ErrExists
	} else if err != mail.ErrNoSuchMailbox {
		return err
	}
	if err := tx.createLevelsAbove(id, to, 0); err != nil {
		return err
	}
	// From the top down: "a/b" leaves its name to "a/b/b" when it becomes "a".
	slices.SortFunc(moving, func(a, b Mailbox) int { return len(a.Name) - len(b.Name) })
	for _, m := range moving {
		name := to + m.Name[len(from):]
		if err := validName(name); err != nil {
			return err
		}
		if _, err := tx.mailboxByName(id, name); err == nil {
			return fmt.Errorf("%s: %w", name, mail.ErrExists)
		} else if err != mail.ErrNoSuchMailbox {
			return err
		}
		if _, err := tx.exec("UPDATE mailboxes SET name = ? WHERE id = ?", name, m.ID); err != nil {
			return err
		}
		tx.touch(id, m.ID)
	}
	_, err := tx.nextModSeq(id)
	return err
}

// renameInbox moves INBOX's messages to a new mailbox.
func (tx *writeTx) renameInbox(id AccountID, to string) error {
	from, err := tx.mailboxByName(id, inbox)
	if err != nil {
		return err
	}
	m, err := tx.createMailbox(id, to, "")
	if err != nil {
		return err
	}
	if err := tx.copyAnnotations(id, from.ID, m.ID); err != nil {
		return err
	}
	_, _, err = tx.move(from.ID, mail.AllUIDs(), m.ID, -1)
	return err
}

// mailboxesBelow lists the mailboxes below a name, at any depth.
func (tx *readTx) mailboxesBelow(id AccountID, name string) ([]Mailbox, error) {
	// "0" is the octet after "/".
	rows, err := tx.query(selectMailbox+"WHERE account = ? AND name > ? AND name < ?", id, name+"/", name+"0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Mailbox
	for rows.Next() {
		m, err := scanMailbox(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, rows.Err()
}
