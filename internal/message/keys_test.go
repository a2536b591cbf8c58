package message

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keysOf are the keys of a message with this header.
func keysOf(header string) Keys {
	p := NewParser()
	p.Write([]byte(header + "\r\nbody"))
	return KeysOf(p.Finish().Envelope, []byte(header+"\r\n"))
}

func TestKeys(t *testing.T) {
	k := keysOf("Subject: Re: =?utf-8?q?Caf=C3=A9?= [x]\r\nFrom: =?utf-8?q?J=C3=BCrgen?= <Juergen@Example.org>, b@c\r\n" +
		"To: \"\" <anna@example.org>\r\nCc: Friends: carl@example.org, dora@example.org;\r\nMessage-ID: <a@b>\r\n")
	got := fmt.Sprintf("%s %v|%s|%s|%s|%s|%s", k.Subject, k.Reply, k.From, k.To, k.Cc, k.DisplayFrom, k.DisplayTo)
	want := strings.ReplaceAll("CAFÉ [X] true|JUERGEN|ANNA|FRIENDS|JÜRGEN|ANNA@EXAMPLE.ORG", "É", "E\u0301")
	want = strings.ReplaceAll(want, "Ü", "U\u0308")
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if k := keysOf("X: y\r\n"); k.Subject+k.From+k.To+k.Cc+k.DisplayFrom+k.DisplayTo != "" || k.ID != 0 || len(k.References) != 0 {
		t.Errorf("of an empty header: %+v", k)
	}
	// RFC 5957 §3: a group has a mailbox and no host.
	if k := keysOf("From: Friends: a@b;\r\n"); k.DisplayFrom != "FRIENDS" {
		t.Errorf("a group: %q", k.DisplayFrom)
	}
	long := strings.Repeat("é", 600)
	a, b := keysOf("Subject: "+long+"a\r\n"), keysOf("Subject: "+long+"b\r\n")
	if a.Subject == b.Subject || len(a.Subject) > maxKey+32 {
		t.Errorf("long subjects: %d octets, equal %v", len(a.Subject), a.Subject == b.Subject)
	}
}

// TestKeysUnsound has the example of RFC 5255 §4.6: what is not in the charset that
// it names comes last, in the order of its octets.
func TestKeysUnsound(t *testing.T) {
	last := ""
	for _, subject := range []string{
		"caf\xe9", "x", "=?x-unknown?q?y?=",
		"=?koi8-r?b?4czFy9PFyg==?=", "Re: =?utf-8?b?0YHQldCg0JPQldCZ?=",
		"=?utf-8?b?0JLQsNGB0LjQu9C4/7k=?=", "=?utf-8?b?0MDQvdC00YDQtdC5?= (fwd)",
	} {
		k := keysOf("Subject: " + subject + "\r\nFrom: " + strings.NewReplacer("Re: ", "", " (fwd)", "").Replace(subject) + " <a@b>\r\n")
		if k.Subject <= last || k.DisplayFrom != k.Subject {
			t.Errorf("%s: %q and %q come behind %q", subject, k.Subject, k.DisplayFrom, last)
		}
		last = k.Subject
	}
}

func TestMessageIDs(t *testing.T) {
	id := func(s string) MessageID { return messageIDs([]byte("<"+s+">"), 1)[0] }
	for in, want := range map[string][]string{
		"":                        nil,
		"no id":                   nil,
		"<>":                      nil,
		"<a>":                     nil,
		"<@b>":                    nil,
		"<a@>":                    nil,
		"<a@b":                    nil,
		"<a@b>":                   {"a@b"},
		" x <a@b> y\t<c@d>z":      {"a@b", "c@d"},
		"<a@b><c@d>":              {"a@b", "c@d"},
		"<a <c@d> <e":             {"c@d"},
		`<"01KF8"@xxx.yyy.com>`:   {"01KF8@xxx.yyy.com"},
		`<"a\"b c"@d>`:            {`"a\"b c"@d`},
		"< a@\tb >":               {"a@b"},
		`<"a>"@b>`:                {`"a>"@b`},
		"<A@b>":                   {"A@b"},
		"<a@[127.0.0.1]> <a@b@c>": {"a@[127.0.0.1]", "a@b@c"},
	} {
		got := messageIDs([]byte(in), 100)
		var w []MessageID
		for _, s := range want {
			w = append(w, id(s))
		}
		if fmt.Sprint(got) != fmt.Sprint(w) {
			t.Errorf("%q: %d, want %d of %q", in, got, w, want)
		}
	}
	if id("a@b") == id("A@b") {
		t.Error("case is folded")
	}
	if id(`"a"@b`) != id("a@b") {
		t.Error("quoting is kept")
	}
}

func TestReferences(t *testing.T) {
	ids := func(s string) []MessageID { return messageIDs([]byte(s), 100) }
	for header, want := range map[string]string{
		"References: <a@b> <c@d>\r\nIn-Reply-To: <e@f>\r\n":   "<a@b> <c@d>",
		"references:\r\n <a@b>\r\n\t<c@d>\r\nX: <g@h>\r\n":    "<a@b> <c@d>",
		"References: none\r\nIn-Reply-To: <e@f> <g@h>\r\n":    "<e@f>",
		"In-Reply-To: your message <e@f> of <joe@x.org>\r\n":  "<e@f>",
		"References: <a@b>\r\nReferences: <c@d>\r\n":          "<a@b>",
		"X-References: <a@b>\r\nSubject: x\r\n <c@d>\r\n":     "",
		"Received: x\nReferences: <a@b>\n\nReferences: <c@d>": "<a@b>",
	} {
		if got := keysOf(header).References; fmt.Sprint(got) != fmt.Sprint(ids(want)) {
			t.Errorf("%q: %d, want %s", header, got, want)
		}
	}
	// Of many the first and the last count.
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, " <%d@x>\r\n", i)
	}
	got := keysOf("References:\r\n" + b.String()).References
	if len(got) != maxReferences || got[0] != ids("<0@x>")[0] || got[1] != ids("<969@x>")[0] || got[31] != ids("<999@x>")[0] {
		t.Errorf("%d of 1000 references", len(got))
	}
}

// TestKeysTime: what a stranger may write takes time in proportion.
func TestKeysTime(t *testing.T) {
	for _, in := range []string{"<", "<a", `<"`, "<a@b>", ">", "@", `<"\`, "(<"} {
		start := time.Now()
		keysOf("References: " + strings.Repeat(in, maxField/len(in)) + "\r\n")
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%q, repeated, took %v", in, d)
		}
	}
}

func FuzzKeys(f *testing.F) {
	names, _ := filepath.Glob("testdata/corpus/*")
	for _, name := range names[:min(len(names), 20)] {
		if b, err := os.ReadFile(name); err == nil {
			f.Add(b)
		}
	}
	f.Add([]byte("Subject: Re: x\r\nFrom: a: b@c;\r\nReferences: <a@b> <\"c\"@d>\r\nMessage-ID: <e@f>\r\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		p := NewParser()
		p.Write(header)
		k := KeysOf(p.Finish().Envelope, header)
		for _, s := range []string{k.Subject, k.From, k.To, k.Cc, k.DisplayFrom, k.DisplayTo} {
			if len(s) > maxKey+32 {
				t.Fatalf("a key of %d octets", len(s))
			}
		}
		if len(k.References) > maxReferences {
			t.Fatalf("%d references", len(k.References))
		}
		KeysOf(header, header)
	})
}

// TestThread: who answers is of the thread of what is answered, and what ThreadOf
// reads of a header is what KeysOf does.
func TestThread(t *testing.T) {
	first := keysOf("Message-ID: <1@x>\r\n").ID
	for header, want := range map[string]MessageID{
		"Message-ID: <1@x>\r\n":                                 first,
		"Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\n":           first,
		"Message-ID: <3@x>\r\nReferences: <1@x> <2@x>\r\n":      first,
		"References: <1@x>\r\n <2@x>\r\nIn-Reply-To: <2@x>\r\n": first,
		"Message-ID: <1@x>\r\nReferences: none\r\n":             first,
		"Subject: x\r\n": 0,
		"Message-ID: 1\r\nReferences: \r\nIn-Reply-To: your letter\r\n": 0,
	} {
		if k := keysOf(header); began(&k) != want {
			t.Errorf("%q began with %x, want %x", header, began(&k), want)
		}
	}
	threads := map[MessageID]int{}
	parseCorpus(t, func(name string, b []byte, m *Parsed) {
		header := b[:m.HeaderSize]
		k := KeysOf(m.Envelope, header)
		if got := ThreadOf(m.Envelope, header); got != began(&k) {
			t.Errorf("%s began with %x, by its keys with %x", name, got, began(&k))
		}
		threads[began(&k)]++
	})
	if len(threads) < 50 {
		t.Errorf("the corpus has only %d threads", len(threads))
	}
}

// began is what ThreadOf says, by a message's keys.
func began(k *Keys) MessageID {
	if len(k.References) > 0 {
		return k.References[0]
	}
	return k.ID
}
