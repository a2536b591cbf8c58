package imapd

import (
	"fmt"
	"math"

	"posthorn/internal/mail"
	"posthorn/store"
)

// MESSAGELIMIT (RFC 9738), where the operator set one: a command works on so
// many messages, those with the highest UIDs, and says how far it came. What
// must not be done in part (COPY, APPEND, THREAD) is refused. EXPUNGE, CLOSE and
// STATUS know no limit (§3.1).

// withinLimit is what of set a command may work on, and the lowest UID of that
// where it is not all: for session.limit, once the work is done. The answers
// come in the order of the UIDs, as ever.
func (s *session) withinLimit(set mail.UIDSet) (some mail.UIDSet, lowest mail.UID) {
	most := s.srv.cfg.MessageLimit
	if most == 0 {
		return set, 0
	}
	n := s.box.view.count(set)
	if n <= most {
		return set, 0
	}
	some = s.box.view.part(set, n-most, n)
	return some, some[0].From
}

// tooMany refuses a command that works on more messages than one may. lowest is
// the last that it could work on, or 0.
func (s *session) tooMany(lowest mail.UID) error {
	return no(s.limitCode(lowest), "Too many messages for one command")
}

func (s *session) limitCode(lowest mail.UID) string {
	if lowest == 0 {
		return fmt.Sprintf("MESSAGELIMIT %d", s.srv.cfg.MessageLimit)
	}
	return fmt.Sprintf("MESSAGELIMIT %d %d", s.srv.cfg.MessageLimit, lowest)
}

// tellLimit tells, with a tagged answer or before it, that a command left
// messages out (§3.1).
func (s *session) tellLimit(say *status) {
	switch {
	case s.limit == 0 || say.kind == "BAD":
	case say.kind == "OK" && say.code == "":
		say.code = s.limitCode(s.limit)
	default:
		s.out.status("*", status{"NO", s.limitCode(s.limit), "Only the last of these messages were looked at"})
	}
	s.limit = 0
}

// mostUpload is how many messages one APPEND may bring, tooManyUploaded refuses
// more.
func (s *session) mostUpload() int {
	if most := s.srv.cfg.MessageLimit; most > 0 {
		return min(most, maxUpload)
	}
	return maxUpload
}

func (s *session) tooManyUploaded(most int) error {
	if most == s.srv.cfg.MessageLimit {
		return s.tooMany(0)
	}
	return no("LIMIT", fmt.Sprintf("More than %d messages in one command", most))
}

// searchLimited narrows a search to the messages that it may look at: of those
// that its sets leave (§3.1, the second example). SORT and THREAD, which make
// sense of all or nothing, are refused (§3.3).
func (s *session) searchLimited(args *searchArgs) (store.Query, error) {
	query := args.key.query(s.searchSet)
	if s.srv.cfg.MessageLimit == 0 {
		return query, nil
	}
	some, lowest := s.withinLimit(s.candidates(args.key, mail.AllUIDs()))
	switch {
	case lowest == 0:
		return query, nil
	case args.whole:
		return nil, s.tooMany(0)
	}
	s.limit = lowest
	return store.And{store.InSet{Set: some}, query}, nil
}

// candidates is what of set a search needs to look at, by the sets among its
// keys.
func (s *session) candidates(key searchKey, set mail.UIDSet) mail.UIDSet {
	switch k := key.(type) {
	case keyAnd:
		for _, key := range k {
			set = s.candidates(key, set)
		}
	case keySet:
		set = set.Intersect(s.searchSet(k.set, k.uid).Set)
	case keyUIDs:
		set = set.Intersect(mail.UIDSet(k))
	}
	return set
}

// keyUIDs matches the messages with these UIDs.
type keyUIDs mail.UIDSet

func (k keyUIDs) query(func(numSet, bool) store.InSet) store.Query {
	return store.InSet{Set: mail.UIDSet(k)}
}

// besideKey decodes UIDAFTER and UIDBEFORE (§3.2).
func (p *searchProgram) besideKey(after bool) searchKey {
	p.beside = true
	p.sp()
	uid := mail.UID(p.nzNumber())
	var set mail.UIDSet
	switch {
	case after && uid < math.MaxUint32:
		set.AddRange(uid+1, math.MaxUint32)
	case !after && uid > 1:
		set.AddRange(1, uid-1)
	}
	return keyUIDs(set)
}

// deletedWithinLimit is withinLimit for UID EXPUNGE, which counts only what is
// \Deleted.
func (s *session) deletedWithinLimit(set mail.UIDSet) (some mail.UIDSet, lowest mail.UID, err error) {
	if _, lowest = s.withinLimit(set); lowest == 0 {
		return set, 0, nil
	}
	hits, err := s.srv.store.Search(s.ctx, s.box.id, store.And{store.InSet{Set: set}, store.HasFlag{Name: `\Deleted`}})
	if err != nil {
		return nil, 0, err
	}
	some, lowest = s.withinLimit(uidsOf(hits))
	return some, lowest, nil
}
