package mail

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestCutPath(t *testing.T) {
	for _, c := range []struct {
		in, local, domain, rest string
		bad                     bool
	}{
		{in: "<a@b.c>", local: "a", domain: "b.c"},
		{in: "<a@B.C> SIZE=1", local: "a", domain: "b.c", rest: " SIZE=1"},
		{in: "<>", rest: ""},
		{in: "<Postmaster>", local: "Postmaster"},
		{in: `<"a b"@c>`, local: "a b", domain: "c"},
		{in: `<"a\"b"@c>`, local: `a"b`, domain: "c"},
		{in: "<@x,@y:a@b>", local: "a", domain: "b"},
		{in: "<a@[192.0.2.1]>", local: "a", domain: "[192.0.2.1]"},
		{in: "<a@[IPv6:2001:db8::1]>", local: "a", domain: "[ipv6:2001:db8::1]"},
		{in: "<a@[IPv6:192.0.2.1]>", bad: true},
		{in: "<a@[2001:db8::1]>", bad: true},
		{in: "<a..b@c>", local: "a..b", domain: "c"},
		{in: "<.a@c>", local: ".a", domain: "c"},
		{in: "<a.@c>", local: "a.", domain: "c"},
		{in: "a@b", bad: true},
		{in: "<a@b", bad: true},
		{in: "<a@>", bad: true},
		{in: "<@b>", bad: true},
		{in: "<a>", bad: true},
		{in: "<a@b@c>", bad: true},
		{in: "<a b@c>", bad: true},
		{in: "<a@-b>", bad: true},
		{in: "<a\x01@b>", bad: true},
		{in: "<a\u008a@b>", bad: true},
		{in: "<\"a\u008a\"@b>", bad: true},
		{in: "<a@b\u008a>", bad: true},
		{in: "<a@b\u202ec>", bad: true},
		{in: "<a@b\u3000c>", bad: true},
		{in: "<a@नाम\u200cे.भारत>", local: "a", domain: "नाम\u200cे.भारत"},
		{in: "<người@ví-dụ.vn>", local: "người", domain: "ví-dụ.vn"},
	} {
		a, rest, err := CutPath(c.in)
		if (err != nil) != c.bad {
			t.Errorf("CutPath(%q): error %v", c.in, err)
			continue
		}
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("CutPath(%q): %v is not ErrInvalid", c.in, err)
			}
			continue
		}
		if a.Local != c.local || a.Domain != c.domain || rest != c.rest {
			t.Errorf("CutPath(%q) = %q, %q, %q", c.in, a.Local, a.Domain, rest)
		}
	}
}

func FuzzCutPath(f *testing.F) {
	f.Add(`<"a\"b"@c> SIZE=1`)
	f.Add("<@x,@y:a@[IPv6:::1]>")
	f.Fuzz(func(t *testing.T, s string) {
		a, _, err := CutPath(s)
		if err != nil || a.IsNull() || a.Domain == "" {
			return
		}
		if text := a.String(); !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q has %q in it", s, text)
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q: %+v is written %q and read %+v, %v", s, a, a.String(), again, err)
		}
	})
}

func TestUIDSet(t *testing.T) {
	var s UIDSet
	for _, u := range []UID{5, 1, 3, 2, 9, 4, 4294967295, 7, 8, 6} {
		s.Add(u)
	}
	if got := s.String(); got != "1:9,4294967295" {
		t.Errorf("got %s", got)
	}
	if s.Len() != 10 || !s.Contains(7) || s.Contains(10) || s.Contains(0) || !s.Contains(4294967295) {
		t.Errorf("Len %d, Contains wrong", s.Len())
	}
	s.AddRange(20, 4294967295)
	if got := s.String(); got != "1:9,20:4294967295" {
		t.Errorf("got %s", got)
	}
}

func TestIntersect(t *testing.T) {
	s := UIDSet{{1, 5}, {7, 9}, {20, 4294967295}}
	for want, other := range map[string]UIDSet{
		"":                 {{6, 6}, {10, 19}},
		"1:5,7:9,20:30":    {{1, 30}},
		"3:5,7":            {{3, 7}},
		"4294967295":       {{4294967295, 4294967295}},
		"1,3,5,7:8,22:100": {{1, 1}, {3, 3}, {5, 8}, {22, 100}},
	} {
		if got := s.Intersect(other).String() + " " + other.Intersect(s).String(); got != want+" "+want {
			t.Errorf("%v: %s, want %s twice", other, got, want)
		}
	}
	for want, other := range map[string]UIDSet{
		"1:5,7:9,20:4294967295": {{6, 6}, {10, 19}},
		"31:4294967295":         {{1, 30}},
		"1:2,8:9,20:4294967295": {{3, 7}},
		"1:5,7:9,20:4294967294": {{4294967295, 4294967295}},
		"2,4,7:9,20:99":         {{1, 1}, {3, 3}, {5, 6}, {100, 4294967295}},
	} {
		if got := s.Without(other).String(); got != want {
			t.Errorf("without %v: %s, want %s", other, got, want)
		}
	}
}

func FuzzUIDSet(f *testing.F) {
	f.Add([]byte{5, 1, 3, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s UIDSet
		in := map[UID]bool{}
		for i := 0; i+1 < len(b); i += 2 {
			from, to := UID(b[i]), UID(b[i+1])
			s.AddRange(from, to)
			for u := min(from, to); u <= max(from, to); u++ {
				in[u] = true
			}
		}
		if s.Len() != len(in) {
			t.Fatalf("%v: %d UIDs, not %d", s, s.Len(), len(in))
		}
		for i, r := range s {
			if r.From > r.To || i > 0 && s[i-1].To+1 >= r.From {
				t.Fatalf("%v is not in order", s)
			}
		}
		other := UIDs(3, 4, 100, 200, 201)
		both, without, others := s.Intersect(other), s.Without(other), other.Without(s)
		for u := range UID(256) {
			if both.Contains(u) != (in[u] && other.Contains(u)) || without.Contains(u) != (in[u] && !other.Contains(u)) ||
				others.Contains(u) != (!in[u] && other.Contains(u)) {
				t.Fatalf("%v and %v have %v; %v and %v are left", s, other, both, without, others)
			}
		}
		for u := range s.All() {
			if !in[u] || !s.Contains(u) {
				t.Fatalf("%v: %d", s, u)
			}
		}
	})
}

func TestFlags(t *testing.T) {
	f := NewFlags(`\seen`, "$Junk", "work", "$junk", `\Recent`)
	if got := f.String(); got != `\Seen $Junk work` {
		t.Errorf("got %s", got)
	}
	if !f.Has("WORK") || !f.Has(`\SEEN`) || f.Has(`\Draft`) {
		t.Error("Has is wrong")
	}
	if got := f.Without(NewFlags("WORK", `\Seen`)).String(); got != "$Junk" {
		t.Errorf("got %s", got)
	}
	if !f.Equal(NewFlags("Work", "$JUNK", `\Seen`)) {
		t.Error("Equal is wrong")
	}
}
