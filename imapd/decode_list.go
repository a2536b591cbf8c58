package imapd

import (
	"github.com/emersion/go-imap/v2"
	"golang.org/x/text/unicode/norm"
)

// maxPatterns is the most octets of all patterns of one LIST: each costs time
// for every mailbox.
const maxPatterns = 2000

// listArgs are the arguments of LIST.
type listArgs struct {
	octets int // of the canonical patterns so far
	// extended: the syntax of RFC 5258 was used.
	extended bool
	ref      string
	// patterns are in UTF-8; those that are not well encoded are left out,
	// since they match nothing.
	patterns []string
	options  imap.ListOptions // ReturnStatus aside
	status   *statusItems     // of RETURN (STATUS …), or nil
	metadata []string         // the entries of RETURN (METADATA …)
}

// listArgs decodes from the space after LIST on.
func (d *decoder) listArgs() listArgs {
	var a listArgs
	d.sp()
	if d.peek() == '(' {
		a.extended = true
		d.listSelection(&a.options)
		d.sp()
	}
	a.ref = d.listReference()
	d.sp()
	if d.peek() == '(' {
		a.extended = true
		d.list1("a mailbox pattern", func() { a.addPattern(d) })
	} else {
		a.addPattern(d)
	}
	if d.moreArgs() {
		a.extended = true
		d.sp()
		d.listReturn(&a)
	}
	if o := a.options; d.err == nil && o.SelectRecursiveMatch && !o.SelectSubscribed {
		// SPECIAL-USE and REMOTE are independent options, which RFC 5258 §6
		// doesn't let stand beside RECURSIVEMATCH alone.
		d.reject(bad("RECURSIVEMATCH needs SUBSCRIBED"))
	}
	return a
}

// lsubArgs decodes reference and pattern of LSUB (RFC 3501 §6.3.9).
func (d *decoder) lsubArgs() listArgs {
	var a listArgs
	d.sp()
	a.ref = d.listReference()
	d.sp()
	a.addPattern(d)
	return a
}

func (d *decoder) listReference() string {
	s := d.astring("a reference name, mostly \"\"")
	if len(s) > maxMailboxName {
		d.limit("The reference is longer than %d octets", maxMailboxName)
	}
	if name, ok := d.decodeName(s); ok {
		s = name
	}
	return norm.NFC.String(s)
}

// addPattern decodes a list-mailbox.
func (a *listArgs) addPattern(d *decoder) {
	var s string
	if c := d.peek(); c == '"' || c == '{' {
		s = d.text("a mailbox pattern")
	} else if s = d.while(isListChar); s == "" {
		d.fail("a mailbox pattern")
	}
	if a.octets += len(a.ref) + len(s) + 1; a.octets > maxPatterns {
		d.limit("Reference and patterns are together longer than %d octets", maxPatterns)
	}
	if p, ok := d.decodeName(s); ok && d.err == nil {
		a.patterns = append(a.patterns, norm.NFC.String(p))
	}
}

// listSelection decodes the selection options (RFC 5258 §3.1, RFC 6154 §2).
func (d *decoder) listSelection(o *imap.ListOptions) {
	d.list(func() {
		switch name := d.upperAtom("a selection option"); name {
		case "SUBSCRIBED":
			o.SelectSubscribed = true
		case "REMOTE":
			o.SelectRemote = true
		case "RECURSIVEMATCH":
			o.SelectRecursiveMatch = true
		case "SPECIAL-USE":
			o.SelectSpecialUse = true
		default:
			d.reject(bad("Unknown LIST selection option %s", shown(name)))
		}
	})
}

// listReturn decodes RETURN and its options (RFC 5258 §3.2, 5819, 6154, 9590).
func (d *decoder) listReturn(a *listArgs) {
	o := &a.options
	if !d.keyword("RETURN") {
		d.fail("RETURN")
	}
	d.sp()
	d.list(func() {
		switch name := d.upperAtom("a return option"); name {
		case "SUBSCRIBED":
			o.ReturnSubscribed = true
		case "CHILDREN":
			o.ReturnChildren = true
		case "SPECIAL-USE":
			o.ReturnSpecialUse = true
		case "STATUS":
			d.sp()
			if a.status == nil {
				a.status = new(statusItems)
			}
			d.statusItems(a.status)
		case "METADATA": // RFC 9590
			d.sp()
			if a.metadata = append(a.metadata, d.metadataEntries()...); len(a.metadata) > maxEntries {
				d.limit("One command names at most %d entries", maxEntries)
			}
		default:
			d.reject(bad("Unknown LIST return option %s", shown(name)))
		}
	})
}

// statusArgs decodes the mailbox and the items of STATUS from the space after
// its name on.
func (d *decoder) statusArgs() (mailbox string, items statusItems) {
	d.sp()
	mailbox = d.mailbox()
	d.sp()
	d.statusItems(&items)
	return mailbox, items
}

// statusItems are the items of STATUS: go-imap doesn't know them all.
type statusItems struct {
	imap.StatusOptions
	mailboxID bool // RFC 8474 §4.3
}

// statusItems decodes the items of STATUS in their parentheses.
func (d *decoder) statusItems(o *statusItems) {
	d.list1("a STATUS item", func() {
		switch name := d.upperAtom("a STATUS item"); name {
		case "MESSAGES":
			o.NumMessages = true
		case "RECENT":
			o.NumRecent = true
		case "UIDNEXT":
			o.UIDNext = true
		case "UIDVALIDITY":
			o.UIDValidity = true
		case "UNSEEN":
			o.NumUnseen = true
		case "DELETED":
			o.NumDeleted = true
		case "DELETED-STORAGE":
			o.DeletedStorage = true
		case "SIZE":
			o.Size = true
		case "APPENDLIMIT":
			o.AppendLimit = true
		case "HIGHESTMODSEQ":
			o.HighestModSeq = true
		case "MAILBOXID":
			o.mailboxID = true
		default:
			d.reject(bad("Unknown STATUS item %s", shown(name)))
		}
	})
}
