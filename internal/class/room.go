// Package class is what a class sees of its servers: every session as it is
// held, where it stands, what it changes, and the switches that make faults.
//
// A Room joins servers. It reads their transcripts (wire.Tap), keeps a bounded
// history, and gives it to any number of followers. An event is put into JSON
// once, however many follow; a follower has a place in the history and no
// memory of its own, so a slow one holds nothing.
package class

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"posthorn/internal/wire"
)

// Limits bound what a Room keeps; zero values mean the defaults.
type Limits struct {
	Events   int   // 50,000
	Octets   int64 // of events in JSON, 32 MiB
	Sessions int   // 2,000
}

const (
	// tapBuffer is how many events of a server may wait for the room.
	tapBuffer = 20_000
	// batchOctets is about how much a follower is given at a time.
	batchOctets = 256 << 10
	// followPause is the least time between two writes to a follower: what
	// happens meanwhile goes together.
	followPause = 50 * time.Millisecond
	// keepAlive is how often a follower hears something.
	keepAlive = 15 * time.Second
)

// Room sees several servers. Any goroutine may use it.
type Room struct {
	limits Limits
	epoch  string

	mu        sync.Mutex
	servers   []*joined
	seq       uint64
	entries   []entry // by seq
	dropped   int     // of entries, that are empty
	octets    int64
	sessions  map[string]*session
	order     []*session // as they began
	loose     session    // has the events that belong to no session
	followers map[*follower]struct{}
	closed    chan struct{}
	reveal    bool
	faultID   int
	scripts   map[string]string // sessions that "show me" will open, by remote address
}

// entry is one event of the history; frame is nil when it was dropped.
type entry struct {
	seq    uint64
	of     *session
	frame  []byte // the event in JSON
	secret bool   // it tells what is masked
}

type follower struct{ wake chan struct{} }

// NewRoom returns a Room without servers.
func NewRoom(limits Limits) *Room {
	limits.Events = cmp.Or(limits.Events, 50_000)
	limits.Octets = cmp.Or(limits.Octets, 32<<20)
	limits.Sessions = cmp.Or(limits.Sessions, 2000)
	return &Room{limits: limits, epoch: rand.Text(), sessions: map[string]*session{}, followers: map[*follower]struct{}{}, closed: make(chan struct{}), scripts: map[string]string{}}
}

// Join watches a server until leave is called.
func (r *Room) Join(s Joining) (leave func()) {
	j := &joined{Joining: s, up: true, attempts: map[attemptKey][]Attempt{}}
	r.mu.Lock()
	r.servers = append(r.servers, j)
	r.mu.Unlock()
	sub := s.Tap.Sample(tapBuffer)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var events []wire.Event
		for ok := true; ok; {
			if events, ok = sub.Next(events[:0]); len(events) > 0 {
				r.take(j, events)
				clear(events)
			}
		}
	}()
	return func() { sub.Close(); <-done }
}

// Close ends all followers. It is called once.
func (r *Room) Close() { close(r.closed) }

// take puts a server's events into the history.
func (r *Room) take(j *joined, events []wire.Event) {
	certificate := j.certificate()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range events {
		e := &events[i]
		if e.Skipped > 0 || e.Unseen > 0 {
			r.add(&r.loose, &Event{Time: e.Time, Kind: "skipped", Server: j.Name, Skipped: e.Skipped, Unseen: e.Unseen})
		}
		s := r.session(j, e)
		if e.Quiet > 0 {
			r.add(s, &Event{Time: e.Time, Kind: "skipped", Server: j.Name, Session: s.ID, Protocol: s.Protocol, Skipped: e.Quiet})
			s.forget()
		}
		if !r.reveal { // told before the switch was off
			e.Secret = ""
		}
		r.add(s, s.event(e, certificate))
	}
	r.bound()
	for f := range r.followers {
		f.nudge()
	}
}

// tell puts an event that belongs to no session into the history.
func (r *Room) tell(e *Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Time = time.Now()
	r.add(&r.loose, e)
	r.bound()
	for f := range r.followers {
		f.nudge()
	}
}

// session finds the session of an event, or begins it. r.mu is held.
func (r *Room) session(j *joined, e *wire.Event) *session {
	id := e.Conn
	s := r.sessions[id]
	if s != nil && s.Server != j.Name { // two servers gave the same id
		id += "-" + strconv.Itoa(slices.Index(r.servers, j))
		s = r.sessions[id]
	}
	if s == nil {
		s = newSession(id, j.Name, e)
		s.First = r.seq + 1
		s.Shown = r.scripts[e.Remote]
		delete(r.scripts, e.Remote)
		r.sessions[id] = s
		r.order = append(r.order, s)
	}
	return s
}

// add numbers an event, puts it into JSON, and keeps it. r.mu is held.
func (r *Room) add(s *session, e *Event) {
	r.seq++
	e.Seq = r.seq
	frame, err := json.Marshal(e)
	if err != nil { // it has nothing that JSON cannot say but times of other ages
		return
	}
	r.entries = append(r.entries, entry{e.Seq, s, frame, e.Masked && e.Reveal != nil})
	r.octets += int64(len(frame))
	s.kept = append(s.kept, e.Seq)
	if len(s.kept) > r.limits.Events/4 {
		r.drop(s, len(s.kept)/2)
	}
}

// drop forgets the n oldest events of a session. r.mu is held.
func (r *Room) drop(s *session, n int) {
	for _, seq := range s.kept[:n] {
		if i, found := r.find(seq); found && r.entries[i].frame != nil {
			r.octets -= int64(len(r.entries[i].frame))
			r.entries[i] = entry{seq: seq}
			r.dropped++
		}
	}
	s.kept = slices.Clone(s.kept[n:])
	if len(s.kept) > 0 {
		s.First = s.kept[0]
	}
}

// bound forgets whole sessions, the oldest first, those that are closed before
// others. r.mu is held.
func (r *Room) bound() {
	for len(r.order) > 0 && (len(r.entries)-r.dropped > r.limits.Events || r.octets > r.limits.Octets || len(r.order) > r.limits.Sessions) {
		i := max(slices.IndexFunc(r.order, func(s *session) bool { return !s.Closed.IsZero() }), 0)
		s := r.order[i]
		r.drop(s, len(s.kept))
		delete(r.sessions, s.ID)
		r.order = slices.Delete(r.order, i, i+1)
	}
	if r.dropped > len(r.entries)/2 {
		r.entries = slices.DeleteFunc(r.entries, func(e entry) bool { return e.frame == nil })
		r.dropped = 0
	}
}

// find is where the event of a number is, or would be. r.mu is held.
func (r *Room) find(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(r.entries, seq, func(e entry, seq uint64) int { return cmp.Compare(e.seq, seq) })
}

// after calls f with the events after a number, until it returns false, and
// with how many are missing before each. r.mu is held.
func (r *Room) after(since uint64, f func(seq uint64, missing int, frame []byte) bool) {
	i, found := r.find(since)
	if found {
		i++
	}
	for _, e := range r.entries[i:] {
		if e.frame == nil {
			continue
		}
		if !f(e.seq, int(e.seq-since-1), e.frame) {
			return
		}
		since = e.seq
	}
}

// Follow calls write with server-sent events, those after since first, until
// ctx ends or write fails. What is no longer kept is told as an event of kind
// "skipped".
func (r *Room) Follow(ctx context.Context, since uint64, write func(frames []byte) error) error {
	return r.follow(ctx, since, appendServerSent, ":\n\n", write)
}

// Lines is Follow with each event on a line.
func (r *Room) Lines(ctx context.Context, since uint64, write func(lines []byte) error) error {
	return r.follow(ctx, since, appendLine, "", write)
}

func appendServerSent(dst []byte, seq uint64, frame []byte) []byte {
	if seq != 0 {
		dst = append(dst, "id: "...)
		dst = strconv.AppendUint(dst, seq, 10)
		dst = append(dst, '\n')
	}
	dst = append(dst, "data: "...)
	dst = append(dst, frame...)
	return append(dst, "\n\n"...)
}

func appendLine(dst []byte, _ uint64, frame []byte) []byte {
	return append(append(dst, frame...), '\n')
}

// appender puts an event into the form that a follower gets; seq is 0 for one
// that is his alone.
type appender func(dst []byte, seq uint64, frame []byte) []byte

func (r *Room) follow(ctx context.Context, since uint64, form appender, alive string, write func(frames []byte) error) error {
	f := &follower{wake: make(chan struct{}, 1)}
	r.mu.Lock()
	r.followers[f] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.followers, f)
		r.mu.Unlock()
	}()
	beat := time.NewTicker(keepAlive)
	defer beat.Stop()
	var frames []byte
	for {
		select {
		case <-r.closed:
			return nil
		default:
		}
		frames, since = r.frames(frames[:0], since, form)
		if len(frames) > 0 {
			if err := write(frames); err != nil {
				return err
			}
			if cap(frames) > 2*batchOctets {
				frames = nil
			}
			if !pause(ctx, followPause) {
				return nil
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.closed:
			return nil
		case <-f.wake:
		case <-beat.C:
			if alive == "" {
				continue
			}
			if err := write([]byte(alive)); err != nil {
				return err
			}
		}
	}
}

// frames appends what is after since, within a batch.
func (r *Room) frames(dst []byte, since uint64, form appender) ([]byte, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since > r.seq { // another life of the server gave that number
		since = 0
	}
	r.after(since, func(seq uint64, missing int, frame []byte) bool {
		if missing > 0 {
			skipped := append([]byte(`{"seq":`), strconv.FormatUint(seq-1, 10)...)
			skipped = append(append(skipped, `,"kind":"skipped","skipped":`...), strconv.Itoa(missing)...)
			dst = form(dst, 0, append(skipped, '}'))
		}
		dst = form(dst, seq, frame)
		since = seq
		return len(dst) < batchOctets
	})
	return dst, since
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

func (f *follower) nudge() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// maxEvents is how many events Events returns at a time.
const maxEvents = 5000

// Events is a piece of the history: what is after since.
func (r *Room) Events(since uint64) Events {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Events{Events: []json.RawMessage{}}
	r.after(since, func(_ uint64, _ int, frame []byte) bool {
		if len(out.Events) == maxEvents {
			out.More = true
			return false
		}
		out.Events = append(out.Events, frame)
		return true
	})
	return out
}

// Reveal switches whether what is masked is told, from now on. Switched off, it
// is forgotten.
func (r *Room) Reveal(on bool) {
	r.mu.Lock()
	servers := slices.Clone(r.servers)
	was := r.reveal
	r.reveal = on
	if !on {
		r.hide()
	}
	r.mu.Unlock()
	for _, j := range servers {
		j.Tap.Reveal(on)
	}
	if was != on {
		kind := "reveal-off"
		if on {
			kind = "reveal-on"
		}
		r.tell(&Event{Kind: "switch", Switch: &Switch{Kind: kind}})
	}
}

// hide forgets what was revealed. r.mu is held.
func (r *Room) hide() {
	for i := range r.entries {
		e := &r.entries[i]
		if !e.secret {
			continue
		}
		e.secret = false
		var told Event
		if json.Unmarshal(e.frame, &told) != nil {
			continue
		}
		told.Reveal = nil
		if frame, err := json.Marshal(&told); err == nil {
			r.octets += int64(len(frame)) - int64(len(e.frame))
			e.frame = frame
		}
	}
}
