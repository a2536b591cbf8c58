package imapd

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

// TestViewModel holds the view against a client that believes what it is told:
// a slice from which EXPUNGE n removes the n-th and to which EXISTS appends.
func TestViewModel(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var v view
		var client []mail.UID
		next := mail.UID(1)
		for range 50 {
			if r.IntN(2) == 0 {
				var fresh []mail.UID
				for range r.IntN(20) {
					next += mail.UID(1 + r.IntN(3))
					fresh = append(fresh, next)
				}
				v.add(fresh)
				client = append(client, fresh...)
			} else {
				var gone mail.UIDSet
				for range r.IntN(10) {
					from := mail.UID(r.IntN(int(next) + 2))
					gone.AddRange(from, from+mail.UID(r.IntN(4)))
				}
				want := slices.DeleteFunc(slices.Clone(client), gone.Contains)
				if n := v.count(gone); n != len(client)-len(want) {
					t.Fatalf("seed %d: count of %v is %d", seed, gone, n)
				}
				v.expunge(gone, func(seq uint32) { client = slices.Delete(client, int(seq)-1, int(seq)) })
				if !slices.Equal(client, want) {
					t.Fatalf("seed %d: after expunging %v the client has %v, want %v", seed, gone, client, want)
				}
			}
			if !slices.Equal(v.uids, client) {
				t.Fatalf("seed %d: the view is %v, the client's %v", seed, v.uids, client)
			}
			for u := range next + 2 {
				if got, want := v.seq(u), slices.Index(client, u)+1; int(got) != want {
					t.Fatalf("seed %d: seq(%d) = %d, want %d", seed, u, got, want)
				}
			}
			checkSets(t, r, &v, next)
		}
	}
}

// checkSets holds the functions on sets against doing it one by one.
func checkSets(t *testing.T, r *rand.Rand, v *view, next mail.UID) {
	t.Helper()
	var set mail.UIDSet
	for range r.IntN(5) {
		set.AddRange(mail.UID(1+r.IntN(int(next)+5)), mail.UID(1+r.IntN(int(next)+5)))
	}
	var known mail.UIDSet
	for _, u := range v.uids {
		if set.Contains(u) {
			known.Add(u)
		}
	}
	if got := v.known(set); !slices.Equal(got, known) {
		t.Fatalf("known(%v) = %v, want %v", set, got, known)
	}
	var batched mail.UIDSet
	for b := range v.batches(set, 3) {
		if b.Len() > 3 {
			t.Fatalf("a batch of %d", b.Len())
		}
		for u := range b.All() {
			batched.Add(u)
		}
	}
	if !slices.Equal(batched, known) {
		t.Fatalf("batches(%v) = %v, want %v", set, batched, known)
	}
	if cut := upTo(set, v.last()); len(cut) > 0 && cut[len(cut)-1].To > v.last() || v.count(cut) != v.count(set) {
		t.Fatalf("upTo(%v, %d) = %v", set, v.last(), cut)
	}
	if n := v.len(); n > 0 {
		from, to := 1+r.IntN(n), 1+r.IntN(n)
		var seqs mail.UIDSet
		seqs.AddRange(mail.UID(from), mail.UID(to))
		uids, ok := v.uidsOf(seqs)
		if !ok || v.count(uids) != seqs.Len() {
			t.Fatalf("uidsOf(%v) = %v, %v", seqs, uids, ok)
		}
	}
}

func TestUIDsOfTooHigh(t *testing.T) {
	v := view{uids: []mail.UID{4, 7, 9}}
	for _, set := range []mail.UIDSet{{{From: 4, To: 4}}, {{From: 1, To: 4}}, {{From: 1, To: 1}, {From: 1 << 31, To: 1<<32 - 1}}} {
		if uids, ok := v.uidsOf(set); ok {
			t.Errorf("uidsOf(%v) = %v", set, uids)
		}
	}
}

func TestAppendInOrder(t *testing.T) {
	for want, uids := range map[string][]mail.UID{
		"7": {7}, "1:3,9": {1, 2, 3, 9}, "5,4,6:7": {5, 4, 6, 7}, "1,3,5": {1, 3, 5},
	} {
		if got := string(appendInOrder(nil, uids)); got != want {
			t.Errorf("%v: got %s, want %s", uids, got, want)
		}
	}
}

func TestCutLiteral(t *testing.T) {
	for line, want := range map[string]*literal{
		"":                                nil,
		"{}":                              nil,
		"a {5":                            nil,
		"a {+}":                           nil,
		"a {-5}":                          nil,
		"a {5x}":                          nil,
		"a 5}":                            nil,
		"a {5}":                           {size: 5, start: 2},
		"a {5+}":                          {size: 5, nonSync: true, start: 2},
		"a ~{0}":                          {binary: true, start: 2},
		"{7+}":                            {size: 7, nonSync: true},
		"a {99999999999999999999}":        {size: -1, start: 2},
		"a {99999999999999999999+}":       {size: -1, nonSync: true, start: 2},
		`x "quoted {3+}`:                  {size: 3, nonSync: true, start: 10},
		"a UTF8 (~{9223372036854775807+}": {size: 1<<63 - 1, nonSync: true, binary: true, start: 8},
	} {
		got, ok := cutLiteral([]byte(line))
		if ok != (want != nil) || ok && got != *want {
			t.Errorf("%q: got %+v, %v, want %+v", line, got, ok, want)
		}
	}
}

func TestCutHead(t *testing.T) {
	type head struct{ Tag, Name, Args string }
	for line, want := range map[string]head{
		"a noop":             {"a", "NOOP", ""},
		"a1.] uid fetch 1 x": {"a1.]", "UID FETCH", " 1 x"},
		"a UID":              {"a", "UID", ""},
		"a UID ":             {"a", "UID", " "},
		"a UID  fetch":       {"a", "UID ", " fetch"},
		"a LOGIN {5}":        {"a", "LOGIN", " {5}"},
		"a  noop":            {},
		" noop":              {},
		"noop":               {},
		"":                   {},
		"+ noop":             {},
		"a% noop":            {},
		"a\x80 noop":         {},
		"a (noop":            {},
		"a noop\x00":         {"a", "NOOP", "\x00"},
	} {
		tag, name, args := cutHead([]byte(line))
		if diff := cmp.Diff(want, head{tag, name, string(args)}); diff != "" {
			t.Errorf("%q: %s", line, diff)
		}
	}
}

func TestOctetsCut(t *testing.T) {
	all := "trace|content|" // as pre and six of content from 0
	for offset := range int64(16) {
		for length := int64(1); length < 18; length++ {
			o := octets{pre: []byte(all[:6]), off: 100, n: 8}.cut(offset, length)
			got := string(o.pre) + all[6:][min(8, max(0, o.off-100)):][:o.n]
			if o.n == 0 {
				got = string(o.pre)
			}
			from := min(offset, 14)
			if want := all[from:min(14, from+length)]; got != want || o.size() != int64(len(want)) {
				t.Fatalf("<%d.%d>: got %q, want %q", offset, length, got, want)
			}
		}
	}
}
