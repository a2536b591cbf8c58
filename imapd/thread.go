package imapd

import "posthorn/store"

// cmdThread is THREAD (RFC 5256).
func (s *session) cmdThread(d *decoder) error { return s.thread(d, false) }

// cmdUIDThread is UID THREAD.
func (s *session) cmdUIDThread(d *decoder) error { return s.thread(d, true) }

func (s *session) thread(d *decoder, uid bool) error {
	how, args := d.threadArgs()
	args.whole = true
	found, err := s.runSearch(&args, d.end())
	if err != nil {
		return err
	}
	p, done := s.working(len(found.hits))
	threads, err := s.srv.store.Thread(s.ctx, s.box.id, found.hits, how, p)
	done()
	if err != nil {
		return err
	}
	s.out.raw("* THREAD")
	if len(threads) > 0 {
		s.out.raw(" ")
	}
	for _, t := range threads {
		s.writeThread(t, uid)
	}
	s.out.end()
	return nil
}

// writeThread writes a thread-list (RFC 5256 §5): a message and its only child
// and the only child of that, then the children of the last.
func (s *session) writeThread(t *store.Thread, uid bool) {
	w := s.out
	w.raw("(")
	for {
		if t.UID != 0 {
			w.num(uint64(s.number(t.UID, uid)))
			if len(t.Children) > 0 {
				w.raw(" ")
			}
		}
		if len(t.Children) != 1 {
			break
		}
		t = t.Children[0]
	}
	for _, c := range t.Children {
		s.writeThread(c, uid)
	}
	w.raw(")")
}
