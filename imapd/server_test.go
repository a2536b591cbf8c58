package imapd

import (
	"bufio"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"posthorn/internal/wire"
)

// startTCP serves on a socket, through a wire.Server.
func (f *fixture) startTCP(limits wire.Limits) (addr string, server *wire.Server) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(f.t, err)
	cfg := f.wires
	cfg.Limits = limits
	server = wire.NewServer()
	served := make(chan error, 1)
	wl := server.Listener(ln, &cfg)
	go func() { served <- f.srv.Serve(wl) }()
	f.t.Cleanup(func() {
		stop := make(chan struct{})
		close(stop)
		server.Shutdown(stop)
		if err := <-served; err != nil {
			f.t.Error(err)
		}
	})
	return ln.Addr().String(), server
}

// telnet is a person at a socket.
type telnet struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func dialTCP(t testing.TB, addr string) *telnet {
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return &telnet{conn, t, bufio.NewReader(conn)}
}

func (c *telnet) say(text string) {
	_, err := c.Write([]byte(text))
	check(c.t, err)
}

// until reads lines up to one that begins with prefix.
func (c *telnet) until(prefix string) string {
	c.t.Helper()
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q: %v", prefix, err)
		}
		if strings.HasPrefix(line, prefix) {
			return line
		}
	}
}

// login logs in as alice.
func (c *telnet) login() {
	c.t.Helper()
	c.until("* OK")
	c.say(`l LOGIN alice@example.org "` + password + "\"\r\n")
	c.until("l OK")
}

// selectInbox logs in as alice and selects her INBOX.
func (c *telnet) selectInbox() {
	c.t.Helper()
	c.login()
	c.say("s SELECT INBOX\r\n")
	c.until("s OK")
}

func TestShutdownSaysBye(t *testing.T) {
	f := newFixture(t)
	addr, server := f.startTCP(wire.Limits{})
	stranger, idler := dialTCP(t, addr), dialTCP(t, addr)
	stranger.until("* OK")
	idler.say(`a LOGIN alice@example.org "` + password + "\"\r\nb SELECT INBOX\r\nc IDLE\r\n")
	idler.until("+ ")
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		server.Shutdown(stop)
		close(done)
	}()
	stranger.until("* BYE [UNAVAILABLE]")
	idler.until("* BYE [UNAVAILABLE]")
	<-done
	close(stop)
}

func TestTooManyConnections(t *testing.T) {
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{PerAddress: 2, PerAccount: 1, LoopbackToo: true})
	first, second := dialTCP(t, addr), dialTCP(t, addr)
	first.until("* OK")
	second.until("* OK")
	dialTCP(t, addr).until("* BYE [LIMIT]")
	login := `a LOGIN alice@example.org "` + password + "\"\r\n"
	first.say(login)
	first.until("a OK")
	second.say(login)
	second.until("a NO [LIMIT]")
	second.until("* BYE")
	third := dialTCP(t, addr)
	third.say(strings.Replace(login, "alice", "bob", 1))
	third.until("a OK")
}

// TestPanic: a fault of ours in one command ends that connection, and no other.
func TestPanic(t *testing.T) {
	f := newFixture(t)
	f.faults = true
	f.srv.commands["XPANIC"] = command{in: anyState, run: func(s *session, d *decoder) error {
		s.out.raw("* half an answer")
		panic("as the test wants")
	}}
	addr, _ := f.startTCP(wire.Limits{})
	other, c := dialTCP(t, addr), dialTCP(t, addr)
	other.until("* OK")
	c.until("* OK")
	c.say("a XPANIC\r\n")
	if line, err := c.r.ReadString('\n'); err == nil {
		t.Errorf("got %q", line)
	}
	other.say("b NOOP\r\n")
	other.until("b OK")
}

// TestTranscriptMasks: no password is seen in a transcript, however it comes.
func TestTranscriptMasks(t *testing.T) {
	f := newFixture(t)
	sub := f.tap.Subscribe(10000)
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.until("* OK")
	c.say("a LOGIN alice@example.org \"wrong S3CRET\"\r\n")
	c.until("a NO")
	c.say("b LOGIN {17+}\r\nalice@example.org {6+}\r\nS3CRET\r\n")
	c.until("b NO")
	c.say("S3CRET\r\n")
	c.until("* BAD")
	c.say("c LOGIN alice@example.org {20000+}\r\n" + strings.Repeat("S3CRET..", 2500) + "\r\n")
	c.until("c NO")
	c.say("d AUTHENTICATE PLAIN S3CRET==\r\n")
	c.until("d ")
	c.say("e AUTHENTICATE PLAIN\r\nS3CRET==\r\n")
	c.until("e ")
	c.say("f LOGOUT\r\n")
	c.until("f OK")
	c.Close()
	c = dialTCP(t, addr)
	c.until("* OK")
	for _, line := range []string{"LOGIN alice@example.org S3CRET", "g  LOGIN alice@example.org S3CRET", "* * LOGIN alice@example.org S3CRET", "S3CRET"} {
		c.say(line + "\r\n")
		if answer, err := c.r.ReadString('\n'); !strings.Contains(answer, "BAD ") {
			t.Fatalf("%q %v", answer, err)
		}
	}
	c.say("h AUTHENTICATE SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPVMzQ1JFVA==\r\n")
	salt := c.until("+ ")
	c.say("*\r\n")
	c.until("h BAD")
	c.Close()
	var events []wire.Event
	for closed := 0; closed < 2; {
		n := len(events)
		events, _ = sub.Next(events)
		for _, e := range events[n:] {
			if e.Kind == wire.Closed {
				closed++
			}
		}
	}
	sub.Close()
	logouts := 0
	for _, e := range events {
		if strings.Contains(e.Text, "S3CRET") || strings.Contains(e.Text, salt[2:20]) {
			t.Errorf("the transcript shows %q", e.Text)
		}
		if e.Kind == wire.ClientLine && e.Text == "f LOGOUT" {
			logouts++
		}
	}
	if logouts != 1 {
		t.Errorf("the transcript shows LOGOUT %d times", logouts)
	}
}

// TestMemory bounds what a connection holds that waits: a stranger in the
// middle of a literal, and a client in IDLE.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("opens hundreds of connections")
	}
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{})
	const n = 200
	measure := func(what string, limit int, begin func(*telnet)) {
		before := heap()
		conns := make([]*telnet, n)
		for i := range conns {
			conns[i] = dialTCP(t, addr)
			begin(conns[i])
		}
		each := (heap() - before) / n
		t.Logf("%s: %d octets each, the client's side included", what, each)
		if each > limit {
			t.Errorf("%s: %d octets each, want at most %d", what, each, limit)
		}
		for _, c := range conns {
			c.Close()
		}
	}
	measure("stranger", 64<<10, func(c *telnet) {
		c.until("* OK")
		c.say("a LOGIN {8000}\r\n")
		c.until("+ ")
		c.say(strings.Repeat("x", 7999))
	})
	measure("idle", 40<<10, func(c *telnet) {
		c.say(`a LOGIN alice@example.org "` + password + "\"\r\nb SELECT INBOX\r\nc IDLE\r\n")
		c.until("+ ")
	})
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
