package queue

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
)

// postoffice is a store with the account alice@crepes.fr, and a scheduler
// under the clock of a synctest bubble.
type postoffice struct {
	t     *testing.T
	dir   string
	store *store.Store
	alice store.Account
	hops  *hops
	log   bytes.Buffer
	Scheduler
	begin time.Time
	wrong time.Duration // by how much the store's clock is ahead, from open on
	ended chan struct{}
	stop  context.CancelFunc
}

// inBubble runs a test with a postoffice in a bubble. At its end the store is
// checked.
func inBubble(t *testing.T, test func(t *testing.T, p *postoffice)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p := &postoffice{t: t, dir: t.TempDir(), begin: time.Now()}
		p.hops = &hops{answer: make(map[string]func(*mail.Outgoing) []mail.Result), down: make(map[string]*mail.Result)}
		p.Scheduler = Scheduler{Transport: p.hops, Config: Config{Hostname: "mail.crepes.fr"},
			Log: maillog.New(slog.New(slog.NewTextHandler(&p.log, nil)))}
		p.open()
		if err := p.store.AddDomain(ctx, "crepes.fr"); err != nil {
			t.Fatal(err)
		}
		var err error
		if p.alice, err = p.store.AddAccount(ctx, addr("alice@crepes.fr"), nil); err != nil {
			t.Fatal(err)
		}
		test(t, p)
		p.halt()
		problems, err := p.store.Check(ctx, true)
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v %v", problems, err)
		}
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// open opens the store.
func (p *postoffice) open() {
	p.t.Helper()
	wrong := p.wrong
	s, err := store.Open(p.t.Context(), store.Config{Dir: p.dir, Now: func() time.Time { return time.Now().Add(wrong) }, Report: func(msg string, args ...any) { p.t.Error(msg, args) }})
	if err != nil {
		p.t.Fatal(err)
	}
	p.store, p.Store = s, s
}

// run starts the scheduler.
func (p *postoffice) run() {
	ctx, cancel := context.WithCancel(p.t.Context())
	p.stop, p.ended = cancel, make(chan struct{})
	go func() {
		defer close(p.ended)
		if err := p.Run(ctx); err != nil {
			p.t.Error(err)
		}
	}()
}

// halt stops it, if it runs, and waits.
func (p *postoffice) halt() {
	if p.stop != nil {
		p.stop()
		<-p.ended
		p.stop = nil
	}
}

// send puts a message into the queue, and into mailboxes.
func (p *postoffice) send(out *store.Outbound, copies ...store.Copy) store.QueueID {
	p.t.Helper()
	b := p.store.NewBody(p.t.Context())
	fmt.Fprintf(b, "Message-ID: <orig@crepes.fr>\r\nSubject: hello\r\n\r\nthe content\r\n")
	a, err := p.store.Accept(p.t.Context(), store.Delivery{Body: b, Copies: copies, Queue: out})
	if err != nil {
		p.t.Fatal(err)
	}
	return a[0].Queue
}

func (p *postoffice) queued() []store.QueueEntry {
	p.t.Helper()
	entries, err := p.store.QueueEntries(p.t.Context(), 0)
	if err != nil {
		p.t.Fatal(err)
	}
	return entries
}

// inbox is what alice has.
func (p *postoffice) inbox() (list []string) {
	p.t.Helper()
	ctx := p.t.Context()
	mb, err := p.store.MailboxByName(ctx, p.alice.ID, "INBOX")
	if err != nil {
		p.t.Fatal(err)
	}
	var all mail.UIDSet
	all.AddRange(1, 1<<31)
	for m, err := range p.store.Messages(ctx, mb.ID, all, 0) {
		if err != nil {
			p.t.Fatal(err)
		}
		c, err := p.store.Content(ctx, m.Content)
		if err != nil {
			p.t.Fatal(err)
		}
		var b bytes.Buffer
		b.Write(m.Trace)
		if err := c.WriteRange(&b, 0, c.Size()); err != nil {
			p.t.Fatal(err)
		}
		list = append(list, b.String())
	}
	return list
}

// after lets time pass until d after the test's begin.
func (p *postoffice) after(d time.Duration) {
	time.Sleep(time.Until(p.begin.Add(d)))
	synctest.Wait()
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func outbound(from string, to ...string) *store.Outbound {
	out := &store.Outbound{}
	if from != "" {
		out.From = addr(from)
	}
	for _, a := range to {
		out.Recipients = append(out.Recipients, mail.Recipient{Address: addr(a)})
	}
	return out
}

// hops are next hops in memory, one for each domain. What is not said
// otherwise takes everything.
type hops struct {
	mu      sync.Mutex
	answer  map[string]func(*mail.Outgoing) []mail.Result
	down    map[string]*mail.Result
	tries   []try
	open    map[string]int
	most    map[string]int // connections at a time; "" counts all
	perSlot time.Duration  // how long a message takes
}

// try is one message on its way.
type try struct {
	at  time.Time
	hop string
	to  []string
}

var (
	ok        = mail.Result{Disposition: mail.Relayed, MTA: "mx", Code: 250, Status: "2.0.0", Text: "queued"}
	noUser    = mail.Result{Disposition: mail.Failed, MTA: "mx", Code: 550, Status: "5.1.1", Text: "No such user here"}
	notNow    = mail.Result{MTA: "mx", Code: 451, Status: "4.3.0", Text: "Not now"}
	noAnswer  = mail.Result{MTA: "mx", Status: "4.4.1", Text: "connection refused"}
	unrouted  = mail.Result{Disposition: mail.Failed, Status: "5.4.4", Text: "no route"}
	okWithDSN = mail.Result{Disposition: mail.Relayed, MTA: "mx", Code: 250, Status: "2.0.0", Text: "queued", DSN: true}
)

func (h *hops) Hop(domain string) string { return domain }

func (h *hops) Deliver(ctx context.Context, hop string, next func() *mail.Outgoing, done func([]mail.Result)) *mail.Result {
	defer h.count(hop, 1)()
	h.mu.Lock()
	down := h.down[hop]
	if down != nil {
		h.tries = append(h.tries, try{time.Now(), hop, nil})
	}
	h.mu.Unlock()
	if down != nil {
		return down
	}
	for m := next(); m != nil; m = next() {
		select {
		case <-ctx.Done():
			return &noAnswer
		case <-time.After(h.perSlot):
		}
		h.mu.Lock()
		t := try{time.Now(), hop, nil}
		for _, to := range m.To {
			t.to = append(t.to, to.Address.String())
		}
		h.tries = append(h.tries, t)
		answer := h.answer[hop]
		h.mu.Unlock()
		if answer != nil {
			done(answer(m))
		} else {
			done(repeat(ok, len(m.To)))
		}
	}
	return nil
}

// count notes how many connections there are at a time.
func (h *hops) count(hop string, n int) (undo func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open, h.most = make(map[string]int), make(map[string]int)
	}
	for _, name := range []string{hop, ""} {
		h.open[name] += n
		h.most[name] = max(h.most[name], h.open[name])
	}
	if n < 0 {
		return nil
	}
	return func() { h.count(hop, -1) }
}

func (h *hops) always(res mail.Result) func(*mail.Outgoing) []mail.Result {
	return func(m *mail.Outgoing) []mail.Result { return repeat(res, len(m.To)) }
}

func (h *hops) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}
