//go:build attack

package attack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

const victim = "victim.example" // a domain that is not ours

// relayForms are recipients that a careless server relays: L stands for our
// domain, R for a foreign one.
func relayForms() []string {
	return []string{
		"<alice@L>", // ours: taken, so that the others would be seen
		// plain, and written otherwise
		"<u@R>", "u@R", "<u@R", "u@R>", " <u@R>", "<u@R> ", "< u@R >", "<<u@R>>", "<u@R.>", "<U@R>", "<u@r>", "<(x)u@R>", "<u@R(x)>", "<u@(x)R>",
		`<"u"@R>`, `<"u\@x"@R>`, "<\"u\"@R>", "<u@[127.0.0.1]>", "<u@[192.0.2.1]>", "<u@[IPv6:::1]>", "<u@[IPv6:2001:db8::1]>", "<u@127.0.0.1>", "<u@192.0.2.1>", "<u@3221225985>",
		"<u@\uff56ictim.example>", "<u@victim\u3002example>", "<\u00fc@R>", "u <u@R>", "\"u\" <u@R>", "<u@R>,<postmaster@L>", "<postmaster@L>,<u@R>", "<postmaster@L> <u@R>", "<postmaster@L><u@R>",
		// through us
		"<u%R@L>", "<u%R@[127.0.0.1]>", "<u%R@localhost>", "<u%R>", "<u%R@>", "<%R@L>", "<u%R%L@L>", "<u%%R@L>", "<R!u@L>", "<R!u>", "<R!u@[127.0.0.1]>", "<L!R!u>", "<u@R@L>", "<u@L@R>", "<@L:u@R>", "<@L,@R:u@R>", "<@R:u@L>", "<@L@R:u@R>",
		"<@L:u%R@L>", `<"u@R"@L>`, `<"u@R">`, `<"u%R"@L>`, `<"u%R"@[127.0.0.1]>`, `<"R!u"@L>`, `<u\@R@L>`, `<"u@R"@[127.0.0.1]>`, `<"u@R"@localhost>`, "<u:R@L>", "<u/R@L>", "<u+R@L>", "<u|R@L>", "<u#R@L>", "<u=R@L>", "<u&R@L>", "<smtp:u@R>", "<u?to=u@R>",
		"<postmaster%R>", "<postmaster@R>", "<Postmaster%R@L>", "<abuse%R@L>", "<u@R%L>", "<u@R!L>", "<u@R,L>", "<u@R;L>", "<u@L.R>", "<u@L:25@R>",
		// nobody, and more than one
		"<>", "<@>", "<@L>", "<L>", "<@R>", "<u@>", "", "<", ">", "u", "<u>", "<\"\"@L>", "<.@L>",
		// with parameters
		"<u@R> ORCPT=rfc822;postmaster@L", "<nobody@L> ORCPT=rfc822;u@R", "<u@R> NOTIFY=SUCCESS", "<postmaster@L> RCPT TO:<u@R>", "<nobody@L> X=<u@R>",
		// cut off where another reads on
		"<postmaster@L>\rRCPT TO:<u@R>", "<postmaster@L>\nRCPT TO:<u@R>", "<postmaster@L\x00>RCPT TO:<u@R>", "<postmaster@L\x00@R>", "<u@R\x00@L>", "<u@R\\@L>", "<u@R\t@L>", "<u@R @L>", "<u@R\x0b@L>", "<u@R\x08@L>",
	}
}

// senders are those that a form is tried with. Who has logged in as alice may
// send as alice and from <> only.
func relaySenders() []string {
	return []string{"<alice@L>", "<>", "<someone@R>", "<alice@R>", "<postmaster@L>", "<alice@L@R>", "<@R:alice@L>", "<someone@[127.0.0.1]>"}
}

func atDomains(form string) string {
	form = strings.ReplaceAll(form, "L", testserver.Domain)
	form = strings.ReplaceAll(form, "<u@r>", "<u@"+strings.ToUpper(victim)+">")
	return strings.ReplaceAll(form, "R", victim)
}

// TestOpenRelay tries each form from each sender on each port, with a login and
// without. Without, nothing leaves; with it, nothing but what is written as an
// address of another domain. A sink and the queue judge.
func TestOpenRelay(t *testing.T) {
	t.Parallel()
	k := newSink(t)
	// The first account is the domain's postmaster, and may write as such.
	s := testserver.New(t, testserver.Config{Users: []string{"keeper", "alice"}})
	s.Set("relay.smarthost", "address", k.Address())
	s.Set("relay.smarthost", "tls", "none")
	s.Set("smtp", "any_sender", false)
	s.Set("smtp", "any_helo", false)
	s.Set("log", "level", "error")
	s.MustStart()

	senders := relaySenders()
	if !full() {
		senders = senders[:3]
	}
	tried, taken := 0, 0
	for _, service := range []string{"smtp", "submission", "submissions"} {
		for _, from := range senders {
			n, ok := tryForms(t, s, service, "", from, relayForms())
			tried, taken = tried+n, taken+ok
		}
	}
	if queue := queued(t, s); len(queue) > 0 {
		t.Errorf("without a login there is in the queue: %v", queue)
	}
	if got := k.envelopes(); len(got) > 0 {
		t.Errorf("without a login was relayed: %v", got)
	}
	if taken == 0 {
		t.Error("nothing was taken at all: that proves nothing")
	}
	t.Logf("without a login: %d tries, %d taken (for ourselves), none relayed", tried, taken)

	tried, taken = 0, 0
	for _, service := range []string{"submission", "submissions"} {
		for _, from := range senders {
			n, ok := tryForms(t, s, service, "alice@"+testserver.Domain, from, relayForms())
			tried, taken = tried+n, taken+ok
		}
	}
	if !eventually(30*time.Second, func() bool { return len(queued(t, s)) == 0 }) {
		t.Errorf("in the queue is still: %v", queued(t, s))
	}
	got := k.envelopes()
	t.Logf("logged in: %d tries, %d taken, %d relayed", tried, taken, len(got))
	// Mail of one's own for others is what a login is for: the proof that the
	// sink would have seen the rest.
	plain := "<alice@" + testserver.Domain + ">"
	if !slices.ContainsFunc(got, func(e string) bool { return strings.HasPrefix(e, plain) && strings.Contains(e, "<u@"+victim+">") }) {
		t.Errorf("a login does not help: %q", got)
	}
	for _, e := range got {
		from, to, _ := strings.Cut(e, " -> ")
		from, _, _ = strings.Cut(from, " ")
		to, _, _ = strings.Cut(to, " ")
		if from != plain && from != "<>" {
			t.Errorf("relayed from somebody else: %s", e)
		}
		if !legitimate(to) {
			t.Errorf("relayed to an address that nobody wrote as such: %s", e)
		}
	}
}

// legitimate reports whether a recipient is an address of another domain. What
// stands before its @ is that domain's own business, and goes there as it is.
func legitimate(to string) bool {
	to = strings.ToLower(strings.Trim(to, "<>"))
	domain := to[strings.LastIndexByte(to, '@')+1:]
	if strings.HasPrefix(domain, "[") {
		return strings.HasSuffix(domain, "]")
	}
	return domain != to && domain != "" && !strings.ContainsAny(domain, "%!@:,;") && !strings.HasSuffix(domain, testserver.Domain)
}

// tryForms tries one sender with each recipient, and sends a message to those
// that are taken. It returns how many were tried, and taken.
func tryForms(t *testing.T, s *testserver.Server, service, user, from string, forms []string) (tried, taken int) {
	t.Helper()
	var c *client
	open := func() {
		if c != nil {
			c.Close()
		}
		var err error
		if c, err = openSMTP(s, service, user); err != nil {
			t.Fatal(err)
		}
	}
	for _, form := range forms {
		open() // what a form does to a connection must not spare the others
		tried++
		line := "RCPT TO:" + atDomains(form)
		utf8 := ""
		if strings.ContainsFunc(line, func(r rune) bool { return r > 0x7f }) {
			utf8 = " SMTPUTF8"
		}
		answer, err := c.last("MAIL FROM:"+atDomains(from)+utf8, "submission")
		if err != nil || !strings.HasPrefix(answer, "250") {
			continue
		}
		if answer, err = c.last(line, "submission"); err != nil || !strings.HasPrefix(answer, "25") {
			continue
		}
		if answer, err = c.last("DATA", "submission"); err != nil || !strings.HasPrefix(answer, "354") {
			continue
		}
		answer, err = c.last(fmt.Sprintf("From: <alice@%s>\r\nSubject: %q\r\n\r\nx\r\n.", testserver.Domain, form), "submission")
		if err == nil && strings.HasPrefix(answer, "250") {
			taken++
		}
	}
	if c != nil {
		c.Close()
	}
	return tried, taken
}

// openSMTP connects to a port of SMTP, in TLS where that is implicit, and logs
// in where a user is given.
func openSMTP(s *testserver.Server, service, user string) (*client, error) {
	c, err := dial("127.0.0.1", s.Address(service))
	if err != nil {
		return nil, err
	}
	if service == "submissions" {
		err = c.secure(clientTLS())
	}
	if err == nil {
		err = c.talk("220", "EHLO client.example", "250")
	}
	if err == nil && user != "" {
		_, err = c.ask("AUTH PLAIN "+plainResponse(user, testserver.Password), "235")
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// queued lists the recipients in the queue.
func queued(t *testing.T, s *testserver.Server) (to []string) {
	t.Helper()
	var entries []struct{ From, To string }
	if err := json.Unmarshal([]byte(s.Must("queue", "list", "--json")), &entries); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to = append(to, e.From+" -> "+e.To)
	}
	return to
}
