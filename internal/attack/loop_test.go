//go:build attack

package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// twins are two servers, each with a route to the other: near.test and far.test.
type twins struct {
	t         *testing.T
	near, far *testserver.Server
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	p := &twins{t, testserver.New(t, testserver.Config{}), testserver.New(t, testserver.Config{})}
	route := func(s, to *testserver.Server, ours, theirs string) {
		s.Set("", "hostname", "mx."+ours) // one that has its own name is not sent to
		s.Must("domain", "add", ours)
		table := fmt.Sprintf("relay.routes.%q", theirs)
		s.Set(table, "address", to.Address("smtp"))
		s.Set(table, "tls", "none")
		s.Set("queue", "retry", []string{"1s"})
		if _, errs, err := s.Command(nil, testserver.Password+"\n", "user", "add", "--password-stdin", "alice@"+ours); err != nil {
			t.Fatal(errs)
		}
	}
	route(p.near, p.far, "near.test", "far.test")
	route(p.far, p.near, "far.test", "near.test")
	return p
}

func (p *twins) start() {
	p.near.MustStart()
	p.far.MustStart()
}

// calm waits until neither has anything to send.
func (p *twins) calm() {
	p.t.Helper()
	if !eventually(60*time.Second, func() bool { return len(queued(p.t, p.near))+len(queued(p.t, p.far)) == 0 }) {
		p.t.Errorf("still in the queues: %q %q", queued(p.t, p.near), queued(p.t, p.far))
	}
}

// accepted is how many messages the two have taken so far.
func (p *twins) accepted() int {
	return strings.Count(p.near.Log()+p.far.Log(), "msg=accepted")
}

// inbox is how many messages somebody has.
func (p *twins) inbox(s *testserver.Server, user string) int {
	p.t.Helper()
	_, lines := (&scene{Server: s, t: p.t}).imap(user, "STATUS INBOX (MESSAGES)")
	for _, line := range lines {
		n := 0
		if _, err := fmt.Sscanf(line, "* STATUS INBOX (MESSAGES %d)", &n); err == nil {
			return n
		}
	}
	p.t.Fatalf("no answer: %q", lines)
	return 0
}

// send hands over a message; the answers to RCPT and to its end.
func (p *twins) send(s *testserver.Server, service, user, from, to string) (rcpt, end string) {
	p.t.Helper()
	c, err := openSMTP(s, service, user)
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.ask("MAIL FROM:<"+from+">", "250"); err != nil {
		p.t.Fatal(err)
	}
	if rcpt, err = c.last("RCPT TO:<"+to+">", "submission"); err != nil || !strings.HasPrefix(rcpt, "250") {
		return rcpt, ""
	}
	if _, err = c.ask("DATA", "354"); err == nil {
		end, err = c.last("From: <x@y.example>\r\nSubject: x\r\n\r\nx\r\n.", "submission")
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return rcpt, end
}

// TestLoops: mail that two servers send each other for ever ends after at most
// a hundred hops, with one report to who sent it; also where each hop leads to
// two addresses.
func TestLoops(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what    string
		aliases func(p *twins)
		most    int // messages that are taken, the report's among them
		reports int
	}{
		{"a loop of two aliases", func(p *twins) {
			p.near.Must("alias", "add", "loop@near.test", "loop@far.test")
			p.far.Must("alias", "add", "loop@far.test", "loop@near.test")
		}, 103, 1},
		{"a loop that forks at each hop", func(p *twins) {
			for _, name := range []string{"loop", "fork"} {
				p.near.Must("alias", "add", name+"@near.test", "loop@far.test", "fork@far.test")
				p.far.Must("alias", "add", name+"@far.test", "loop@near.test", "fork@near.test")
			}
		}, 104, 2},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			p := newTwins(t)
			tt.aliases(p)
			p.start()
			if _, end := p.send(p.near, "submission", "alice@near.test", "alice@near.test", "loop@near.test"); !strings.HasPrefix(end, "250") {
				t.Fatal(end)
			}
			if !eventually(60*time.Second, func() bool { return p.inbox(p.near, "alice@near.test") > 0 }) {
				t.Errorf("no report came\n%s", tail(p.near))
			}
			p.calm()
			n, reports := p.accepted(), p.inbox(p.near, "alice@near.test")
			t.Logf("%d messages were taken, %d reports", n, reports)
			if n > tt.most || n < 50 {
				t.Errorf("%d messages were taken", n)
			}
			if reports < 1 || reports > tt.reports {
				t.Errorf("%d reports", reports)
			}
		})
	}
}

// TestBackscatter: mail that is refused makes no report to a sender who may be
// forged; a report that cannot be delivered makes none; none goes to <>.
func TestBackscatter(t *testing.T) {
	t.Parallel()
	p := newTwins(t)
	p.near.Must("alias", "add", "gone@near.test", "nobody@far.test")
	p.start()
	for _, service := range []string{"smtp", "submission"} {
		for _, from := range []string{"alice@far.test", "", "ghost@far.test"} {
			user := ""
			if service == "submission" {
				if user = "alice@near.test"; from != "" {
					from = user
				}
			}
			for _, to := range []string{"nobody@near.test", "nobody%far.test@near.test"} {
				if rcpt, _ := p.send(p.near, service, user, from, to); !strings.HasPrefix(rcpt, "55") {
					t.Errorf("%s: %s is answered %q", service, to, rcpt)
				}
			}
		}
	}
	p.calm()
	if n := p.accepted(); n > 0 {
		t.Errorf("%d messages were taken", n)
	}
	// What was taken and then fails is told to its sender once, and to <> and
	// who isn't there never.
	for _, from := range []string{"", "ghost@far.test", "alice@far.test"} {
		if _, end := p.send(p.near, "smtp", "", from, "gone@near.test"); !strings.HasPrefix(end, "250") {
			t.Fatal(end)
		}
	}
	if !eventually(60*time.Second, func() bool { return p.inbox(p.far, "alice@far.test") == 1 }) {
		t.Error("who sent it was not told")
	}
	p.calm()
	if n := p.accepted(); n != 4 { // three, and one report
		t.Errorf("%d messages were taken", n)
	}
	if n := p.inbox(p.near, "alice@near.test") + p.inbox(p.far, "alice@far.test"); n != 1 {
		t.Errorf("%d reports", n)
	}
	// Several guards stand behind each other (internal/queue's
	// TestNoReportOnReports takes them one by one); the first must hold already.
	for _, s := range []*testserver.Server{p.near, p.far} {
		if strings.Contains(s.Log(), `msg="report dropped"`) {
			t.Errorf("a report was made where there must be none:\n%s", tail(s))
		}
	}
}
