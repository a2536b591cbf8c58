package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
		{8, m.deliver}, {8, m.setFlags}, {5, m.copyMessages}, {4, m.moveMessages}, {6, m.expunge}, {3, m.replace}, {3, m.upload},
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
		if !c.More {
			m.checkSince(s.mb, s.since, c)
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

// checkSince compares what can be asked for by itself with all changes since.
func (m *model) checkSince(mb MailboxID, since mail.ModSeq, c Changes) {
	var want mail.UIDSet
	for i := range c.Changed {
		want.Add(c.Changed[i].UID)
	}
	changed, err := m.s.ChangedSince(m.t.Context(), mb, since)
	if err != nil || changed.String() != want.String() {
		m.t.Errorf("changed since %d: %v, %v, want %v", since, changed, err, want)
	}
	// Without a later change nobody looks for what was pruned.
	expunged, err := m.s.ExpungedSince(m.t.Context(), mb, since)
	if err != nil || expunged.String() != c.Vanished.String() && c.HighestModSeq > since {
		m.t.Errorf("expunged since %d: %v, %v, want %v", since, expunged, err, c.Vanished)
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
	for i, a := range list(m.t, m.s, b.id, everything, Brief) {
		if i >= len(b.messages) || a.UID != b.messages[i].UID || a.Flags.String() != b.messages[i].Flags {
			m.t.Errorf("flags of %s: %d %s is not in %v", got.Name, a.UID, a.Flags, b.messages)
			break
		}
	}
	listed, at, err := m.s.UIDList(m.t.Context(), b.id)
	if err != nil || at != got.HighestModSeq || !slices.Equal(listed, uids) {
		m.t.Errorf("UIDList: %v at %d, %v; want %v at %d", listed, at, err, uids, got.HighestModSeq)
	}
}
