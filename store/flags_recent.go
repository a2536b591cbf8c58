package store

import "posthorn/internal/mail"

// maxRecentFlags is how many changes of flags are remembered, and
// maxRecentTogether how many of one command: what changes more would make all
// others forgotten.
const (
	maxRecentFlags    = 4096
	maxRecentTogether = 256
)

// recentFlags remembers which flags the last changes changed, so that a
// conditional STORE is not refused because of others (RFC 7162 §3.1.12): a
// message has but one modification sequence. What is not remembered counts as
// changed. It is the writer's alone, and empty when the store is opened.
type recentFlags struct {
	changes map[flagMoment]flagChange
	order   []flagMoment // the oldest is at next, once there are as many as may be
	next    int
}

// flagMoment is a message right after a change.
type flagMoment struct {
	mailbox MailboxID
	uid     mail.UID
	after   mail.ModSeq
}

// flagChange is what changed, and the modification sequence before.
type flagChange struct {
	before mail.ModSeq
	flags  mail.Flags
}

// noted is a flagChange of the transaction under way.
type noted struct {
	flagMoment
	flagChange
}

// add remembers changes that were committed.
func (r *recentFlags) add(list []noted) {
	if r.changes == nil && len(list) > 0 {
		r.changes = make(map[flagMoment]flagChange)
	}
	for _, n := range list {
		r.changes[n.flagMoment] = n.flagChange
		if len(r.order) < maxRecentFlags {
			r.order = append(r.order, n.flagMoment)
			continue
		}
		delete(r.changes, r.order[r.next])
		r.order[r.next] = n.flagMoment
		r.next = (r.next + 1) % maxRecentFlags
	}
}

// untouched reports whether none of flags changed on a message after since, by
// all the changes up to the present one.
func (r *recentFlags) untouched(mb MailboxID, i *item, flags mail.Flags, since mail.ModSeq) bool {
	at := i.modseq
	for at > since {
		c, ok := r.changes[flagMoment{mb, i.uid, at}]
		if !ok || haveCommon(c.flags, flags) {
			return false
		}
		at = c.before
	}
	return true
}

func haveCommon(a, b mail.Flags) bool {
	return a.System&b.System != 0 || len(a.Without(b).Keywords) < len(a.Keywords)
}

// difference is the flags that are in one of a and b alone.
func difference(a, b mail.Flags) mail.Flags {
	d := a.Without(b).With(b.Without(a))
	d.System = a.System ^ b.System
	return d
}
