package store

import (
	"context"
	"errors"

	"posthorn/internal/mail"
)

// Replace accepts a delivery of one copy and removes the message of that UID
// from mb, whose account is the copy's, in one transaction. Only what the new
// message takes beyond the old one counts against the quota. left is the old
// one's modification sequence as it went. After an error the body may be accepted
// again or aborted. mail.ErrNotFound (no such message), mail.ErrOverQuota,
// mail.ErrNoSuchMailbox, mail.ErrNoSpace, mail.ErrUnavailable.
func (s *Store) Replace(ctx context.Context, mb MailboxID, uid mail.UID, d Delivery) (a Accepted, left mail.ModSeq, err error) {
	if len(d.Copies) != 1 || d.Queue != nil {
		return a, 0, errors.New("store: a message is replaced by one copy")
	}
	ds := []Delivery{d}
	weight, err := prepare(ds)
	if err != nil {
		return a, 0, err
	}
	err = s.write(ctx, weight+itemWeight, func(tx *writeTx) error {
		a, left, err = tx.replace(mb, uid, d)
		return err
	})
	if err != nil {
		return Accepted{}, 0, err
	}
	taken(ds)
	return a, left, nil
}

func (tx *writeTx) replace(mb MailboxID, uid mail.UID, d Delivery) (Accepted, mail.ModSeq, error) {
	old, err := tx.items(mb, mail.UIDSet{{From: uid, To: uid}}, false, 1)
	if err != nil {
		return Accepted{}, 0, err
	}
	if len(old) == 0 {
		return Accepted{}, 0, mail.ErrNotFound
	}
	_, left, err := tx.expungeItems(mb, old)
	if err != nil {
		return Accepted{}, 0, err
	}
	to := d.Copies[0]
	to.IgnoreQuota = to.IgnoreQuota || d.Body.size+int64(len(to.Trace)) <= old[0].size
	d.Copies = []Copy{to}
	out, err := tx.accept([]Delivery{d})
	if err != nil {
		return Accepted{}, 0, err
	}
	return out[0], left, nil
}
