package store

import (
	"context"
	"math"
	"slices"
	"strings"

	"posthorn/internal/mail"
)

// FlagOp is how SetFlags treats the flags that are there.
type FlagOp int

const (
	FlagsReplace FlagOp = iota
	FlagsAdd
	FlagsRemove
)

func (op FlagOp) apply(have, flags mail.Flags) mail.Flags {
	switch op {
	case FlagsAdd:
		return have.With(flags)
	case FlagsRemove:
		return have.Without(flags)
	}
	return flags
}

// FlagResult is a message after SetFlags.
type FlagResult struct {
	UID    mail.UID
	Flags  mail.Flags
	ModSeq mail.ModSeq
}

// Unconditionally is no bound to SetFlags: no message was changed after it.
const Unconditionally mail.ModSeq = math.MaxInt64

// SetFlags changes flags of messages; those that are gone are passed over.
// Messages that were changed after unchangedSince are left alone and returned
// as modified (RFC 7162 §3.1.3); with 0 that is all of them, but for those that
// have none of the keywords, where only keywords are to be added or removed.
// done holds all others, changed or not. Of many messages some thousands at a
// time are changed together, each time under one modification sequence: after an
// error some may be changed.
// mail.ErrNoSuchMailbox, mail.ErrInvalid, mail.ErrOverQuota (too many
// keywords).
func (s *Store) SetFlags(ctx context.Context, mb MailboxID, set mail.UIDSet, op FlagOp, flags mail.Flags, unchangedSince mail.ModSeq) (done []FlagResult, modified mail.UIDSet, err error) {
	return s.setFlags(ctx, mb, set, op, flags, func(_ *writeTx, i *item) bool {
		return i.modseq > unchangedSince && (unchangedSince > 0 || op == FlagsReplace || i.hasAny(flags))
	})
}

// SetFlagsUntouched is SetFlags, but messages of which only other flags were
// changed after unchangedSince, as far as that is remembered, are changed too
// when flags are added or removed (RFC 7162 §3.1.12): the caller tells the
// client all of their flags.
func (s *Store) SetFlagsUntouched(ctx context.Context, mb MailboxID, set mail.UIDSet, op FlagOp, flags mail.Flags, unchangedSince mail.ModSeq) (done []FlagResult, modified mail.UIDSet, err error) {
	if op == FlagsReplace || unchangedSince == 0 {
		return s.SetFlags(ctx, mb, set, op, flags, unchangedSince)
	}
	return s.setFlags(ctx, mb, set, op, flags, func(tx *writeTx, i *item) bool {
		return i.modseq > unchangedSince && !tx.s.writer.flags.untouched(mb, i, flags, unchangedSince)
	})
}

// setFlags leaves alone what is modified.
func (s *Store) setFlags(ctx context.Context, mb MailboxID, set mail.UIDSet, op FlagOp, flags mail.Flags, isModified func(*writeTx, *item) bool) (done []FlagResult, modified mail.UIDSet, err error) {
	err = inParts(set, func(part mail.UIDSet) (next mail.UID, err error) {
		var d []FlagResult
		var m mail.UIDSet
		err = s.write(ctx, weightOf(part), func(tx *writeTx) error {
			d, m, next, err = tx.setFlags(mb, part, op, flags, isModified)
			return err
		})
		done = append(done, d...)
		addSet(&modified, m)
		return next, err
	})
	if err != nil {
		return nil, nil, err
	}
	return done, modified, nil
}

// setFlags changes the first messages of set, and says where there may be more.
func (tx *writeTx) setFlags(mb MailboxID, set mail.UIDSet, op FlagOp, flags mail.Flags, isModified func(*writeTx, *item) bool) (done []FlagResult, modified mail.UIDSet, next mail.UID, err error) {
	m, err := tx.mailbox(mb)
	if err != nil {
		return nil, nil, 0, err
	}
	list, err := tx.items(mb, set, false, tx.s.together)
	if err != nil || len(list) == 0 {
		return nil, nil, 0, err
	}
	next = after(list, tx.s.together)
	if op != FlagsRemove {
		if flags, err = tx.useKeywords(mb, strings.Join(m.Keywords, " "), flags); err != nil {
			return nil, nil, 0, err
		}
	}
	changed := make(map[flagState][]item)
	results := newFlagCache(op, flags)
	for _, i := range list {
		if isModified(tx, &i) {
			modified.Add(i.uid)
			continue
		}
		after := results.after(&i)
		if after.state != (flagState{i.system, i.keywords}) {
			changed[after.state] = append(changed[after.state], i)
			i.modseq = 0 // the new one, see below
		}
		done = append(done, FlagResult{UID: i.uid, Flags: after.flags, ModSeq: i.modseq})
	}
	if len(changed) == 0 {
		return done, modified, next, nil
	}
	modseq, err := tx.nextModSeq(m.Account)
	if err != nil {
		return nil, nil, 0, err
	}
	for i := range done {
		if done[i].ModSeq == 0 {
			done[i].ModSeq = modseq
		}
	}
	for state, items := range changed {
		tx.noteFlags(mb, modseq, items, state)
		if err := tx.storeFlags(mb, modseq, items, state); err != nil {
			return nil, nil, 0, err
		}
	}
	tx.touch(m.Account, mb)
	return done, modified, next, nil
}

// noteFlags notes what becomes of messages, for recentFlags.
func (tx *writeTx) noteFlags(mb MailboxID, modseq mail.ModSeq, list []item, state flagState) {
	if len(list)+len(tx.op.flags) > maxRecentTogether {
		return
	}
	to := item{system: state.system, keywords: state.keywords}
	after := to.flags()
	for _, i := range list {
		tx.op.flags = append(tx.op.flags, noted{flagMoment{mb, i.uid, modseq}, flagChange{i.modseq, difference(i.flags(), after)}})
	}
}

// hasAny reports whether any of the flags exists on a message: a system flag
// does, set or not (RFC 7162 §3.1.3).
func (i *item) hasAny(flags mail.Flags) bool {
	have := i.flags()
	return flags.System != 0 || slices.ContainsFunc(flags.Keywords, have.Has)
}

// flagState is a message's flags as the table has them.
type flagState struct {
	system   mail.SystemFlags
	keywords string
}

// storeFlags gives messages that had other flags the same ones.
func (tx *writeTx) storeFlags(mb MailboxID, modseq mail.ModSeq, list []item, state flagState) error {
	before := totalsOf(list)
	unseen, deleted := counts(state.system)
	n := int64(len(list))
	_, err := tx.exec("UPDATE mailboxes SET modseq = ?, unseen = unseen + ?, deleted = deleted + ? WHERE id = ?",
		int64(modseq), n*unseen-before.unseen, n*deleted-before.deleted, mb)
	for len(list) > 0 && err == nil {
		part := list[:min(len(list), maxItems)]
		list = list[len(part):]
		_, err = tx.exec("UPDATE messages SET flags = ?, keywords = nullif(?, ''), modseq = ? WHERE mailbox = ? AND uid IN (SELECT value FROM json_each(?))",
			int64(state.system), state.keywords, int64(modseq), mb, uidsJSON(part))
	}
	return err
}

// flagCache computes what becomes of flags, once for all messages that have
// the same.
type flagCache struct {
	op    FlagOp
	flags mail.Flags
	by    map[flagState]flagsAfter
}

type flagsAfter struct {
	state flagState
	flags mail.Flags
}

func newFlagCache(op FlagOp, flags mail.Flags) *flagCache {
	return &flagCache{op, flags, make(map[flagState]flagsAfter)}
}

func (c *flagCache) after(i *item) flagsAfter {
	before := flagState{i.system, i.keywords}
	a, ok := c.by[before]
	if !ok {
		f := c.op.apply(i.flags(), c.flags)
		a = flagsAfter{flagState{f.System, strings.Join(f.Keywords, " ")}, f}
		c.by[before] = a
	}
	return a
}
