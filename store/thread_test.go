package store

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// threadText writes threads with all their parentheses: each message, or "?"
// for one that is not there, then its children in theirs.
func threadText(ts []*Thread) string {
	var b strings.Builder
	var write func(t *Thread)
	write = func(t *Thread) {
		b.WriteByte('(')
		if t.UID == 0 {
			b.WriteByte('?')
		} else {
			fmt.Fprint(&b, t.UID)
		}
		for _, c := range t.Children {
			write(c)
		}
		b.WriteByte(')')
	}
	for _, t := range ts {
		write(t)
	}
	return b.String()
}

// naiveNode is a message or a dummy in RFC 5256's tree.
type naiveNode struct {
	m        *naiveMessage
	parent   *naiveNode
	children []*naiveNode
}

func (n *naiveNode) unlink() {
	if n.parent != nil {
		n.parent.children = slices.DeleteFunc(n.parent.children, func(c *naiveNode) bool { return c == n })
		n.parent = nil
	}
}

func (n *naiveNode) link(child *naiveNode) {
	child.unlink()
	child.parent = n
	n.children = append(n.children, child)
}

func (n *naiveNode) has(other *naiveNode) bool {
	return n == other || slices.ContainsFunc(n.children, func(c *naiveNode) bool { return c.has(other) })
}

func (n *naiveNode) date() *naiveMessage {
	if n.m == nil {
		return n.children[0].m
	}
	return n.m
}

func sortNaive(list []*naiveNode) {
	for _, n := range list {
		if n.m == nil {
			sortNaive(n.children)
		}
	}
	slices.SortFunc(list, func(a, b *naiveNode) int {
		return cmp.Or(a.date().sent.Compare(b.date().sent), cmp.Compare(a.date().uid, b.date().uid))
	})
}

func sortNaiveTree(list []*naiveNode) {
	for _, n := range list {
		sortNaiveTree(n.children)
	}
	sortNaive(list)
}

func pruneNaive(list []*naiveNode, top bool) (out []*naiveNode) {
	for _, n := range list {
		n.children = pruneNaive(n.children, false)
		switch {
		case n.m != nil, top && len(n.children) > 1:
			out = append(out, n)
		default:
			out = append(out, n.children...)
		}
	}
	return out
}

// naiveThreads follows RFC 5256 §3 step by step.
func naiveThreads(all []naiveMessage, how ThreadAlgorithm) string {
	byID := make(map[message.MessageID]*naiveNode)
	var nodes, real []*naiveNode
	for i := range all {
		n := &naiveNode{m: &all[i]}
		nodes, real = append(nodes, n), append(real, n)
		if id := all[i].keys.ID; id != 0 && byID[id] == nil {
			byID[id] = n
		}
	}
	for _, n := range real { // step 1
		var last *naiveNode
		for _, id := range n.m.keys.References {
			if byID[id] == nil {
				byID[id] = &naiveNode{}
				nodes = append(nodes, byID[id])
			}
			c := byID[id]
			if last != nil && c.parent == nil && !c.has(last) {
				last.link(c)
			}
			last = c
		}
		n.unlink()
		if last != nil && !n.has(last) {
			last.link(n)
		}
	}
	var root []*naiveNode // step 2
	for _, n := range nodes {
		if n.parent == nil {
			root = append(root, n)
		}
	}
	root = pruneNaive(root, true) // step 3
	sortNaive(root)               // step 4
	if how == References {
		root = mergeNaive(root)
		sortNaiveTree(root)
	} else {
		sortNaiveTree(root)
		newest := func(n *naiveNode) *naiveMessage {
			var best *naiveMessage
			var look func(n *naiveNode)
			look = func(n *naiveNode) {
				if n.m != nil && (best == nil || cmp.Or(n.m.arrival.Compare(best.arrival), cmp.Compare(n.m.uid, best.uid)) > 0) {
					best = n.m
				}
				for _, c := range n.children {
					look(c)
				}
			}
			look(n)
			return best
		}
		slices.SortFunc(root, func(a, b *naiveNode) int {
			return cmp.Or(newest(a).arrival.Compare(newest(b).arrival), cmp.Compare(newest(a).uid, newest(b).uid))
		})
	}
	var hand func(list []*naiveNode) []*Thread
	hand = func(list []*naiveNode) (out []*Thread) {
		for _, n := range list {
			t := &Thread{Children: hand(n.children)}
			if n.m != nil {
				t.UID = n.m.uid
			}
			out = append(out, t)
		}
		return out
	}
	return threadText(hand(root))
}

// mergeNaive is step 5.
func mergeNaive(top []*naiveNode) []*naiveNode {
	root := &naiveNode{}
	for _, n := range top {
		n.parent, root.children = root, append(root.children, n)
	}
	table := make(map[string]*naiveNode)
	for _, n := range top {
		subject := n.date().keys.Subject
		t, ok := table[subject]
		if subject != "" && (!ok || t.m != nil && (n.m == nil || t.m.keys.Reply && !n.m.keys.Reply)) {
			table[subject] = n
		}
	}
	for _, n := range top {
		if n.parent != root {
			continue
		}
		subject := n.date().keys.Subject
		t := table[subject]
		if subject == "" || t == n {
			continue
		}
		if t.m == nil && n.m == nil {
			for _, c := range slices.Clone(n.children) {
				t.link(c)
			}
			n.unlink()
		} else if t.m == nil || n.m != nil && n.m.keys.Reply && !t.m.keys.Reply {
			t.link(n)
		} else {
			both := &naiveNode{}
			both.link(n)
			both.link(t)
			root.link(both)
			table[subject] = both
		}
	}
	return root.children
}

// naiveOrderedSubject is the other algorithm.
func naiveOrderedSubject(all []naiveMessage) string {
	bySent := func(a, b naiveMessage) int { return cmp.Or(a.sent.Compare(b.sent), cmp.Compare(a.uid, b.uid)) }
	slices.SortFunc(all, bySent)
	var order []string
	groups := make(map[string]*Thread)
	for _, m := range all { // the first of each subject comes in the order of the threads
		t, ok := groups[m.keys.Subject]
		if !ok {
			groups[m.keys.Subject] = &Thread{UID: m.uid}
			order = append(order, m.keys.Subject)
			continue
		}
		t.Children = append(t.Children, &Thread{UID: m.uid})
	}
	var out []*Thread
	for _, subject := range order {
		out = append(out, groups[subject])
	}
	return threadText(out)
}

func naiveThread(all []naiveMessage, how ThreadAlgorithm) string {
	if how == OrderedSubject {
		return naiveOrderedSubject(slices.Clone(all))
	}
	return naiveThreads(slices.Clone(all), how)
}

// checkThreads compares the threads of a mailbox with the naive ones.
func checkThreads(t *testing.T, s *Store, mb MailboxID) {
	t.Helper()
	all, hits := naiveMessages(t, s, mb)
	for i := range all {
		all[i].keys.Subject = plainKey(all[i].keys.Subject)
	}
	for how := OrderedSubject; how <= Refs; how++ {
		threads, err := s.Thread(t.Context(), mb, hits, how, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := threadText(threads), naiveThread(all, how); got != want {
			t.Errorf("%d:\n got %s\nwant %s", how, got, want)
		}
	}
}

// randomThread makes messages that refer to each other, to some that are not
// there, in circles, and to themselves.
func randomThread(rnd *rand.Rand) []naiveMessage {
	n, ids, subjects := 1+rnd.IntN(25), 1+rnd.IntN(30), 1+rnd.IntN(8)
	all := make([]naiveMessage, n)
	for i := range all {
		m := &all[i]
		m.uid = mail.UID(i + 1)
		m.arrival, m.sent = time.Unix(int64(rnd.IntN(20)), 0), time.Unix(int64(rnd.IntN(20)), 0)
		m.keys.ID = message.MessageID(rnd.IntN(ids + 1)) // 0: none
		for range rnd.IntN(5) {
			m.keys.References = append(m.keys.References, message.MessageID(1+rnd.IntN(ids)))
		}
		if k := rnd.IntN(subjects); k > 0 {
			m.keys.Subject = fmt.Sprint("S", k)
		}
		m.keys.Reply = rnd.IntN(2) == 0
	}
	return all
}

func TestThreadsRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		all := randomThread(rnd)
		for how := OrderedSubject; how <= Refs; how++ {
			list := make([]sortable, len(all))
			for i, m := range all {
				ids := fmt.Sprintf("%x", m.keys.ID)
				for _, id := range m.keys.References {
					ids += fmt.Sprintf(" %x", id)
				}
				list[i] = sortable{hit: SearchHit{UID: m.uid}, arrival: m.arrival.Unix(), sent: m.sent.Unix(),
					reply: m.keys.Reply, ids: ids, texts: []string{m.keys.Subject}}
			}
			var threads []*Thread
			if how == OrderedSubject {
				threads = bySubject(list)
			} else {
				threads = newThreads(list).build(how)
			}
			if got, want := threadText(threads), naiveThread(all, how); got != want {
				for _, m := range all {
					t.Logf("%d: id %x refs %x subject %q reply %v sent %d", m.uid, m.keys.ID, m.keys.References, m.keys.Subject, m.keys.Reply, m.sent.Unix())
				}
				t.Fatalf("%d:\n got %s\nwant %s", how, got, want)
			}
		}
	}
}

// TestThreadsTime: what strangers may send takes time in proportion.
func TestThreadsTime(t *testing.T) {
	const n = 50000
	for name, refs := range map[string]func(i int) string{
		"a chain":            func(i int) string { return fmt.Sprintf("%x %x", i, i-1) },
		"a chain from below": func(i int) string { return fmt.Sprintf("%x %x", n-i, n-i-1) },
		"pairs below a chain": func(i int) string {
			if i < n/2 {
				return fmt.Sprintf("%x %x", i+1, i)
			}
			if i%2 == 0 {
				return fmt.Sprintf("%x %x", i, i+1)
			}
			return fmt.Sprintf("%x %x", i, n/2)
		},
		"all of one": func(i int) string { return fmt.Sprintf("%x 1", i+2) },
	} {
		list := make([]sortable, n)
		for i := range list {
			list[i] = sortable{hit: SearchHit{UID: mail.UID(i + 1)}, ids: refs(i + 1), texts: []string{""}}
		}
		start := time.Now()
		threads := newThreads(list).build(References)
		if d := time.Since(start); d > 15*time.Second {
			t.Errorf("%s took %v", name, d)
		}
		if len(threads) == 0 {
			t.Errorf("%s: no threads", name)
		}
	}
}
