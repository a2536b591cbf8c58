package store

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

// What the model test does, to the store and to the model.

// pick chooses a mailbox.
func (m *model) pick() (string, *modelMailbox) {
	names := slices.Sorted(maps.Keys(m.boxes))
	name := names[m.r.IntN(len(names))]
	return name, m.boxes[name]
}

// set chooses UIDs: of messages that are there, that were, and that are not yet.
func (m *model) set(b *modelMailbox) mail.UIDSet {
	var set mail.UIDSet
	for range m.r.IntN(4) {
		from := 1 + mail.UID(m.r.IntN(int(b.next)+2))
		set.AddRange(from, from+mail.UID(m.r.IntN(5)))
	}
	if m.r.IntN(5) == 0 {
		set = mail.UIDSet{{From: 1, To: maxUID}}
	}
	return set
}

func (m *model) flags() mail.Flags {
	var names []string
	for _, n := range []string{`\Seen`, `\Answered`, `\Deleted`, `\Deleted`, "work", "$Junk", "zoo"} {
		if m.r.IntN(3) == 0 {
			names = append(names, n)
		}
	}
	return mail.NewFlags(names...)
}

func (m *model) want(what string, err, want error) bool {
	m.t.Helper()
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		m.t.Errorf("%s: %v, want %v", what, err, want)
	}
	return want == nil
}

// room is what becomes of adding messages.
func (m *model) room(add []modelMessage) error {
	use := m.usage()
	for _, a := range add {
		use.Messages++
		use.Bytes += int64(len(a.Octets))
	}
	if len(add) > 0 && use.exceeds(m.quota) {
		return mail.ErrOverQuota
	}
	return nil
}

func (m *model) usage() (use Quota) {
	for _, b := range m.boxes {
		for _, a := range b.messages {
			use.Messages++
			use.Bytes += int64(len(a.Octets))
		}
	}
	return use
}

func (b *modelMailbox) add(octets, flags string) {
	b.messages = append(b.messages, modelMessage{b.next, octets, flags})
	b.next++
}

func (m *model) deliver() {
	octets := "Subject: x\r\n\r\n" + randomOctets(m.r, m.r.IntN(3000))
	if m.r.IntN(20) == 0 {
		octets += randomOctets(m.r, 300_000)
	}
	var copies []Copy
	var boxes []*modelMailbox
	var add []modelMessage
	for range 1 + m.r.IntN(3) {
		_, b := m.pick()
		c := Copy{Account: m.account, Mailbox: b.id, Flags: m.flags()}
		if m.r.IntN(2) == 0 {
			c.Trace = []byte("Return-Path: <x@y>\r\n")
		}
		copies, boxes = append(copies, c), append(boxes, b)
		add = append(add, modelMessage{Octets: string(c.Trace) + octets, Flags: c.Flags.String()})
	}
	body := writeBody(m.t, m.s, octets)
	if m.r.IntN(10) == 0 {
		body.Abort()
		return
	}
	_, err := m.s.Accept(m.t.Context(), Delivery{Body: body, Copies: copies})
	if !m.want("accept", err, m.room(add)) {
		body.Abort()
		return
	}
	for i, b := range boxes {
		b.add(add[i].Octets, add[i].Flags)
	}
}

func (m *model) setFlags() {
	_, b := m.pick()
	set, flags, op := m.set(b), m.flags(), FlagOp(m.r.IntN(3))
	unchangedSince := Unconditionally
	modseq := make(map[mail.UID]mail.ModSeq)
	if m.r.IntN(3) == 0 {
		now, err := m.s.MailboxByID(m.t.Context(), b.id)
		if err != nil {
			m.t.Fatal(err)
		}
		unchangedSince = now.HighestModSeq - min(now.HighestModSeq-1, mail.ModSeq(m.r.IntN(4)))
		for _, a := range list(m.t, m.s, b.id, everything, 0) {
			modseq[a.UID] = a.ModSeq
		}
		if m.r.IntN(4) == 0 {
			unchangedSince = 0
		}
	}
	done, modified, err := m.s.SetFlags(m.t.Context(), b.id, set, op, flags, unchangedSince)
	m.want("set flags", err, nil)
	var wantDone []FlagResult
	var wantModified mail.UIDSet
	for i := range b.messages {
		a := &b.messages[i]
		switch {
		case !set.Contains(a.UID):
		case unchangedSince == 0 && op != FlagsReplace && flags.System == 0 && !hasAnyOf(strings.Fields(a.Flags), flags.Keywords):
			// None of the keywords exists: nothing was changed after it was made.
			have := mail.NewFlags(strings.Fields(a.Flags)...)
			a.Flags = op.apply(have, flags).String()
			wantDone = append(wantDone, FlagResult{UID: a.UID, Flags: mail.NewFlags(strings.Fields(a.Flags)...)})
		case modseq[a.UID] > unchangedSince:
			wantModified.Add(a.UID)
		default:
			have := mail.NewFlags(strings.Fields(a.Flags)...)
			a.Flags = op.apply(have, flags).String()
			wantDone = append(wantDone, FlagResult{UID: a.UID, Flags: mail.NewFlags(strings.Fields(a.Flags)...)})
		}
	}
	for i := range done {
		done[i].ModSeq = 0
		done[i].Flags = mail.NewFlags(strings.Fields(done[i].Flags.String())...)
	}
	if d := cmp.Diff(wantDone, done) + cmp.Diff(wantModified, modified); d != "" {
		m.t.Errorf("set flags: (-want +got)\n%s", d)
	}
}

func hasAnyOf(have, names []string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		return slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(h, n) })
	})
}

// taken are the messages of a set.
func (b *modelMailbox) taken(set mail.UIDSet) (list []modelMessage) {
	for _, a := range b.messages {
		if set.Contains(a.UID) {
			list = append(list, a)
		}
	}
	return list
}

func (b *modelMailbox) remove(list []modelMessage) {
	b.messages = slices.DeleteFunc(b.messages, func(a modelMessage) bool {
		return slices.ContainsFunc(list, func(r modelMessage) bool { return r.UID == a.UID })
	})
}

// modSeqIf is a mailbox's modification sequence if something changed there just
// now, and else none.
func (m *model) modSeqIf(changed bool, b *modelMailbox) mail.ModSeq {
	if !changed {
		return 0
	}
	mb, err := m.s.MailboxByID(m.t.Context(), b.id)
	m.want("mailbox", err, nil)
	return mb.HighestModSeq
}

func (m *model) checkCopied(c Copied, list []modelMessage, to *modelMailbox) {
	want := Copied{UIDValidity: to.validity, ModSeq: m.modSeqIf(len(list) > 0, to)}
	for i, a := range list {
		want.From = append(want.From, a.UID)
		want.To = append(want.To, to.next-mail.UID(len(list)-i))
	}
	if d := cmp.Diff(want, c); d != "" {
		m.t.Errorf("copied: (-want +got)\n%s", d)
	}
}

func (m *model) copyMessages() {
	_, from := m.pick()
	_, to := m.pick()
	set := m.set(from)
	list := from.taken(set)
	c, err := m.s.CopyMessages(m.t.Context(), from.id, set, to.id)
	if !m.want("copy", err, m.room(list)) {
		return
	}
	for _, a := range list {
		to.add(a.Octets, a.Flags)
	}
	m.checkCopied(c, list, to)
}

func (m *model) moveMessages() {
	_, from := m.pick()
	_, to := m.pick()
	set := m.set(from)
	list := from.taken(set)
	c, err := m.s.MoveMessages(m.t.Context(), from.id, set, to.id)
	m.want("move", err, nil)
	for _, a := range list {
		to.add(a.Octets, a.Flags)
	}
	from.remove(list)
	m.checkCopied(c, list, to)
}

func (m *model) expunge() {
	_, b := m.pick()
	set, force := m.set(b), m.r.IntN(4) == 0
	if !force && m.r.IntN(2) == 0 {
		set = []mail.UIDSet{nil, everything}[m.r.IntN(2)]
	}
	gone, modseq, err := m.s.Expunge(m.t.Context(), b.id, set, force)
	m.want("expunge", err, nil)
	var list []modelMessage
	var want mail.UIDSet
	for _, a := range b.taken(set) {
		if force || strings.Contains(a.Flags, `\Deleted`) {
			list = append(list, a)
			want.Add(a.UID)
		}
	}
	b.remove(list)
	if d := cmp.Diff(want, gone) + cmp.Diff(m.modSeqIf(len(list) > 0, b), modseq); d != "" {
		m.t.Errorf("expunge: (-want +got)\n%s", d)
	}
}

var modelNames = []string{"a", "a/b", "a/b/c", "d", "d/b"}

func (m *model) createMailbox() {
	name := modelNames[m.r.IntN(len(modelNames))]
	_, err := m.s.CreateMailbox(m.t.Context(), m.account, name, "")
	if m.boxes[name] != nil {
		m.want("create", err, mail.ErrExists)
		return
	}
	m.want("create", err, nil)
	for _, level := range append(levelsAbove(name), name) {
		if m.boxes[level] == nil {
			m.adopt(level)
		}
	}
}

func (m *model) below(name string) (names []string) {
	for n := range m.boxes {
		if strings.HasPrefix(n, name+"/") {
			names = append(names, n)
		}
	}
	return names
}

func (m *model) deleteMailbox() {
	name := append(modelNames, "INBOX")[m.r.IntN(len(modelNames)+1)]
	err := m.s.DeleteMailbox(m.t.Context(), m.account, name)
	switch {
	case name == "INBOX":
		m.want("delete", err, mail.ErrNotPermitted)
	case m.boxes[name] == nil && len(m.below(name)) > 0:
		m.want("delete", err, mail.ErrNotPermitted)
	case m.boxes[name] == nil:
		m.want("delete", err, mail.ErrNoSuchMailbox)
	case m.want("delete", err, nil):
		m.gone[m.boxes[name].validity] = true
		delete(m.boxes, name)
	}
}

func (m *model) renameMailbox() {
	from := append(modelNames, "INBOX")[m.r.IntN(len(modelNames)+1)]
	to := modelNames[m.r.IntN(len(modelNames))]
	err := m.s.RenameMailbox(m.t.Context(), m.account, from, to)
	moving := m.below(from)
	if m.boxes[from] != nil {
		moving = append(moving, from)
	}
	switch {
	case from == "INBOX" && m.boxes[to] == nil:
		if m.want("rename INBOX", err, nil) {
			for _, level := range append(levelsAbove(to), to) {
				if m.boxes[level] == nil {
					m.adopt(level)
				}
			}
			for _, a := range m.boxes[from].messages {
				m.boxes[to].add(a.Octets, a.Flags)
			}
			m.boxes[from].messages = nil
		}
	case strings.HasPrefix(to, from+"/"):
		m.want("rename below itself", err, mail.ErrInvalid)
	case len(moving) == 0:
		m.want("rename", err, mail.ErrNoSuchMailbox)
	case m.boxes[to] != nil:
		m.want("rename", err, mail.ErrExists)
	default:
		m.renamed(from, to, moving, err)
	}
}

func (m *model) renamed(from, to string, moving []string, err error) {
	after := maps.Clone(m.boxes)
	for _, name := range moving {
		delete(after, name)
	}
	for _, name := range moving {
		if after[to+name[len(from):]] != nil {
			m.want("rename onto another", err, mail.ErrExists)
			return
		}
		after[to+name[len(from):]] = m.boxes[name]
	}
	if !m.want("rename", err, nil) {
		return
	}
	m.boxes = after
	for _, level := range levelsAbove(to) {
		if m.boxes[level] == nil {
			m.adopt(level)
		}
	}
}
