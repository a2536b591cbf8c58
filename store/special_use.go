package store

import (
	"fmt"
	"slices"

	"posthorn/internal/mail"
)

// SpecialUseEntry is the annotation that a mailbox's special use is tied to
// (RFC 6154 §4): it is read from the mailbox, and setting it changes that.
const SpecialUseEntry = "/private/specialuse"

// specialUses are those of RFC 6154 §2 that name one mailbox of an account.
var specialUses = []string{`\All`, `\Archive`, `\Drafts`, `\Flagged`, `\Junk`, `\Sent`, `\Trash`}

// setSpecialUse gives a mailbox a special use, which no other has from then on;
// an empty one takes it away. mail.ErrInvalid, also for INBOX.
func (tx *writeTx) setSpecialUse(m Mailbox, use string) error {
	if use != "" {
		if !slices.Contains(specialUses, use) || m.Name == inbox {
			return fmt.Errorf("special use %s of %s: %w", use, m.Name, mail.ErrInvalid)
		}
		_, err := tx.exec("UPDATE mailboxes SET special_use = '' WHERE account = ? AND special_use = ?", m.Account, use)
		if err != nil {
			return err
		}
	}
	_, err := tx.exec("UPDATE mailboxes SET special_use = ? WHERE id = ?", use, m.ID)
	return err
}
