package store

import (
	"fmt"
	"slices"
	"strings"

	"posthorn/internal/mail"
)

const (
	// maxKeywords bounds the keywords of a mailbox: SELECT lists them all.
	maxKeywords = 256
	// maxKeyword is the most octets of one.
	maxKeyword = 128
)

// joinKeywords is a list of keywords as the tables have it.
func joinKeywords(list []string) any {
	if len(list) == 0 {
		return nil
	}
	return strings.Join(list, " ")
}

// useKeywords notes the keywords of flags as used in a mailbox, of which known
// are noted already, and returns flags with them written as they were the
// first time: "$junk" and "$Junk" are one. mail.ErrInvalid, mail.ErrOverQuota.
func (tx *writeTx) useKeywords(mb MailboxID, known string, flags mail.Flags) (mail.Flags, error) {
	if len(flags.Keywords) == 0 {
		return flags, nil
	}
	list := strings.Fields(known)
	before := len(list)
	used := make([]string, len(flags.Keywords))
	for i, k := range flags.Keywords {
		at := slices.IndexFunc(list, func(l string) bool { return strings.EqualFold(l, k) })
		if at < 0 {
			if err := validKeyword(k); err != nil {
				return flags, err
			}
			at = len(list)
			list = append(list, k)
		}
		used[i] = list[at]
	}
	flags.Keywords = used
	if len(list) == before {
		return flags, nil
	}
	if len(list) > maxKeywords {
		return flags, fmt.Errorf("a mailbox has at most %d keywords: %w", maxKeywords, mail.ErrOverQuota)
	}
	_, err := tx.exec("UPDATE mailboxes SET keywords = ? WHERE id = ?", strings.Join(list, " "), mb)
	return flags, err
}

// validKeyword takes what IMAP can send as a flag: an atom (RFC 9051 §9).
func validKeyword(k string) error {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`(){%*"\]`, r) }
	if k == "" || len(k) > maxKeyword || strings.ContainsFunc(k, bad) {
		return fmt.Errorf("keyword %.40q: %w", k, mail.ErrInvalid)
	}
	return nil
}
