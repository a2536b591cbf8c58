package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
)

// corpus returns the messages in internal/message/testdata, with CRLF line
// ends.
func corpus(t testing.TB) (names []string, messages []string) {
	t.Helper()
	err := filepath.WalkDir("../internal/message/testdata/corpus", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "README.md" || d.Name() == "LICENSE.txt" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		names = append(names, path)
		messages = append(messages, strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n", "\r\n"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) < 280 {
		t.Fatalf("only %d messages", len(messages))
	}
	return names, messages
}

// searchBox is a mailbox with messages, and what a naive search needs of them.
type searchBox struct {
	s    *Store
	id   MailboxID
	rows []naiveRow
}

type naiveRow struct {
	m                  Message
	header, mime, body string // folded
}

// fillSearchBox delivers the messages with various flags, dates and traces.
func fillSearchBox(t testing.TB, messages []string) *searchBox {
	t.Helper()
	s := openTest(t)
	id := addUser(t, s, "alice@crepes.fr")
	flags := []mail.Flags{{}, mail.NewFlags(`\Seen`), mail.NewFlags(`\Deleted`, "$Junk"), mail.NewFlags(`\Flagged`, `\Seen`, "Todo")}
	for i, m := range messages {
		c := Copy{Account: id, Flags: flags[i%len(flags)], Date: time.Date(2024, 1, 1+i%60, i%24, 0, 0, 0, time.FixedZone("", (i%25-12)*3600))}
		if i%2 == 0 {
			c.Trace = []byte(fmt.Sprintf("Return-Path: <trace%d@example.org>\r\nDelivered-To: alice@crepes.fr\r\n", i))
		}
		deliver(t, s, m, c)
	}
	return readSearchBox(t, s, inboxOf(t, s, id).ID)
}

// readSearchBox reads a mailbox for a naive search.
func readSearchBox(t testing.TB, s *Store, mb MailboxID) *searchBox {
	t.Helper()
	box := &searchBox{s: s, id: mb}
	for _, m := range list(t, s, box.id, everything, 0) {
		raw := octets(t, s, m.Content)
		p := message.NewParser()
		p.Write([]byte(raw))
		root := p.Finish().Root
		r := naiveRow{m: m}
		var scan message.Scanner
		r.header = string(scan.FoldHeader(nil, m.Trace)) + string(scan.FoldHeader(nil, []byte(raw[:root.Body])))
		for _, mime := range []bool{false, true} {
			into := &r.body
			if mime {
				into = &r.mime
			}
			if err := scan.Text(root, strings.NewReader(raw), mime, func(b []byte) bool { *into += string(b); return true }); err != nil {
				t.Fatal(err)
			}
		}
		box.rows = append(box.rows, r)
	}
	return box
}

// naive decides a query as its documentation says, on all that there is.
func naive(q Query, r *naiveRow) bool {
	switch q := q.(type) {
	case And:
		for _, sub := range q {
			if !naive(sub, r) {
				return false
			}
		}
		return true
	case Or:
		return slices.ContainsFunc(q, func(sub Query) bool { return naive(sub, r) })
	case Not:
		return !naive(q.Q, r)
	case InSet:
		for u := range q.Set.All() {
			if u == r.m.UID {
				return true
			}
		}
		return false
	case HasFlag:
		return slices.ContainsFunc(strings.Fields(r.m.Flags.String()), func(f string) bool { return strings.EqualFold(f, q.Name) })
	case Larger:
		return r.m.Size > q.Size
	case Smaller:
		return r.m.Size < q.Size
	case ModSeqAtLeast:
		return r.m.ModSeq >= q.ModSeq
	case Dated:
		return naiveDate(q, r)
	case HasText:
		return naiveText(q, r)
	}
	panic(fmt.Sprintf("%T", q))
}

func naiveDate(q Dated, r *naiveRow) bool {
	t := map[DateField]time.Time{InternalDate: r.m.Date, SentDate: r.m.Sent, SavedDate: r.m.Saved}[q.Field]
	if t.IsZero() {
		return false
	}
	if q.Exact {
		return (q.Since.IsZero() || t.Compare(q.Since) >= 0) && (q.Before.IsZero() || t.Compare(q.Before) < 0)
	}
	const day = "2006-01-02"
	return (q.Since.IsZero() || t.Format(day) >= q.Since.Format(day)) && (q.Before.IsZero() || t.Format(day) < q.Before.Format(day))
}

func naiveText(q HasText, r *naiveRow) bool {
	v := string(message.Fold(nil, q.Value))
	switch q.In {
	case InBody:
		return strings.Contains(r.body, v)
	case InText:
		return strings.Contains(r.header, v) || strings.Contains(r.mime, v)
	}
	for line := range strings.SplitSeq(r.header, "\n") {
		name, value, ok := strings.Cut(line, ": ")
		if ok && name == strings.ToUpper(q.Name) && strings.Contains(value, v) {
			return true
		}
	}
	return false
}

func (b *searchBox) check(t *testing.T, q Query) int {
	t.Helper()
	var want []SearchHit
	for i := range b.rows {
		if naive(q, &b.rows[i]) {
			want = append(want, SearchHit{UID: b.rows[i].m.UID, ModSeq: b.rows[i].m.ModSeq})
		}
	}
	got, err := b.s.Search(t.Context(), b.id, q)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%#v:\n got %v\nwant %v", q, got, want)
	}
	return len(want)
}

// TestSearch compares searches with the naive way on the corpus.
func TestSearch(t *testing.T) {
	_, messages := corpus(t)
	box := fillSearchBox(t, messages)
	day := func(s string) time.Time {
		d, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	fixed := []Query{
		And{}, Or{}, Not{Or{}}, dearAndCheap(),
		HasText{InHeader, "Subject", "test"}, HasText{InHeader, "subject", ""}, HasText{InHeader, "X-Mailer", ""},
		HasText{InHeader, "From", "doug sauder"}, HasText{InHeader, "Return-Path", "trace4"}, HasText{InHeader, "Delivered-To", ""},
		HasText{InHeader, "no such", ""}, HasText{InHeader, "", "x"}, HasText{InHeader, "Subject: Test", ""},
		HasText{InHeader, "From", "\n"}, HasText{InHeader, "Subject", "\r\n"},
		HasText{InHeader, "Subject", "frösche"}, HasText{InHeader, "Subject", "FRO\u0308SCHE"}, HasText{InBody, "", "hasen"},
		HasText{InBody, "", ""}, HasText{InText, "", ""}, HasText{InText, "", "redball.png"}, HasText{InBody, "", "redball.png"},
		HasText{InBody, "", "人権宣言"}, HasText{InText, "", "trace6@"}, HasText{InText, "", "\nm"}, HasText{InBody, "", "the"}, HasText{InText, "", "zq"},
		Dated{InternalDate, day("2024-01-05"), day("2024-01-06"), false}, Dated{InternalDate, day("2024-01-05"), day("2024-01-06"), true},
		Dated{SentDate, day("2000-05-17"), day("2000-05-18"), false}, Not{Dated{SentDate, time.Time{}, day("2005-01-01"), false}},
		Dated{SavedDate, day("2001-01-01"), time.Time{}, false}, Dated{SentDate, time.Time{}, time.Time{}, false},
		Larger{5000}, Smaller{300}, HasFlag{`\seen`}, HasFlag{"todo"}, Not{HasFlag{"$JUNK"}}, ModSeqAtLeast{200},
		And{InSet{mail.UIDSet{{From: 5, To: 50}, {From: 90, To: 95}}}, InSet{mail.UIDSet{{From: 40, To: 1000}}}},
		And{HasText{InBody, "", "a"}, InSet{nil}},
	}
	hits := 0
	for _, q := range fixed {
		hits += box.check(t, q)
	}
	rnd := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		hits += box.check(t, box.random(rnd, 4))
	}
	if hits < 3000 {
		t.Errorf("only %d hits: the queries prove little", hits)
	}
}

// dearAndCheap is a criterion of each kind that decides early, beside one that is dear.
func dearAndCheap() Query {
	return Or{HasText{InBody, "", "hello"}, And{Not{HasFlag{`\Seen`}}, Or{Smaller{1000}, HasText{InHeader, "To", "@"}}}}
}

// random makes a query of things that are in the box, or nearly.
func (b *searchBox) random(rnd *rand.Rand, depth int) Query {
	if depth > 0 && rnd.IntN(3) > 0 {
		subs := make([]Query, rnd.IntN(4))
		for i := range subs {
			subs[i] = b.random(rnd, depth-1)
		}
		switch rnd.IntN(3) {
		case 0:
			return And(subs)
		case 1:
			return Or(subs)
		}
		return Not{b.random(rnd, depth-1)}
	}
	r := &b.rows[rnd.IntN(len(b.rows))]
	switch rnd.IntN(9) {
	case 0:
		return Larger{r.m.Size + int64(rnd.IntN(3)) - 1}
	case 1:
		return Smaller{r.m.Size + int64(rnd.IntN(3)) - 1}
	case 2:
		return HasFlag{[]string{`\Seen`, `\Deleted`, "Todo", "none"}[rnd.IntN(4)]}
	case 3:
		return InSet{mail.UIDSet{{From: r.m.UID, To: r.m.UID + mail.UID(rnd.IntN(100))}}}
	case 4:
		return Dated{DateField(rnd.IntN(3)), r.m.Date, r.m.Date.AddDate(0, 0, rnd.IntN(20)), rnd.IntN(2) == 0}
	case 5:
		return ModSeqAtLeast{r.m.ModSeq}
	}
	in := TextField(rnd.IntN(3))
	name := []string{"Subject", "From", "To", "Received", "Content-Type"}[rnd.IntN(5)]
	return HasText{in, name, strings.ToLower(snippet(rnd, []string{r.header, r.body, r.mime}[rnd.IntN(3)]))}
}

// snippet is a piece of text that can be asked for: one line, whole characters.
func snippet(rnd *rand.Rand, text string) string {
	if len(text) == 0 {
		return "x"
	}
	at := rnd.IntN(len(text))
	s, _, _ := strings.Cut(text[at:min(len(text), at+1+rnd.IntN(12))], "\n")
	return strings.ToValidUTF8(s, "")
}

// TestSearchLong looks for what is far from where a message begins: beyond the
// header that stands apart, and in pieces of the body after the first.
func TestSearchLong(t *testing.T) {
	long := strings.Repeat("All work and no play makes Jack a dull boy.\r\n", 1<<20/40)
	header := "From: a@b\r\n" + strings.Repeat("X-Long: "+strings.Repeat("x", 900)+"\r\n", 2*maxHead/800) + "X-Last: needle\r\n"
	box := fillSearchBox(t, []string{
		"Subject: long\r\nContent-Type: text/plain\r\n\r\n" + long + "the needle\r\n",
		"Subject: base64\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + long + "\r\n--b\r\nContent-Type: text/plain; name=needle.txt\r\n\r\nlast part\r\n--b--\r\n",
		header + "\r\nbody\r\n",
		"Subject: short\r\n\r\nneedle\r\n",
	})
	for _, q := range []Query{
		HasText{InBody, "", "the needle"}, HasText{InText, "", "needle"}, HasText{InHeader, "X-Last", "needle"}, HasText{InHeader, "X-Last", ""},
		HasText{InBody, "", "last part"}, HasText{InText, "", "needle.txt"}, HasText{InBody, "", "needle.txt"}, HasText{InBody, "", "no such"},
		And{HasText{InBody, "", "dull"}, Not{HasText{InText, "", "needle"}}}, Not{HasText{InBody, "", "boy.\nthe needle"}},
		Or{HasText{InHeader, "Subject", "base"}, HasText{InBody, "", "the needle"}}, HasText{InText, "", "crepes.fr\nfrom: a@b"},
	} {
		box.check(t, q)
	}
}

func TestSearchDeep(t *testing.T) {
	box := fillSearchBox(t, []string{"Subject: x\r\n\r\nbody\r\n"})
	var q Query = HasText{InBody, "", "body"}
	for range 1000 {
		q = Not{And{Or{q}}}
	}
	if n := box.check(t, q); n != 1 {
		t.Errorf("%d hits", n)
	}
}

func TestSearchNowhere(t *testing.T) {
	s := openTest(t)
	hits, err := s.Search(t.Context(), 12345, And{})
	if err != nil || hits != nil {
		t.Errorf("%v, %v", hits, err)
	}
	id := addUser(t, s, "alice@crepes.fr")
	deliver(t, s, "Subject: x\r\n\r\nbody\r\n", Copy{Account: id})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Search(ctx, inboxOf(t, s, id).ID, And{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}

// TestNeedle compares with bytes.Index, on texts in which nothing is rare too.
func TestNeedle(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	for range 20000 {
		letters := "AB"
		if rnd.IntN(2) == 0 {
			letters = "ABCDEFGHIJ \xcc"
		}
		text := make([]byte, rnd.IntN(400))
		for i := range text {
			text[i] = letters[rnd.IntN(len(letters))]
		}
		b := make([]byte, rnd.IntN(8))
		for i := range b {
			b[i] = letters[rnd.IntN(len(letters))]
		}
		n := newNeedle(b)
		if got, want := n.index(text, new(int)), bytes.Index(text, b); got != want {
			t.Fatalf("%q in %q: %d, not %d", b, text, got, want)
		}
	}
}

// A text that a stranger wrote into one field a million times over is not what a
// search in another field stumbles over: where that looked at the line anew for
// each of them, this would take a quarter of an hour.
func TestSearchFieldAmongOthers(t *testing.T) {
	lines := []byte("FROM: BOB\nSUBJECT: " + strings.Repeat("A", 1<<20) + "\nTO: ALICE\n")
	for field, want := range map[string]bool{"FROM: ": false, "SUBJECT: ": true, "TO: ": true, "TO": true, "O: ": false} {
		h := &hasText{in: InHeader, name: []byte(field), value: newNeedle([]byte("A"))}
		if h.inLines(lines, new(int)) != want {
			t.Errorf("%s: %v", field, !want)
		}
	}
}

// TestLookout cuts a text everywhere: what is looked for must be found where
// two pieces meet.
func TestLookout(t *testing.T) {
	const text = "NO NEEDLE, BUT A NEEEDLE AND A NEEDLE"
	for cut := range len(text) {
		l := lookout{found: make([]bool, 3), work: new(int), most: math.MaxInt}
		for i, v := range []string{"A NEEDLE", "E, B", "NOT HERE"} {
			l.texts = append(l.texts, &hasText{in: InBody, place: i, value: newNeedle([]byte(v))})
		}
		look := l.window(InBody)
		if !look([]byte(text[:cut])) || !look([]byte(text[cut:])) || !slices.Equal(l.found, []bool{true, true, false}) {
			t.Errorf("cut at %d: %v", cut, l.found)
		}
	}
}

// TestSearchLarge has more text than is read in one transaction.
func TestSearchLarge(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	var messages []string
	for i := range 40 {
		var b strings.Builder
		fmt.Fprintf(&b, "Subject: %d\r\n\r\n", i)
		for range 10000 {
			fmt.Fprintf(&b, "%x\r\n", rnd.Uint64())
		}
		fmt.Fprintf(&b, "number%dend\r\n", i)
		messages = append(messages, b.String())
	}
	box := fillSearchBox(t, messages)
	for i := range messages {
		if n := box.check(t, HasText{InText, "", fmt.Sprintf("number%dend", i)}); n != 1 {
			t.Errorf("message %d was found %d times", i, n)
		}
	}
	box.check(t, HasText{InBody, "", "end"})
}

// TestSearchWork bounds what a search with many criteria of any kind may cost, and
// lets one with few go on.
func TestSearchWork(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	text := HasText{In: InText, Value: "zebra"}
	for name, q := range map[string]Query{
		"text": text, "body": HasText{In: InBody, Value: "zebra"}, "header": HasText{In: InHeader, Name: "X-None", Value: "z"},
		"field": HasText{In: InHeader, Name: "X-None"}, "flag": HasFlag{`\Seen`}, "keyword": HasFlag{"$Junk"}, "date": Dated{Field: SentDate, Since: day},
		"size": Larger{1}, "set": InSet{mail.UIDSet{{From: 7, To: 7}}}, "and": And{Not{text}, Not{Not{Not{HasFlag{`\Seen`}}}}},
	} {
		for _, n := range []int{freeCriteria / 2, freeCriteria + 1} {
			var all And
			for range n {
				all = append(all, Not{q})
			}
			var want error
			if n > freeCriteria {
				want = mail.ErrTooMuchWork
			}
			w := searchWorker{search: &search{plan: compile(all), progress: new(Progress)}}
			var err error
			for messages := 0; err == nil && messages < 100; messages++ {
				c := candidate{m: &Message{}, have: onBody, header: make([]byte, 20_000)}
				w.look.begin(w.plan.texts, &c.work, math.MaxInt)
				w.look.window(InBody)(make([]byte, 20_000))
				c.found = w.look.found
				w.plan.decide(&c)
				c.work *= 1_000_000 // there are many messages
				err = w.tire(&c)
			}
			if err != want {
				t.Errorf("%d times %s: %v, want %v", n, name, err, want)
			}
			// The next search of the same command, as one for FUZZY is, has no work left.
			w = searchWorker{search: &search{plan: w.plan, progress: w.progress}}
			if err := w.tire(&candidate{work: 1}); err != want {
				t.Errorf("%d times %s, the next search: %v, want %v", n, name, err, want)
			}
		}
	}
}

// TestSearchWorkInOne stops in the middle of a message, with an error.
func TestSearchWorkInOne(t *testing.T) {
	var many Or
	for i := range freeCriteria + 1 {
		many = append(many, HasText{In: InText, Value: fmt.Sprint("word", i)})
	}
	for _, message := range []string{"Subject: x\r\n\r\n" + strings.Repeat("a line\r\n", 100_000), strings.Repeat("X: a line\r\n", 100_000) + "\r\n"} {
		box := fillSearchBox(t, []string{message})
		p := new(Progress)
		p.searched.Add(maxSearchWork - 1000)
		if _, err := box.s.SearchCounted(t.Context(), box.id, many, p); !errors.Is(err, mail.ErrTooMuchWork) {
			t.Errorf("%.12q: %v", message, err)
		}
		if n := -p.left(); n > 50_000 {
			t.Errorf("%.12q: %d steps too many", message, n)
		}
		if hits, err := box.s.SearchCounted(t.Context(), box.id, many[1:], p); err != nil || len(hits) != 0 {
			t.Errorf("%.12q: a few: %d found, %v", message, len(hits), err)
		}
	}
}

// TestNeedleWork counts what looking for a text costs: the more, the more there
// is that nearly is it.
func TestNeedleWork(t *testing.T) {
	repeat := strings.Repeat
	for _, c := range []struct {
		name, text, find string
		least, most      int // steps for each octet, in thousandths
	}{
		{"nothing like it", repeat("A", 20_000), "ZEBRA", 30, 35},
		{"common letters", repeat("SEA TEN ", 2500), "EAT", 500, 600},
		{"nearly all of it", repeat("ZAAAAAAA", 2500), repeat("ZAAAAAAA", 374) + "ZAAAAAAAAA", 6000, 10_000},
		{"long runs", repeat(repeat("A", 2990)+"B", 7), repeat("A", 3000), 6000, 10_000},
	} {
		n, work := newNeedle([]byte(c.find)), 0
		if n.in([]byte(c.text), &work) {
			t.Errorf("%s: found", c.name)
		}
		if perOctet := work * 1000 / len(c.text); perOctet < c.least || perOctet > c.most {
			t.Errorf("%s: %d steps for a thousand octets, want %d to %d", c.name, perOctet, c.least, c.most)
		}
	}
}

// TestSearchFields: many fields that are asked for are not picked out of a
// header one by one.
func TestSearchFields(t *testing.T) {
	for names, want := range map[int]int{1: 1, maxFields: maxFields, maxFields + 1: 0} {
		var q Or
		for i := range 2 * names {
			q = append(q, HasText{In: InHeader, Name: fmt.Sprint("X-", i%names), Value: "z"})
		}
		if got := len(compile(q).fields); got != want {
			t.Errorf("%d fields: %d are picked out, want %d", names, got, want)
		}
	}
}
