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
	var done []store.FlagResult
	if args.silent {
		done, err = s.storeSilently(set, args)
	} else {
		done, _, err = s.srv.store.SetFlags(s.ctx, s.box.id, set, args.op, args.flags, 0)
		s.box.own = done
		for _, r := range done {
			if seq := s.box.view.seq(r.UID); seq != 0 {
				s.announceFlags(seq, r.UID, r.Flags)
			}
		}
	}
	if err != nil {
		return err
	}
	if !uid && len(done) < s.box.view.count(set) {
		return errExpunged
	}
	return nil
}

// maxSilentTries is how often a silent STORE begins anew because others change
// the same messages.
const maxSilentTries = 10

// storeSilently is STORE with .SILENT: the client reckons the new flags from
// those that it knows, so nothing may be changed that changed without its
// knowledge (RFC 9051 §6.4.6, note). What did is told, then changed.
func (s *session) storeSilently(set mail.UIDSet, args storeArgs) ([]store.FlagResult, error) {
	var all []store.FlagResult
	for try := 1; len(set) > 0; try++ {
		s.sync(false)
		known := s.box.modSeq
		if try > maxSilentTries {
			known = 0 // whatever they are
		}
		done, changed, err := s.srv.store.SetFlags(s.ctx, s.box.id, set, args.op, args.flags, known)
		if err != nil {
			return nil, err
		}
		if known > 0 {
			all = append(all, done...)
			s.box.own = all
		}
		set = changed
	}
	slices.SortFunc(all, func(a, b store.FlagResult) int { return cmp.Compare(a.UID, b.UID) })
	return all, nil
}
