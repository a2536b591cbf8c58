package imapd

import (
	"strings"
	"time"
	"unicode/utf8"

	"posthorn/internal/mail"
	"posthorn/store"
)

const (
	// maxSearchKeys is the most keys of one SEARCH: room for the long chains of
	// OR that clients build from lists of Message-IDs, and a bound for what one
	// command costs per message.
	maxSearchKeys = 2000
	// maxSearchDepth is how deep NOT, OR and parentheses nest. A chain OR a OR b c
	// nests once per OR.
	maxSearchDepth = 500
)

// searchArgs are the arguments of SEARCH, SORT and THREAD, and of them after UID.
type searchArgs struct {
	// ret is what RETURN asked for; extended tells that it was there.
	ret      searchReturn
	extended bool
	// charset is in upper case, empty when none was named; named: it was with
	// CHARSET, which SORT and THREAD do without.
	charset string
	named   bool
	// order is what to sort by, of SORT.
	order []store.SortBy
	key   searchKey
	// numbers: among the keys are sequence numbers; modSeq: and a MODSEQ, so
	// that the answer has one too (RFC 7162 §3.1.6); fuzzy: and a FUZZY.
	numbers, modSeq, fuzzy bool
	// beside: and UIDAFTER or UIDBEFORE. whole: the result makes sense only whole,
	// of SORT and THREAD.
	beside, whole bool
}

// searchKey is a search criterion whose message sets are not resolved yet.
type searchKey interface {
	// query is the criterion for the store; set tells what a numSet means.
	query(set func(s numSet, uid bool) store.InSet) store.Query
}

type (
	keyAnd []searchKey
	keyOr  []searchKey
	keyNot struct{ key searchKey }
	// keySet matches the messages of a set, of UIDs or of sequence numbers.
	keySet struct {
		set numSet
		uid bool
	}
	// keyQuery is a criterion that needs nothing resolved.
	keyQuery struct{ q store.Query }
)

func (k keyAnd) query(set func(numSet, bool) store.InSet) store.Query {
	if len(k) == 1 {
		return k[0].query(set)
	}
	and := make(store.And, len(k))
	for i, key := range k {
		and[i] = key.query(set)
	}
	return and
}

func (k keyOr) query(set func(numSet, bool) store.InSet) store.Query {
	or := make(store.Or, len(k))
	for i, key := range k {
		or[i] = key.query(set)
	}
	return or
}

func (k keyNot) query(set func(numSet, bool) store.InSet) store.Query {
	return store.Not{Q: k.key.query(set)}
}

func (k keySet) query(set func(numSet, bool) store.InSet) store.Query { return set(k.set, k.uid) }

func (k keyQuery) query(func(numSet, bool) store.InSet) store.Query { return k.q }

var (
	matchAll  = keyQuery{store.And{}}
	matchNone = keyQuery{store.Or{}}
)

// searchArgs decodes from the space after SEARCH on.
//
// An unknown charset is no error here: the rest is still decoded, so that bad
// syntax gets BAD and only a good command NO [BADCHARSET].
func (d *decoder) searchArgs() searchArgs {
	var a searchArgs
	d.sp()
	d.returnOptions(&a)
	if d.keyword("CHARSET") {
		a.named = true
		d.sp()
		d.charset(&a)
		d.sp()
	}
	d.searchKeys(&a)
	return a
}

// returnOptions decodes RETURN with its options and the space behind them, if
// they are there.
func (d *decoder) returnOptions(a *searchArgs) {
	if d.keyword("RETURN") {
		a.extended = true
		d.sp()
		d.searchReturn(&a.ret)
		d.sp()
	}
}

// searchKeys decodes the search keys up to the end.
func (d *decoder) searchKeys(a *searchArgs) {
	p := searchProgram{decoder: d, opaque: !knownCharset(a.charset)}
	a.key = p.and(0, func() bool { return d.moreArgs() })
	a.numbers, a.modSeq, a.fuzzy, a.beside = p.numbers, p.modSeq, p.fuzzy, p.beside
	if (a.ret.relevancy || byRelevancy(a.order)) && !a.fuzzy { // RFC 6203 §4, §6
		d.reject(bad("RELEVANCY needs a FUZZY search key"))
	}
}

// knownCharset: the two that RFC 9051 §6.4.4 demands; none means UTF-8.
func knownCharset(name string) bool {
	return name == "" || name == "UTF-8" || name == "US-ASCII"
}

// searchReturn decodes the result options (RFC 9051 §6.4.4, RFC 4731, 5182).
func (d *decoder) searchReturn(o *searchReturn) {
	d.list(func() {
		switch name := d.upperAtom("a result option"); name {
		case "MIN":
			o.ReturnMin = true
		case "MAX":
			o.ReturnMax = true
		case "ALL":
			o.ReturnAll = true
		case "COUNT":
			o.ReturnCount = true
		case "SAVE":
			o.ReturnSave = true
		case "RELEVANCY":
			o.relevancy = true
		case "PARTIAL":
			if o.partial != nil {
				d.reject(bad("More than one PARTIAL"))
			}
			d.sp()
			o.partial = d.partialRange()
		default:
			d.reject(bad("Unknown SEARCH result option %s", shown(name)))
		}
	})
	if o.partial != nil && o.ReturnAll {
		d.reject(bad("PARTIAL does not go with ALL"))
	}
}

// partialRange decodes a partial-range (RFC 9394 §4).
func (d *decoder) partialRange() *partialRange {
	p := &partialRange{last: d.take('-')}
	p.from = d.nzNumber()
	d.expect(':')
	if p.last {
		d.expect('-')
	}
	p.to = d.nzNumber()
	return p
}

// searchProgram decodes search keys.
type searchProgram struct {
	*decoder
	keys int
	// opaque: the strings are in a charset that isn't known.
	opaque bool
	// see searchArgs
	numbers, modSeq, fuzzy, beside bool
	// loose is how many FUZZYs stand round the key.
	loose int
}

// and decodes keys parted by spaces for as long as more says so.
func (p *searchProgram) and(depth int, more func() bool) searchKey {
	keys := keyAnd{p.key(depth)}
	for p.err == nil && more() {
		p.sp()
		keys = append(keys, p.key(depth))
	}
	if len(keys) == 1 {
		return keys[0]
	}
	return keys
}

// key decodes a search-key.
func (p *searchProgram) key(depth int) searchKey {
	if p.keys++; p.keys > maxSearchKeys || depth > maxSearchDepth {
		p.limit("More than %d search keys, or nested more than %d deep", maxSearchKeys, maxSearchDepth)
	}
	if p.err != nil {
		return matchNone
	}
	switch c := p.peek(); {
	case c == '(':
		p.pos++
		k := p.and(depth+1, func() bool { return p.peek() == ' ' })
		p.expect(')')
		return k
	case isDigit(c), c == '*', c == '$':
		set := p.numSet()
		p.numbers = p.numbers || !set.saved
		return keySet{set: set}
	}
	start := p.pos
	name := p.upperAtom("a search key")
	if p.err != nil {
		return matchNone
	}
	for _, decode := range []func(*searchProgram, string, int) searchKey{
		(*searchProgram).flagKey, (*searchProgram).textKey, (*searchProgram).dateKey, (*searchProgram).otherKey,
	} {
		if k := decode(p, name, depth); k != nil {
			return k
		}
	}
	p.pos = start
	p.reject(bad("Unknown search key %s", shown(name)))
	return matchNone
}

func (p *searchProgram) otherKey(name string, depth int) searchKey {
	switch name {
	case "ALL":
		return matchAll
	case "NOT":
		p.sp()
		k := p.exactKey(depth + 1)
		if not, ok := k.(keyNot); ok {
			return not.key
		}
		return keyNot{k}
	case "OR":
		p.sp()
		a := p.key(depth + 1)
		p.sp()
		b := p.key(depth + 1)
		if or, ok := b.(keyOr); ok { // a chain becomes one level
			return append(or, a)
		}
		return keyOr{a, b}
	case "FUZZY":
		return p.fuzzyKey(depth)
	case "UID":
		p.sp()
		return keySet{set: p.numSet(), uid: true}
	case "UIDAFTER", "UIDBEFORE":
		return p.besideKey(name == "UIDAFTER")
	case "LARGER":
		p.sp()
		return keyQuery{store.Larger{Size: p.number64()}}
	case "SMALLER":
		p.sp()
		return keyQuery{store.Smaller{Size: p.number64()}}
	case "OLDER", "YOUNGER":
		return p.withinKey(name == "OLDER")
	case "MODSEQ":
		return p.modSeqKey()
	case "EMAILID":
		p.sp()
		return keyQuery{store.HasObjectID{ID: p.objectID()}}
	case "THREADID":
		p.sp()
		return keyQuery{store.HasThreadID{ID: p.objectID()}}
	case "SAVEDATESUPPORTED":
		return matchAll
	}
	return nil
}

// objectID decodes an objectid (RFC 8474 §7).
func (p *searchProgram) objectID() string {
	start := p.pos
	id := p.while(func(c byte) bool {
		return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || isDigit(c) || c == '_' || c == '-'
	})
	if id == "" || len(id) > 255 {
		p.pos = start
		p.fail("an object identifier")
	}
	return id
}

// modSeqKey decodes MODSEQ's arguments (RFC 7162 §3.1.5). A message has one
// modification sequence for all its flags, so that the name of one changes
// nothing.
func (p *searchProgram) modSeqKey() searchKey {
	p.modSeq = true
	p.sp()
	if p.peek() == '"' {
		start := p.pos
		flag, ok := strings.CutPrefix(strings.ToLower(p.quoted()), "/flags/")
		name := strings.TrimPrefix(flag, `\`)
		if !ok || name == "" || atomLen([]byte(name)) < len(name) || flag == `\recent` {
			p.pos = start
			p.fail(`a flag's name such as "/flags/\\draft"`)
		}
		p.sp()
		if !p.keyword("priv") && !p.keyword("shared") && !p.keyword("all") {
			p.fail("priv, shared or all")
		}
		p.sp()
	}
	return keyQuery{store.ModSeqAtLeast{ModSeq: mail.ModSeq(p.number64())}}
}

// flagKey decodes the keys about flags. No message is ever \Recent here, which
// RFC 9051 dropped: NEW (RFC 3501: RECENT UNSEEN) matches none, OLD all.
func (p *searchProgram) flagKey(name string, _ int) searchKey {
	switch name {
	case "ANSWERED":
		return hasFlag(`\Answered`)
	case "DELETED":
		return hasFlag(`\Deleted`)
	case "DRAFT":
		return hasFlag(`\Draft`)
	case "FLAGGED":
		return hasFlag(`\Flagged`)
	case "SEEN":
		return hasFlag(`\Seen`)
	case "UNANSWERED":
		return keyNot{hasFlag(`\Answered`)}
	case "UNDELETED":
		return keyNot{hasFlag(`\Deleted`)}
	case "UNDRAFT":
		return keyNot{hasFlag(`\Draft`)}
	case "UNFLAGGED":
		return keyNot{hasFlag(`\Flagged`)}
	case "UNSEEN":
		return keyNot{hasFlag(`\Seen`)}
	case "KEYWORD":
		p.sp()
		return hasFlag(p.atom("a keyword"))
	case "UNKEYWORD":
		p.sp()
		return keyNot{hasFlag(p.atom("a keyword"))}
	case "NEW", "RECENT":
		return matchNone
	case "OLD":
		return matchAll
	}
	return nil
}

func hasFlag(name string) searchKey { return keyQuery{store.HasFlag{Name: name}} }

// textKey decodes the keys about text.
func (p *searchProgram) textKey(name string, _ int) searchKey {
	switch name {
	case "BCC", "CC", "FROM", "SUBJECT", "TO":
		p.sp()
		field := name[:1] + strings.ToLower(name[1:])
		return p.textQuery(store.HasText{In: store.InHeader, Name: field, Value: p.searched()})
	case "HEADER":
		p.sp()
		field := p.fieldName()
		p.sp()
		return p.textQuery(store.HasText{In: store.InHeader, Name: field, Value: p.searched()})
	case "BODY", "TEXT":
		p.sp()
		in := store.InText
		if name == "BODY" {
			in = store.InBody
		}
		value := p.searched()
		if value == "" { // part of any text
			return matchAll
		}
		return p.textQuery(store.HasText{In: in, Value: value})
	}
	return nil
}

// searched decodes a string to search for. In a quoted string, too, a wrong
// charset is no wrong syntax: Jakarta Mail sends Latin-1 there once it has
// enabled UTF8=ACCEPT, and after a NO it searches by itself.
func (p *searchProgram) searched() string {
	var s string
	if p.peek() == '"' {
		s = p.quotedOctets()
	} else {
		s = p.astring("a string to search for")
	}
	if !p.opaque && !utf8.ValidString(s) {
		p.reject(badCharset("A string to search for is not UTF-8"))
	}
	return s
}

// badCharset is RFC 9051 §7.1's BADCHARSET with the charsets that there are.
func badCharset(text string) error {
	return no("BADCHARSET (US-ASCII UTF-8)", text)
}

// dateKey decodes the keys about dates; a day lasts until the next begins.
func (p *searchProgram) dateKey(name string, _ int) searchKey {
	field := store.InternalDate
	rest := name
	if text, ok := strings.CutPrefix(name, "SENT"); ok {
		field, rest = store.SentDate, text
	} else if text, ok := strings.CutPrefix(name, "SAVED"); ok { // RFC 8514 §4.3
		field, rest = store.SavedDate, text
	}
	if rest != "BEFORE" && rest != "ON" && rest != "SINCE" {
		return nil
	}
	p.sp()
	day := p.date()
	q := store.Dated{Field: field}
	switch rest {
	case "BEFORE":
		q.Before = beforeDay(day)
	case "SINCE":
		q.Since = day
	case "ON":
		q.Since, q.Before = day, day.AddDate(0, 0, 1)
	}
	return keyQuery{q}
}

// beforeDay keeps a bound from being the zero time, which would mean none.
func beforeDay(day time.Time) time.Time {
	if day.IsZero() {
		return day.Add(time.Nanosecond)
	}
	return day
}
