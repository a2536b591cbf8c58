package imapd

// cmdRename is RENAME (RFC 9051 §6.3.6). Renaming INBOX moves its messages.
func (s *session) cmdRename(d *decoder) error {
	args := d.renameArgs()
	if err := d.end(); err != nil {
		return err
	}
	levels := s.missingLevels(args.to)
	_, done := s.working(0)
	err := s.srv.store.RenameMailbox(s.ctx, s.account(), args.from, args.to)
	done()
	if err != nil {
		return nameError(err)
	}
	s.noteRenamed(args.from, args.to, levels)
	if s.enabled.rev2 && (args.givenFrom != args.from || args.givenTo != args.to) {
		tree, err := s.listTree(false)
		if err != nil {
			return err
		}
		if n := tree.byName[args.to]; n != nil {
			s.writeRenamed(n, args.givenFrom)
		}
	}
	return nil
}
