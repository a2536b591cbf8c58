package stall

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/wire"
)

// patience is how long the client waits for what it must hear.
const patience = 5 * time.Second

// play is an exchange that is being played, and how it went.
type play struct {
	t        *testing.T
	server   *Server
	exchange *Exchange
	way      way
	at       int // the octet at which it goes wrong

	conn    *end
	link    net.Conn // what words pass through: conn counted, or TLS over that
	wires   *wire.Server
	downs   []chan struct{} // closed when a shutdown is done
	shaking bool            // in a TLS handshake

	sent      int // octets on the wire
	sentWords int // without the probe
	shake0    int // where the handshake's octets began and ended
	shake1    int
	said      int // octets of words
	words     []byte
	packed    *packed // of them, once they are compressed
	had       int     // how many of them the server can have had when it went wrong
	heard     []byte
	base      int  // where the answer to the first part begins
	done      int  // parts that were said whole, to a server that was there
	good      int  // what was heard up to the last part that was answered as it must be
	goodParts int  // … and how many there were by then
	acted     bool // it went wrong
	dumb      bool // … in a handshake: the server cannot say a word
	left      bool // the client stopped because of that
	quiet     bool // the client gave up, since it did not hear what it must
	over      bool // the server has closed

	probed string // what was said to the probe
	kept   []string
	seen   string // transcript and log
	clung  bool   // the server did not notice that the client has left
}

// run plays an exchange that goes wrong in a way at an octet.
func (s *Server) run(t *testing.T, x *Exchange, w way, at int) *play {
	p := &play{t: t, server: s, exchange: x, way: w, at: at, wires: wire.NewServer()}
	cfg := *s.Wire(x.Port)
	cfg.Tap = &wire.Tap{}
	seen := cfg.Tap.Subscribe(10_000)
	ln := newLines()
	served := make(chan error, 1)
	go func() { served <- s.Serve(x.Port, p.wires.Listener(ln, &cfg)) }()
	window := 0
	if w.deaf {
		window = deafened
	}
	client, server := connect(home, window)
	p.conn, p.link = client, &counted{client, p}
	ln.conns <- server
	p.talk()
	p.conn.Close()
	p.end()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	for _, refuse := range s.Refusals {
		refuse(false)
	}
	p.kept = s.Take()
	seen.Close()
	var events []wire.Event
	for more := true; more; {
		events, more = seen.Next(events)
	}
	for _, e := range events {
		p.seen += e.Text + "\n"
	}
	if s.Log != nil {
		p.seen += s.Log()
	}
	return p
}

// end waits until the server has let go of the connection.
func (p *play) end() {
	late := make(chan struct{})
	timer := time.AfterFunc(time.Minute, func() { close(late) })
	p.wires.Shutdown(late)
	p.clung = !timer.Stop()
	for _, down := range p.downs {
		<-down
	}
	synctest.Wait()
}

// talk says the parts, and the probe where the connection should go on.
func (p *play) talk() {
	p.listen(patience, pattern(`\n`))
	p.base = len(p.heard)
	for i := range p.exchange.Parts {
		if !p.part(&p.exchange.Parts[i]) {
			break
		}
	}
	p.sentWords = p.sent
	if p.left {
		return
	}
	p.listen(patience, nil) // whatever nobody asked for
	if p.over {
		return
	}
	from := len(p.heard)
	p.say(p.server.Probe)
	p.listenFrom(from, patience, pattern(p.server.Probed))
	p.listen(patience, nil)
	p.probed = string(p.heard[from:])
	p.heard = p.heard[:from]
}

// part says one part, and reports whether the client goes on.
func (p *play) part(part *Part) bool {
	from := len(p.heard)
	switch {
	case part.TLS:
		return p.shake()
	case part.Deflate:
		p.deflate()
		return true
	}
	say := part.Say
	if part.Answer != nil {
		say = part.Answer(string(p.heard))
	}
	if part.Octets != "" {
		say = announce(part.Say, len(part.Octets))
	}
	octets, tail := part.Octets, part.Tail
	length := len(say) + len(octets) + len(tail)
	if at := p.at - p.said; p.way.inserts && at >= 0 && at < length {
		say, octets, tail = p.flooded(part, say, at)
	}
	p.said += length
	whole := len(p.words) + len(say) + len(octets) + len(tail)
	p.say(say)
	if octets != "" && !p.left {
		if part.Ready != "" && !p.listenFrom(from, patience, pattern(part.Ready)) {
			p.quiet = true
			return false
		}
		p.say(octets)
	}
	p.say(tail)
	if !p.over && !p.left || p.had >= whole {
		p.done++
	}
	if p.left {
		return false
	}
	if part.Hear == "" {
		return true
	}
	if p.quiet = !p.listenFrom(from, patience, pattern(part.Hear)); p.quiet {
		return false
	}
	p.good, p.goodParts = len(p.heard), p.done
	return true
}

func announce(say string, size int) string { return strings.Replace(say, "%d", fmt.Sprint(size), 1) }

// say sends words; a server that is gone is no error.
func (p *play) say(text string) {
	if text != "" && !p.left {
		p.words = append(p.words, text...)
		p.link.SetWriteDeadline(time.Now().Add(longest))
		p.link.Write([]byte(text))
	}
}

// tail is what was said last.
func (p *play) tail() string { return string(p.words[max(0, len(p.words)-200):]) }

// listen hears what comes, until that matches what is waited for, for at most d.
func (p *play) listen(d time.Duration, until *regexp.Regexp) bool {
	return p.listenFrom(len(p.heard), d, until)
}

func (p *play) listenFrom(from int, d time.Duration, until *regexp.Regexp) bool {
	link := p.link
	if p.shaking {
		link = p.conn
	}
	link.SetReadDeadline(time.Now().Add(d))
	defer link.SetReadDeadline(time.Time{})
	b := make([]byte, 4<<10)
	for {
		if news := p.heard[from:]; until != nil && len(news) > 0 && news[len(news)-1] == '\n' && until.Match(news) {
			return true
		}
		n, err := link.Read(b)
		p.heard = append(p.heard, b[:n]...)
		if err != nil {
			p.over = p.over || !errors.Is(err, os.ErrDeadlineExceeded)
			return false
		}
	}
}

// rest lets the server do what it can do so far.
func (p *play) rest() {
	if p.shaking {
		time.Sleep(time.Second) // what comes is the handshake's
		return
	}
	p.listen(time.Second, nil)
}

// shutdown takes the server down.
func (p *play) shutdown(stop chan struct{}) {
	done := make(chan struct{})
	p.downs = append(p.downs, done)
	go func() {
		defer close(done)
		p.wires.Shutdown(stop)
	}()
	p.rest()
}

// shake shakes hands as a client.
func (p *play) shake() bool {
	p.shaking, p.shake0 = true, p.sent
	t := tls.Client(p.link, p.server.TLS)
	p.link.SetDeadline(time.Now().Add(patience + longest))
	if err := t.Handshake(); err != nil {
		p.quiet = !p.left
		return false
	}
	p.link.SetDeadline(time.Time{})
	p.link, p.shaking, p.shake1 = t, false, p.sent
	p.done++
	return true
}

// shakes tells whether an octet belongs to the handshake.
func (p *play) shakes(at int) bool { return p.shake0 <= at && at < p.shake1 }

var errLeft = errors.New("the client has left")

// counted counts what is sent, and lets it go wrong where it must.
type counted struct {
	*end
	p *play
}

func (c *counted) Write(b []byte) (n int, err error) {
	p := c.p
	if p.left {
		return 0, errLeft
	}
	if w := p.way; w.act != nil && !p.acted && p.sent+len(b) > p.at {
		n, _ = c.write(b[:p.at-p.sent])
		p.acted, p.dumb, p.had = true, p.shaking, p.understood()
		if !w.act(p) {
			p.left = true
			return n, errLeft
		}
	}
	k, err := c.write(b[n:])
	return n + k, err
}

func (c *counted) write(b []byte) (n int, err error) {
	n, err = c.end.Write(b)
	c.p.sent += n
	if c.p.packed != nil {
		c.p.packed.octets = append(c.p.packed.octets, b[:n]...)
	}
	return n, err
}
