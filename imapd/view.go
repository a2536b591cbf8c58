package imapd

import "posthorn/internal/mail"

// view is what a session believes to be in its mailbox: the UIDs in order of
// their sequence numbers, as it was told.
type view struct {
	uids []mail.UID
}

// numSet is a sequence set as it was written (RFC 9051 §9, sequence-set), of
// sequence numbers or UIDs.
type numSet struct {
	ranges []numRange
	// saved: it is "$", the result of the last SEARCH RETURN (SAVE).
	saved bool
}

// numRange is from:to in the order written; star stands for "*".
type numRange struct{ from, to uint32 }

// star is "*" in a numRange: the largest number in use. Zero is no number.
const star = 0
