package imapd

import (
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
	err := d.end()
	if err == nil {
		err = s.checkCharset(args.charset)
	}
	if err == nil && s.enabled.uidOnly && args.numbers {
		err = errUIDRequired
	}
	var hits []store.SearchHit
	if err == nil {
		if args.modSeq {
			s.enableCondstore()
		}
		s.numbers = s.numbers || args.numbers
		hits, err = s.find(args.key)
	}
	picked := args.ret.pick(hits)
	if args.ret.ReturnSave {
		if err == nil {
			s.box.saved = uidsOf(picked)
		} else if s.statusOf(err).kind == "NO" { // RFC 9051 §6.4.4.1; BAD changes nothing
			s.box.saved = nil
		}
	}
	if err != nil {
		return err
	}
	highest := mail.ModSeq(0)
	if args.modSeq {
		highest = highestOf(picked)
	}
	switch o := args.ret; {
	case !args.extended && !s.enabled.rev2:
		s.writeSearch(uidsOf(hits), highest, uid)
	case o == searchReturn{SearchOptions: imap.SearchOptions{ReturnSave: true}}:
		// It suppresses the response (RFC 9051 §6.4.4).
	default:
		if o == (searchReturn{}) {
			o.ReturnAll = true
		}
		s.writeESearch(hits, highest, o, uid)
	}
	return nil
}

// checkCharset refuses charsets that aren't known; and any where UTF-8 was
// agreed on (RFC 6855 §3), which RFC 9051 allows again.
func (s *session) checkCharset(name string) error {
	switch {
	case !knownCharset(name):
		return badCharset("That charset is not supported")
	case name != "" && s.enabled.utf8 && !s.enabled.rev2:
		return bad("After ENABLE UTF8=ACCEPT no charset may be named")
	}
	return nil
}

// find is the messages that match and that the client knows of. What it may be
// told before is told before, so that a search finds what was just delivered.
func (s *session) find(key searchKey) ([]store.SearchHit, error) {
	s.sync(!s.numbers)
	if s.boxDeleted {
		return nil, mail.ErrNoSuchMailbox
	}
	hits, err := s.srv.store.Search(s.ctx, s.box.id, key.query(s.searchSet))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(hits, func(h store.SearchHit) bool { return s.box.view.seq(h.UID) == 0 }), nil
}

func uidsOf(hits []store.SearchHit) mail.UIDSet {
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
func (s *session) writeSearch(found mail.UIDSet, highest mail.ModSeq, uid bool) {
	w := s.out
	w.raw("* SEARCH")
	for u := range found.All() {
		w.raw(" ")
		w.num(uint64(s.number(u, uid)))
	}
	if highest > 0 { // RFC 7162 §3.1.6
		w.raw(" (MODSEQ ")
		w.num(uint64(highest))
		w.raw(")")
	}
	w.end()
}

// writeESearch sends an ESEARCH response (RFC 9051 §7.3.4).
func (s *session) writeESearch(hits []store.SearchHit, highest mail.ModSeq, o searchReturn, uid bool) {
	w := s.out
	w.raw(`* ESEARCH (TAG "`, s.tag, `")`)
	if uid {
		w.raw(" UID")
	}
	if n := len(hits); n > 0 {
		if o.ReturnMin {
			w.raw(" MIN ")
			w.num(uint64(s.number(hits[0].UID, uid)))
		}
		if o.ReturnMax {
			w.raw(" MAX ")
			w.num(uint64(s.number(hits[n-1].UID, uid)))
		}
		if o.ReturnAll {
			w.raw(" ALL ")
			w.b = s.numbersOf(uidsOf(hits), uid).Append(w.b)
		}
	}
	if o.partial != nil {
		w.raw(" PARTIAL (")
		o.partial.write(w)
		if start, end := o.partial.of(len(hits)); start < end {
			w.raw(" ")
			w.b = s.numbersOf(uidsOf(hits[start:end]), uid).Append(w.b)
		} else {
			w.raw(" NIL")
		}
		w.raw(")")
	}
	if o.ReturnCount {
		w.raw(" COUNT ")
		w.num(uint64(len(hits)))
	}
	if highest > 0 { // RFC 4731 §3.2
		w.raw(" MODSEQ ")
		w.num(uint64(highest))
	}
	w.end()
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
