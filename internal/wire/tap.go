package wire

import (
	"bytes"
	"crypto/tls"
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

// What a sampling subscriber is shown of a server under load: this many events
// a second, and more for a while. A person reads less; and a server that shows
// all that it does is a slow one. An event counts once more for each
// sampleOctets of its text.
const (
	sampleRate   = 1000
	sampleBurst  = 5000
	sampleOctets = 256
	// sampleOverdraft is what sessions that are shown may go on with when there
	// is no room for new ones.
	sampleOverdraft = 1000
	samplePause     = 100 * time.Millisecond
)

// Tap is where transcripts can be watched. The zero Tap is ready. Any goroutine
// may use it.
type Tap struct {
	watchers atomic.Int32
	level    atomic.Int32 // of load
	reveal   atomic.Bool

	mu     sync.Mutex
	seq    uint64
	subs   []*Subscription
	whole  int // subscribers who want everything
	unseen int // connections that were not shown
	tokens float64
	filled time.Time
}

// Levels of load.
const (
	calm  = iota
	full  // no new connections are shown
	spent // nor what those that are have to say
)

// Event is one line of a transcript, or something that happened to a connection.
type Event struct {
	Seq      uint64 // counts up over all events of the Tap
	Time     time.Time
	Conn     string // the connection's id
	Protocol string
	Remote   string
	Kind     EventKind
	Text     string               // without line end; literals and bodies are shown up to a bound
	Octets   int64                // on the wire, of what was said; of Left, that are not shown
	Secret   string               // what Text masks, while Reveal is on
	Masked   bool                 // Text has asterisks
	TLS      *tls.ConnectionState // with TLSStarted
	Note     *Note                // with Noted
	Private  bool                 // TLS hides it from others
	Skipped  int                  // events lost before this one, because the subscriber was slow
	Quiet    int                  // lines of this connection before this one that were not shown, for load
	Unseen   int                  // connections not shown before this one, for load
}

// EventKind says who said a line, or what happened.
type EventKind uint8

const (
	Opened EventKind = iota
	ClientLine
	ServerLine
	ClientData // a piece of a body or literal
	ServerData
	ClientLeft // Octets of a body or literal are not shown
	ServerLeft
	TLSStarted // Text is version and cipher suite
	Noted      // Text is the note in English
	LoggedIn   // Text is the account
	Closed     // Text is the reason, where it is not the client's leave
)

// Subscription is a bounded buffer of events.
type Subscription struct {
	tap     *Tap
	wake    chan struct{} // holds one wake-up
	sampled bool

	mu      sync.Mutex
	events  []Event
	limit   int
	skipped int
	closed  bool
}

// Subscribe begins to watch. At most buffer events wait; more are dropped and
// counted.
func (t *Tap) Subscribe(buffer int) *Subscription { return t.subscribe(buffer, false) }

// Sample is Subscribe for who wants to see no more than a person can: under load
// whole connections are left out, so that showing costs the server little.
func (t *Tap) Sample(buffer int) *Subscription { return t.subscribe(buffer, true) }

func (t *Tap) subscribe(buffer int, sampled bool) *Subscription {
	s := &Subscription{tap: t, wake: make(chan struct{}, 1), limit: max(buffer, 1), sampled: sampled}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.subs) == 0 {
		t.tokens, t.filled = sampleBurst, time.Now()
		t.level.Store(calm)
	}
	t.subs = append(t.subs, s)
	if !sampled {
		t.whole++
	}
	t.watchers.Add(1)
	return s
}

// Reveal says whether events tell, in Secret, what is masked: what is said from
// now on.
func (t *Tap) Reveal(on bool) { t.reveal.Store(on) }

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
			if !s.sampled {
				t.whole--
			}
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
	e.Unseen, t.unseen = t.unseen, 0
	for _, s := range t.subs {
		s.add(e)
	}
	t.tokens -= 1 + float64(len(e.Text))/sampleOctets
	if t.tokens <= 0 && t.level.Load() != spent {
		t.weigh()
	}
}

// weigh sets the level of load, and looks again while there is any. t.mu is
// held.
func (t *Tap) weigh() {
	now := time.Now()
	t.tokens = min(t.tokens+now.Sub(t.filled).Seconds()*sampleRate, sampleBurst)
	t.filled = now
	level := int32(calm)
	switch {
	case t.whole > 0 || t.tokens > 0:
	case t.tokens > -sampleOverdraft:
		level = full
	default:
		level = spent
	}
	if was := t.level.Swap(level); was == calm && level != calm {
		time.AfterFunc(samplePause, t.relax)
	}
}

func (t *Tap) relax() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.weigh()
	if t.level.Load() != calm {
		time.AfterFunc(samplePause, t.relax)
	}
}

// shown is what a connection's transcript has yet to show.
type shown struct {
	quiet  atomic.Bool // it is not shown, for load
	opened atomic.Bool // somebody was told of the connection

	line    string // the client's last line
	octets  int64  // … of it
	secret  string // … what it was, where it is masked and Reveal is on
	masked  bool
	pending bool   // … which waits, since Mask may come
	server  []byte // the beginning of the server's unfinished line
	said    int64  // … octets of it
	answer  string // to be shown instead of the server's next line
	kind    EventKind
	piece   []byte // the beginning of an unfinished line of a body
	body    int64  // octets of the body under way
	hidden  int64  // … that are beyond the bound
	missed  int    // lines that were not shown, for load
	remote  string
}

// watched: somebody looks at the transcript. It costs an atomic load.
func (c *Conn) watched() bool {
	return c.cfg.Tap != nil && c.cfg.Tap.watchers.Load() > 0 && !c.shown.quiet.Load()
}

// Watched reports whether it is worth making a Note. It costs an atomic load.
func (c *Conn) Watched() bool { return c.watched() }

// weighed decides, where a connection or a command begins, whether it is shown.
func (c *Conn) weighed(opening bool) {
	t := c.cfg.Tap
	if t == nil || t.watchers.Load() == 0 {
		return
	}
	level, quiet := t.level.Load(), c.shown.quiet.Load()
	switch {
	case level == calm && quiet:
		c.shown.server, c.shown.said = c.shown.server[:0], 0
		c.shown.piece, c.shown.body, c.shown.hidden = c.shown.piece[:0], 0, 0
		c.shown.pending, c.shown.answer = false, ""
		c.shown.quiet.Store(false)
	case level == spent && !quiet, level == full && opening:
		c.shown.quiet.Store(true)
	}
	if opening && c.shown.quiet.Load() {
		t.mu.Lock()
		t.unseen++
		t.mu.Unlock()
	}
	if !opening && c.shown.quiet.Load() {
		c.shown.missed++
	}
}

// Mask replaces, in the transcript, the line that ReadLine last returned: the
// front calls it before anything else when the line holds a secret (PASS,
// LOGIN, an initial response). The transcript shows a line only when the next
// read begins or an answer is written.
func (c *Conn) Mask(shown string) {
	if !c.shown.pending {
		return
	}
	if c.cfg.Tap.reveal.Load() && !c.shown.masked {
		c.shown.secret = c.shown.line
	}
	c.shown.line, c.shown.masked = shown, true
}

// MaskAnswer replaces, in the transcript, what the next Write says.
func (c *Conn) MaskAnswer(shown string) {
	if c.watched() {
		c.shown.answer = shown
	}
}

// Note adds to the transcript what a command changed. It costs nothing when
// nobody watches; what costs to put into n is worth it only when Watched.
func (c *Conn) Note(n Note) {
	if c.watched() {
		c.show()
		told := n // only what is told goes to the heap
		c.tellEvent(Event{Kind: Noted, Text: told.String(), Note: &told})
	}
}

func (c *Conn) tell(kind EventKind, text string) {
	if c.watched() {
		c.tellEvent(Event{Kind: kind, Text: text})
	}
}

// tellClosed ends the transcript of a connection of which anything was told.
func (c *Conn) tellClosed(reason string) {
	if c.cfg.Tap != nil && c.cfg.Tap.watchers.Load() > 0 && c.shown.opened.Load() {
		c.cfg.Tap.publish(Event{Kind: Closed, Text: reason, Conn: c.id, Protocol: c.cfg.Protocol, Remote: c.RemoteAddr().String()})
	}
}

// tellEvent publishes. Only the connection's owner may call it.
func (c *Conn) tellEvent(e Event) {
	if c.cfg.Tap.level.Load() == spent { // in the middle of what one command asked for
		c.shown.quiet.Store(true)
		c.shown.missed++
		return
	}
	if c.shown.remote == "" || e.Kind == Opened {
		c.shown.remote = c.RemoteAddr().String()
	}
	c.shown.opened.Store(true)
	e.Conn, e.Protocol, e.Remote = c.id, c.cfg.Protocol, c.shown.remote
	e.Private = c.tls.Load() != nil
	e.Quiet, c.shown.missed = c.shown.missed, 0
	c.cfg.Tap.publish(e)
}

// show publishes the client's line that waited for Mask, and ends a body.
func (c *Conn) show() {
	c.showPiece()
	if c.shown.hidden > 0 && c.watched() {
		kind := ClientLeft
		if c.shown.kind == ServerData {
			kind = ServerLeft
		}
		c.tellEvent(Event{Kind: kind, Text: fmt.Sprintf("[%d octets more]", c.shown.hidden), Octets: c.shown.hidden})
	}
	c.shown.body, c.shown.hidden = 0, 0
	c.showLine()
}

// showPiece publishes what there is of a body's unfinished line.
func (c *Conn) showPiece() {
	if len(c.shown.piece) == 0 {
		return
	}
	if c.watched() {
		c.tellEvent(Event{Kind: c.shown.kind, Text: string(c.shown.piece), Octets: int64(len(c.shown.piece))})
	}
	c.shown.piece = c.shown.piece[:0]
}

func (c *Conn) showLine() {
	if !c.shown.pending {
		return
	}
	c.shown.pending = false
	if c.watched() {
		c.tellEvent(Event{Kind: ClientLine, Text: c.shown.line, Octets: c.shown.octets, Masked: c.shown.masked, Secret: c.shown.secret})
	}
	c.shown.line, c.shown.secret = "", ""
}

// heardLine notes a client's line: the transcript shows it when it is known whether
// it holds a secret.
func (c *Conn) heardLine(line []byte, lf bool) {
	c.weighed(false)
	if !c.watched() {
		return
	}
	end := int64(2)
	if lf {
		end = 1
	}
	c.shown.line, c.shown.octets = string(line[:min(len(line), tapLine)]), int64(len(line))+end
	c.shown.pending, c.shown.masked, c.shown.secret = true, false, ""
}

// tellServer publishes the lines that p ends, and keeps the one that it begins.
func (c *Conn) tellServer(p []byte) {
	c.show()
	if c.shown.answer != "" {
		e := Event{Kind: ServerLine, Text: c.shown.answer, Octets: int64(len(p)), Masked: true}
		if c.cfg.Tap.reveal.Load() {
			e.Secret = string(bytes.TrimRight(p[:min(len(p), tapLine)], "\r\n"))
		}
		c.shown.answer = ""
		c.tellEvent(e)
		return
	}
	for {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		room := max(tapLine-len(c.shown.server), 0)
		c.shown.server = append(c.shown.server, line[:min(len(line), room)]...)
		c.shown.said += int64(len(line))
		if !found {
			return
		}
		c.tellEvent(Event{Kind: ServerLine, Text: string(bytes.TrimSuffix(c.shown.server, []byte("\r"))), Octets: c.shown.said + 1})
		c.shown.server, c.shown.said = c.shown.server[:0], 0
		if p = rest; len(p) == 0 {
			return
		}
	}
}

// tellData publishes the lines that a piece of a body ends, within the body's
// bound, and keeps the one that it begins: what comes in several segments is one
// line.
func (c *Conn) tellData(kind EventKind, p []byte) {
	c.beginData(kind)
	room := max(tapBody-c.shown.body, 0)
	piece := p[:min(int64(len(p)), room)]
	c.shown.body += int64(len(p))
	c.shown.hidden += int64(len(p) - len(piece))
	whole := bytes.LastIndexByte(piece, '\n') + 1
	if c.shown.body >= tapBody || len(c.shown.piece)+len(piece)-whole > tapLine {
		whole = len(piece)
	}
	if whole > 0 {
		text := string(c.shown.piece) + string(piece[:whole])
		c.shown.piece = c.shown.piece[:0]
		c.tellEvent(Event{Kind: kind, Text: text, Octets: int64(len(text))})
	}
	c.shown.piece = append(c.shown.piece, piece[whole:]...)
}

// tellSecretData publishes that a piece of a literal came which must not be seen.
func (c *Conn) tellSecretData(p []byte) {
	c.beginData(ClientData)
	c.showPiece()
	e := Event{Kind: ClientData, Text: "********", Octets: int64(len(p)), Masked: true}
	if c.cfg.Tap.reveal.Load() {
		e.Secret = string(p[:min(len(p), tapLine)])
	}
	c.tellEvent(e)
}

func (c *Conn) beginData(kind EventKind) {
	c.showLine()
	if c.shown.kind != kind {
		c.show()
		c.shown.kind = kind
	}
}
