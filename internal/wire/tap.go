package wire

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what the transcript shows.
const (
	tapLine = 1000 // octets of one line
	tapBody = 4096 // octets of one body or literal
)

// Tap is where transcripts can be watched. The zero Tap is ready. Any goroutine
// may use it.
type Tap struct {
	watchers atomic.Int32

	mu   sync.Mutex
	seq  uint64
	subs []*Subscription
}

// Event is one line of a transcript, or something that happened to a connection.
type Event struct {
	Seq      uint64 // counts up over all events of the Tap
	Time     time.Time
	Conn     string // the connection's id
	Protocol string
	Remote   string
	Kind     EventKind
	Text     string // without line end; literals and bodies are shown up to a bound
	Skipped  int    // events lost before this one, because the subscriber was slow
}

// EventKind says who said a line, or what happened.
type EventKind uint8

const (
	Opened EventKind = iota
	ClientLine
	ServerLine
	ClientData // a piece of a body or literal
	ServerData
	TLSStarted // Text is version and cipher suite
	Noted
	LoggedIn // Text is the account
	Closed   // Text is the reason, where it is not the client's leave
)

// Subscription is a bounded buffer of events.
type Subscription struct {
	tap  *Tap
	wake chan struct{} // holds one wake-up

	mu      sync.Mutex
	events  []Event
	limit   int
	skipped int
	closed  bool
}

// Subscribe begins to watch. At most buffer events wait; more are dropped and
// counted.
func (t *Tap) Subscribe(buffer int) *Subscription {
	s := &Subscription{tap: t, wake: make(chan struct{}, 1), limit: max(buffer, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subs = append(t.subs, s)
	t.watchers.Add(1)
	return s
}

// Next waits for events and appends them to dst. It returns false when Close
// was called.
func (s *Subscription) Next(dst []Event) ([]Event, bool) {
	for {
		s.mu.Lock()
		if len(s.events) > 0 {
			dst = append(dst, s.events...)
			clear(s.events)
			s.events = s.events[:0]
			s.mu.Unlock()
			return dst, true
		}
		closed := s.closed
		s.mu.Unlock()
		if closed {
			return dst, false
		}
		<-s.wake
	}
}

// Close ends the subscription. Any goroutine may call it.
func (s *Subscription) Close() {
	t := s.tap
	t.mu.Lock()
	for i, other := range t.subs {
		if other == s {
			t.subs = append(t.subs[:i:i], t.subs[i+1:]...)
			t.watchers.Add(-1)
			break
		}
	}
	t.mu.Unlock()
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.nudge()
}

func (s *Subscription) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Subscription) add(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) >= s.limit {
		s.skipped++
		return
	}
	e.Skipped, s.skipped = s.skipped, 0
	s.events = append(s.events, e)
	s.nudge()
}

func (t *Tap) publish(e Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	e.Seq, e.Time = t.seq, time.Now()
	for _, s := range t.subs {
		s.add(e)
	}
}

// shown is what a connection's transcript has yet to show.
type shown struct {
	line    string // the client's last line
	pending bool   // … which waits, since Mask may come
	server  []byte // the beginning of the server's unfinished line
	answer  string // to be shown instead of the server's next line
	kind    EventKind
	octets  int64 // of the body under way
	hidden  int64 // … that are beyond the bound
}

// watched: somebody looks at the transcript. It costs an atomic load.
func (c *Conn) watched() bool { return c.cfg.Tap != nil && c.cfg.Tap.watchers.Load() > 0 }

// Mask replaces, in the transcript, the line that ReadLine last returned: the
// front calls it before anything else when the line holds a secret (PASS,
// LOGIN, an initial response). The transcript shows a line only when the next
// read begins or an answer is written.
func (c *Conn) Mask(shown string) {
	if c.shown.pending {
		c.shown.line = shown
	}
}

// MaskAnswer replaces, in the transcript, what the next Write says.
func (c *Conn) MaskAnswer(shown string) {
	if c.watched() {
		c.shown.answer = shown
	}
}

// Note adds to the transcript what a command changed ("message 7 put into
// bob's INBOX"). It costs nothing when nobody watches.
func (c *Conn) Note(text string) {
	if c.watched() {
		c.show()
		c.tell(Noted, text)
	}
}

func (c *Conn) tell(kind EventKind, text string) {
	if !c.watched() {
		return
	}
	c.cfg.Tap.publish(Event{Conn: c.id, Protocol: c.cfg.Protocol, Remote: c.RemoteAddr().String(), Kind: kind, Text: text})
}

// show publishes the client's line that waited for Mask, and ends a body.
func (c *Conn) show() {
	if c.shown.hidden > 0 {
		c.tell(c.shown.kind, fmt.Sprintf("[%d octets more]", c.shown.hidden))
	}
	c.shown.octets, c.shown.hidden = 0, 0
	c.showLine()
}

func (c *Conn) showLine() {
	if c.shown.pending {
		c.shown.pending = false
		c.tell(ClientLine, c.shown.line)
		c.shown.line = ""
	}
}

// tellServer publishes the lines that p ends, and keeps the one that it begins.
func (c *Conn) tellServer(p []byte) {
	c.show()
	if c.shown.answer != "" {
		p, c.shown.answer = []byte(c.shown.answer+"\r\n"), ""
	}
	for {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		room := max(tapLine-len(c.shown.server), 0)
		c.shown.server = append(c.shown.server, line[:min(len(line), room)]...)
		if !found {
			return
		}
		c.tell(ServerLine, string(bytes.TrimSuffix(c.shown.server, []byte("\r"))))
		c.shown.server = c.shown.server[:0]
		if p = rest; len(p) == 0 {
			return
		}
	}
}

// tellData publishes a piece of a body, within the body's bound.
func (c *Conn) tellData(kind EventKind, p []byte) {
	c.showLine()
	if c.shown.kind != kind {
		c.show()
		c.shown.kind = kind
	}
	room := max(tapBody-c.shown.octets, 0)
	piece := p[:min(int64(len(p)), room)]
	c.shown.octets += int64(len(p))
	c.shown.hidden += int64(len(p) - len(piece))
	if len(piece) > 0 {
		c.tell(kind, string(piece))
	}
}
