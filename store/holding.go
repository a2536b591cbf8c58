package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// Holding is one place where the store has a message: a copy in a mailbox, or
// a recipient in the queue.
type Holding struct {
	// MessageID is the Message-ID field's value without angle brackets; empty
	// where there is none.
	MessageID string
	Content   ContentID
	// To is the account whose copy it is, or the recipient who is queued.
	To      mail.Address
	Mailbox MailboxID
	UID     mail.UID
	Queue   QueueID // 0: a copy in a mailbox
	// Returns is the Message-ID of the message that this copy is a report
	// about (RFC 3464); empty where it is none.
	Returns string
}

// Holdings calls fn with every place where a message is, in no order that
// matters; an error of fn ends it. It reads headers, and of reports the part
// that names what they are about.
func (s *Store) Holdings(ctx context.Context, fn func(*Holding) error) error {
	if err := s.eachCopy(ctx, fn); err != nil {
		return err
	}
	entries, err := s.QueueEntries(ctx, 0)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		h := Holding{Content: e.Content, To: e.To.Address, Queue: e.ID}
		if h.MessageID, err = s.messageID(ctx, h.Content); err == nil {
			err = fn(&h)
		}
		if err != nil && !errors.Is(err, mail.ErrNotFound) { // it went out meanwhile
			return err
		}
	}
	return nil
}

// copyRow is a copy with what it takes to make a Holding of it.
type copyRow struct {
	Holding
	envelope []byte
	report   bool // it may be one: it has the null reverse-path
}

func (s *Store) eachCopy(ctx context.Context, fn func(*Holding) error) error {
	rows := make([]copyRow, 0, maxRows)
	var last copyRow
	for {
		err := s.read(ctx, func(tx *readTx) (err error) {
			rows, err = tx.copiesAfter(rows[:0], last.Mailbox, last.UID)
			return err
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if err := s.identify(ctx, &rows[i]); err != nil {
				if errors.Is(err, mail.ErrNotFound) {
					continue // expunged meanwhile
				}
				return err
			}
			if err := fn(&rows[i].Holding); err != nil {
				return err
			}
		}
		last = rows[len(rows)-1]
	}
}

// copiesAfter appends the next copies in all accounts' mailboxes.
func (tx *readTx) copiesAfter(list []copyRow, mb MailboxID, uid mail.UID) ([]copyRow, error) {
	rows, err := tx.query(`SELECT m.mailbox, m.uid, m.content, m.envelope, ifnull(substr(m.trace, 1, 15) = CAST('Return-Path: <>' AS BLOB), 0), a.local, a.domain
		FROM messages m JOIN mailboxes b ON b.id = m.mailbox JOIN accounts a ON a.id = b.account
		WHERE (m.mailbox, m.uid) > (?, ?) ORDER BY m.mailbox, m.uid LIMIT ?`, mb, uid, maxRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for octets := 0; octets < maxListed && rows.Next(); {
		var c copyRow
		if err := rows.Scan(&c.Mailbox, &c.UID, &c.Content, &c.envelope, &c.report, &c.To.Local, &c.To.Domain); err != nil {
			return nil, err
		}
		list = append(list, c)
		octets += len(c.envelope)
	}
	return list, rows.Err()
}

// identify finds a copy's Message-ID, and that of what it reports about.
func (s *Store) identify(ctx context.Context, c *copyRow) (err error) {
	var ok bool
	if c.MessageID, ok = envelopeMessageID(c.envelope); !ok {
		if c.MessageID, err = s.messageID(ctx, c.Content); err != nil {
			return err
		}
	}
	if c.report {
		c.Returns, err = s.returned(ctx, c.Content)
	}
	return err
}

// envelopeMessageID is the last string of an ENVELOPE; false where it is not
// a quoted one.
func envelopeMessageID(envelope []byte) (string, bool) {
	if bytes.HasSuffix(envelope, []byte(" NIL)")) {
		return "", true
	}
	b, ok := bytes.CutSuffix(envelope, []byte(`")`))
	if !ok {
		return "", false
	}
	// Within a quoted string each quote has a backslash before it.
	for i := len(b) - 1; i > 0; i-- {
		if b[i] == '"' && b[i-1] != '\\' {
			return bareID(strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(string(b[i+1:]))), true
		}
	}
	return "", false
}

// messageID reads a content's Message-ID from its header.
func (s *Store) messageID(ctx context.Context, id ContentID) (string, error) {
	content, err := s.Content(ctx, id)
	if err != nil {
		return "", err
	}
	header, err := content.Header()
	return headerMessageID(header), err
}

func headerMessageID(header []byte) string {
	_, value, _ := strings.Cut(string(message.FilterHeader(nil, header, []string{"Message-ID"}, false)), ":")
	return bareID(value)
}

// bareID is a Message-ID without folding and angle brackets.
func bareID(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
}

// maxReturned is how many octets of what a report returns are read for its
// header.
const maxReturned = 64 << 10

// returned finds the Message-ID of the message that a report is about, in the
// part that holds that message or its header (RFC 6522 §3).
func (s *Store) returned(ctx context.Context, id ContentID) (string, error) {
	content, err := s.Content(ctx, id)
	if err != nil {
		return "", err
	}
	root, err := content.Root()
	if err != nil || root.Type != "multipart" || root.Subtype != "report" {
		return "", err
	}
	last := root.Children[len(root.Children)-1]
	block := make([]byte, min(last.End-last.Body, maxReturned))
	if _, err := content.ReadAt(block, last.Body); err != nil && err != io.EOF {
		return "", err
	}
	header, _, _ := bytes.Cut(block, []byte("\r\n\r\n"))
	return headerMessageID(header), nil
}
