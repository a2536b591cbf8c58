//go:build attack

package attack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// neighbour is a well-behaved client: it comes to each service in turn, logs
// in, does what people do, and leaves. It notes how long that takes.
type neighbour struct {
	s    *testserver.Server
	quit chan struct{}
	done chan struct{}

	mu    sync.Mutex
	times map[string][]time.Duration
	errs  []error
}

// begin has alice come again and again, every so often, until end.
func begin(s *testserver.Server, every time.Duration) *neighbour {
	n := &neighbour{s: s, quit: make(chan struct{}), done: make(chan struct{}), times: map[string][]time.Duration{}}
	go func() {
		defer close(n.done)
		for i := 0; ; i++ {
			n.visit(services()[i%len(services())])
			select {
			case <-n.quit:
				return
			case <-time.After(every):
			}
		}
	}()
	return n
}

func (n *neighbour) visit(service string) {
	began := time.Now()
	err := visit(n.s, service)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.times[service] = append(n.times[service], time.Since(began))
	if err != nil {
		n.errs = append(n.errs, fmt.Errorf("%s: %w", service, err))
	}
}

// end demands that every visit went well, and 99 in a hundred took less than
// most.
func (n *neighbour) end(t *testing.T, most time.Duration) {
	t.Helper()
	close(n.quit)
	<-n.done
	if len(n.errs) > 0 {
		t.Errorf("a good client beside: %d visits failed, first: %v", len(n.errs), n.errs[0])
	}
	var line strings.Builder
	for _, service := range services() {
		times := n.times[service]
		if len(times) == 0 {
			t.Fatalf("the good client never came to %s", service)
		}
		p99 := percentile99(times)
		fmt.Fprintf(&line, " %s %v", service, p99.Round(time.Millisecond))
		if p99 >= most {
			t.Errorf("a good client's visit of %s took %v (99th of 100; most %v)", service, p99, most)
		}
	}
	t.Logf("a good client's visits, 99th of 100:%s", &line)
}

// visit is one visit of a service, from connecting to leaving.
func visit(s *testserver.Server, service string) error {
	c, err := connect("127.0.0.1", service, s)
	if err != nil {
		return err
	}
	defer c.Close()
	user := "alice@" + testserver.Domain
	login := plainResponse(user, testserver.Password)
	mail := []string{
		"MAIL FROM:<" + user + ">", "250", "RCPT TO:<" + user + ">", "250", "DATA", "354",
		"From: <" + user + ">\r\nSubject: a visit\r\n\r\nHello.\r\n.", "250", "QUIT", "221",
	}
	switch strings.TrimSuffix(service, "s") {
	case "smtp":
		return c.talk("220", append([]string{"EHLO client.example", "250"}, mail...)...)
	case "submission":
		return c.talk("220", append([]string{"EHLO client.example", "250", "AUTH PLAIN " + login, "235"}, mail...)...)
	case "pop3":
		return c.talk("+OK", "USER "+user, "+OK", "PASS "+testserver.Password, "+OK", "STAT", "+OK", "QUIT", "+OK")
	default:
		return c.talk("* OK", "a AUTHENTICATE PLAIN "+login, "a OK", "b SELECT INBOX", "b OK", "c FETCH * (FLAGS ENVELOPE)", "c OK", "d LOGOUT", "* BYE")
	}
}
