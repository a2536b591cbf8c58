package imapd

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthorn/internal/mail"
	"posthorn/store"
)

// queryText writes a query in a short form, for comparison.
func queryText(q store.Query) string {
	list := func(op string, qs []store.Query) string {
		var parts []string
		for _, q := range qs {
			parts = append(parts, queryText(q))
		}
		return op + "(" + strings.Join(parts, " ") + ")"
	}
	day := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.Format(time.DateOnly)
	}
	switch q := q.(type) {
	case store.And:
		return list("and", q)
	case store.Or:
		return list("or", q)
	case store.Not:
		return "not " + queryText(q.Q)
	case store.InSet:
		return "uid:" + q.Set.String()
	case store.HasFlag:
		return q.Name
	case store.Larger:
		return ">" + strconv.FormatInt(q.Size, 10)
	case store.Smaller:
		return "<" + strconv.FormatInt(q.Size, 10)
	case store.Dated:
		return fmt.Sprintf("%s[%s,%s)", [...]string{"date", "sent", "saved"}[q.Field], day(q.Since), day(q.Before))
	case store.HasText:
		return fmt.Sprintf("%s%s:%q", [...]string{"text", "body", "header "}[q.In], q.Name, q.Value)
	}
	return fmt.Sprintf("?%T", q)
}

func TestDecodeSearchKeys(t *testing.T) {
	// Message n has the UID 10n, there are 9; $ is 30,40.
	resolve := func(s numSet, uid bool) store.InSet {
		if s.saved {
			return store.InSet{Set: mail.UIDs(30, 40)}
		}
		if uid {
			return store.InSet{Set: s.resolve(90)}
		}
		var set mail.UIDSet
		for n := range s.resolve(9).All() {
			set.Add(10 * n)
		}
		return store.InSet{Set: set}
	}
	for in, want := range map[string]string{
		"ALL":                            "and()",
		"1,8:*":                          "uid:10,80,90",
		"UID 35:*":                       "uid:35:90",
		"$":                              "uid:30,40",
		"UID $ SMALLER 4096":             "and(uid:30,40 <4096)",
		"(OR $ 1,3:4) TEXT {8+}\r\nмать": `and(or(uid:30,40 uid:10,30,40) text:"мать")`,
		`FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"`:                     `and(\Flagged date[1994-02-01,) not header From:"Smith")`,
		`answered deleted Draft SEEN`:                                   `and(\Answered \Deleted \Draft \Seen)`,
		"UNANSWERED UNDELETED UNDRAFT UNFLAGGED UNSEEN":                 `and(not \Answered not \Deleted not \Draft not \Flagged not \Seen)`,
		"KEYWORD $Junk UNKEYWORD work":                                  "and($Junk not work)",
		"BCC a CC b TO c SUBJECT d":                                     `and(header Bcc:"a" header Cc:"b" header To:"c" header Subject:"d")`,
		`HEADER Message-ID "<a@b>" HEADER "X-A" ""`:                     `and(header Message-ID:"<a@b>" header X-A:"")`,
		`BODY "a b" TEXT c]`:                                            `and(body:"a b" text:"c]")`,
		`BODY "" TEXT ""`:                                               "and(and() and())",
		"BEFORE 1-Feb-1994 ON 2-Feb-1994 SINCE \"3-Feb-1994\"":          "and(date[,1994-02-01) date[1994-02-02,1994-02-03) date[1994-02-03,))",
		"SENTBEFORE 1-Feb-1994 SENTON 31-Dec-1994 SENTSINCE 3-Feb-1994": "and(sent[,1994-02-01) sent[1994-12-31,1995-01-01) sent[1994-02-03,))",
		"LARGER 9223372036854775807 SMALLER 0":                          "and(>9223372036854775807 <0)",
		"NEW OLD RECENT":                                                "and(or() and() or())",
		"OR SEEN OR DRAFT DELETED":                                      `or(\Draft \Deleted \Seen)`,
		"OR (SEEN DRAFT) NOT (DELETED ALL)":                             `or(and(\Seen \Draft) not and(\Deleted and()))`,
		"NOT NOT NOT SEEN":                                              `not \Seen`,
		"NOT NOT SEEN":                                                  `\Seen`,
		"((((SEEN))))":                                                  `\Seen`,
		"SEEN  ":                                                        `\Seen`,
		"CHARSET UTF-8 SUBJECT отпуск ALL":                              "!",
		"CHARSET UTF-8 SUBJECT \"отпуск\"":                              `header Subject:"отпуск"`,
		"CHARSET \"us-ascii\" TEXT x":                                   `text:"x"`,
		"CHARSET KOI8-R TEXT {2}\r\n\xcd\xc1":                           `text:"\xcd\xc1"`,
	} {
		d := newDecoder([]byte(" "+in), false)
		a := d.searchArgs()
		got := "!"
		if d.end() == nil {
			got = queryText(a.key.query(resolve))
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s (%v)", in, got, want, d.err)
		}
	}
}

func TestDecodeSearchOptions(t *testing.T) {
	for in, want := range map[string]searchArgs{
		"ALL":                              {},
		"RETURN () ALL":                    {extended: true},
		"return (min Count) FLAGGED":       {extended: true, ret: searchReturn{SearchOptions: imap.SearchOptions{ReturnMin: true, ReturnCount: true}}},
		"RETURN (MAX ALL SAVE SAVE) ALL":   {extended: true, ret: searchReturn{SearchOptions: imap.SearchOptions{ReturnMax: true, ReturnAll: true, ReturnSave: true}}},
		"RETURN (SAVE) CHARSET KOI8-R ALL": {extended: true, ret: searchReturn{SearchOptions: imap.SearchOptions{ReturnSave: true}}, charset: "KOI8-R", named: true},
		"CHARSET utf-8 ALL":                {charset: "UTF-8", named: true},
	} {
		d := newDecoder([]byte(" "+in), false)
		got := d.searchArgs()
		if err := d.end(); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		got.key = nil
		same(t, in, got, want)
	}
}

func TestDecodeSearchRefused(t *testing.T) {
	refused(t, "BAD", (*decoder).searchArgs, "", " ", " FOO", " SEEN,", " SEEN  DRAFT", " ()", " (SEEN", " (SEEN ", " SEEN)", " NOT", " OR SEEN", " OR SEEN ", " UID", " UID a", " FROM", " FROM ", " HEADER a", ` HEADER "a b" c`, " HEADER a: c",
		" KEYWORD", ` KEYWORD \Seen`, ` KEYWORD "a"`, " BEFORE", " BEFORE x", " ON 31-Feb-2020", " LARGER -1", " LARGER 1.5", " LARGER 9223372036854775808", " RETURN ALL", " RETURN (FOO) ALL", " RETURN (MIN)", " RETURN () ",
		" CHARSET", " CHARSET UTF-8", " CHARSET UTF-8 ", " CHARSET (a) ALL", " TEXT é", " MODSEQ", " 1,", " 0", " CHARSET KOI8-R TEXT", " ALL RETURN (MIN)",
		" OLDER", " OLDER 0", " YOUNGER -1", " YOUNGER 4294967296", " OLDER 1-Feb-1994")
	refused(t, "NO [BADCHARSET (US-ASCII UTF-8)]", (*decoder).searchArgs, " TEXT {1}\r\n\xe9", " TEXT \"\xe9\"", " CHARSET UTF-8 TEXT {1}\r\n\xe9")
	refused(t, "NO [LIMIT]", (*decoder).searchArgs,
		" ALL"+strings.Repeat(" SEEN", maxSearchKeys),
		strings.Repeat(" NOT", 12_000)+" SEEN",
		" "+strings.Repeat("(", 100_000),
		strings.Repeat(" OR SEEN", maxSearchDepth+1)+" SEEN")
}

// TestDecodeSearchChain: clients build long chains of OR.
func TestDecodeSearchChain(t *testing.T) {
	in := strings.Repeat(` OR HEADER Message-ID "<a@b>"`, maxSearchDepth) + ` HEADER Message-ID "<a@b>"`
	q := decoded(t, in, false, (*decoder).searchArgs).key.query(nil)
	if or, ok := q.(store.Or); !ok || len(or) != maxSearchDepth+1 {
		t.Errorf("%T of %d", q, len(or))
	}
}
