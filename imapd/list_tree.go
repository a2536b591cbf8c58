package imapd

import (
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"posthorn/store"
)

// listTree is the names that LIST and LSUB may show: mailboxes, subscriptions,
// and the levels above both.
type listTree struct {
	root   listed
	byName map[string]*listed
	names  []*listed // INBOX first, and what is below a name right after it
}

// listed is one name.
type listed struct {
	name   string
	last   int     // where its last level begins
	parent *listed // the level above; of a first level the root
	below  []*listed
	// box is nil when there is no mailbox of that name.
	box        *store.Mailbox
	subscribed bool
	children   bool // there are mailboxes below

	// of the LIST under way
	matches  bool // a pattern
	levels   bool // a pattern that ends in "%"
	meets    bool // the selection criteria
	inside   bool // a name below meets them
	unlisted bool // such a name matches no pattern, and isn't listed itself
}

// newListTree takes an account's mailboxes and, where they count, the names
// that it is subscribed to.
func newListTree(boxes []store.Mailbox, subscriptions []string) *listTree {
	t := &listTree{byName: make(map[string]*listed, len(boxes))}
	for i := range boxes {
		n := t.add(boxes[i].Name)
		n.subscribed = boxes[i].Subscribed
		if boxes[i].NoSelect {
			continue
		}
		n.box = &boxes[i]
		for level := n.parent; level != &t.root; level = level.parent {
			level.children = true
		}
	}
	for _, name := range subscriptions {
		t.add(name).subscribed = true
	}
	t.names = make([]*listed, 0, len(t.byName))
	t.collect(&t.root)
	return t
}

// collect puts what is below n into names.
func (t *listTree) collect(n *listed) {
	slices.SortFunc(n.below, func(a, b *listed) int {
		switch {
		case a.name == "INBOX":
			return -1
		case b.name == "INBOX":
			return 1
		}
		return strings.Compare(a.name[a.last:], b.name[b.last:])
	})
	for _, m := range n.below {
		t.names = append(t.names, m)
		t.collect(m)
	}
}

// add finds or makes a name, with the levels above it.
func (t *listTree) add(name string) *listed {
	if n := t.byName[name]; n != nil {
		return n
	}
	n := &listed{name: name, parent: &t.root}
	t.byName[name] = n
	if i := strings.LastIndex(name, hierarchy); i > 0 {
		n.parent = t.add(name[:i])
		n.last = i + 1
	}
	n.parent.below = append(n.parent.below, n)
	return n
}

// match notes which names match the patterns. A name and the levels above it
// are matched in one go.
func (t *listTree) match(patterns []*pattern) {
	for _, leaf := range t.names {
		if len(leaf.below) > 0 {
			continue
		}
		for _, p := range patterns {
			p.match(leaf.name, func(length int) {
				n := leaf
				for len(n.name) > length {
					n = n.parent
				}
				n.matches = true
				n.levels = n.levels || p.levels
			})
		}
	}
}

// selectBy notes which names meet the selection options, and what that means
// for the levels above.
func (t *listTree) selectBy(o imap.ListOptions) {
	for _, n := range t.names {
		n.meets = (!o.SelectSubscribed || n.subscribed) && (!o.SelectSpecialUse || n.box != nil && n.box.SpecialUse != "")
		if !n.meets || n.box == nil && !n.subscribed {
			continue
		}
		for level := n.parent; level != &t.root; level = level.parent {
			level.inside = true
			level.unlisted = level.unlisted || !n.matches
		}
	}
}

// list is the names to show, in order (RFC 9051 §6.3.9, RFC 5258 §3 to §4).
func (t *listTree) list(patterns []*pattern, o imap.ListOptions) []*listed {
	t.match(patterns)
	t.selectBy(o)
	var out []*listed
	for _, n := range t.names {
		if n.matches && n.shown(o) {
			out = append(out, n)
		}
	}
	return out
}

// shown reports whether a name that matches is to be listed.
func (n *listed) shown(o imap.ListOptions) bool {
	switch {
	case n.meets && (n.box != nil || o.SelectSubscribed):
		return true
	case o.SelectRecursiveMatch:
		// RFC 9051 §6.3.9.3 rule 2B: not when the names below are listed too.
		return n.inside && n.unlisted
	}
	// A level that is no mailbox, for a client that lists level by level.
	return n.box == nil && n.children && n.levels && !o.SelectSubscribed && !o.SelectSpecialUse
}

// subscriptions is what LSUB shows (RFC 3501 §6.3.9): the subscribed names that
// match; and for a pattern that ends in "%" the levels above subscribed names
// which, not being subscribed themselves, it hides.
func (t *listTree) subscriptions(patterns []*pattern) []*listed {
	t.match(patterns)
	t.selectBy(imap.ListOptions{SelectSubscribed: true})
	var out []*listed
	for _, n := range t.names {
		if n.matches && (n.subscribed || n.levels && n.inside && n.unlisted) {
			out = append(out, n)
		}
	}
	return out
}
