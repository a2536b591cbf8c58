package store

import (
	"cmp"
	"context"
	"slices"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// ThreadAlgorithm is a way to make threads of messages.
type ThreadAlgorithm int

const (
	// OrderedSubject and References are those of RFC 5256 §3.
	OrderedSubject ThreadAlgorithm = iota
	References
	// Refs is References without its look at subjects; threads come in the order
	// of what arrived last in each (draft-ietf-morg-inthread).
	Refs
)

// Thread is a message with those below it, siblings in their order. UID is 0 in
// place of a parent that is not among the messages, which happens at the top
// alone.
type Thread struct {
	UID      mail.UID
	Children []*Thread
}

// maxAncestors is how many messages above one are looked at for a loop: what
// already has children is not hung below more than that, but begins a thread of
// its own.
const maxAncestors = 5000

// Thread makes threads of search hits. What was expunged since the search is
// left out. p, if not nil, counts them.
func (s *Store) Thread(ctx context.Context, mb MailboxID, hits []SearchHit, how ThreadAlgorithm, p *Progress) ([]*Thread, error) {
	want := keyColumns{ids: how != OrderedSubject}
	if how != Refs {
		want.add(SortSubject)
	}
	list, err := s.sortables(ctx, mb, hits, want, p)
	if err != nil {
		return nil, err
	}
	if how == OrderedSubject {
		return bySubject(list), nil
	}
	return newThreads(list).build(how), nil
}

// bySubject is ORDEREDSUBJECT.
func bySubject(list []sortable) []*Thread {
	slices.SortFunc(list, func(a, b sortable) int {
		return cmp.Or(cmp.Compare(a.texts[0], b.texts[0]), a.compareSent(&b))
	})
	type thread struct {
		top   *Thread
		first *sortable
	}
	var threads []thread
	for i := range list {
		m := &list[i]
		if n := len(threads); n > 0 && threads[n-1].first.texts[0] == m.texts[0] {
			top := threads[n-1].top
			top.Children = append(top.Children, &Thread{UID: m.hit.UID})
			continue
		}
		threads = append(threads, thread{&Thread{UID: m.hit.UID}, m})
	}
	slices.SortFunc(threads, func(a, b thread) int { return a.first.compareSent(b.first) })
	var tops []*Thread
	for _, t := range threads {
		tops = append(tops, t.top)
	}
	return tops
}

// compareSent is the order by sent date, then by UID.
func (m *sortable) compareSent(other *sortable) int {
	return cmp.Or(cmp.Compare(m.sent, other.sent), cmp.Compare(m.hit.UID, other.hit.UID))
}

// node is a message in a thread, or stands for one that is not there (a dummy,
// RFC 5256 §3).
type node struct {
	m      *sortable // nil: a dummy
	parent *node
	// children are gathered, ascending by UID, after all parents are known.
	children []*node
	// parental: it has, or had, children.
	parental bool
	// heir is, of a dummy, the nearest message above it; of one that has none
	// the dummy at the top.
	heir *node
}

// threads is the work on REFERENCES or REFS.
type threads struct {
	nodes []node
	used  int // of nodes
	byID  map[message.MessageID]*node
	real  []*node // the messages, ascending by UID
	top   []*node
}

func newThreads(list []sortable) *threads {
	t := &threads{byID: make(map[message.MessageID]*node, len(list)), real: make([]*node, 0, len(list))}
	t.nodes = make([]node, len(list))
	// A Message-ID is the first message's that has it; the others, and those
	// without one, have one that nobody refers to (step 1.A).
	for i := range list {
		n := t.add()
		n.m = &list[i]
		t.real = append(t.real, n)
		if id, _ := nextID(list[i].ids); id != 0 && t.byID[id] == nil {
			t.byID[id] = n
		}
	}
	return t
}

// add makes a node.
func (t *threads) add() *node {
	if t.used == len(t.nodes) {
		t.nodes, t.used = make([]node, 1024), 0
	}
	t.used++
	return &t.nodes[t.used-1]
}

// of is the node with a Message-ID.
func (t *threads) of(id message.MessageID) *node {
	n := t.byID[id]
	if n == nil {
		n = t.add()
		t.byID[id] = n
	}
	return n
}

// build goes through the steps of RFC 5256 §3.
func (t *threads) build(how ThreadAlgorithm) []*Thread {
	for _, n := range t.real {
		t.link(n)
	}
	t.prune()
	t.sortChildren()
	if how == Refs {
		t.sortByNewest()
	} else {
		slices.SortFunc(t.top, (*node).compare)
		t.mergeSubjects()
	}
	return t.result()
}

// link is step 1 for a message.
func (t *threads) link(n *node) {
	_, rest := nextID(n.m.ids)
	var parent *node
	for len(rest) > 0 {
		var id message.MessageID
		id, rest = nextID(rest)
		child := t.of(id)
		if parent != nil && child.parent == nil && !above(child, parent) {
			child.parent, parent.parental = parent, true
		}
		parent = child
	}
	n.parent = nil
	if parent != nil && !above(n, parent) {
		n.parent, parent.parental = parent, true
	}
}

// above reports whether n is at or above below, as far as it looks.
func above(n, below *node) bool {
	if n == below {
		return true
	}
	if !n.parental {
		return false
	}
	looked := 0
	for b := below.parent; b != nil; b = b.parent {
		if looked++; b == n || looked > maxAncestors {
			return true
		}
	}
	return false
}

// prune is steps 2 and 3: dummies give way to their children, but at the top,
// where they keep several together.
func (t *threads) prune() {
	var dummies []*node
	for _, n := range t.real {
		switch p := heir(n.parent); {
		case p == nil:
			t.top = append(t.top, n)
			n.parent = nil
		default:
			if p.m == nil && len(p.children) == 0 {
				dummies = append(dummies, p)
			}
			p.children = append(p.children, n)
		}
	}
	for _, d := range dummies {
		if len(d.children) == 1 {
			d = d.children[0]
		}
		d.parent = nil
		t.top = append(t.top, d)
	}
}

// heir is n itself where it is a message, or else the message above it that
// is nearest, or the dummy on top.
func heir(n *node) *node {
	var way []*node
	for n != nil && n.m == nil && n.heir == nil && n.parent != nil {
		way = append(way, n)
		n = n.parent
	}
	if n != nil && n.heir != nil {
		n = n.heir
	}
	for _, w := range way {
		w.heir = n
	}
	return n
}

// first is the message that a node is sorted by, and that its subject is taken
// from.
func (n *node) first() *sortable {
	if n.m == nil {
		return n.children[0].m
	}
	return n.m
}

func (n *node) compare(o *node) int { return n.first().compareSent(o.first()) }

// sortByNewest sorts the threads by what arrived last in each.
func (t *threads) sortByNewest() {
	newest := make(map[*node]*sortable, len(t.top))
	for _, n := range t.top {
		best := n.first()
		for below := []*node{n}; len(below) > 0; {
			last := below[len(below)-1]
			below = append(below[:len(below)-1], last.children...)
			if m := last.m; m != nil && cmp.Or(cmp.Compare(m.arrival, best.arrival), cmp.Compare(m.hit.UID, best.hit.UID)) > 0 {
				best = m
			}
		}
		newest[n] = best
	}
	slices.SortFunc(t.top, func(a, b *node) int {
		x, y := newest[a], newest[b]
		return cmp.Or(cmp.Compare(x.arrival, y.arrival), cmp.Compare(x.hit.UID, y.hit.UID))
	})
}

// mergeSubjects is steps 5 and 6: threads with the same base subject become
// one.
func (t *threads) mergeSubjects() {
	table := make(map[string]*node)
	for _, n := range t.top {
		subject := n.first().texts[0]
		if subject == "" {
			continue
		}
		there := table[subject]
		if there == nil || there.m != nil && (n.m == nil || there.m.reply && !n.m.reply) {
			table[subject] = n
		}
	}
	for _, n := range t.top {
		subject := n.first().texts[0]
		there := table[subject]
		if subject == "" || there == n {
			continue
		}
		switch {
		case there.m == nil && n.m == nil:
			for _, c := range n.children {
				there.adopt(c)
			}
			n.parent = there // and is nothing any more
		case there.m == nil, n.m.reply && !there.m.reply:
			there.adopt(n)
		default:
			both := t.add()
			both.adopt(n)
			both.adopt(there)
			table[subject] = both
			t.top = append(t.top, both)
		}
	}
	t.top = slices.DeleteFunc(t.top, func(n *node) bool { return n.parent != nil })
	t.sortChildren()
	slices.SortFunc(t.top, (*node).compare)
}

// sortChildren sorts siblings by sent date, those of the top last: only there
// are dummies, which need their children sorted.
func (t *threads) sortChildren() {
	for _, list := range [][]*node{t.real, t.top} {
		for _, n := range list {
			slices.SortFunc(n.children, (*node).compare)
		}
	}
}

// adopt takes a node in as a child.
func (n *node) adopt(child *node) {
	child.parent = n
	n.children = append(n.children, child)
}

// result is the threads as they are handed out.
func (t *threads) result() []*Thread {
	out := make([]*Thread, len(t.top))
	type pair struct {
		n  *node
		to *Thread
	}
	var rest []pair
	for i, n := range t.top {
		out[i] = &Thread{}
		rest = append(rest, pair{n, out[i]})
	}
	for len(rest) > 0 {
		p := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		if p.n.m != nil {
			p.to.UID = p.n.m.hit.UID
		}
		for _, c := range p.n.children {
			child := &Thread{}
			p.to.Children = append(p.to.Children, child)
			rest = append(rest, pair{c, child})
		}
	}
	return out
}

// nextID reads an identifier in hex, and returns what follows.
func nextID(s string) (id message.MessageID, rest string) {
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			return id, s[i+1:]
		case c >= 'a':
			id = id<<4 | message.MessageID(c-'a'+10)
		default:
			id = id<<4 | message.MessageID(c-'0')
		}
	}
	return id, ""
}
