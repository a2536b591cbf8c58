package store

import "context"

// DeletedBytes is the size of the messages in a mailbox that are flagged
// \Deleted, in octets; of a mailbox that is gone 0. It reads them all: ask only
// where Mailbox.Deleted isn't 0.
func (s *Store) DeletedBytes(ctx context.Context, mb MailboxID) (octets int64, err error) {
	err = s.readOne(ctx, func(tx *readTx) error {
		return tx.row("SELECT ifnull(sum(size), 0) FROM messages WHERE mailbox = ? AND flags & 8 <> 0", mb).Scan(&octets)
	})
	return octets, err
}
