package imapd

import (
	"cmp"
	"slices"

	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdStore is STORE (RFC 9051 §6.4.6).
func (s *session) cmdStore(d *decoder) error { return s.storeFlags(d, false) }

// cmdUIDStore is UID STORE.
func (s *session) cmdUIDStore(d *decoder) error { return s.storeFlags(d, true) }

func (s *session) storeFlags(d *decoder, uid bool) error {
	args := d.storeArgs()
	if err := d.end(); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	set, err := s.messages(args.set, uid)
	if err != nil || len(set) == 0 {
		return err
	}
	// Of a silent STORE the client reckons the new flags from those that it
	// knows. Where others changed them meanwhile it is told what they are now
	// (RFC 9051 §6.4.6, note).
	var loud mail.UIDSet
	if args.silent {
		s.box.own, loud, err = s.srv.store.SetFlags(s.ctx, s.box.id, set, args.op, args.flags, s.box.modSeq)
	} else {
		loud = set
	}
	if err == nil && len(loud) > 0 {
		err = s.storeLoudly(loud, args)
	}
	if err != nil {
		return err
	}
	if !uid && len(s.box.own) < s.box.view.count(set) {
		return errExpunged
	}
	return nil
}

// storeLoudly stores and tells the flags that come of it.
func (s *session) storeLoudly(set mail.UIDSet, args storeArgs) error {
	done, _, err := s.srv.store.SetFlags(s.ctx, s.box.id, set, args.op, args.flags, 0)
	if err != nil {
		return err
	}
	for _, r := range done {
		if seq := s.box.view.seq(r.UID); seq != 0 {
			s.announceFlags(seq, r.UID, r.Flags)
		}
	}
	s.box.own = append(s.box.own, done...)
	slices.SortFunc(s.box.own, func(a, b store.FlagResult) int { return cmp.Compare(a.UID, b.UID) })
	return nil
}
