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
	names  []*listed
	byName map[string]*listed
}

// listed is one name.
type listed struct {
	name string
	// box is nil when there is no mailbox of that name.
	box        *store.Mailbox
	subscribed bool
	children   bool // there are mailboxes below

	// of the LIST under way
	matches  bool // a pattern
	levels   bool // a pattern that ends in "%"
	meets    bool // the selection criteria
	below    bool // a name below meets them
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
		t.above(n, func(level *listed) { level.children = true })
	}
	for _, name := range subscriptions {
		t.add(name).subscribed = true
	}
	slices.SortFunc(t.names, func(a, b *listed) int { return compareNames(a.name, b.name) })
	return t
}

// add finds or makes a name, with the levels above it.
func (t *listTree) add(name string) *listed {
	if n := t.byName[name]; n != nil {
		return n
	}
	n := &listed{name: name}
	t.byName[name] = n
	t.names = append(t.names, n)
	if i := strings.LastIndex(name, hierarchy); i > 0 {
		t.add(name[:i])
	}
	return n
}

// above calls f for each level above n, the nearest first.
func (t *listTree) above(n *listed, f func(*listed)) {
	name := n.name
	for i := strings.LastIndex(name, hierarchy); i > 0; i = strings.LastIndex(name, hierarchy) {
		name = name[:i]
		f(t.byName[name])
	}
}

// match notes which names match the patterns.
func (t *listTree) match(patterns []*pattern) {
	for _, n := range t.names {
		for _, p := range patterns {
			if (!n.matches || p.levels && !n.levels) && p.match(n.name) {
				n.matches = true
				n.levels = n.levels || p.levels
			}
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
		t.above(n, func(level *listed) {
			level.below = true
			level.unlisted = level.unlisted || !n.matches
		})
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
		return n.below && n.unlisted
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
		if n.matches && (n.subscribed || n.levels && n.below && n.unlisted) {
			out = append(out, n)
		}
	}
	return out
}

// compareNames orders INBOX first, and what is below a name right after it.
func compareNames(a, b string) int {
	if a, b := a == "INBOX", b == "INBOX"; a != b {
		if a {
			return -1
		}
		return 1
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			switch {
			case a[i] == hierarchy[0]:
				return -1
			case b[i] == hierarchy[0]:
				return 1
			}
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}
