package store

// The two functions of this file are mailbox.go's, which is on its way with
// the same names: they go when it comes.

func (tx *writeTx) createDefaultMailboxes(id AccountID) error {
	for _, m := range []struct{ name, use string }{
		{"INBOX", ""},
		{"Drafts", `\Drafts`},
		{"Sent", `\Sent`},
		{"Archive", `\Archive`},
		{"Junk", `\Junk`},
		{"Trash", `\Trash`},
	} {
		w := tx.s.writer
		w.uidValidity = max(w.uidValidity+1, uint32(tx.now.Unix()))
		if _, err := tx.insert("INSERT INTO mailboxes (account, name, special_use, uidvalidity, modseq) VALUES (?, ?, ?, ?, ?)",
			id, m.name, m.use, w.uidValidity, 1); err != nil {
			return err
		}
		if _, err := tx.exec("INSERT INTO subscriptions VALUES (?, ?)", id, m.name); err != nil {
			return err
		}
	}
	return nil
}
func (tx *writeTx) disownMailboxes(id AccountID) error {
	_, err := tx.exec("UPDATE mailboxes SET account = NULL, name = NULL, special_use = '' WHERE account = ?", id)
	return err
}
