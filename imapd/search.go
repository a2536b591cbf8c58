package imapd

import (
	"cmp"
	"slices"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/mail"
	"posthorn/store"
)

// cmdSearch is SEARCH (RFC 9051 §6.4.4, RFC 3501 §6.4.4).
func (s *session) cmdSearch(d *decoder) error { return s.search(d, false) }

// cmdUIDSearch is UID SEARCH.
func (s *session) cmdUIDSearch(d *decoder) error { return s.search(d, true) }

func (s *session) search(d *decoder, uid bool) error {
	args := d.searchArgs()
	found, err := s.runSearch(&args, d.end())
	if err != nil {
		return err
	}
	if !args.extended && !s.enabled.rev2 {
		s.writeSearch(found, uid)
	} else {
		s.writeESearch(found, args.ret, uid)
	}
	return nil
}

// found is what a search found.
type found struct {
	hits []store.SearchHit
	// sorted: they are in another order than that of their UIDs.
	sorted bool
	// highest is the highest modification sequence of what is returned, where a
	// MODSEQ was among the keys.
	highest mail.ModSeq
}

// runSearch runs a search that was decoded, or not; it sorts what it finds
// and keeps it for "$" where the client wants that.
func (s *session) runSearch(args *searchArgs, err error) (found, error) {
	if err == nil {
		err = s.checkSearch(args)
	}
	f := found{sorted: len(args.order) > 0}
	if err == nil {
		if args.modSeq {
			s.enableCondstore()
		}
		s.numbers = s.numbers || args.numbers
		f.hits, err = s.find(args)
	}
	if err != nil {
		s.limit = 0 // nothing was looked at
	}
	picked := args.ret.pick(f.hits)
	if args.ret.ReturnSave {
		if err == nil {
			s.box.saved = uidsOf(picked)
		} else if s.statusOf(err).kind == "NO" { // RFC 9051 §6.4.4.1; BAD changes nothing
			s.box.saved = nil
		}
	}
	if err == nil && args.modSeq {
		f.highest = highestOf(picked)
	}
	return f, err
}

// checkSearch refuses what the syntax allows.
func (s *session) checkSearch(args *searchArgs) error {
	if s.enabled.uidOnly && args.numbers {
		return errUIDRequired
	}
	if args.beside && s.srv.cfg.MessageLimit == 0 {
		return bad("Unknown search key: MESSAGELIMIT is not offered")
	}
	return s.checkCharset(args)
}

// checkCharset refuses charsets that aren't known; and in SEARCH any where
// UTF-8 was agreed on (RFC 6855 §3), which RFC 9051 allows again.
func (s *session) checkCharset(args *searchArgs) error {
	switch {
	case !knownCharset(args.charset):
		return badCharset("That charset is not supported")
	case args.named && s.enabled.utf8 && !s.enabled.rev2:
		return bad("After ENABLE UTF8=ACCEPT no charset may be named")
	}
	return nil
}

// find is the messages that match and that the client knows of, in the order
// that is wanted. What it may be told before is told before, so that a search
// finds what was just delivered.
func (s *session) find(args *searchArgs) ([]store.SearchHit, error) {
	s.sync(!s.numbers)
	if s.boxDeleted {
		return nil, mail.ErrNoSuchMailbox
	}
	query, err := s.searchLimited(args)
	if err != nil {
		return nil, err
	}
	rounds := 1
	if args.fuzzy {
		rounds += 2
	}
	if len(args.order) > 0 {
		rounds++
	}
	p, done := s.working(rounds * s.box.view.len())
	defer done()
	hits, err := s.srv.store.SearchCounted(s.ctx, s.box.id, query, p)
	if err != nil {
		return nil, err
	}
	hits = slices.DeleteFunc(hits, func(h store.SearchHit) bool { return s.box.view.seq(h.UID) == 0 })
	if args.fuzzy {
		err = s.score(hits, args.key, p)
	}
	if err == nil && len(args.order) > 0 {
		hits, err = s.srv.store.Sort(s.ctx, s.box.id, hits, args.order, p)
	}
	return hits, err
}

func uidsOf(hits []store.SearchHit) mail.UIDSet {
	byUID := func(a, b store.SearchHit) int { return cmp.Compare(a.UID, b.UID) }
	if !slices.IsSortedFunc(hits, byUID) {
		hits = slices.SortedFunc(slices.Values(hits), byUID)
	}
	var set mail.UIDSet
	for _, h := range hits {
		set.Add(h.UID)
	}
	return set
}

// highestOf is the highest modification sequence of what is returned (RFC 4731
// §3.2); of none 0.
func highestOf(hits []store.SearchHit) (n mail.ModSeq) {
	for _, h := range hits {
		n = max(n, h.ModSeq)
	}
	return n
}

// searchSet is what a set among the search keys means. Numbers of no message
// match nothing: here they are no error, as they are elsewhere.
func (s *session) searchSet(set numSet, uid bool) store.InSet {
	v := &s.box.view
	if uid || set.saved {
		uids, _ := s.messages(set, true) // only sequence numbers can be wrong
		return store.InSet{Set: uids}
	}
	seqs := upTo(set.resolve(uint32(v.len())), mail.UID(v.len()))
	uids, _ := v.uidsOf(seqs)
	return store.InSet{Set: uids}
}

// writeSearch sends RFC 3501's SEARCH response.
func (s *session) writeSearch(f found, uid bool) {
	w := s.out
	w.raw("* SEARCH")
	for _, h := range f.hits {
		w.raw(" ")
		w.num(uint64(s.number(h.UID, uid)))
	}
	w.modSeq(f.highest)
	w.end()
}

// modSeq ends a SEARCH or SORT response (RFC 7162 §3.1.6, §3.1.9); 0 is none.
func (w *writer) modSeq(highest mail.ModSeq) {
	if highest > 0 {
		w.raw(" (MODSEQ ")
		w.num(uint64(highest))
		w.raw(")")
	}
}

// writeESearch sends an ESEARCH response (RFC 9051 §7.3.4), unless SAVE alone
// was asked for, which suppresses it (§6.4.4).
func (s *session) writeESearch(f found, o searchReturn, uid bool) {
	switch o {
	case searchReturn{SearchOptions: imap.SearchOptions{ReturnSave: true}}:
		return
	case searchReturn{}:
		o.ReturnAll = true
	}
	w := s.out
	w.raw(`* ESEARCH (TAG "`, s.tag, `")`)
	if uid {
		w.raw(" UID")
	}
	if n := len(f.hits); n > 0 {
		if o.ReturnMin {
			w.raw(" MIN ")
			w.num(uint64(s.number(f.hits[0].UID, uid)))
		}
		if o.ReturnMax {
			w.raw(" MAX ")
			w.num(uint64(s.number(f.hits[n-1].UID, uid)))
		}
		if o.ReturnAll {
			w.raw(" ALL ")
			s.writeHits(f, 0, n, uid)
		}
	}
	if o.partial != nil {
		w.raw(" PARTIAL (")
		o.partial.write(w)
		if start, end := o.partial.of(len(f.hits)); start < end {
			w.raw(" ")
			s.writeHits(f, start, end, uid)
		} else {
			w.raw(" NIL")
		}
		w.raw(")")
	}
	if o.relevancy {
		s.writeRelevancy(o.pick(f.hits))
	}
	if o.ReturnCount {
		w.raw(" COUNT ")
		w.num(uint64(len(f.hits)))
	}
	if f.highest > 0 { // RFC 4731 §3.2
		w.raw(" MODSEQ ")
		w.num(uint64(f.highest))
	}
	w.end()
}

// writeHits appends the numbers of some of the hits.
func (s *session) writeHits(f found, start, end int, uid bool) {
	if f.sorted {
		s.out.b = s.inOrder(s.out.b, f.hits[start:end], uid)
		return
	}
	s.out.b = s.numbersOf(uidsOf(f.hits[start:end]), uid).Append(s.out.b)
}

// number is a message's UID or its sequence number.
func (s *session) number(u mail.UID, uid bool) mail.UID {
	if uid {
		return u
	}
	return mail.UID(s.box.view.seq(u))
}

// numbersOf is number of a set whose messages are all in the view.
func (s *session) numbersOf(set mail.UIDSet, uid bool) mail.UIDSet {
	if uid {
		return set
	}
	var out mail.UIDSet
	for _, r := range set {
		out.AddRange(s.number(r.From, false), s.number(r.To, false))
	}
	return out
}
