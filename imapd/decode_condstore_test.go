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
		" 1:* (FLAGS) (CHANGEDSINCE 12345)":             {set: set, items: []fetchItem{flags, modSeq}, changedSince: 12345},
		" 1:* (MODSEQ) (Changedsince 1)":                {set: set, items: []fetchItem{modSeq}, changedSince: 1},
		" 1:* FAST (CHANGEDSINCE 1)":                    {set: set, items: []fetchItem{flags, {kind: itemInternalDate}, {kind: itemSize}, modSeq}, changedSince: 1},
		" 1:* FLAGS (CHANGEDSINCE 9223372036854775807)": {set: set, items: []fetchItem{flags, modSeq}, changedSince: 1<<63 - 1},
	} {
		got := decoded(t, in, false, (*decoder).fetchArgs)
		got.count = 0
		same(t, in, got, want)
	}
	refused(t, "BAD", (*decoder).fetchArgs, " 1 FLAGS (CHANGEDSINCE 0)", " 1 FLAGS (CHANGEDSINCE -1)", " 1 FLAGS (CHANGEDSINCE 9223372036854775808)",
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
