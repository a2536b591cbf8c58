//go:build attack

package attack

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestFlood lets a server have 256 files, and opens connections from many
// addresses as fast as it takes them, holding them open. The server must not
// end; when the flood is over it must be well again within five seconds; and
// what it logged must not grow with the flood.
func TestFlood(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}, Wrap: []string{"prlimit", "--nofile=256"}})
	s.Set("limits", "loopback", true)
	s.MustStart()
	for _, service := range services() {
		if err := visit(s, service); err != nil {
			t.Fatalf("before the flood: %s: %v", service, err)
		}
	}
	var there []*regular
	for i := range 8 {
		there = append(there, newRegular(t, s, i))
	}
	logged := len(s.Log())

	f := flood{s: s, quit: make(chan struct{})}
	f.begin(pick(800, 2000))
	mostFiles := 0
	for range pick(5, 60) {
		time.Sleep(time.Second)
		mostFiles = max(mostFiles, figures(t, s).FDs)
	}
	for _, r := range there {
		if n, err := r.end(); err != nil {
			t.Errorf("who was there before the flood could work %d times, then: %v", n, err)
		}
	}
	f.end()
	t.Logf("%d connections came, %d were answered; at most %d files were open; %d octets were logged", f.came.Load(), f.answered.Load(), mostFiles, len(s.Log())-logged)
	if mostFiles < 100 {
		t.Error("that was no flood: the server had files to spare")
	}
	select {
	case <-s.Done():
		t.Fatalf("the server ended: %v\n%s", s.Err(), tail(s))
	default:
	}

	over := time.Now()
	for _, service := range append(services(), services()...) {
		var err error
		if !eventually(5*time.Second-time.Since(over), func() bool { err = visit(s, service); return err == nil }) {
			t.Errorf("%v after the flood: %s: %v\n%s", time.Since(over), service, err, tail(s))
		}
	}
	t.Logf("well again %v after the flood", time.Since(over).Round(time.Millisecond))
	if grew, most := len(s.Log())-logged, pick(1<<20, 4<<20); grew > most {
		t.Errorf("the flood made the server log %d octets, most %d; the last:\n%s", grew, most, tail(s))
	}
	s.Stop()
	s.Must("check", "--deep")
}

// regular is a client who was there before the flood and works on through it:
// the store needs files for that, too.
type regular struct {
	*client
	quit  chan struct{}
	done  chan struct{}
	n     int
	fault error
}

func newRegular(t *testing.T, s *testserver.Server, i int) *regular {
	t.Helper()
	l := limitedServices()[5] // imap
	c, err := connect("127.0.0.1", l.service, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.talk(l.greeting, append(l.login, "b SELECT INBOX", "b OK")...); err != nil {
		t.Fatal(err)
	}
	r := &regular{client: c, quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for r.fault == nil {
			select {
			case <-r.quit:
				return
			case <-time.After(time.Duration(50+i) * time.Millisecond):
			}
			r.fault = r.work()
			r.n++
		}
	}()
	return r
}

func (r *regular) work() error {
	for _, ask := range [][2]string{
		{"c FETCH 1:* (FLAGS ENVELOPE BODY[])", "c OK"},
		{`d SEARCH TEXT "Hello"`, "d OK"},
		{"e APPEND INBOX {20+}\r\nSubject: hi\r\n\r\nhello", "e OK"},
	} {
		if _, err := r.ask(ask[0], ask[1]); err != nil {
			return err
		}
	}
	return nil
}

// end is how often it could work, and what kept it from working.
func (r *regular) end() (int, error) {
	close(r.quit)
	<-r.done
	return r.n, r.fault
}

// flood is many clients that each hold a connection open and come again when
// they are hung up on.
type flood struct {
	s              *testserver.Server
	quit           chan struct{}
	clients        sync.WaitGroup
	came, answered atomic.Int64
}

func (f *flood) begin(clients int) {
	ports := append(services(), "http", "https")
	for i := range clients {
		f.clients.Go(func() {
			for n := i; !f.over(); n++ {
				f.hold(source(n%5000), f.s.Address(ports[n%len(ports)]))
			}
		})
	}
}

func (f *flood) over() bool {
	select {
	case <-f.quit:
		return true
	default:
		return false
	}
}

// hold connects, and stays until the server hangs up or the flood is over.
func (f *flood) hold(from, address string) {
	c, err := dial(from, address)
	if err != nil {
		time.Sleep(10 * time.Millisecond)
		return
	}
	defer c.Close()
	f.came.Add(1)
	// half of a line, so that every service waits for the rest
	c.say("HELO")
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		c.SetReadDeadline(time.Time{})
		if n, _ := io.Copy(io.Discard, c.r); n > 0 {
			f.answered.Add(1)
		}
	}()
	select {
	case <-gone:
	case <-f.quit:
		c.Close()
		<-gone
	}
}

func (f *flood) end() {
	close(f.quit)
	f.clients.Wait()
}

// TestLogFlood refuses a client thousands of times, and has it fail to shake
// hands: the log says so, but not each time.
func TestLogFlood(t *testing.T) {
	t.Parallel()
	s := exposed(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	grown := len(s.Log())
	for range pick(4000, 20_000) { // on a port that is not limited by address
		c, err := dial(source(1), s.Address("https"))
		if err != nil {
			t.Fatal(err)
		}
		c.say("HELO client.example\r\n\r\n")
		c.ended(time.Now().Add(patience))
		c.Close()
	}
	if grew := len(s.Log()) - grown; grew > 256<<10 || strings.Contains(s.Log(), " http: TLS") || !strings.Contains(s.Log(), "TLS handshake error") {
		t.Errorf("handshakes that fail made the server log %d octets:\n%s", grew, tail(s))
	}
	l := limitedServices()[3] // pop3
	openMany(t, s, l, source(1), l.limit)
	logged, n := len(s.Log()), pick(3000, 50_000)
	for range n {
		c, err := dial(source(1), s.Address(l.service))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.reply(l.greeting); err == nil {
			t.Fatal("a connection too many was greeted")
		}
		c.Close()
	}
	if strings.Count(s.Log()[logged:], "too many connections") == 0 {
		t.Errorf("the log doesn't tell of the refusals:\n%s", tail(s))
	}
	if grew := len(s.Log()) - logged; grew > 256<<10 {
		t.Errorf("%d refusals made the server log %d octets", n, grew)
	}
}
