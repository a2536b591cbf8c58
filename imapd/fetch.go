package imapd

import (
	"errors"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/store"
)

// cmdFetch is FETCH (RFC 9051 §6.4.5).
func (s *session) cmdFetch(d *decoder) error { return s.fetch(d, false) }

// cmdUIDFetch is UID FETCH.
func (s *session) cmdUIDFetch(d *decoder) error { return s.fetch(d, true) }

func (s *session) fetch(d *decoder, uid bool) error {
	args := d.fetchArgs()
	if err := d.end(); err != nil {
		return err
	}
	switch {
	case (args.vanished || args.partial != nil) && !uid:
		return bad("VANISHED and PARTIAL go with UID FETCH alone")
	case args.vanished && !s.enabled.qresync:
		return errNoQresync
	case args.has(itemModSeq):
		s.enableCondstore()
	}
	if args.vanished {
		if err := s.writeVanishedEarlier(s.earlier(args.set), args.changedSince); err != nil {
			return err
		}
	}
	set, err := s.messages(args.set, uid)
	if err == nil && args.partial != nil {
		if most := s.srv.cfg.MessageLimit; most > 0 && args.partial.len() > most {
			return s.tooMany(0)
		}
		start, end := args.partial.of(s.box.view.count(set))
		set = s.box.view.part(set, start, end)
	}
	if err == nil && args.changedSince > 0 {
		set, err = s.changedSince(set, args.changedSince)
	}
	if err != nil || len(set) == 0 {
		return err
	}
	set, s.limit = s.withinLimit(set)
	f := newFetch(s, args.items, uid)
	if f.sees && !s.box.readOnly {
		err = f.runSeeing(set)
	} else {
		err = f.run(set)
	}
	short := f.count < s.box.view.count(set)
	if short {
		s.box.woken.Store(true) // so that the client hears what is gone
	}
	switch {
	case err != nil:
		return err
	case f.failed != nil:
		return f.failed
	case !uid && short:
		return errExpunged
	}
	return nil
}

// fetch is one FETCH command under way. Rows come from the store in batches;
// no read transaction is open while they are written.
type fetch struct {
	s     *session
	items []fetchItem
	// labels are the items' names in the answer, with "BODY[…]<…>" spelt out.
	labels []string
	want   store.Want
	uid    bool // the UID is told first, asked for or not
	asked  [itemKinds]bool
	sees   bool // an item sets \Seen
	empty  bool // no item of the present answer is written yet
	room   headerRoom
	next   int // where in the view the next message is looked for
	count  int // messages answered
	lazy   int // previews made that were asked for with LAZY
	// failed is what is said with NO after all that could be told was told.
	failed error
}

func newFetch(s *session, items []fetchItem, uid bool) *fetch {
	f := &fetch{s: s, items: items, uid: uid && !s.enabled.uidOnly, labels: make([]string, len(items))}
	f.asked[itemUID] = uid
	brief := true // only what the store lists fast
	for i := range items {
		it := &items[i]
		f.labels[i] = it.label()
		brief = brief && it.brief()
		f.asked[it.kind] = true
		switch it.kind {
		case itemEnvelope:
			f.want |= store.WantEnvelope
		case itemThreadID:
			f.want |= store.WantEnvelope | store.WantHeader
		case itemBodyStructure:
			f.want |= store.WantStructure
		case itemRFC822, itemRFC822Text:
			f.sees = true
		case itemRFC822Header:
			f.want |= store.WantHeader
		case itemSection, itemBinary:
			f.sees = f.sees || !it.section.peek
			if it.kind == itemSection && it.section.ofHeader() {
				f.want |= store.WantHeader
			}
		}
	}
	if brief {
		f.want |= store.Brief
	}
	return f
}

// run answers for the messages in set.
func (f *fetch) run(set mail.UIDSet) error {
	for m, err := range f.s.srv.store.Messages(f.s.ctx, f.s.box.id, set, f.want) {
		if err == nil {
			err = f.message(m, false)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// seenBatch is how many messages get \Seen in one transaction while their
// bodies are fetched: a client that leaves in the middle has then not marked
// much that it never got.
const seenBatch = 50

// runSeeing is run for items that set \Seen.
func (f *fetch) runSeeing(set mail.UIDSet) error {
	for some := range f.s.box.view.batches(set, seenBatch) {
		marked, err := f.markSeen(some)
		if err != nil {
			return err
		}
		for m, err := range f.s.srv.store.Messages(f.s.ctx, f.s.box.id, some, f.want) {
			if err == nil {
				err = f.message(m, marked.Contains(m.UID))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// markSeen sets \Seen where it isn't set, and returns where that was. Where it
// can't be written (the disk is full) mail is read all the same.
func (f *fetch) markSeen(set mail.UIDSet) (unseen mail.UIDSet, err error) {
	s := f.s
	for m, err := range s.srv.store.Messages(s.ctx, s.box.id, set, store.Brief) {
		if err != nil {
			return nil, err
		}
		if m.Flags.System&mail.Seen == 0 {
			unseen.Add(m.UID)
		}
	}
	if len(unseen) == 0 {
		return nil, nil
	}
	done, _, err := s.srv.store.SetFlags(s.ctx, s.box.id, unseen, store.FlagsAdd, mail.Flags{System: mail.Seen}, store.Unconditionally)
	if err != nil {
		s.srv.cfg.Log.Internal(s.conn.ID(), `setting \Seen`, err)
		return nil, nil
	}
	s.noteFlags(done, store.FlagsAdd, mail.Flags{System: mail.Seen})
	s.box.addOwn(done)
	return unseen, nil
}

// message writes a message's FETCH answer. marked: \Seen was set on the way,
// so FLAGS is told too.
func (f *fetch) message(m *store.Message, marked bool) error {
	seq := f.seq(m.UID)
	if seq == 0 {
		return nil
	}
	if len(m.Flags.Keywords) > 0 && (f.asked[itemFlags] || marked) {
		f.s.announceKeywords(m.Flags)
	}
	w := f.s.out
	line := len(w.b)
	f.s.beginItems(seq, m.UID)
	f.empty = true
	if f.uid {
		f.begin("UID ")
		w.num(uint64(m.UID))
	}
	c := content{s: f.s, m: m, room: &f.room}
	defer c.close()
	for i := range f.items {
		if err := f.item(i, m, &c); err != nil {
			return err
		}
	}
	if marked {
		f.marked(m)
	}
	if f.empty {
		w.b = w.b[:line] // nothing of it could be read
		return nil
	}
	w.b = append(w.b, ')')
	w.end()
	f.count++
	if _, ok := f.s.conn.Fault(fault.Drop, ""); ok {
		return f.s.cut()
	}
	return nil
}

// marked tells that \Seen was set, as FETCH does that nobody asked for.
func (f *fetch) marked(m *store.Message) {
	w := f.s.out
	if !f.asked[itemFlags] {
		f.begin("FLAGS (")
		w.b = append(m.Flags.Append(w.b), ')')
	}
	if f.s.enabled.condstore && !f.asked[itemUID] { // RFC 7162 §3.2.4
		f.begin("UID ")
		w.num(uint64(m.UID))
	}
	if f.s.enabled.condstore && !f.asked[itemModSeq] {
		f.begin("")
		f.s.writeModSeq(m.ModSeq)
	}
}

// begin writes the name of a data item, and a space before all but the first.
func (f *fetch) begin(label string) {
	w := f.s.out
	if !f.empty {
		w.b = append(w.b, ' ')
	}
	f.empty = false
	w.b = append(w.b, label...)
}

// seq is the sequence number of a UID; they come in ascending order.
func (f *fetch) seq(uid mail.UID) uint32 {
	uids := f.s.box.view.uids
	if f.next < len(uids) && uids[f.next] != uid {
		f.next, _ = f.s.box.view.span(f.next, mail.UIDRange{From: uid, To: uid})
	}
	if f.next >= len(uids) || uids[f.next] != uid {
		return 0
	}
	f.next++
	return uint32(f.next)
}

// internalDate is RFC 9051 §9's date-time, quotes included.
const internalDate = `"_2-Jan-2006 15:04:05 -0700"`

// appendDate is t.AppendFormat(b, internalDate) in a fourth of its time.
func appendDate(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(b, internalDate)
	}
	hour, minute, second := t.Clock()
	_, east := t.Zone()
	sign := byte('+')
	if east < 0 {
		sign, east = '-', -east
	}
	tens := byte(' ')
	if day > 9 {
		tens = '0' + byte(day/10)
	}
	b = append(b, '"', tens, '0'+byte(day%10), '-')
	b = append(append(b, month.String()[:3]...), '-')
	b = appendTwo(appendTwo(b, year/100), year%100)
	b = append(appendTwo(append(b, ' '), hour), ':')
	b = append(appendTwo(b, minute), ':')
	b = append(appendTwo(b, second), ' ', sign)
	return append(appendTwo(appendTwo(b, east/3600), east/60%60), '"')
}

// appendTwo writes a number of two digits.
func appendTwo(b []byte, n int) []byte { return append(b, '0'+byte(n/10), '0'+byte(n%10)) }

// item writes one data item, or nothing where the message can't be read. An
// error ends the connection: it came in the middle of an answer.
func (f *fetch) item(i int, m *store.Message, c *content) error {
	w := f.s.out
	it, label := &f.items[i], f.labels[i]
	switch it.kind {
	case itemFlags:
		f.begin(label)
		w.b = append(m.Flags.Append(w.b), ')')
	case itemUID:
		if !f.uid {
			f.begin(label)
			w.num(uint64(m.UID))
		}
	case itemModSeq:
		f.begin(label)
		f.s.writeModSeq(m.ModSeq)
	case itemEmailID:
		f.begin(label)
		w.raw("(", m.ObjectID(), ")")
	case itemThreadID:
		f.begin(label)
		w.raw("(", m.ThreadID(), ")")
	case itemSaveDate:
		f.begin(label)
		w.b = m.Saved.AppendFormat(w.b, internalDate)
	case itemInternalDate:
		f.begin(label)
		w.b = appendDate(w.b, m.Date)
	case itemSize:
		f.begin(label)
		w.num(uint64(m.Size))
	case itemEnvelope:
		f.begin(label)
		w.rendered(m.Envelope)
	case itemBodyStructure:
		f.begin(label)
		w.rendered(m.Structure)
	case itemBody:
		root, err := c.parts()
		if err != nil {
			f.fail(err)
			return nil
		}
		f.begin(label)
		w.rendered(root.AppendBodyStructure(nil, false))
	case itemPreview:
		f.preview(it, label, c)
	case itemBinary, itemBinarySize:
		return f.binary(it, label, c)
	default:
		return f.section(it, label, c)
	}
	return nil
}

// fail notes why not all could be told. What was listed and is not found was
// expunged by another session.
func (f *fetch) fail(err error) {
	if errors.Is(err, mail.ErrNotFound) {
		err = errExpunged
	}
	if f.failed == nil {
		f.failed = err
	}
}

// rendered appends an ENVELOPE or a body structure, in ASCII for a client that
// did not enable UTF-8 (RFC 6855 §3).
func (w *writer) rendered(b []byte) {
	if !w.unicode {
		b = message.ASCII(b)
	}
	w.b = append(w.b, b...)
}
