package imapd

import (
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"posthorn/store"
)

func TestDecodeSort(t *testing.T) {
	for in, want := range map[string]searchArgs{
		"(SUBJECT) UTF-8 ALL": {charset: "UTF-8", order: []store.SortBy{{Key: store.SortSubject}}},
		"(reverse Date DISPLAYFROM reverse displayto) us-ascii ALL": {charset: "US-ASCII", order: []store.SortBy{
			{Key: store.SortDate, Reverse: true}, {Key: store.SortDisplayFrom}, {Key: store.SortDisplayTo, Reverse: true}}},
		`(ARRIVAL CC FROM SIZE TO) "KOI8-R" 1:2`: {charset: "KOI8-R", numbers: true, order: []store.SortBy{
			{Key: store.SortArrival}, {Key: store.SortCc}, {Key: store.SortFrom}, {Key: store.SortSize}, {Key: store.SortTo}}},
		"RETURN () (DATE) UTF-8 MODSEQ 1": {charset: "UTF-8", extended: true, modSeq: true, order: []store.SortBy{{Key: store.SortDate}}},
		"RETURN (RELEVANCY ALL) (RELEVANCY) UTF-8 FUZZY TEXT Helo": {charset: "UTF-8", extended: true, fuzzy: true, order: []store.SortBy{{Key: store.SortRelevancy}},
			ret: searchReturn{SearchOptions: imap.SearchOptions{ReturnAll: true}, relevancy: true}},
	} {
		d := newDecoder([]byte(" "+in), false)
		got := d.sortArgs()
		if err := d.end(); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		got.key = nil
		same(t, in, got, want)
	}
	refused(t, "BAD", (*decoder).sortArgs, "", " ", " ()", " (DATE)", " (DATE) UTF-8", " (DATE) UTF-8 ", " () UTF-8 ALL", " (FOO) UTF-8 ALL", " (REVERSE) UTF-8 ALL",
		" (REVERSE REVERSE DATE) UTF-8 ALL", " (DATE REVERSE) UTF-8 ALL", " (DATE,SIZE) UTF-8 ALL", " DATE UTF-8 ALL", " (DATE) (UTF-8) ALL", " (RELEVANCY) UTF-8 ALL",
		" RETURN (RELEVANCY) (DATE) UTF-8 ALL", " RETURN (DATE) UTF-8 ALL")
	refused(t, "NO [LIMIT]", (*decoder).sortArgs, " (DATE"+strings.Repeat(" DATE", maxSortKeys)+") UTF-8 ALL")
}

func TestDecodeThread(t *testing.T) {
	for name, want := range map[string]store.ThreadAlgorithm{"ORDEREDSUBJECT": store.OrderedSubject, "references": store.References, "Refs": store.Refs} {
		d := newDecoder([]byte(" "+name+" UTF-8 UID 1:*"), false)
		how, args := d.threadArgs()
		if err := d.end(); err != nil || how != want || args.charset != "UTF-8" {
			t.Errorf("%s: %d %+v %v", name, how, args, err)
		}
	}
	refused(t, "BAD", func(d *decoder) searchArgs { _, a := d.threadArgs(); return a }, "", " ", " REFERENCES", " REFERENCES ALL", " REFERENCES UTF-8", " JWZ UTF-8 ALL",
		" (REFS) UTF-8 ALL", ` "REFS" UTF-8 ALL`, " RETURN () REFS UTF-8 ALL")
}

func TestDecodeFuzzy(t *testing.T) {
	for in, want := range map[string][3]string{
		`FUZZY (SUBJECT "IMAP break")`: {`header Subject:"IMAP break"`, `and(header Subject:"IMAP" header Subject:"break")`, `and(header Subject:"IMA" header Subject:"brea")`},
		`FUZZY SUBJECT work FROM user@example.com`: {`and(header Subject:"work" header From:"user@example.com")`,
			`and(and(header Subject:"work") header From:"user@example.com")`, `and(and(header Subject:"wor") header From:"user@example.com")`},
		`FUZZY TEXT Helo`:                  {`text:"Helo"`, `and(text:"Helo")`, `and(text:"Hel")`},
		`FUZZY BODY "é"`:                   {`body:"é"`, `and(body:"é")`, `and(body:"é")`},
		`FUZZY SUBJECT " "`:                {`header Subject:" "`, `header Subject:" "`, `header Subject:" "`},
		`FUZZY NOT (SUBJECT work FLAGGED)`: {`not and(header Subject:"work" \Flagged)`, `not and(header Subject:"work" \Flagged)`, `not and(header Subject:"work" \Flagged)`},
		`OR FUZZY TO work SUBJECT work`:    {`or(header To:"work" header Subject:"work")`, `or(and(header To:"work") header Subject:"work")`, `or(and(header To:"wor") header Subject:"work")`},
		`NOT FUZZY FUZZY ALL`:              {`not and()`, `not and()`, `not and()`},
	} {
		a := decoded(t, " "+in, false, (*decoder).searchArgs)
		if !a.fuzzy {
			t.Errorf("%s: not fuzzy", in)
		}
		for c, want := range want {
			if got := queryText(closer(a.key, closeness(c)).query(nil)); got != want {
				t.Errorf("%s, %d:\n got %s\nwant %s", in, c, got, want)
			}
		}
		if got := queryText(a.key.query(nil)); got != want[allBeginnings] {
			t.Errorf("%s:\n got %s\nwant %s", in, got, want[allBeginnings])
		}
	}
	refused(t, "BAD", (*decoder).searchArgs, " FUZZY", " FUZZY ", " FUZZY FOO", " FUZZY ()", " RETURN (RELEVANCY) ALL", " RETURN (FUZZY) FUZZY ALL")
	refused(t, "NO [LIMIT]", (*decoder).searchArgs, ` FUZZY TEXT "`+strings.Repeat("a ", maxSearchKeys)+`"`, strings.Repeat(" FUZZY", maxSearchDepth+2)+" ALL")
}
