package imapd

import (
	"strings"
	"testing"
	"time"
)

// matches reports whether p matches the whole name, and checks that it finds
// the levels above to match exactly when they do by themselves.
func matches(t *testing.T, p *pattern, name string) bool {
	found := make(map[string]bool)
	p.match(name, func(length int) { found[name[:length]] = true })
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		alone := false
		p.match(name[:i], func(length int) { alone = alone || length == i })
		if found[name[:i]] != alone {
			t.Errorf("%q, of %q: %v, by itself %v", name[:i], name, found[name[:i]], alone)
		}
	}
	return found[name]
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"*", []string{"", "a", "a/b/c", "INBOX"}, nil},
		{"%", []string{"", "a", "INBOX"}, []string{"a/b", "/"}},
		{"", []string{""}, []string{"a"}},
		{"a", []string{"a"}, []string{"", "A", "aa", "a/b"}},
		{"a*", []string{"a", "ab", "a/b"}, []string{"ba"}},
		{"a%", []string{"a", "ab"}, []string{"a/b"}},
		{"a/%", []string{"a/", "a/b"}, []string{"a", "a/b/c"}},
		{"%/%", []string{"a/b", "/"}, []string{"a", "a/b/c"}},
		{"%/b", []string{"a/b"}, []string{"b", "x/a/b"}},
		{"*/b", []string{"a/b", "x/a/b"}, []string{"b"}},
		{"*b%d", []string{"bd", "a/bxd", "b/bd"}, []string{"b/d", "bd/"}},
		{"*2", []string{"foo2", "foo2/bar2"}, []string{"foo2/bar1"}},
		{"%a%b%c", []string{"abc", "xaxbxc", "ababc"}, []string{"ab/c", "acb"}},
		{"a**b", []string{"ab", "a/b"}, []string{"a"}},
		{"a*%b", []string{"ab", "a/b"}, []string{"a"}},
		{"é%", []string{"é", "éé"}, []string{"e"}},
		{"inbox", []string{"INBOX"}, []string{"INBOX/a", "INBOXES"}},
		{"Inbox*", []string{"INBOX", "INBOX/a"}, []string{"INBOXES"}},
		{"*box", []string{"INBOX"}, nil},
		{"inbox/A", []string{"INBOX/A"}, []string{"INBOX/a"}},
		{"INBOX", []string{"INBOX"}, nil},
	} {
		p := newPattern(tt.pattern)
		for _, name := range tt.yes {
			if !matches(t, p, name) {
				t.Errorf("%q does not match %q", tt.pattern, name)
			}
		}
		for _, name := range tt.no {
			if matches(t, p, name) {
				t.Errorf("%q matches %q", tt.pattern, name)
			}
		}
	}
}

// TestPatternManyWildcards: neither does the time explode, nor does the match
// go wrong past 64 states.
func TestPatternManyWildcards(t *testing.T) {
	name := strings.Repeat("a", maxMailboxName)
	start := time.Now()
	for _, wild := range []string{"*", "%", "*%", "%*%"} {
		half := strings.Repeat("a"+wild, maxMailboxName/2)
		if !matches(t, newPattern(half), name) || matches(t, newPattern(half+"b"), name) || matches(t, newPattern("b"+half), name) {
			t.Errorf("500 × a%s", wild)
		}
		full := strings.Repeat(wild+"a", maxMailboxName)
		if !matches(t, newPattern(full), name) || matches(t, newPattern(full+"a"), name) {
			t.Errorf("1000 × %sa", wild)
		}
	}
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// matchSlowly is what a pattern means, written down plainly.
func matchSlowly(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch c := pattern[0]; c {
	case '*', '%':
		for i := 0; ; i++ {
			if matchSlowly(pattern[1:], name[i:]) {
				return true
			}
			if i == len(name) || c == '%' && name[i] == '/' {
				return false
			}
		}
	default:
		return name != "" && name[0] == c && matchSlowly(pattern[1:], name[1:])
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{{"*", "a"}, {"a%b*", "axb/c"}, {"%/%", "a/b"}, {"*a*%b%", "xa/yb"}, {"", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p := newPattern(pattern)
		got := matches(t, p, name)
		if len(pattern) > 12 || len(name) > 12 || isInbox(name) {
			return
		}
		if got != matchSlowly(pattern, name) {
			t.Errorf("%q on %q: %v", pattern, name, got)
		}
	})
}
