package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"posthorn/internal/mail"
)

// A listing of flags is what clients ask for most, again and again, and of
// whole mailboxes: so the narrow columns of mailboxes that were lately listed
// whole are kept in memory. An index follows its mailbox as a session does: it
// watches it, and once woken asks ChangesSince before it answers. The writer wakes
// before it answers whoever made a change, so an index never lacks what anybody
// was told of.

const (
	// minIndexed is how many messages make it worth while to index a mailbox.
	minIndexed = 500
	// maxIndexed bounds the messages in all indexes, at 48 octets each; the
	// mailboxes that were not listed for the longest time are dropped.
	maxIndexed = 384 << 10
	// maxKeywordLists bounds the different lists of keywords in an index, and
	// maxKeywordOctets what is in them: people have few, a program that marks each
	// message otherwise could fill all memory.
	maxKeywordLists  = 1 << 16
	maxKeywordOctets = 1 << 20
)

// indexes are those that there are.
type indexes struct {
	smallest, most int // minIndexed and maxIndexed

	mu    sync.Mutex
	by    map[MailboxID]*index
	clock uint64 // counts uses
}

// index is a mailbox's.
type index struct {
	s       *Store
	mailbox MailboxID
	watcher *Watcher
	ready   atomic.Bool // it was loaded
	dropped atomic.Bool // it watches no more

	used uint64 // by indexes.clock; this and size are guarded by indexes.mu
	size int    // how many entries are counted for it

	mu      sync.Mutex
	stale   bool // the watcher was woken, and the entries are not renewed yet
	at      mail.ModSeq
	entries []entry    // ascending by UID
	deleted int        // how many of them are flagged \Deleted
	lists   [][]string // keywords; the first is none
	known   map[string]uint16
	octets  int // of known
}

// entry is what an index holds of a message.
type entry struct {
	modseq   mail.ModSeq
	content  ContentID
	date     int64 // see zonedTime
	sent     int64 // likewise, for Sort alone; 0: none
	size     uint32
	uid      mail.UID
	keywords uint16 // in lists
	system   mail.SystemFlags
}

var errNotIndexed = errors.New("not indexed")

// get returns a mailbox's index, or nil.
func (x *indexes) get(mb MailboxID) *index {
	x.mu.Lock()
	defer x.mu.Unlock()
	i := x.by[mb]
	if i != nil {
		x.use(i)
	}
	return i
}

// use makes i the one used last. The caller holds x.mu.
func (x *indexes) use(i *index) {
	x.clock++
	i.used = x.clock
}

// add returns a mailbox's index; mine says that it is new, and locked for its
// maker to load.
func (x *indexes) add(s *Store, m *Mailbox) (i *index, mine bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i = x.by[m.ID]; i != nil {
		return i, false
	}
	i = &index{s: s, mailbox: m.ID, watcher: s.Watch(m.Account, m.ID)}
	i.mu.Lock()
	if x.by == nil {
		x.by = make(map[MailboxID]*index)
	}
	x.by[m.ID] = i
	x.use(i)
	x.count(i, int(m.Messages))
	return i, true
}

// count notes an index's size, and drops others when all are too large. The
// caller holds x.mu.
func (x *indexes) count(i *index, size int) {
	i.size = size
	for {
		total, oldest := 0, i
		for _, other := range x.by {
			total += other.size
			if other.used < oldest.used {
				oldest = other
			}
		}
		if total <= x.most || oldest == i {
			return
		}
		x.drop(oldest)
	}
}

// drop lets go of an index. Who is reading from it sees that it is dropped. The
// caller holds x.mu.
func (x *indexes) drop(i *index) {
	if x.by[i.mailbox] == i {
		delete(x.by, i.mailbox)
	}
	i.dropped.Store(true)
	i.watcher.Close()
}

// forget drops an index that can't be kept.
func (x *indexes) forget(i *index) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.drop(i)
}

// indexFor is the index to list set from, nil where there is none: one is made
// for who lists most of a mailbox, which costs as much as making it or more; the
// next listing costs less.
func (s *Store) indexFor(ctx context.Context, mb MailboxID, set mail.UIDSet, want Want) *index {
	n := set.Len()
	if i := s.indexes.get(mb); i != nil {
		if !i.ready.Load() && n < s.indexes.smallest {
			return nil // sooner without it
		}
		return i
	}
	if n < s.indexes.smallest || want&Brief == 0 {
		return nil
	}
	m, err := s.MailboxByID(ctx, mb)
	size := int(m.Messages)
	if err != nil || size < s.indexes.smallest || size > s.indexes.most || n < size/2 {
		return nil
	}
	i, mine := s.indexes.add(s, &m)
	if !mine {
		return i
	}
	defer i.mu.Unlock()
	if err := i.load(ctx); err != nil {
		s.indexes.forget(i)
		return nil
	}
	i.ready.Store(true)
	return i
}

// load reads the mailbox. What changes meanwhile is asked for afterwards. The
// caller holds i.mu.
func (i *index) load(ctx context.Context) error {
	m, err := i.s.MailboxByID(ctx, i.mailbox)
	if err != nil {
		return err
	}
	i.at, i.stale = m.HighestModSeq, true
	i.lists, i.known, i.deleted = [][]string{nil}, map[string]uint16{"": 0}, 0
	i.entries = make([]entry, 0, m.Messages+m.Messages/16)
	for row, err := range i.s.rows(ctx, i.mailbox, mail.AllUIDs(), Brief|withSent) {
		if err == nil {
			err = i.put(row)
		}
		if err != nil {
			return err
		}
	}
	return i.renew(ctx)
}

// put takes a message in. The caller holds i.mu.
func (i *index) put(m *Message) error {
	key := strings.Join(m.Flags.Keywords, " ")
	list, ok := i.known[key]
	if !ok {
		if i.octets += len(key); i.octets > maxKeywordOctets || len(i.lists) == maxKeywordLists {
			return errNotIndexed
		}
		list = uint16(len(i.lists))
		i.known[key], i.lists = list, append(i.lists, m.Flags.Keywords)
	}
	if m.Size > math.MaxUint32 {
		return errNotIndexed
	}
	e := entry{m.ModSeq, m.Content, zonedTime(m.Date), 0, uint32(m.Size), m.UID, list, m.Flags.System}
	if !m.Sent.IsZero() {
		e.sent = zonedTime(m.Sent)
	}
	i.deleted += e.deleted()
	if n := len(i.entries); n == 0 || i.entries[n-1].uid < m.UID {
		i.entries = append(i.entries, e)
		return nil
	}
	at, found := i.find(0, m.UID)
	if !found {
		i.entries = slices.Insert(i.entries, at, e)
		return nil
	}
	i.deleted -= i.entries[at].deleted()
	i.entries[at] = e
	return nil
}

// deleted is 1 of a message that is flagged \Deleted, else 0.
func (e *entry) deleted() int {
	if e.system&mail.Deleted != 0 {
		return 1
	}
	return 0
}

// find is the place, not before start, of the first entry from a UID on.
func (i *index) find(start int, uid mail.UID) (at int, found bool) {
	at, found = slices.BinarySearchFunc(i.entries[start:], uid, func(e entry, uid mail.UID) int { return cmp.Compare(e.uid, uid) })
	return start + at, found
}

// maxRenewed is how many changes are asked for at a time.
const maxRenewed = 1000

// renew brings the entries up to date. The caller holds i.mu.
func (i *index) renew(ctx context.Context) error {
	select {
	case <-i.watcher.C:
		i.stale = true
	default:
	}
	if i.dropped.Load() { // looked at behind the watcher, which may be closed
		return errNotIndexed
	}
	if !i.stale {
		return nil
	}
	before := len(i.entries)
	for i.stale {
		c, err := i.s.ChangesSince(ctx, i.mailbox, i.at, maxRenewed)
		if err != nil {
			return err
		}
		i.remove(c.Vanished)
		for n := range c.Changed {
			if err := i.put(&c.Changed[n]); err != nil {
				return err
			}
		}
		i.at, i.stale = c.HighestModSeq, c.More
	}
	if n := len(i.entries); n != before {
		x := &i.s.indexes
		x.mu.Lock()
		defer x.mu.Unlock()
		x.count(i, n)
	}
	return nil
}

// remove takes entries out. The caller holds i.mu.
func (i *index) remove(set mail.UIDSet) {
	if len(set) == 0 {
		return
	}
	kept, read := 0, 0
	for _, r := range set {
		from, _ := i.find(read, r.From)
		to, found := i.find(from, r.To)
		if found {
			to++
		}
		for n := range i.entries[from:to] {
			i.deleted -= i.entries[from+n].deleted()
		}
		if from == 0 { // the oldest, as most often: those behind need not move
			i.entries = i.entries[to:]
			continue
		}
		kept += copy(i.entries[kept:], i.entries[read:from])
		read = to
	}
	kept += copy(i.entries[kept:], i.entries[read:])
	i.entries = i.entries[:kept]
}

// flagged is what of set is flagged \Deleted; false when the index can't tell.
func (i *index) flagged(ctx context.Context, set mail.UIDSet) (deleted mail.UIDSet, ok bool) {
	if !i.current(ctx) {
		return nil, false
	}
	defer i.mu.Unlock()
	at, left := 0, i.deleted
	for _, r := range set {
		at, _ = i.find(at, r.From)
		for ; left > 0 && at < len(i.entries) && i.entries[at].uid <= r.To; at++ {
			if i.entries[at].deleted() > 0 {
				deleted.Add(i.entries[at].uid)
				left--
			}
		}
	}
	return deleted, true
}

// current locks the index and brings it up to date; false, and not locked, when
// it can't be used.
func (i *index) current(ctx context.Context) bool {
	if ctx.Err() != nil {
		return false
	}
	i.mu.Lock()
	err := i.renew(ctx)
	if err == nil {
		return true
	}
	i.mu.Unlock()
	if ctx.Err() == nil { // else the next who asks tries again
		i.s.indexes.forget(i)
	}
	return false
}

// indexBatch is how many entries are copied at a time.
const indexBatch = 512

// read appends the next entries of set, until the batch is full, with the
// keywords that they refer to.
func (i *index) read(ctx context.Context, batch []entry, set mail.UIDSet) (_ []entry, lists [][]string, ok bool) {
	if !i.current(ctx) {
		return nil, nil, false
	}
	defer i.mu.Unlock()
	at := 0
	for _, r := range set {
		at, _ = i.find(at, r.From)
		for ; at < len(i.entries) && i.entries[at].uid <= r.To; at++ {
			if len(batch) == cap(batch) {
				return batch, i.lists, true
			}
			batch = append(batch, i.entries[at])
		}
	}
	return batch, i.lists, true
}
