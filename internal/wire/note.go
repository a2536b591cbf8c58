package wire

import (
	"fmt"
	"strings"
)

// Note is what a command changed, or a fact about it, in words that a page can
// put into any language. Which fields there are depends on Kind:
//
//	accepted      ID: the message was taken (250)
//	delivered     ID, Account, Mailbox, UIDs, ModSeq: put into a mailbox
//	queued        ID, Queue, To: waits for the next hop
//	flags         Account, Mailbox, UIDs, Flags ("+\Seen", "-\Flagged", "=\Seen \Answered"), ModSeq
//	expunged      Account, Mailbox, UIDs, Count, ModSeq: removed for good
//	marked        Count, UIDs: POP3's DELE; removed at QUIT
//	unmarked      Count: POP3's RSET
//	locked        Account, Count, Octets: a POP3 session has the drop to itself
//	appended      Account, Mailbox, UIDs, UIDValidity, ModSeq
//	copied        Account, Mailbox, UIDs, ToMailbox, ToUIDs, ModSeq
//	moved         the same, and the messages left Mailbox
//	selected      Account, Mailbox, Count, UIDValidity, ModSeq (no change, but a fact)
//	created       Account, Mailbox, UIDValidity, Flags (the special use)
//	deleted       Account, Mailbox
//	renamed       Account, Mailbox, ToMailbox, and those below it
//	emptied       Account, Mailbox, ToMailbox: all messages went to that one, which is new
//	subscribed    Account, Mailbox
//	unsubscribed  Account, Mailbox
//	annotated     Account, Mailbox (none: the account itself), Text: the entries that were set
//	unannotated   the same: that were removed
//	quota         Account, To (whose), Octets, Count (of messages): new limits; 0 is none
//	enabled       Account, Text: extensions that the session uses from now on
//	logged-out    Account: by UNAUTHENTICATE; the connection stays
//	given-up      Count: SMTP's envelope is forgotten, that had so many recipients
//	compressed    compression begins
//	decompressed  compression ends
//	fault         Text is the fault on demand that went off
type Note struct {
	Kind        string `json:"kind"`
	ID          string `json:"id,omitempty"`
	Queue       int64  `json:"queue,omitempty"`
	Account     string `json:"account,omitempty"`
	Mailbox     string `json:"mailbox,omitempty"`
	ToMailbox   string `json:"to_mailbox,omitempty"`
	UIDs        string `json:"uids,omitempty"`    // an IMAP set, "4:7,9"
	ToUIDs      string `json:"to_uids,omitempty"` // the same messages' new ones
	Flags       string `json:"flags,omitempty"`
	To          string `json:"to,omitempty"`
	Count       int    `json:"count,omitempty"`
	Octets      int64  `json:"octets,omitempty"`
	ModSeq      uint64 `json:"modseq,omitempty"`
	UIDValidity uint32 `json:"uidvalidity,omitempty"`
	Text        string `json:"text,omitempty"`
}

// String is the note in English.
func (n *Note) String() string {
	switch n.Kind {
	case "accepted":
		return "accepted as " + n.ID
	case "delivered":
		return fmt.Sprintf("UID %s put into %s of %s%s", n.UIDs, n.Mailbox, n.Account, n.modSeq())
	case "queued":
		return fmt.Sprintf("queued as %d for %s", n.Queue, n.To)
	case "flags":
		return fmt.Sprintf("flags of UID %s in %s: %s%s", n.UIDs, n.Mailbox, n.Flags, n.modSeq())
	case "expunged":
		return fmt.Sprintf("UID %s removed from %s%s", n.UIDs, n.Mailbox, n.modSeq())
	case "marked":
		return fmt.Sprintf("%d marked, to be removed at QUIT", n.Count)
	case "unmarked":
		return fmt.Sprintf("%d marked no more", n.Count)
	case "locked":
		return fmt.Sprintf("the mailbox of %s is this session's: %d messages, %d octets", n.Account, n.Count, n.Octets)
	case "appended":
		return fmt.Sprintf("UID %s put into %s%s", n.UIDs, n.Mailbox, n.modSeq())
	case "copied", "moved":
		return fmt.Sprintf("UID %s of %s %s to %s as UID %s%s", n.UIDs, n.Mailbox, n.Kind, n.ToMailbox, n.ToUIDs, n.modSeq())
	case "selected":
		return fmt.Sprintf("%s has %d messages, UIDVALIDITY %d%s", n.Mailbox, n.Count, n.UIDValidity, n.modSeq())
	case "renamed":
		return fmt.Sprintf("mailbox %s renamed to %s", n.Mailbox, n.ToMailbox)
	case "created":
		text := fmt.Sprintf("mailbox %s created", n.Mailbox)
		if n.UIDValidity != 0 {
			text += fmt.Sprintf(", UIDVALIDITY %d", n.UIDValidity)
		}
		return strings.TrimSpace(text + " " + n.Flags)
	case "emptied":
		return fmt.Sprintf("all messages of %s moved to %s", n.Mailbox, n.ToMailbox)
	case "annotated":
		return fmt.Sprintf("annotation of %s set: %s", n.annotated(), n.Text)
	case "unannotated":
		return fmt.Sprintf("annotation of %s removed: %s", n.annotated(), n.Text)
	case "quota":
		return fmt.Sprintf("limits of %s: %d octets, %d messages (0: none)", n.To, n.Octets, n.Count)
	case "enabled":
		return "enabled: " + n.Text
	case "logged-out":
		return n.Account + " logged out"
	case "given-up":
		return fmt.Sprintf("the envelope with %d recipients is forgotten", n.Count)
	case "deleted", "subscribed", "unsubscribed":
		return fmt.Sprintf("mailbox %s %s", n.Mailbox, n.Kind)
	case "compressed":
		return "compression begins"
	case "decompressed":
		return "compression ends"
	case "fault":
		return "fault on demand: " + n.Text
	}
	return strings.TrimSpace(n.Kind + " " + n.Text)
}

// annotated is what an annotation belongs to.
func (n *Note) annotated() string {
	if n.Mailbox == "" {
		return n.Account
	}
	return n.Mailbox
}

func (n *Note) modSeq() string {
	if n.ModSeq == 0 {
		return ""
	}
	return fmt.Sprintf(", MODSEQ %d", n.ModSeq)
}
