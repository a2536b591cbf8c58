package imapd

// cmdLsub is LSUB (RFC 3501 §6.3.9), which RFC 9051 dropped for LIST (SUBSCRIBED).
func (s *session) cmdLsub(d *decoder) error {
	args := d.lsubArgs()
	if err := d.end(); err != nil {
		return err
	}
	tree, err := s.listTree(true)
	if err != nil {
		return err
	}
	w := s.out
	for _, n := range tree.subscriptions(args.compile()) {
		w.raw("* LSUB (")
		if !n.subscribed || n.box == nil {
			w.raw(`\Noselect`)
		}
		w.raw(`) "/" `)
		w.mailbox(n.name)
		w.end()
	}
	return nil
}
