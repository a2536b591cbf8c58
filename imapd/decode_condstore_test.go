package imapd

import (
	"testing"

	"posthorn/internal/mail"
	"posthorn/store"
)

// TestDecodeCondstore has the syntax that RFC 7162 §7 adds, but for STORE's
// (TestDecodeStore).
func TestDecodeCondstore(t *testing.T) {
	set := numSet{ranges: []numRange{{1, star}}}
	flags, modSeq := fetchItem{kind: itemFlags}, fetchItem{kind: itemModSeq}
	for in, want := range map[string]fetchArgs{
		" 1:* MODSEQ":                                   {set: set, items: []fetchItem{modSeq}},
		" 1:* (modseq FLAGS MODSEQ)":                    {set: set, items: []fetchItem{modSeq, flags}},
		" 1:* (FLAGS) (CHANGEDSINCE 12345)":             {set: set, items: []fetchItem{flags, modSeq}, changed: true, changedSince: 12345},
		" 1:* (FLAGS) (CHANGEDSINCE 0)":                 {set: set, items: []fetchItem{flags, modSeq}, changed: true},
		" 1:* (MODSEQ) (Changedsince 1)":                {set: set, items: []fetchItem{modSeq}, changed: true, changedSince: 1},
		" 1:* FAST (CHANGEDSINCE 1)":                    {set: set, items: []fetchItem{flags, {kind: itemInternalDate}, {kind: itemSize}, modSeq}, changed: true, changedSince: 1},
		" 1:* FLAGS (CHANGEDSINCE 9223372036854775807)": {set: set, items: []fetchItem{flags, modSeq}, changed: true, changedSince: 1<<63 - 1},
	} {
		got := decoded(t, in, false, (*decoder).fetchArgs)
		got.count = 0
		same(t, in, got, want)
	}
	refused(t, "BAD", (*decoder).fetchArgs, " 1 FLAGS (CHANGEDSINCE 0 CHANGEDSINCE 0)", " 1 FLAGS (CHANGEDSINCE -1)", " 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
		" 1 FLAGS (CHANGEDSINCE 1 CHANGEDSINCE 2)", " 1 FLAGS CHANGEDSINCE 1", " 1 FLAGS ()", " 1 FLAGS (UNCHANGEDSINCE 1)", " 1 FLAGS (CHANGEDSINCE (1))", " 1 MODSEQ (1)")

	for in, want := range map[string]uint64{
		" MODSEQ 620162338":                      620162338,
		" modseq 0":                              0,
		` MODSEQ "/flags/\\draft" all 620162338`: 620162338,
		` MODSEQ "/FLAGS/$MDNSent" Shared 7`:     7,
		` MODSEQ "/flags/\\X-Extension" priv 7`:  7,
	} {
		got := decoded(t, in, false, (*decoder).searchArgs)
		same(t, in, got.key, keyQuery{store.ModSeqAtLeast{ModSeq: mail.ModSeq(want)}})
		same(t, in, got.modSeq, true)
	}
	refused(t, "BAD", (*decoder).searchArgs, " MODSEQ", " MODSEQ ", " MODSEQ x", " MODSEQ -1", " MODSEQ 9223372036854775808", ` MODSEQ "/flags/\\draft" 1`, ` MODSEQ "/flags/\\draft" both 1`,
		` MODSEQ "/flags/" all 1`, ` MODSEQ "/flags/\\" all 1`, ` MODSEQ "/flags/\\Recent" all 1`, ` MODSEQ "/flags/a b" all 1`, ` MODSEQ "/comment" all 1`, ` MODSEQ /flags/a all 1`, ` MODSEQ "/flags/a" all`)

	same(t, "select", decoded(t, " INBOX (Condstore)", false, (*decoder).selectArgs), selectArgs{mailbox: "INBOX", given: "INBOX", condstore: true})
	refused(t, "BAD", (*decoder).selectArgs, " a (CONDSTORE 1)", " a CONDSTORE", " a (CONDSTORE", " a (CONDSTORE X)")
	got := decoded(t, " a (MESSAGES HIGHESTMODSEQ)", false, func(d *decoder) bool { _, o := d.statusArgs(); return o.HighestModSeq })
	same(t, "status", got, true)
}

// TestDecodeQresync has QRESYNC's syntax.
func TestDecodeQresync(t *testing.T) {
	for in, want := range map[string]resync{
		"(67890007 90060115194045000)":                   {uidValidity: 67890007, modSeq: 90060115194045000},
		"(67890007 90060115194045000 41,43:211,214:541)": {uidValidity: 67890007, modSeq: 90060115194045000, known: mail.UIDSet{{From: 41, To: 41}, {From: 43, To: 211}, {From: 214, To: 541}}},
		"(1 1 9:7,2)": {uidValidity: 1, modSeq: 1, known: mail.UIDSet{{From: 2, To: 2}, {From: 7, To: 9}}},
		"(1 1 (5000,7500,9990:9991 15000,22500,29970,29973))": {uidValidity: 1, modSeq: 1, seqs: mail.UIDSet{{From: 5000, To: 5000}, {From: 7500, To: 7500}, {From: 9990, To: 9991}}, uids: mail.UIDs(15000, 22500, 29970, 29973)},
		"(4294967295 9223372036854775807 1 (1 4294967295))":   {uidValidity: 1<<32 - 1, modSeq: 1<<63 - 1, known: mail.UIDs(1), seqs: mail.UIDs(1), uids: mail.UIDs(1<<32 - 1)},
	} {
		got := decoded(t, " INBOX (QRESYNC "+in+")", false, (*decoder).selectArgs)
		same(t, in, got, selectArgs{mailbox: "INBOX", given: "INBOX", resync: &want})
	}
	for _, in := range []string{
		"", "1 1", "()", "(1)", "(0 1)", "(1 0)", "(1 -1)", "(1 9223372036854775808)", "(4294967296 1)", "(1 1 )", "(1 1 *)", "(1 1 1:*)", "(1 1 $)", "(1 1 ())", "(1 1 (1))", "(1 1 (1 1) 1)", "(1 1 (1 1) (1 1))",
		"(1 1 (1,2 1))", "(1 1 (2,1 1,2))", "(1 1 (1,2 2:1))", "(1 1 (1,1 1,2))", "(1 1 (* 1))", "(1 1 ($ 1))", "(1 1 (1 1)", "(1 1  1)", "(1 1) QRESYNC (1 1)",
	} {
		refused(t, "BAD", (*decoder).selectArgs, " INBOX (QRESYNC "+in+")")
	}
	got := decoded(t, " 1:* (FLAGS) (CHANGEDSINCE 7 VANISHED)", false, (*decoder).fetchArgs)
	same(t, "vanished", got.vanished, true)
	refused(t, "BAD", (*decoder).fetchArgs, " 1 FLAGS (VANISHED)", " 1 FLAGS (VANISHED CHANGEDSINCE 1 VANISHED)", " 1 FLAGS (VANISHED 1 CHANGEDSINCE 1)")
}

// TestLastPair holds lastPair to RFC 7162 §3.2.5.2's words.
func TestLastPair(t *testing.T) {
	var v view
	for n := range mail.UID(10003) {
		v.uids = append(v.uids, 3*(n+1))
	}
	r := func(from, to mail.UID) mail.UIDSet { return mail.UIDSet{{From: from, To: to}} }
	for _, test := range []struct {
		seqs, uids mail.UIDSet
		want       mail.UID
	}{
		{nil, nil, 0},
		{r(1, 5), r(1, 5), 0},
		{r(1, 2), mail.UIDs(3, 7), 3},
		{mail.UIDs(5000, 7500, 9000, 9990), mail.UIDs(15000, 22500, 27000, 29971), 27000},
		{r(10003, 10006), r(30009, 30012), 30009},
		{r(90, 110), r(290, 310), 300},
	} {
		if got := v.lastPair(test.seqs, test.uids); got != test.want {
			t.Errorf("%v, %v: %d, want %d", test.seqs, test.uids, got, test.want)
		}
	}
}
