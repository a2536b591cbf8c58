package store

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// tier is what must have been read of a message to decide a criterion. The
// higher, the dearer.
type tier int

const (
	onRow    tier = iota // its row in the mailbox
	onHeader             // its header
	onBody               // its body
)

// verdict is what is known of a criterion.
type verdict int

const (
	no verdict = iota
	yes
	unknown // more must be read
)

// plan is a query made ready: sorted so that what is cheap is asked first.
type plan struct {
	root criterion
	// within are the UIDs that can match.
	within mail.UIDSet
	// criteria is how many there are, without And, Or and Not.
	criteria int
	// texts are those about text, each with its place in the list.
	texts []*hasText
	// headers: some criterion looks into headers; whole: and into bodies too.
	headers, whole bool
	// fields are the header fields, in lower case, that are looked into; nil for
	// all.
	fields []string
}

// criterion is a Query made ready. match notes in c.need the lowest tier that
// would tell more, when the verdict is unknown.
type criterion interface {
	match(c *candidate) verdict
	tier() tier // the lowest at which it may be decided
}

// candidate is a message as far as it has been read.
type candidate struct {
	m    *Message
	have tier
	need tier

	header []byte // from onHeader on: the folded text of m.Trace and of the header
	long   bool   // the header is looked into on onBody instead: header is of m.Trace alone
	found  []bool // on onBody: which of plan.texts match

	work int // steps that were taken to decide
}

// lacks notes that a tier must be read.
func (c *candidate) lacks(t tier) verdict {
	c.need = min(c.need, t)
	return unknown
}

// decide is the query's verdict on a candidate.
func (p *plan) decide(c *candidate) verdict {
	c.need = onBody
	return p.root.match(c)
}

func compile(q Query) *plan {
	p := &plan{within: mail.AllUIDs()}
	p.root = p.compile(q)
	if set, ok := confined(q); ok {
		p.within = set
	}
	slices.Sort(p.fields)
	p.fields = slices.Compact(p.fields)
	if p.whole || len(p.fields) > maxFields {
		p.fields = nil
	}
	return p
}

// maxFields is how many fields are picked out of a header: each of its lines is
// compared with all.
const maxFields = 20

// costly: what is asked is counted.
func (p *plan) costly() bool { return p.criteria > freeCriteria }

// confined returns a set outside which nothing matches, if q names one.
func confined(q Query) (mail.UIDSet, bool) {
	switch q := q.(type) {
	case InSet:
		return q.Set, true
	case And:
		for _, sub := range q {
			if set, ok := confined(sub); ok {
				return set, true
			}
		}
	}
	return nil, false
}

// compile makes no more of And, Or and Not than criteria need.
func (p *plan) compile(q Query) criterion {
	switch q := q.(type) {
	case And:
		if len(q) == 1 {
			return p.compile(q[0])
		}
		return allOf(p.compileAll(q))
	case Or:
		if len(q) == 1 {
			return p.compile(q[0])
		}
		return anyOf(p.compileAll(q))
	case Not:
		c := p.compile(q.Q)
		if c, ok := c.(not); ok {
			return c.q
		}
		return not{c}
	case HasText:
		p.criteria++
		return p.compileText(q)
	}
	p.criteria++
	return compileRow(q)
}

func (p *plan) compileAll(qs []Query) []criterion {
	list := make([]criterion, len(qs))
	for i, q := range qs {
		list[i] = p.compile(q)
	}
	slices.SortStableFunc(list, func(a, b criterion) int { return int(a.tier() - b.tier()) })
	return list
}

// Steps that it takes to ask a row something, with what stands around it.
const (
	rowWork   = 8
	setWork   = 25 // to look something up in a list
	datedWork = 40
)

func compileRow(q Query) criterion {
	switch q := q.(type) {
	case InSet:
		return rowTest{setWork, func(m *Message) bool { return q.Set.Contains(m.UID) }}
	case HasFlag:
		if bit, ok := mail.ParseSystemFlag(q.Name); ok {
			return rowTest{rowWork, func(m *Message) bool { return m.Flags.System&bit != 0 }}
		}
		return rowTest{setWork, func(m *Message) bool { return m.Flags.Has(q.Name) }}
	case Larger:
		return rowTest{rowWork, func(m *Message) bool { return m.Size > q.Size }}
	case Smaller:
		return rowTest{rowWork, func(m *Message) bool { return m.Size < q.Size }}
	case ModSeqAtLeast:
		return rowTest{rowWork, func(m *Message) bool { return m.ModSeq >= q.ModSeq }}
	case HasObjectID:
		content := q.content()
		return rowTest{rowWork, func(m *Message) bool { return q.matches(content, m) }}
	case Dated:
		since, before := q.bound(q.Since), q.bound(q.Before)
		return rowTest{datedWork, func(m *Message) bool { return q.matches(m, since, before) }}
	}
	return rowTest{rowWork, func(*Message) bool { return false }} // nil: there are no other kinds
}

func (p *plan) compileText(q HasText) criterion {
	t := &hasText{in: q.In, place: len(p.texts), value: newNeedle(message.Fold(nil, q.Value))}
	switch q.In {
	case InHeader:
		if !isFieldName(q.Name) || bytes.IndexByte(t.value.b, '\n') >= 0 {
			return anyOf(nil) // no message has such a field, nor one of several lines
		}
		t.name = message.Fold(nil, q.Name+": ")
		t.line = newNeedle(append([]byte{'\n'}, t.name...))
		p.headers, p.fields = true, append(p.fields, strings.ToLower(q.Name))
	case InText:
		p.headers, p.whole = true, true
	}
	p.texts = append(p.texts, t)
	return t
}

// isFieldName reports whether a field may be called that (RFC 5322 §2.2).
func isFieldName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ':' || r > '~' })
}

// allOf matches what all match.
type allOf []criterion

func (l allOf) match(c *candidate) verdict {
	v := yes
	for _, sub := range l {
		switch sub.match(c) {
		case no:
			return no
		case unknown:
			v = unknown
		}
	}
	return v
}

func (l allOf) tier() tier { return lowest(l) }

// anyOf matches what any matches.
type anyOf []criterion

func (l anyOf) match(c *candidate) verdict {
	v := no
	for _, sub := range l {
		switch sub.match(c) {
		case yes:
			return yes
		case unknown:
			v = unknown
		}
	}
	return v
}

func (l anyOf) tier() tier { return lowest(l) }

// lowest is the tier of the first: lists are sorted.
func lowest(l []criterion) tier {
	if len(l) == 0 {
		return onRow
	}
	return l[0].tier()
}

type not struct{ q criterion }

func (n not) match(c *candidate) verdict {
	switch n.q.match(c) {
	case no:
		return yes
	case yes:
		return no
	}
	return unknown
}

func (n not) tier() tier { return n.q.tier() }

// rowTest is decided by the row alone, in so many steps.
type rowTest struct {
	work int
	test func(m *Message) bool
}

func (t rowTest) match(c *candidate) verdict {
	c.work += t.work
	if t.test(c.m) {
		return yes
	}
	return no
}

func (rowTest) tier() tier { return onRow }

// bound is Since or Before as what matches compares: the day, unless Exact.
func (q Dated) bound(t time.Time) time.Time {
	if q.Exact || t.IsZero() {
		return t
	}
	return day(t)
}

// matches compares days as they were written (RFC 9051 §6.4.4), or moments. A
// message without such a date is in no range.
func (q Dated) matches(m *Message, since, before time.Time) bool {
	var t time.Time
	switch q.Field {
	case InternalDate:
		t = m.Date
	case SentDate:
		t = m.Sent
	case SavedDate:
		t = m.Saved
	}
	if t.IsZero() {
		return false
	}
	t = q.bound(t)
	return (since.IsZero() || !t.Before(since)) && (before.IsZero() || t.Before(before))
}

// day is the day that t's own zone calls it.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
