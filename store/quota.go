package store

import (
	"context"
	"database/sql"
	"fmt"

	"posthorn/internal/mail"
)

// Quota is an amount of mail; as a limit, 0 means none.
type Quota struct{ Bytes, Messages int64 }

// SetQuota limits an account's mail. What is over the limit already stays.
// mail.ErrNoSuchUser, mail.ErrInvalid (a negative amount).
func (s *Store) SetQuota(ctx context.Context, id AccountID, q Quota) error {
	if q.Bytes < 0 || q.Messages < 0 {
		return fmt.Errorf("quota %+v: %w", q, mail.ErrInvalid)
	}
	return s.changeDirectory(ctx, func(tx *writeTx) error {
		return tx.changeAccount("UPDATE accounts SET quota_bytes = ?, quota_messages = ? WHERE id = ?", q.Bytes, q.Messages, id)
	})
}

// charge adds to an account's usage and takes its next modification sequence.
// mail.ErrOverQuota, mail.ErrNoSuchUser.
func (tx *writeTx) charge(id AccountID, bytes, messages int64, ignoreQuota bool) (mail.ModSeq, error) {
	var modseq mail.ModSeq
	var use, quota Quota
	err := tx.update(`UPDATE accounts SET modseq = modseq + 1, bytes = bytes + ?, messages = messages + ?
		WHERE id = ? RETURNING modseq, bytes, messages, quota_bytes, quota_messages`, bytes, messages, id).
		Scan(&modseq, &use.Bytes, &use.Messages, &quota.Bytes, &quota.Messages)
	if err != nil {
		return 0, notFound(err, mail.ErrNoSuchUser)
	}
	if !ignoreQuota && use.exceeds(quota) {
		return 0, mail.ErrOverQuota
	}
	return modseq, nil
}

func (q Quota) exceeds(limit Quota) bool {
	return limit.Bytes > 0 && q.Bytes > limit.Bytes || limit.Messages > 0 && q.Messages > limit.Messages
}

// CheckQuota reports mail.ErrOverQuota when so much more does not fit; less
// always does. mail.ErrNoSuchUser.
func (s *Store) CheckQuota(ctx context.Context, id AccountID, bytes, messages int64) error {
	return s.readOne(ctx, func(tx *readTx) error {
		var use, quota Quota
		err := tx.row("SELECT bytes, messages, quota_bytes, quota_messages FROM accounts WHERE id = ?", id).
			Scan(&use.Bytes, &use.Messages, &quota.Bytes, &quota.Messages)
		if err == sql.ErrNoRows {
			return mail.ErrNoSuchUser
		}
		use.Bytes += bytes
		use.Messages += messages
		if err == nil && (bytes > 0 || messages > 0) && use.exceeds(quota) {
			err = mail.ErrOverQuota
		}
		return err
	})
}

// DeletedBytes is the size of the messages in a mailbox that are flagged
// \Deleted, in octets; of a mailbox that is gone 0. It reads them all: ask only
// where Mailbox.Deleted isn't 0.
func (s *Store) DeletedBytes(ctx context.Context, mb MailboxID) (octets int64, err error) {
	err = s.readOne(ctx, func(tx *readTx) error {
		return tx.row("SELECT ifnull(sum(size), 0) FROM messages WHERE mailbox = ? AND flags & 8 <> 0", mb).Scan(&octets)
	})
	return octets, err
}
