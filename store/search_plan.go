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
	// texts are the criteria about text, each with its place in the list.
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
	if p.whole {
		p.fields = nil
	}
	return p
}

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

func (p *plan) compile(q Query) criterion {
	switch q := q.(type) {
	case And:
		return allOf(p.compileAll(q))
	case Or:
		return anyOf(p.compileAll(q))
	case Not:
		return not{p.compile(q.Q)}
	case InSet:
		return rowTest(func(m *Message) bool { return q.Set.Contains(m.UID) })
	case HasFlag:
		if bit, ok := mail.ParseSystemFlag(q.Name); ok {
			return rowTest(func(m *Message) bool { return m.Flags.System&bit != 0 })
		}
		return rowTest(func(m *Message) bool { return m.Flags.Has(q.Name) })
	case Larger:
		return rowTest(func(m *Message) bool { return m.Size > q.Size })
	case Smaller:
		return rowTest(func(m *Message) bool { return m.Size < q.Size })
	case ModSeqAtLeast:
		return rowTest(func(m *Message) bool { return m.ModSeq >= q.ModSeq })
	case HasObjectID:
		content := q.content()
		return rowTest(func(m *Message) bool { return q.matches(content, m) })
	case Dated:
		return rowTest(func(m *Message) bool { return q.matches(m) })
	case HasText:
		return p.compileText(q)
	}
	return rowTest(func(*Message) bool { return false }) // nil: there are no other kinds
}

func (p *plan) compileAll(qs []Query) []criterion {
	list := make([]criterion, len(qs))
	for i, q := range qs {
		list[i] = p.compile(q)
	}
	slices.SortStableFunc(list, func(a, b criterion) int { return int(a.tier() - b.tier()) })
	return list
}

func (p *plan) compileText(q HasText) criterion {
	t := &hasText{in: q.In, place: len(p.texts), value: newNeedle(message.Fold(nil, q.Value))}
	switch q.In {
	case InHeader:
		if !isFieldName(q.Name) || bytes.IndexByte(t.value.b, '\n') >= 0 {
			return anyOf(nil) // no message has such a field, nor one of several lines
		}
		t.name = message.Fold(nil, q.Name+": ")
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

// rowTest is decided by the row alone.
type rowTest func(m *Message) bool

func (t rowTest) match(c *candidate) verdict {
	if t(c.m) {
		return yes
	}
	return no
}

func (rowTest) tier() tier { return onRow }

// matches compares days as they were written (RFC 9051 §6.4.4), or moments. A
// message without such a date is in no range.
func (q Dated) matches(m *Message) bool {
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
	since, before := q.Since, q.Before
	if !q.Exact {
		t, since, before = day(t), day(since), day(before)
	}
	return (q.Since.IsZero() || !t.Before(since)) && (q.Before.IsZero() || t.Before(before))
}

// day is the day that t's own zone calls it.
func day(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
