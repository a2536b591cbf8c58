package queue

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
)

// maxSleep bounds how long the scheduler sleeps without looking at the clock:
// a clock that is set forward must not go unnoticed.
const maxSleep = time.Minute

// Scheduler tries what is due in a store's queue.
type Scheduler struct {
	Store     *store.Store
	Transport Transport
	Config    Config
	Log       *maillog.Log
	// Tried, when set, is told of each attempt, once it is recorded.
	Tried func(hop string, e *store.QueueEntry, res mail.Result)
}

// Run tries what is due until ctx ends. Then it starts nothing new, waits
// (Config.Grace) for what is under way, cuts off the rest, and returns. There
// may be one Run for a store.
func (s *Scheduler) Run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	r := &run{
		Config: s.Config.withDefaults(), store: s.Store, transport: s.Transport, log: s.Log, tried: s.Tried,
		ctx: work, hops: make(map[string]*hop), wake: make(chan struct{}, 1),
	}
	watch := s.Store.QueueWatch()
	defer watch.Close()
	go func() {
		select {
		case <-s.Store.Failed(): // what is sent now can't be recorded, and would go out again
			cut()
		case <-work.Done():
		}
	}()

	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(r.step(ctx))
		select {
		case <-ctx.Done():
		case <-watch.C:
		case <-r.wake:
		case <-timer.C:
		}
	}
	r.stop(cut)
	return nil
}

// run is what one Run knows.
type run struct {
	Config
	store     *store.Store
	transport Transport
	log       *maillog.Log
	tried     func(hop string, e *store.QueueEntry, res mail.Result)
	ctx       context.Context // ends when what is under way is to be cut off
	wake      chan struct{}   // a worker ended, or found the hop up, or there is room again
	workers   sync.WaitGroup

	mu          sync.Mutex
	hops        map[string]*hop
	held        int // recipients in jobs, waiting or under way
	connections int
	stopping    bool
}

// hop is a next hop for which there is something to do.
type hop struct {
	name        string
	waiting     []*job
	held        int // recipients in its jobs, waiting or under way
	connections int
	up          bool // a server has answered on one of the connections
}

// job is one message for some recipients at one hop.
type job struct {
	hop      *hop
	entries  []store.QueueEntry
	outgoing mail.Outgoing
}

// step takes what is due, starts connections for it, and says when to look
// again. What is due and was not taken, for want of room, waits for release.
func (r *run) step(ctx context.Context) time.Duration {
	now := time.Now()
	// A clock that is set back must not leave mail waiting for what was called
	// tomorrow.
	if err := r.store.PullIn(ctx, now.Add(r.longest())); err != nil && ctx.Err() == nil {
		r.log.Internal("", "read the queue", err)
		return maxSleep
	}
	if err := r.take(ctx, now); err != nil && ctx.Err() == nil {
		r.log.Internal("", "read the queue", err)
		return maxSleep
	}
	r.connect()
	next, err := r.store.NextDue(ctx, now)
	if err != nil && ctx.Err() == nil {
		r.log.Internal("", "read the queue", err)
	}
	if err != nil || next.IsZero() {
		return maxSleep
	}
	return min(max(time.Until(next), 0), maxSleep)
}

// take reads what is due, as far as there is room for it.
func (r *run) take(ctx context.Context, now time.Time) error {
	r.mu.Lock()
	room := r.MaxHeld - r.held
	held := make(map[string]int, len(r.hops))
	for name, h := range r.hops {
		held[name] = h.held
	}
	r.mu.Unlock()
	if room <= 0 {
		return nil
	}
	entries, err := r.store.DueEntries(ctx, now, room, func(domain string) bool {
		name := r.transport.Hop(domain)
		held[name]++
		return held[name] <= r.maxHeldPerHop()
	})
	if err != nil {
		return fmt.Errorf("due entries: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.group(entries)
	return nil
}

// group makes one job of the recipients of a message that share a hop, and has
// it wait there. r.mu is held.
func (r *run) group(entries []store.QueueEntry) {
	type key struct {
		id  store.QueueID
		hop string
	}
	open := make(map[key]*job)
	for _, e := range entries {
		k := key{e.ID, r.transport.Hop(e.To.Address.Domain)}
		h := r.hops[k.hop]
		if h == nil {
			h = &hop{name: k.hop}
			r.hops[k.hop] = h
		}
		j := open[k]
		if j == nil || len(j.entries) >= maxRecipients {
			j = &job{hop: h}
			open[k] = j
			h.waiting = append(h.waiting, j)
		}
		j.entries = append(j.entries, e)
		h.held++
		r.held++
	}
}

// connect starts connections to hops for which jobs wait: one to begin with,
// and more once it is known that somebody answers there.
func (r *run) connect() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, h := range r.hops {
		if len(h.waiting) == 0 && h.connections == 0 {
			delete(r.hops, name)
		}
		limit := 1
		if h.up {
			limit = min(r.MaxPerHop, h.connections+len(h.waiting))
		}
		for len(h.waiting) > 0 && h.connections < limit && r.connections < r.MaxConnections && !r.stopping {
			h.connections++
			r.connections++
			r.workers.Go(func() { r.work(h) })
		}
	}
}

// work is one connection: it delivers what waits for the hop.
func (r *run) work(h *hop) {
	if down := r.deliver(h); down != nil {
		r.fail(h, *down)
	}
	r.mu.Lock()
	h.connections--
	r.connections--
	if h.connections == 0 {
		h.up = false
	}
	r.mu.Unlock()
	r.poke()
}

// deliver has the transport carry what waits for a hop. It returns why the hop
// cannot be reached, if it cannot.
func (r *run) deliver(h *hop) (down *mail.Result) {
	var current *job
	defer func() {
		if current != nil { // the transport broke off without a word
			r.finish(current, nil)
		}
	}()
	defer r.survive()
	next := func() *mail.Outgoing {
		if current = r.next(h); current == nil {
			return nil
		}
		return &current.outgoing
	}
	done := func(results []mail.Result) {
		r.answered(h, results)
		r.finish(current, results)
		current = nil
	}
	return r.transport.Deliver(r.ctx, h.name, next, done)
}

// survive, deferred, keeps a panic over one message from ending the server, and
// again at each start. Entries that could not be finished for it stay leased:
// the next start tries them again.
func (r *run) survive() {
	if v := recover(); v != nil {
		r.log.Panic("", v, debug.Stack())
	}
}

// interrupted is what became of a message whose connection ended without a
// word about it.
var interrupted = mail.Result{Status: "4.4.2", Text: "the attempt was broken off"}

// next takes the next job that waits for a hop; nil when there is none or the
// scheduler is stopping.
func (r *run) next(h *hop) *job {
	for {
		r.mu.Lock()
		if r.stopping || len(h.waiting) == 0 {
			r.mu.Unlock()
			return nil
		}
		j := h.waiting[0]
		h.waiting[0] = nil
		h.waiting = h.waiting[1:]
		r.mu.Unlock()
		if !r.wanted(j) {
			continue
		}
		if err := r.open(j); err != nil {
			r.log.Internal("", "open queued message "+strconv.FormatInt(int64(j.entries[0].ID), 10), err)
			r.finish(j, repeat(mail.Result{Status: "4.3.0", Text: "the message cannot be read"}, len(j.entries)))
			continue
		}
		return j
	}
}

// wanted drops those recipients of a job whom the operator has deleted from the
// queue meanwhile, and reports whether any are left.
func (r *run) wanted(j *job) bool {
	before := len(j.entries)
	j.entries = slices.DeleteFunc(j.entries, func(e store.QueueEntry) bool { return !r.store.Leased(&e) })
	r.release(j.hop, before-len(j.entries))
	return len(j.entries) > 0
}

// release notes that n recipients are held no more. When half of the room is
// free again, it is time to read on.
func (r *run) release(h *hop, n int) {
	r.mu.Lock()
	before, beforeHop := r.held, h.held
	r.held -= n
	h.held -= n
	enough := fellTo(r.MaxHeld/2, before, r.held) || fellTo(r.maxHeldPerHop()/2, beforeHop, h.held)
	r.mu.Unlock()
	if enough {
		r.poke()
	}
}

func fellTo(mark, before, now int) bool { return before > mark && now <= mark }

// open makes a job ready to be handed over.
func (r *run) open(j *job) error {
	e := &j.entries[0]
	content, err := r.store.Content(r.ctx, e.Content)
	if err != nil {
		return err
	}
	j.outgoing = mail.Outgoing{
		Envelope: mail.Envelope{
			From:       e.Envelope.From,
			Body:       e.Envelope.Body,
			Size:       content.Size(),
			UTF8:       e.Envelope.UTF8,
			RequireTLS: e.Envelope.RequireTLS,
			Return:     e.Envelope.Return,
			EnvelopeID: e.Envelope.EnvelopeID,
		},
		Content: content,
		Queue:   int64(e.ID),
	}
	for i := range j.entries {
		j.outgoing.To = append(j.outgoing.To, j.entries[i].To)
	}
	return nil
}

// answered notes that a hop is up, so that it gets more connections.
func (r *run) answered(h *hop, results []mail.Result) {
	for i := range results {
		if results[i].Code == 0 && results[i].Disposition != mail.Relayed {
			continue
		}
		r.mu.Lock()
		first := !h.up
		h.up = true
		r.mu.Unlock()
		if first {
			r.poke()
		}
		return
	}
}

// fail ends the attempt for everything that waits for a hop that is down.
func (r *run) fail(h *hop, down mail.Result) {
	r.mu.Lock()
	jobs := h.waiting
	h.waiting = nil
	r.mu.Unlock()
	for _, j := range jobs {
		if !r.wanted(j) {
			continue
		}
		r.finish(j, repeat(down, len(j.entries)))
	}
}

func (r *run) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// stop waits for the workers, and cuts them off after a while. What waits is
// left as it was.
func (r *run) stop(cut context.CancelFunc) {
	r.mu.Lock()
	r.stopping = true
	for _, h := range r.hops {
		for _, j := range h.waiting {
			r.store.ReleaseEntries(j.entries)
		}
		h.waiting = nil
	}
	r.mu.Unlock()
	timer := time.AfterFunc(r.Grace, cut)
	defer timer.Stop()
	r.workers.Wait()
}

func repeat(res mail.Result, n int) []mail.Result {
	results := make([]mail.Result, n)
	for i := range results {
		results[i] = res
	}
	return results
}
