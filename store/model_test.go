package store

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

// The model test does random things to a store and to the simplest thing that
// could be one, and compares them after each.

// modelMessage is a message of the model.
type modelMessage struct {
	UID    mail.UID
	Octets string // with trace
	Flags  string
}

type modelMailbox struct {
	id       MailboxID
	validity uint32
	next     mail.UID
	messages []modelMessage
}

// modelSession is a client that knows a mailbox from what ChangesSince told.
type modelSession struct {
	mb    MailboxID
	since mail.ModSeq
	flags map[mail.UID]string
}

type model struct {
	t       *testing.T
	r       *rand.Rand
	s       *Store
	cfg     Config
	account AccountID
	boxes   map[string]*modelMailbox
	gone    map[uint32]bool // UIDVALIDITYs of mailboxes that were deleted
	quota   Quota
	read    map[ContentID]string // what was read since the last reopening

	sessions []*modelSession
}

func TestModel(t *testing.T) {
	seeds := 20
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			runModel(t, uint64(seed), 150)
		})
	}
}

func runModel(t *testing.T, seed uint64, steps int) {
	m := &model{
		t: t, r: rand.New(rand.NewPCG(seed, 1)),
		cfg:   Config{Dir: t.TempDir()},
		boxes: make(map[string]*modelMailbox),
		gone:  make(map[uint32]bool),
		read:  make(map[ContentID]string),
	}
	m.s = openTestIn(t, m.cfg)
	m.account = addUser(t, m.s, "alice@crepes.fr")
	m.adopt("INBOX")
	m.adopt("Archive")
	actions := []struct {
		weight int
		do     func()
	}{
		{8, m.deliver}, {8, m.setFlags}, {5, m.copyMessages}, {4, m.moveMessages}, {6, m.expunge},
		{1, m.createMailbox}, {1, m.deleteMailbox}, {1, m.renameMailbox}, {8, m.sync},
		{1, m.reopen}, {1, m.prune}, {1, m.sweep}, {1, m.setQuota},
	}
	total := 0
	for _, a := range actions {
		total += a.weight
	}
	for range steps {
		n := m.r.IntN(total)
		for _, a := range actions {
			if n -= a.weight; n < 0 {
				a.do()
				break
			}
		}
		m.compare()
		if t.Failed() {
			return
		}
	}
	for _, s := range m.sessions {
		m.syncOne(s)
	}
	closeChecked(t, m.s)
}

// adopt takes a mailbox of the store's into the model.
func (m *model) adopt(name string) {
	mb := mailboxOf(m.t, m.s, m.account, name)
	if m.gone[mb.UIDValidity] {
		m.t.Errorf("UIDVALIDITY %d was given again", mb.UIDValidity)
	}
	m.boxes[name] = &modelMailbox{id: mb.ID, validity: mb.UIDValidity, next: 1}
	m.sessions = append(m.sessions,
		&modelSession{mb: mb.ID, flags: map[mail.UID]string{}},
		&modelSession{mb: mb.ID, flags: map[mail.UID]string{}})
}

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
	var unchangedSince mail.ModSeq
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
	}
	done, modified, err := m.s.SetFlags(m.t.Context(), b.id, set, op, flags, unchangedSince)
	m.want("set flags", err, nil)
	var wantDone []FlagResult
	var wantModified mail.UIDSet
	for i := range b.messages {
		a := &b.messages[i]
		switch {
		case !set.Contains(a.UID):
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

func (m *model) checkCopied(c Copied, list []modelMessage, to *modelMailbox) {
	want := Copied{UIDValidity: to.validity}
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
		set = nil
	}
	gone, err := m.s.Expunge(m.t.Context(), b.id, set, force)
	m.want("expunge", err, nil)
	if set == nil {
		set = everything
	}
	var list []modelMessage
	var want mail.UIDSet
	for _, a := range b.taken(set) {
		if force || strings.Contains(a.Flags, `\Deleted`) {
			list = append(list, a)
			want.Add(a.UID)
		}
	}
	b.remove(list)
	if d := cmp.Diff(want, gone); d != "" {
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

func (m *model) sync() {
	if len(m.sessions) > 0 {
		m.syncOne(m.sessions[m.r.IntN(len(m.sessions))])
	}
}

// syncOne brings a session up to date, in steps of any size, and compares what
// it then knows with what there is.
func (m *model) syncOne(s *modelSession) {
	var b *modelMailbox
	for _, box := range m.boxes {
		if box.id == s.mb {
			b = box
		}
	}
	for more := true; more; {
		c, err := m.s.ChangesSince(m.t.Context(), s.mb, s.since, 1+m.r.IntN(10))
		if b == nil {
			m.want("changes of a mailbox that is gone", err, mail.ErrNoSuchMailbox)
			return
		}
		if !m.want("changes", err, nil) || err != nil {
			return
		}
		if c.HighestModSeq < s.since || c.More && c.HighestModSeq == s.since {
			m.t.Errorf("changes since %d lead to %d", s.since, c.HighestModSeq)
			return
		}
		for uid := range s.flags {
			if c.Vanished.Contains(uid) {
				delete(s.flags, uid)
			}
		}
		if !slices.IsSortedFunc(c.Changed, func(a, b Message) int { return int(a.UID) - int(b.UID) }) {
			m.t.Errorf("changed messages are not in order")
		}
		for _, a := range c.Changed {
			if c.Vanished.Contains(a.UID) || a.ModSeq <= s.since || a.ModSeq > c.HighestModSeq {
				m.t.Errorf("changes from %d to %d: UID %d of %d, vanished %v", s.since, c.HighestModSeq, a.UID, a.ModSeq, c.Vanished)
			}
			s.flags[a.UID] = a.Flags.String()
		}
		s.since, more = c.HighestModSeq, c.More
	}
	want := make(map[mail.UID]string)
	for _, a := range b.messages {
		want[a.UID] = a.Flags
	}
	if d := cmp.Diff(want, s.flags); d != "" {
		m.t.Errorf("a session's state (-want +got)\n%s", d)
	}
}

func (m *model) reopen() {
	closeChecked(m.t, m.s)
	clear(m.read)
	if !m.t.Failed() {
		m.s = openTestIn(m.t, m.cfg)
	}
}

func (m *model) prune() {
	_, b := m.pick()
	err := m.s.write(m.t.Context(), 0, func(tx *writeTx) error { return tx.pruneTombstones(b.id, m.r.IntN(3)) })
	m.want("prune", err, nil)
}

func (m *model) sweep() { sweepTest(m.t, m.s) }

func (m *model) setQuota() {
	m.quota = Quota{}
	if m.r.IntN(2) == 0 {
		m.quota = Quota{Bytes: 1 + m.r.Int64N(2_000_000), Messages: 1 + m.r.Int64N(100)}
	}
	m.want("set quota", m.s.SetQuota(m.t.Context(), m.account, m.quota), nil)
}

// compare compares everything that can be listed.
func (m *model) compare() {
	m.t.Helper()
	boxes, err := m.s.Mailboxes(m.t.Context(), m.account)
	if err != nil {
		m.t.Fatal(err)
	}
	boxes = slices.DeleteFunc(boxes, func(b Mailbox) bool {
		return b.NoSelect || slices.Contains([]string{"Drafts", "Sent", "Junk", "Trash"}, b.Name)
	})
	if len(boxes) != len(m.boxes) {
		m.t.Errorf("%d mailboxes, want %d", len(boxes), len(m.boxes))
	}
	for _, got := range boxes {
		b := m.boxes[got.Name]
		if b == nil || b.id != got.ID || b.validity != got.UIDValidity || b.next != got.UIDNext {
			m.t.Errorf("mailbox is %+v, want %+v", got, b)
			continue
		}
		m.compareMessages(got, b)
	}
	a, err := m.s.AccountByID(m.t.Context(), m.account)
	if err != nil || a.Usage != m.usage() {
		m.t.Errorf("usage %+v, want %+v; %v", a.Usage, m.usage(), err)
	}
}

func (m *model) compareMessages(got Mailbox, b *modelMailbox) {
	var messages []modelMessage
	var uids []mail.UID
	for _, a := range list(m.t, m.s, b.id, everything, 0) {
		text, ok := m.read[a.Content]
		if !ok {
			text = octets(m.t, m.s, a.Content)
			m.read[a.Content] = text
		}
		if a.Size != int64(len(a.Trace)+len(text)) {
			m.t.Errorf("size %d, want %d", a.Size, len(a.Trace)+len(text))
		}
		messages = append(messages, modelMessage{a.UID, string(a.Trace) + text, a.Flags.String()})
		uids = append(uids, a.UID)
	}
	if d := cmp.Diff(b.messages, messages); d != "" && len(b.messages)+len(messages) > 0 {
		m.t.Errorf("messages of %s (-want +got)\n%s", got.Name, d)
	}
	listed, at, err := m.s.UIDList(m.t.Context(), b.id)
	if err != nil || at != got.HighestModSeq || !slices.Equal(listed, uids) {
		m.t.Errorf("UIDList: %v at %d, %v; want %v at %d", listed, at, err, uids, got.HighestModSeq)
	}
}
