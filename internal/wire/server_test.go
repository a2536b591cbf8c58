package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// serve runs a server of "say a line, get it back" and returns its address and
// a function that stops it. Handlers that are still running are waited for.
func serve(t *testing.T, s *Server, cfg *Config, handle func(*Conn)) string {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln := s.Listener(inner, cfg)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				handle(c.(*Conn))
			})
		}
	})
	t.Cleanup(func() {
		stop := make(chan struct{})
		close(stop)
		s.Shutdown(stop)
		wg.Wait()
	})
	return inner.Addr().String()
}

func echo(c *Conn) {
	io.WriteString(c, "hello\r\n")
	for {
		line, _, err := c.ReadLine(1000)
		if err != nil {
			return
		}
		user, login := strings.CutPrefix(string(line), "login ")
		switch {
		case login && c.Authenticated(user) != nil:
			c.Hangup("too many of " + user)
			return
		case string(line) == "logout":
			c.Authenticated("")
		}
		fmt.Fprintf(c, "%s\r\n", line)
	}
}

// peer is a client of echo.
type peer struct {
	net.Conn
	*bufio.Reader
}

func dial(t *testing.T, addr string) *peer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &peer{c, bufio.NewReader(c)}
}

func (p *peer) Read(b []byte) (int, error) { return p.Reader.Read(b) }

// says expects the next line, or the end when it is empty.
func (p *peer) says(t *testing.T, want string) {
	t.Helper()
	line, err := p.ReadString('\n')
	if line = strings.TrimSuffix(line, "\r\n"); line != want || want == "" && err != io.EOF {
		t.Errorf("got %q %v, want %q", line, err, want)
	}
}

func TestLimits(t *testing.T) {
	for _, tt := range []struct {
		name   string
		limits Limits
		steps  string // o: open, O: open refused, l: log in, L: refused, u: log out, c: close the oldest
	}{
		{"none", Limits{LoopbackToo: true}, "oooolllloooo"},
		{"loopback is exempt", Limits{Total: 1, PerAddress: 1, PerAccount: 1}, "ooll"},
		{"total", Limits{Total: 2, LoopbackToo: true}, "ooOcoO"},
		{"total counts logged in", Limits{Total: 2, LoopbackToo: true}, "ololO"},
		{"per address", Limits{PerAddress: 2, LoopbackToo: true}, "ooOcoO"},
		{"per address before login only", Limits{PerAddress: 1, LoopbackToo: true}, "olololO"[:6] + "oO"},
		{"per account", Limits{PerAccount: 2, LoopbackToo: true}, "ololoLcoloL"},
		{"after logging out", Limits{PerAddress: 1, PerAccount: 1, LoopbackToo: true}, "oluOlo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := NewServer()
			addr := serve(t, s, &Config{Protocol: "imap", Limits: tt.limits, Refusal: refusal}, echo)
			var open []*peer
			for i, step := range tt.steps {
				var last *peer
				if len(open) > 0 {
					last = open[len(open)-1]
				}
				switch step {
				case 'o', 'O':
					p := dial(t, addr)
					if step == 'O' {
						p.says(t, "-ERR wire: too many connections")
						p.says(t, "")
						break
					}
					p.says(t, "hello")
					open = append(open, p)
				case 'l':
					io.WriteString(last, "login bob\r\n")
					last.says(t, "login bob")
				case 'L':
					io.WriteString(last, "login bob\r\n")
					last.says(t, "too many of bob")
					last.says(t, "")
					open = open[:len(open)-1]
				case 'u':
					io.WriteString(last, "logout\r\n")
					last.says(t, "logout")
				case 'c':
					open[0].Close()
					open = open[1:]
					waitFor(t, s, len(open))
				}
				if t.Failed() {
					t.Fatalf("at step %d of %s", i+1, tt.steps)
				}
			}
			for _, p := range open {
				p.Close()
			}
			waitFor(t, s, 0)
			if s.total != 0 || len(s.byAddress) != 0 || len(s.byAccount) != 0 {
				t.Errorf("left: %d %v %v", s.total, s.byAddress, s.byAccount)
			}
		})
	}
}

// waitFor waits until the server has n connections.
func waitFor(t *testing.T, s *Server, n int) {
	t.Helper()
	for range 60_000 {
		s.mu.Lock()
		is := len(s.conns)
		s.mu.Unlock()
		if is == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("never came to %d connections", n)
}

// A connection that another goroutine closed before it began is not counted.
func TestClosedBeforeStart(t *testing.T) {
	s := NewServer()
	cfg := &Config{Protocol: "imap", Limits: Limits{Total: 1, LoopbackToo: true}}
	a, b := net.Pipe()
	defer b.Close()
	c := s.take(a, &listener{cfg: cfg, times: cfg.Timeouts.withDefaults("imap")})
	c.Close()
	c.Start()
	c.Authenticated("bob")
	c.Close()
	if s.total != 0 || len(s.byAddress) != 0 || len(s.byAccount) != 0 || len(s.conns) != 0 {
		t.Errorf("left: %+v", s)
	}
}

// A connection that was accepted while Shutdown began hears of it too.
func TestAcceptedDuringShutdown(t *testing.T) {
	s := NewServer()
	s.Shutdown(nil)
	cfg := &Config{Protocol: "imap"}
	a, b := net.Pipe()
	defer b.Close()
	c := s.take(a, &listener{cfg: cfg, times: cfg.Timeouts.withDefaults("imap")})
	if _, _, err := c.ReadLine(10); err != ErrShutdown {
		t.Errorf("got %v", err)
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "2001:db8:1:2:3::4": "2001:db8:1:2::/64",
	} {
		if got := network(netip.MustParseAddr(in)).String(); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestShutdown(t *testing.T) {
	s := NewServer()
	started, finish := make(chan bool), make(chan bool)
	addr := serve(t, s, &Config{Protocol: "smtp", Refusal: refusal}, func(c *Conn) {
		io.WriteString(c, "hello\r\n")
		line, _, err := c.ReadLine(100)
		if err == nil && string(line) == "work" {
			c.SetPhase(Data)
			close(started)
			<-finish
			b, err := c.Fill()
			if err != nil {
				t.Errorf("the body was cut: %v", err)
			}
			c.Consume(len(b))
			io.WriteString(c, "done\r\n")
			c.SetPhase(Commands)
			c.ReadLine(100)
		}
	})
	idle, busy := dial(t, addr), dial(t, addr)
	idle.says(t, "hello")
	busy.says(t, "hello")
	io.WriteString(busy, "work\r\n")
	<-started
	down := make(chan bool)
	go func() {
		s.Shutdown(make(chan struct{}))
		close(down)
	}()
	idle.says(t, "-ERR wire: shutting down")
	idle.says(t, "")
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("accepts while it shuts down")
	}
	close(finish)
	io.WriteString(busy, "body\r\n")
	busy.says(t, "done")
	busy.says(t, "-ERR wire: shutting down")
	busy.says(t, "")
	<-down
}

// The second stage: what does not end is cut, with a word where one can be said.
func TestShutdownCuts(t *testing.T) {
	s := NewServer()
	var ready sync.WaitGroup
	ready.Add(3)
	hang := make(chan bool)
	addr := serve(t, s, &Config{Protocol: "smtp", Refusal: refusal}, func(c *Conn) {
		io.WriteString(c, "hello\r\n")
		line, _, _ := c.ReadLine(100)
		ready.Done()
		switch string(line) {
		case "body":
			c.SetPhase(Data)
			if _, err := c.Fill(); err != ErrShutdown {
				t.Errorf("body: %v", err)
			}
		case "flood":
			for {
				if _, err := c.Write(make([]byte, 10000)); err != nil {
					return
				}
			}
		case "hang":
			<-hang
		}
	})
	clients := map[string]*peer{}
	for _, what := range []string{"body", "flood", "hang"} {
		clients[what] = dial(t, addr)
		clients[what].says(t, "hello")
		io.WriteString(clients[what], what+"\r\n")
	}
	ready.Wait()
	stop := make(chan struct{})
	close(stop)
	begun := time.Now()
	s.Shutdown(stop)
	if d := time.Since(begun); d > cutTime+20*time.Second {
		t.Errorf("took %v", d)
	}
	clients["body"].says(t, "-ERR wire: shutting down")
	clients["hang"].says(t, "")
	close(hang)
}

// Under load: every line that was answered was answered whole, every client is
// told, and the race detector finds nothing. Close comes from other goroutines
// too, as library servers do it.
func TestShutdownUnderLoad(t *testing.T) {
	s := NewServer()
	var conns sync.Map
	addr := serve(t, s, &Config{Protocol: "imap", Refusal: refusal}, func(c *Conn) {
		conns.Store(c, true)
		echo(c)
	})
	var wg sync.WaitGroup
	var answered, farewells atomic.Int64
	for i := range 32 {
		p := dial(t, addr)
		p.says(t, "hello")
		wg.Go(func() {
			for n := 0; ; n++ {
				line := fmt.Sprintf("%d-%d\r\n", i, n)
				if _, err := io.WriteString(p, line); err != nil {
					return
				}
				got, err := p.ReadString('\n')
				switch {
				case err != nil && got == "":
					return
				case got == "-ERR wire: shutting down\r\n":
					farewells.Add(1)
					return
				case got != line:
					t.Errorf("sent %q, got %q", line, got)
					return
				}
				answered.Add(1)
			}
		})
	}
	for answered.Load() < 1000 {
		time.Sleep(time.Millisecond)
	}
	n := 0
	conns.Range(func(c, _ any) bool {
		c.(*Conn).Close()
		n++
		return n < 8
	})
	stop := make(chan struct{})
	time.AfterFunc(10*time.Second, func() { close(stop) })
	s.Shutdown(stop)
	wg.Wait()
	if f := farewells.Load(); f < 20 {
		t.Errorf("only %d of 24 were told", f)
	}
}

// shortage fails as often as it is told to before it accepts.
type shortage struct {
	net.Listener
	errs []error
}

func (l *shortage) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestAcceptOutlastsShortages(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log, text := newLog()
	ln := NewServer().Listener(&shortage{inner, []error{
		&net.OpError{Op: "accept", Err: syscall.EMFILE}, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED,
	}}, &Config{Protocol: "imap", Log: log})
	dial(t, inner.Addr().String())
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if n := strings.Count(text.String(), "accepting imap connections"); n != 1 {
		t.Errorf("logged %d times", n)
	}
	ln.Close()
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
}

// pipes is a listener whose clients are at the other ends of pipes.
type pipes struct{ net.Listener }

func (pipes) Accept() (net.Conn, error) {
	a, b := net.Pipe()
	b.Close()
	return a, nil
}

// A shortage that lasts is looked at twice as late each time, and each second in
// the end.
func TestAcceptPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := NewServer().Listener(&shortage{pipes{}, slices.Repeat([]error{syscall.EMFILE}, 12)}, &Config{Protocol: "imap"})
		begun := time.Now()
		c, err := ln.Accept()
		if want := (5+10+20+40+80+160+320+640)*time.Millisecond + 4*time.Second; err != nil || time.Since(begun) != want {
			t.Errorf("%v after %v, not %v", err, time.Since(begun), want)
		}
		c.Close()
	})
}

// Fifty are told at once that they are one too many; the next hears nothing.
func TestTurnedAwayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		cfg := &Config{Protocol: "imap", Limits: Limits{Total: 1, LoopbackToo: true}, Refusal: refusal}
		from := &listener{cfg: cfg, times: cfg.Timeouts.withDefaults("imap")}
		a, first := net.Pipe()
		in := s.take(a, from)
		in.Start()
		var clients []net.Conn
		var turned sync.WaitGroup
		for range 52 {
			a, b := net.Pipe()
			clients = append(clients, b)
			c := s.take(a, from)
			turned.Go(func() {
				if err := c.Start(); err != ErrTooMany {
					t.Error(err)
				}
			})
		}
		synctest.Wait() // fifty wait to be heard
		told := 0
		for _, b := range clients {
			if said, _ := io.ReadAll(b); string(said) == "-ERR wire: too many connections\r\n" {
				told++
			}
		}
		if told != 50 {
			t.Errorf("%d are told", told)
		}
		turned.Wait()
		in.Close()
		first.Close()
		if s.turnedAway != 0 {
			t.Errorf("%d are being told for ever", s.turnedAway)
		}
	})
}

// Where TLS is implicit, who is one too many is told within it, and has five
// seconds for the handshake.
func TestTurnedAwayWithinTLS(t *testing.T) {
	server, roots := testTLS(t)
	cfg := &Config{Protocol: "imap", TLS: server, Implicit: true, Limits: Limits{Total: 1, LoopbackToo: true}, Refusal: refusal}
	turnAway := func(t *testing.T, dial func(net.Conn) net.Conn, want string, lives time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			s := NewServer()
			s.total = 1
			a, b := net.Pipe()
			c := s.take(a, &listener{cfg: cfg, times: cfg.Timeouts.withDefaults("imap")})
			begun := time.Now()
			told := make(chan error)
			go func() { told <- c.Start() }()
			said, _ := io.ReadAll(dial(b))
			if err := <-told; err != ErrTooMany || string(said) != want || time.Since(begun) != lives {
				t.Errorf("%v after %v, said %q", err, time.Since(begun), said)
			}
			b.Close()
		})
	}
	t.Run("TLS", func(t *testing.T) {
		turnAway(t, func(c net.Conn) net.Conn { return roots.client(c) }, "-ERR wire: too many connections\r\n", 0)
	})
	t.Run("silent", func(t *testing.T) { turnAway(t, func(c net.Conn) net.Conn { return c }, "", 5*time.Second) })
}

// A connection that neither reads nor ends is closed a second after it was cut.
func TestCutIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer()
		cfg := &Config{Protocol: "imap"}
		a, client := net.Pipe()
		c := s.take(a, &listener{cfg: cfg, times: cfg.Timeouts.withDefaults("imap")})
		c.Start()
		stop := make(chan struct{})
		close(stop)
		begun := time.Now()
		s.Shutdown(stop)
		if lived := time.Since(begun); lived != time.Second {
			t.Errorf("closed after %v", lived)
		}
		client.Close()
	})
}

func TestListenerAfterShutdown(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer()
	s.Shutdown(nil)
	if _, err := s.Listener(inner, &Config{}).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accepts: %v", err)
	}
}
