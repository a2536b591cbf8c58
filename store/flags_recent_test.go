package store

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"posthorn/internal/mail"
)

// TestSetFlagsUntouched: as long as all changes are remembered, only those of
// the flags that are named count, by what a naive list of them says.
func TestSetFlagsUntouched(t *testing.T) {
	s := openTest(t)
	account := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, account).ID
	deliverMany(t, s, account, mb, 3)
	names := []string{`\Seen`, `\Deleted`, "Junk", "$x"}
	type change struct {
		at    mail.ModSeq
		flags mail.Flags // that were set or removed
	}
	var history [4][]change // by UID
	have := make([]mail.Flags, 4)
	r := rand.New(rand.NewPCG(1, 2))
	box, err := s.MailboxByID(t.Context(), mb)
	if err != nil {
		t.Fatal(err)
	}
	newest := box.HighestModSeq
	first, refused, spared := newest, 0, 0
	for range 1000 {
		var picked []string
		for len(picked) == 0 {
			for _, name := range names {
				if r.IntN(3) == 0 {
					picked = append(picked, strings.ToUpper(name))
				}
			}
		}
		flags, op := mail.NewFlags(picked...), []FlagOp{FlagsAdd, FlagsRemove}[r.IntN(2)]
		var set, want mail.UIDSet
		since := max(first, newest-mail.ModSeq(r.IntN(6)))
		for uid := mail.UID(1); uid <= 3; uid++ {
			if r.IntN(2) == 0 {
				continue
			}
			set.Add(uid)
			changed := slices.ContainsFunc(history[uid], func(c change) bool { return c.at > since })
			touched := slices.ContainsFunc(history[uid], func(c change) bool { return c.at > since && haveCommon(c.flags, flags) })
			if touched {
				want.Add(uid)
				refused++
			} else if changed {
				spared++
			}
		}
		done, modified, err := s.SetFlagsUntouched(t.Context(), mb, set, op, flags, since)
		if err != nil || modified.String() != want.String() || len(done)+modified.Len() != set.Len() {
			t.Fatalf("%v of %v since %d: refused %v, want %v; %v", picked, set, since, modified, want, err)
		}
		for _, d := range done {
			if diff := difference(have[d.UID], d.Flags); !diff.Equal(mail.Flags{}) {
				history[d.UID] = append(history[d.UID], change{d.ModSeq, diff})
				have[d.UID] = d.Flags
				newest = max(newest, d.ModSeq)
			}
		}
	}
	if refused < 100 || spared < 100 {
		t.Errorf("%d refused, %d spared: this tells nothing", refused, spared)
	}
}

// TestFlagsForgotten: what is not remembered counts as changed.
func TestFlagsForgotten(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	account := addUser(t, s, "alice@crepes.fr")
	mb := inboxOf(t, s, account).ID
	deliverMany(t, s, account, mb, 1)
	set := func(op FlagOp, flag string, since mail.ModSeq) (mail.ModSeq, bool) {
		t.Helper()
		done, modified, err := s.SetFlagsUntouched(t.Context(), mb, mail.UIDs(1), op, mail.NewFlags(flag), since)
		if err != nil {
			t.Fatal(err)
		}
		if len(modified) > 0 {
			return 0, true
		}
		return done[0].ModSeq, false
	}
	start, _ := set(FlagsAdd, `\Seen`, Unconditionally)
	set(FlagsAdd, `\Draft`, Unconditionally)
	if _, refused := set(FlagsAdd, `\Flagged`, start); refused {
		t.Error("refused because of another flag")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), Config{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	defer closeChecked(t, s)
	if _, refused := set(FlagsAdd, `\Answered`, start); !refused {
		t.Error("a store that was opened anew remembers")
	}

	var recent recentFlags
	for n := range mail.ModSeq(maxRecentFlags + 10) {
		recent.add([]noted{{flagMoment{mb, 1, n + 1}, flagChange{n, mail.NewFlags(`\Seen`)}}})
	}
	if len(recent.changes) != maxRecentFlags || len(recent.order) != maxRecentFlags {
		t.Errorf("%d and %d changes are remembered", len(recent.changes), len(recent.order))
	}
	last := &item{uid: 1, modseq: maxRecentFlags + 10}
	if !recent.untouched(mb, last, mail.NewFlags(`\Draft`), 10) || recent.untouched(mb, last, mail.NewFlags(`\Draft`), 9) {
		t.Error("not the last are remembered")
	}
	if recent.untouched(mb, last, mail.NewFlags(`\Seen`), last.modseq-1) || recent.untouched(mb+1, last, mail.NewFlags(`\Draft`), last.modseq-1) {
		t.Error("what changed is not noticed")
	}
}
