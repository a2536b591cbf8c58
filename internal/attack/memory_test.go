//go:build attack

package attack

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/testserver"
)

// mostBeforeLogin is the memory that a client may take up who has not logged
// in, whatever it sends.
const mostBeforeLogin = 64 << 10

// hog is a client that sends as much as it can, and then nothing more.
type hog struct {
	service string
	what    string
	talk    []string // pairs
	send    string
	short   bool // in the short form, too: the worst of their kind
}

func hogs() []hog {
	// The longest that a line, or a literal, may be before login, and what is
	// too long: less than what would be read away and the connection closed.
	long := strings.Repeat("x", 16<<10-100)
	longer := strings.Repeat("x", 30<<10)
	base := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("u", 9000)))
	hello := []string{"EHLO client.example", "250"}
	var all []hog
	for _, service := range services() {
		switch service {
		case "smtp":
			all = append(all,
				hog{service, "a long line", nil, long[:2000], false},
				hog{service, "a line that is too long", nil, longer, false},
				hog{service, "many recipients", manyRecipients(func(int) string { return "" }), long, false},
				hog{service, "many recipients in long commands", manyRecipients(func(int) string { return strings.Repeat(" ", 2000) }), long, false},
				hog{service, "many recipients with parameters", manyRecipients(func(i int) string {
					return fmt.Sprintf(" NOTIFY=FAILURE ORCPT=rfc822;%d%s", i, strings.Repeat("y", 480))
				}), long, false})
		case "submission", "submissions":
			all = append(all,
				hog{service, "a long line", nil, long, false},
				hog{service, "a line of AUTH", append(hello, "AUTH PLAIN", "334"), base, false},
				hog{service, "an initial response", hello, "AUTH PLAIN " + base, false},
				hog{service, "a user name", append(hello, "AUTH LOGIN", "334", base, ""), long, false})
		case "pop3", "pop3s":
			all = append(all,
				hog{service, "a long line", nil, long, false},
				hog{service, "a user name", []string{"USER " + long[:2000], "+OK"}, "PASS " + long[:2000], false},
				hog{service, "a line of AUTH", []string{"AUTH PLAIN", "+"}, base, false})
		default:
			all = append(all,
				hog{service, "a long line", nil, "a " + long[:8000], false},
				hog{service, "a line that is too long", nil, "a " + long, false},
				hog{service, "a literal", []string{"a LOGIN {8000}", "+"}, long[:7999], false},
				hog{service, "a literal that comes unasked", nil, "a LOGIN {3000+}\r\n" + long[:3000] + " {5000+}\r\n" + long[:4999], false},
				hog{service, "a literal that is refused", nil, "a LOGIN {60000+}\r\n" + long + long + long, false},
				hog{service, "a line of AUTHENTICATE", []string{"a AUTHENTICATE PLAIN", "+"}, base, false})
		}
	}
	for i, h := range all {
		switch h.service + " " + h.what {
		case "smtp many recipients in long commands", "submission a user name", "pop3 a line of AUTH", "imap a literal", "imaps a literal that comes unasked":
			all[i].short = true
		}
	}
	return all
}

// manyRecipients is a transaction with more recipients than the server takes,
// as pairs for talk; after is what follows their addresses.
func manyRecipients(after func(i int) string) []string {
	var all strings.Builder
	for i := range 110 {
		fmt.Fprintf(&all, "RCPT TO:<alice+%d@%s>%s\r\n", i, testserver.Domain, after(i))
	}
	return []string{"EHLO client.example", "250", "MAIL FROM:<x@client.example>", "250", all.String() + "NOOP", "250"}
}

// TestMemoryBeforeLogin has hundreds of strangers send what the server must
// hold until it is complete, and never complete it. What TLS takes by itself
// does not count.
func TestMemoryBeforeLogin(t *testing.T) {
	const n = 500
	alone := tlsAlone(t, testserver.New(t, testserver.Config{}), n, strings.Repeat("x", 16<<10-100))
	t.Logf("TLS alone takes %d octets each", alone)
	for _, h := range hogs() {
		secure := strings.HasSuffix(h.service, "s")
		if !full() && !h.short {
			continue
		}
		t.Run(h.service+"/"+h.what, func(t *testing.T) {
			each := int64(0)
			for range 3 { // the collector is late where the machine has other things to do
				each = memoryOfMany(t, n, func(s *testserver.Server, i int) (*client, error) {
					return h.connect(s, source(i))
				})
				t.Logf("%d octets each", each)
				if secure {
					each -= alone
				}
				if each <= mostBeforeLogin {
					break
				}
			}
			if each > mostBeforeLogin {
				t.Errorf("a client takes up %d octets, most %d", each, mostBeforeLogin)
			}
		})
	}
}

func (h hog) connect(s *testserver.Server, from string) (*client, error) {
	c, err := connect(from, h.service, s)
	if err != nil {
		return nil, err
	}
	greeting := map[string]string{"smtp": "220", "submission": "220", "pop3": "+OK", "imap": "* OK"}[strings.TrimSuffix(h.service, "s")]
	pairs := h.talk
	unanswered := ""
	if n := len(pairs); n > 0 && pairs[n-1] == "" {
		pairs, unanswered = pairs[:n-2], pairs[n-2]+"\r\n"
	}
	if err := c.talk(greeting, pairs...); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.say(unanswered + h.send); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// memoryOfMany starts a server, makes n connections, and returns what each
// takes up of its memory, in octets.
func memoryOfMany(t *testing.T, n int, connect func(s *testserver.Server, i int) (*client, error)) int64 {
	t.Helper()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.Set("limits", "loopback", true)
	s.MustStart()
	for _, l := range limitedServices() { // what is allocated once is
		openMany(t, s, l, "127.0.0.1", 1)
		// Nobody logs in: a password's hash takes 19 MiB, which would then be
		// there for the others.
	}
	before := mostRSS(t, s.PID())
	for _, c := range connectMany(t, s, n, connect) {
		defer c.Close()
	}
	return (mostRSS(t, s.PID()) - before) / int64(n)
}

// connectMany makes n connections, several at once.
func connectMany(t *testing.T, s *testserver.Server, n int, connect func(s *testserver.Server, i int) (*client, error)) []*client {
	t.Helper()
	open := make([]*client, n)
	errs := make([]error, n)
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			for i := w; i < n; i += 8 {
				open[i], errs[i] = connect(s, i)
			}
		})
	}
	workers.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("connection %d: %v\n%s", i+1, err, tail(s))
		}
	}
	return open
}
