package imapd

import (
	"github.com/emersion/go-imap/v2"

	"posthorn/store"
)

// cmdList is LIST, basic and extended (RFC 9051 §6.3.9, RFC 5258, 5819, 6154).
func (s *session) cmdList(d *decoder) error {
	args := d.listArgs()
	if err := d.end(); err != nil {
		return err
	}
	if !args.extended && len(args.patterns) == 1 && args.patterns[0] == "" {
		s.out.raw(`* LIST (\Noselect) "/" ""`) // the root, RFC 9051 §6.3.9
		s.out.end()
		return nil
	}
	o := args.options
	if args.status != nil && args.status.HighestModSeq {
		s.enableCondstore()
	}
	o.ReturnSubscribed = o.ReturnSubscribed || o.SelectSubscribed
	tree, err := s.listTree(o.SelectSubscribed)
	if err != nil {
		return err
	}
	var annotations map[store.MailboxID][]store.Annotation
	if len(args.metadata) > 0 {
		if annotations, err = s.srv.store.MailboxAnnotations(s.ctx, s.account()); err != nil {
			return err
		}
	}
	// \NonExistent is RFC 5258's; others know only \Noselect.
	missing := `\Noselect`
	if args.extended || s.enabled.rev2 {
		missing = `\NonExistent`
	}
	for _, n := range tree.list(args.compile(), o) {
		s.writeListed(n, o, missing)
		if args.status != nil && n.box != nil && n.meets {
			if err := s.writeStatus(*n.box, *args.status); err != nil {
				return err
			}
		}
		if len(args.metadata) > 0 && n.box != nil && n.meets {
			found, _ := pickAnnotations(annotations[n.box.ID], getMetadataArgs{maxSize: -1, entries: args.metadata})
			s.writeMetadata(n.name, found)
		}
	}
	return nil
}

// listTree reads the names that there are; subscriptions to names without a
// mailbox only where they count.
func (s *session) listTree(subscribed bool) (*listTree, error) {
	boxes, err := s.srv.store.Mailboxes(s.ctx, s.account())
	if err != nil {
		return nil, err
	}
	var names []string
	if subscribed {
		if names, err = s.srv.store.Subscriptions(s.ctx, s.account()); err != nil {
			return nil, err
		}
	}
	return newListTree(boxes, names), nil
}

// compile makes the canonical patterns: the reference with the pattern behind
// it. An empty pattern stands for nothing (RFC 9051 §6.3.9).
func (a *listArgs) compile() []*pattern {
	var out []*pattern
	for _, text := range a.patterns {
		if text != "" {
			out = append(out, newPattern(a.ref+text))
		}
	}
	return out
}

// writeListed sends the LIST response for a name.
func (s *session) writeListed(n *listed, o imap.ListOptions, missing string) {
	w := s.out
	w.raw("* LIST (")
	if n.box == nil {
		w.raw(missing, " ")
	}
	if o.ReturnSubscribed && n.subscribed {
		w.raw(`\Subscribed `)
	}
	w.raw(n.childAttr())
	if n.box != nil && n.box.SpecialUse != "" {
		w.raw(" ", n.box.SpecialUse)
	}
	w.raw(`) "/" `)
	w.mailbox(n.name)
	if o.SelectRecursiveMatch && n.inside {
		// SUBSCRIBED is the one base option there is (RFC 5258 §6), so that it
		// was given.
		w.raw(` ("CHILDINFO" ("SUBSCRIBED"))`)
	}
	w.end()
}

// childAttr is CHILDREN's attribute (RFC 9051 §7.3.1).
func (n *listed) childAttr() string {
	if n.children {
		return `\HasChildren`
	}
	return `\HasNoChildren`
}

// listSelected sends the LIST response that belongs to SELECT (RFC 9051
// §6.3.2); given is the name as the client wrote it.
func (s *session) listSelected(mb store.Mailbox, given string) error {
	tree, err := s.listTree(false)
	if err != nil {
		return err
	}
	n := tree.byName[mb.Name]
	if n == nil { // renamed just now
		n = &listed{name: mb.Name, box: &mb}
	}
	s.writeRenamed(n, given)
	return nil
}

// writeRenamed sends a LIST response with OLDNAME where the client wrote the
// name otherwise (RFC 9051 §6.3.9.7).
func (s *session) writeRenamed(n *listed, given string) {
	w := s.out
	w.raw("* LIST (")
	w.raw(n.childAttr())
	if n.box != nil && n.box.SpecialUse != "" {
		w.raw(" ", n.box.SpecialUse)
	}
	w.raw(`) "/" `)
	w.mailbox(n.name)
	if given != "" && given != n.name {
		w.raw(` ("OLDNAME" (`)
		w.mailbox(given)
		w.raw("))")
	}
	w.end()
}
