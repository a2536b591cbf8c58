package imapd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"posthorn/store"
)

// listing shows what LIST would, a name to a line: its attributes in short
// (s subscribed, x no mailbox, c children, S with STATUS) and CHILDINFO as +.
func listing(names []*listed, o imap.ListOptions) string {
	var lines []string
	for _, n := range names {
		line := n.name + " "
		for _, a := range []struct {
			mark string
			set  bool
		}{{"s", n.subscribed}, {"x", n.box == nil}, {"c", n.children}, {"+", o.SelectRecursiveMatch && n.inside}} {
			if a.set {
				line += a.mark
			}
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, ", ")
}

// boxes makes mailboxes of names; one with a "-" is a level without a mailbox,
// one with a "\" has the special use behind it.
func boxes(names ...string) (out []store.Mailbox) {
	for _, name := range names {
		var mb store.Mailbox
		mb.Name, mb.NoSelect = strings.CutPrefix(name, "-")
		if i := strings.IndexByte(mb.Name, '\\'); i >= 0 {
			mb.Name, mb.SpecialUse = mb.Name[:i], mb.Name[i:]
		}
		out = append(out, mb)
	}
	return out
}

// TestList holds the examples of RFC 9051 §6.3.9.8 and RFC 5258 §5.
func TestList(t *testing.T) {
	fruit := boxes("INBOX", "Fruit", "Fruit/Apple", "Fruit/Banana", "Tofu", "Vegetable", "Vegetable/Broccoli", "Vegetable/Corn")
	fruitSubs := []string{"INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"}
	foo := boxes("INBOX", "Foo", "Foo/Bar", "Foo/Baz", "Moo")
	twos := boxes("INBOX", "foo2", "foo2/bar1", "foo2/bar2", "baz2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "-qux2", "qux2/bar2")
	twosSubs := []string{"foo2/bar1", "foo2/bar2", "baz2/bar2", "baz2/bar22", "baz2/bar222", "eps2", "eps2/mamba", "qux2/bar2"}
	var (
		none       = imap.ListOptions{}
		subscribed = imap.ListOptions{SelectSubscribed: true}
		recursive  = imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true}
		special    = imap.ListOptions{SelectSpecialUse: true}
	)
	for _, tt := range []struct {
		name     string
		boxes    []store.Mailbox
		subs     []string
		o        imap.ListOptions
		patterns string // parted by spaces
		want     string
	}{
		{"1", fruit, nil, none, "*", "INBOX, Fruit c, Fruit/Apple, Fruit/Banana, Tofu, Vegetable c, Vegetable/Broccoli, Vegetable/Corn"},
		{"2", fruit, fruitSubs, subscribed, "*", "INBOX s, Fruit/Banana s, Fruit/Peach sx, Vegetable sc, Vegetable/Broccoli s"},
		{"3", fruit, nil, none, "%", "INBOX, Fruit c, Tofu, Vegetable c"},
		{"7", foo, nil, none, "%", "INBOX, Foo c, Moo"},
		{"7A", foo, []string{"Foo/Baz"}, subscribed, "*", "Foo/Baz s"},
		{"7A %", foo, []string{"Foo/Baz"}, subscribed, "%", ""},
		{"7A recursive", foo, []string{"Foo/Baz"}, recursive, "%", "Foo c+"},
		{"7A1", foo, []string{"Foo/Baz", "Foo"}, recursive, "%", "Foo sc+"},
		{"7B", foo, nil, recursive, "%", ""},
		{"7C", foo, []string{"Foo", "Moo"}, recursive, "%", "Foo sc, Moo s"},
		{"8", twos, twosSubs, recursive, "*2", "baz2/bar2 s, baz2/bar22 s, baz2/bar222 s, eps2 sc+, foo2 c+, foo2/bar2 s, qux2/bar2 s"},
		{"9", boxes("foo"), []string{"foo/bar"}, subscribed, "foo/*", "foo/bar sx"},
		{"9 recursive", boxes("foo"), []string{"foo/bar"}, recursive, "foo", "foo +"},
		{"10", boxes("-music", "music/rock"), nil, none, "*", "music/rock"},
		{"10 %", boxes("-music", "music/rock"), nil, none, "%", "music xc"},
		{"10 level", boxes("-music", "music/rock"), nil, none, "music", ""},
		{"10 subscribed level", boxes("-music", "music/rock"), []string{"music"}, subscribed, "*", "music sxc"},
		{"missing levels of a subscription", nil, []string{"a/b/c"}, recursive, "%", "a x+"},
		{"missing levels of a subscription, listed", nil, []string{"a/b/c"}, recursive, "*", "a/b/c sx"},
		{"several patterns", fruit, nil, none, "INBOX Fruit/* INBOX", "INBOX, Fruit/Apple, Fruit/Banana"},
		{"special use", boxes("INBOX", `Sent\Sent`, `a/Junk\Junk`, "-a"), nil, special, "*", `Sent, a/Junk`},
		{"special use and subscribed", boxes("INBOX", `Sent\Sent`, `Junk\Junk`), []string{"Sent", "INBOX", "Gone"}, imap.ListOptions{SelectSubscribed: true, SelectSpecialUse: true}, "*", "Sent s"},
		{"special use, subscribed, recursive", boxes("INBOX", `a/Junk\Junk`, "a/b", "-a"), []string{"a/Junk", "a/b"}, imap.ListOptions{SelectSubscribed: true, SelectSpecialUse: true, SelectRecursiveMatch: true}, "%", `a xc+`},
		{"children of INBOX", boxes("INBOX", "INBOX/a", "INBOXES"), nil, none, "inbox*", "INBOX c, INBOX/a"},
		{"order", boxes("b", "a.x", "a", "a/b", "INBOX", "A"), nil, none, "*", "INBOX, A, a c, a/b, a.x, b"},
	} {
		var patterns []*pattern
		for _, p := range strings.Fields(tt.patterns) {
			patterns = append(patterns, newPattern(p))
		}
		got := listing(newListTree(tt.boxes, tt.subs).list(patterns, tt.o), tt.o)
		if got != tt.want {
			t.Errorf("example %s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// TestLsub holds RFC 3501 §6.3.9.
func TestLsub(t *testing.T) {
	news := []string{"#news/comp/mail/mime", "#news/comp/mail/misc"}
	for _, tt := range []struct {
		subs          []string
		pattern, want string
	}{
		{news, "#news/comp/mail/*", "#news/comp/mail/mime sx, #news/comp/mail/misc sx"},
		{news, "#news/comp/%", "#news/comp/mail x"},
		{news, "#news/comp/mail/%", "#news/comp/mail/mime sx, #news/comp/mail/misc sx"},
		{news, "%", "#news x"},
		{news, "#news", ""},
		{[]string{"foo/bar"}, "%", "foo x"},
		{[]string{"foo", "foo/bar"}, "%", "foo sx"},
		{[]string{"foo/bar"}, "*", "foo/bar sx"},
		{nil, "*", ""},
	} {
		got := listing(newListTree(nil, tt.subs).subscriptions([]*pattern{newPattern(tt.pattern)}), imap.ListOptions{})
		if got != tt.want {
			t.Errorf("%v %s: got %s, want %s", tt.subs, tt.pattern, got, tt.want)
		}
	}
}

// TestListBounded: many long names, and patterns as long as there may be.
func TestListBounded(t *testing.T) {
	var names []string
	for i := range 2_000 {
		name := fmt.Sprintf("%05d", i)
		for len(name) < maxMailboxName-40 {
			name += "/" + strings.Repeat("a", 30)
		}
		names = append(names, name)
	}
	for _, patterns := range []string{
		`"` + strings.Repeat("*a", maxPatterns/2-2) + `"`,
		`"` + strings.Repeat("%a", 900) + "*" + `"`,
		`("` + strings.Repeat("*a", maxPatterns/8-1) + strings.Repeat(`" "`+strings.Repeat("*a", maxPatterns/8-1), 3) + `")`,
	} {
		d := newDecoder([]byte(` "" `+patterns), false)
		args := d.listArgs()
		check(t, d.end())
		start := time.Now()
		tree := newListTree(nil, names)
		listed := tree.list(args.compile(), imap.ListOptions{SelectSubscribed: true, SelectRecursiveMatch: true})
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%.20s...: %v for %d of %d names", patterns, took, len(listed), len(tree.names))
		}
	}
}
