package imapd

import "slices"

// cmdXlist is XLIST, which Google made before there was SPECIAL-USE: LIST with
// the uses of mailboxes, by names of its own, INBOX among them. Old Outlooks and
// Apple Mails ask for it where it is offered.
func (s *session) cmdXlist(d *decoder) error {
	args := d.lsubArgs()
	if err := d.end(); err != nil {
		return err
	}
	tree, err := s.listTree(false)
	if err != nil {
		return err
	}
	w := s.out
	for _, n := range tree.list(args.compile(), args.options) {
		w.raw("* XLIST (")
		if n.box == nil {
			w.raw(`\Noselect `)
		}
		w.raw(n.childAttr())
		if use := n.xlistUse(); use != "" {
			w.raw(" ", use)
		}
		w.raw(`) "/" `)
		w.mailbox(n.name)
		w.end()
	}
	return nil
}

// xlistUses are Google's names beside RFC 6154's. \Archive has none there:
// archived was what stood in \AllMail alone.
var xlistUses = [...][2]string{
	{`\All`, `\AllMail`}, {`\Drafts`, `\Drafts`}, {`\Flagged`, `\Starred`}, {`\Junk`, `\Spam`}, {`\Sent`, `\Sent`}, {`\Trash`, `\Trash`},
}

// xlistUse is a mailbox's use by Google's name, or empty.
func (n *listed) xlistUse() string {
	if n.name == "INBOX" {
		return `\Inbox`
	}
	if n.box == nil {
		return ""
	}
	i := slices.IndexFunc(xlistUses[:], func(u [2]string) bool { return u[0] == n.box.SpecialUse })
	if i < 0 {
		return ""
	}
	return xlistUses[i][1]
}
