package imapd

import (
	"cmp"
	"slices"

	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdStore is STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
func (s *session) cmdStore(d *decoder) error { return s.storeFlags(d, false) }

// cmdUIDStore is UID STORE.
func (s *session) cmdUIDStore(d *decoder) error { return s.storeFlags(d, true) }

func (s *session) storeFlags(d *decoder, uid bool) error {
	args := d.storeArgs()
	if err := d.end(); err != nil {
		return err
	}
	if args.conditional {
		s.enableCondstore()
	}
	if err := s.writable(); err != nil {
		return err
	}
	set, err := s.messages(args.set, uid)
	if err != nil || len(set) == 0 {
		return err
	}
	set, lowest := s.withinLimit(set)
	stored, loud := 0, set
	if args.silent {
		if stored, loud, err = s.storeSilently(set, &args); err != nil {
			return err
		}
	}
	var modified mail.UIDSet
	if len(loud) > 0 {
		n := 0
		if n, modified, err = s.storeLoudly(loud, &args); err != nil {
			return err
		}
		stored += n
	}
	s.limit = lowest
	code := ""
	if len(modified) > 0 {
		if err := s.tellModified(modified); err != nil {
			return err
		}
		code = "MODIFIED " + s.numbersOf(modified, uid).String()
	}
	if !uid && stored+modified.Len() < s.box.view.count(set) {
		if code != "" {
			return no(code, "Some were changed meanwhile, and some expunged")
		}
		return errExpunged
	}
	if code != "" {
		s.ok(code, "Some were changed meanwhile")
	}
	return nil
}

// storeSilently stores where others changed nothing that the client hasn't
// heard of: it reckons the new flags from those that it knows. loud are the
// others: of these it is told what the flags are now (RFC 9051 §6.4.6, note).
// Their modification sequences a client with CONDSTORE is told in any case.
func (s *session) storeSilently(set mail.UIDSet, args *storeArgs) (stored int, loud mail.UIDSet, err error) {
	_, end := s.working(0)
	done, loud, err := s.srv.store.SetFlags(s.ctx, s.box.id, set, args.op, args.flags, min(args.unchangedSince, s.box.modSeq))
	end()
	if err != nil {
		return 0, nil, err
	}
	s.noteFlags(done, args.op, args.flags)
	if s.enabled.condstore {
		for _, r := range done {
			if seq := s.box.view.seq(r.UID); seq != 0 && (args.conditional || r.ModSeq > s.box.modSeq) {
				s.announceModSeq(seq, r)
			}
		}
	}
	s.box.addOwn(done)
	return len(done), loud, nil
}

// storeLoudly stores and tells the flags that come of it.
func (s *session) storeLoudly(set mail.UIDSet, args *storeArgs) (stored int, modified mail.UIDSet, err error) {
	_, end := s.working(0)
	done, modified, err := s.srv.store.SetFlagsUntouched(s.ctx, s.box.id, set, args.op, args.flags, args.unchangedSince)
	end()
	if err != nil {
		return 0, nil, err
	}
	s.noteFlags(done, args.op, args.flags)
	for _, r := range done {
		if seq := s.box.view.seq(r.UID); seq != 0 {
			s.announceFlags(seq, r)
		}
	}
	s.box.addOwn(done)
	return len(done), modified, nil
}

// tellModified tells the flags of messages that a conditional STORE left alone,
// so that the client needn't ask (RFC 7162 §3.1.3).
func (s *session) tellModified(set mail.UIDSet) error {
	var told []store.FlagResult
	for m, err := range s.srv.store.Messages(s.ctx, s.box.id, set, store.Brief) {
		if err != nil {
			return err
		}
		r := store.FlagResult{UID: m.UID, Flags: m.Flags, ModSeq: m.ModSeq}
		if seq := s.box.view.seq(m.UID); seq != 0 {
			s.announceFlags(seq, r)
		}
		told = append(told, r)
	}
	s.box.addOwn(told)
	return nil
}

// addOwn notes messages whose flags the client knows without sync.
func (b *mailbox) addOwn(list []store.FlagResult) {
	b.own = append(b.own, list...)
	slices.SortFunc(b.own, func(a, b store.FlagResult) int { return cmp.Compare(a.UID, b.UID) })
}
