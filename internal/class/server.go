package class

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

const (
	// maxQueueShown is how many entries of a queue the state has.
	maxQueueShown = 100
	// maxAccounts is how many accounts the state has.
	maxAccounts = 50
	// maxAttempts and maxHistories bound the attempts that are remembered.
	maxAttempts  = 20
	maxHistories = 1000
	// attemptRate is how many attempts of a queue are shown in a second, and
	// attemptBurst how many at once.
	attemptRate  = 100
	attemptBurst = 1000
	// stateAge is for how long what was read of a store will do, at least; of a
	// large one for stateShare times as long as it took to read.
	stateAge   = 200 * time.Millisecond
	stateShare = 20
)

// Joining is a server that a Room is to see. What is nil or empty is not shown.
type Joining struct {
	Name  string // its domain
	Tap   *wire.Tap
	Store *store.Store
	Ports map[string]int // by key of [listen]
	// Certificate is what the server shows in TLS, nil if nothing.
	Certificate func() *x509.Certificate
	// Faults are the server's; nil: none can be armed.
	Faults *fault.Set
	// Switch takes the server's SMTP listener down, or up again.
	Switch func(up bool) error
}

// joined is a server that has joined.
type joined struct {
	Joining

	mu       sync.Mutex
	up       bool
	attempts map[attemptKey][]Attempt
	order    []attemptKey // as they began
	good     time.Time    // until then state will do
	slow     bool         // it took long to read
	state    Server
	// What may be told of attempts: see shows.
	room   float64
	roomAt time.Time
	missed int
}

type attemptKey struct {
	id store.QueueID
	to string
}

// Errors of a Room's methods.
var (
	ErrUnknownServer = errors.New("class: there is no such server")
	ErrNotAllowed    = errors.New("class: that cannot be done here")
)

func (r *Room) server(name string) (*joined, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, j := range r.servers {
		if j.Name == name {
			return j, nil
		}
	}
	return nil, ErrUnknownServer
}

// Store is a server's. ErrUnknownServer.
func (r *Room) Store(server string) (*store.Store, error) {
	j, err := r.server(server)
	if err != nil {
		return nil, err
	}
	if j.Store == nil {
		return nil, ErrNotAllowed
	}
	return j.Store, nil
}

func (j *joined) certificate() *x509.Certificate {
	if j.Certificate == nil {
		return nil
	}
	return j.Certificate()
}

// State is what there is to be seen now.
func (r *Room) State(ctx context.Context) (*State, error) {
	out := &State{Now: time.Now(), Epoch: r.epoch, Servers: []Server{}, Sessions: []Session{}, Faults: []Fault{}, FaultKinds: []FaultKind{}, Scripts: []string{}}
	r.mu.Lock()
	servers := slices.Clone(r.servers)
	r.mu.Unlock()
	for _, j := range servers {
		s, err := j.look(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", j.Name, err)
		}
		out.Servers = append(out.Servers, s)
		if j.Faults != nil {
			out.FaultKinds = fault.Kinds()
		}
		for _, f := range j.Faults.Armed() {
			f.Server = j.Name
			out.Faults = append(out.Faults, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out.Seq, out.First, out.Reveal = r.seq, r.seq+1, r.reveal
	for _, e := range r.entries {
		if e.frame != nil {
			out.First = e.seq
			break
		}
	}
	for _, s := range r.order {
		out.Sessions = append(out.Sessions, s.Session)
	}
	return out, nil
}

// look reads the server's accounts and queue, or says what it read just now.
func (j *joined) look(ctx context.Context) (Server, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if begin := time.Now(); begin.After(j.good) {
		s, err := j.readState(ctx)
		if err != nil {
			return s, err
		}
		took := time.Since(begin)
		j.state, j.good = s, begin.Add(max(stateAge, stateShare*took))
		j.slow = stateShare*took > stateAge
	}
	s := j.state
	s.Up = j.up
	return s, nil
}

func (j *joined) readState(ctx context.Context) (Server, error) {
	s := Server{Name: j.Name, Ports: j.Ports, Accounts: []Account{}, Queue: []QueueEntry{}}
	if j.Store == nil {
		return s, nil
	}
	accounts, err := j.Store.Accounts(ctx)
	if err != nil {
		return s, err
	}
	for _, a := range accounts[:min(len(accounts), maxAccounts)] {
		boxes, err := j.Store.Mailboxes(ctx, a.ID)
		if err != nil {
			return s, err
		}
		account := Account{Address: a.Address.String(), Mailboxes: []Mailbox{}}
		for _, m := range boxes {
			if !m.NoSelect {
				account.Mailboxes = append(account.Mailboxes, Mailbox{m.Name, m.Messages, m.Unseen, uint32(m.UIDNext), m.UIDValidity})
			}
		}
		s.Accounts = append(s.Accounts, account)
	}
	entries, err := j.Store.QueueEntries(ctx, 0)
	if err != nil {
		return s, err
	}
	s.QueueSize = len(entries)
	for i := range entries[:min(len(entries), maxQueueShown)] {
		s.Queue = append(s.Queue, j.queueEntry(&entries[i]))
	}
	return s, nil
}

// queueEntry is an entry with the attempts that are remembered. j.mu is held.
func (j *joined) queueEntry(e *store.QueueEntry) QueueEntry {
	to := e.To.Address.String()
	return QueueEntry{
		ID: int64(e.ID), From: e.Envelope.From.String(), To: to, Octets: e.Size, Queued: e.Queued, Attempts: e.Attempts,
		NextTry: e.NextTry, LastTry: e.LastTry, LastReply: printable(e.LastError), History: slices.Clone(j.attempts[attemptKey{e.ID, to}]),
	}
}

// Tried tells the room of an attempt to hand a server's queued message on.
func (r *Room) Tried(server, hop string, e *store.QueueEntry, res mail.Result) {
	j, err := r.server(server)
	if err != nil {
		return
	}
	name, _ := word(hop) // what follows says how it is reached
	a := Attempt{Time: time.Now(), Hop: name, Result: "later", Code: res.Code, Status: res.Status, Text: printable(res.Text)}
	switch res.Disposition {
	case mail.Relayed:
		a.Result = "relayed"
	case mail.Failed:
		a.Result = "failed"
	}
	to := e.To.Address.String()
	key := attemptKey{e.ID, to}
	j.mu.Lock()
	if a.Result == "later" {
		j.remember(key, a)
	} else {
		delete(j.attempts, key)
		j.order = slices.DeleteFunc(j.order, func(k attemptKey) bool { return k == key })
	}
	if !j.slow {
		j.good = time.Time{}
	}
	j.mu.Unlock()
	missed, ok := j.shows(a.Time)
	if missed > 0 {
		r.tell(&Event{Kind: "skipped", Server: server, Skipped: missed})
	}
	if ok {
		r.tell(&Event{Kind: "queue", Server: server, Queue: &QueueEvent{ID: int64(e.ID), To: to, Attempt: a}})
	}
}

// shows reports whether one more attempt is shown, and when it is, how many were
// not before it: a queue in a hurry makes more than anybody can read.
func (j *joined) shows(now time.Time) (missed int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.room = min(j.room+now.Sub(j.roomAt).Seconds()*attemptRate, attemptBurst)
	j.roomAt = now
	if j.room < 1 {
		j.missed++
		return 0, false
	}
	j.room--
	missed, j.missed = j.missed, 0
	return missed, true
}

// remember keeps an attempt. j.mu is held.
func (j *joined) remember(key attemptKey, a Attempt) {
	if j.attempts[key] == nil {
		if len(j.order) >= maxHistories {
			delete(j.attempts, j.order[0])
			j.order = j.order[1:]
		}
		j.order = append(j.order, key)
	}
	list := append(j.attempts[key], a)
	j.attempts[key] = list[max(0, len(list)-maxAttempts):]
}

// Switch takes a server's SMTP listener down or up. ErrUnknownServer,
// ErrNotAllowed.
func (r *Room) Switch(server string, up bool) error {
	j, err := r.server(server)
	if err != nil {
		return err
	}
	if j.Switch == nil {
		return ErrNotAllowed
	}
	j.mu.Lock()
	was := j.up
	err = j.Switch(up)
	if err == nil {
		j.up = up
	}
	j.mu.Unlock()
	if err != nil || was == up {
		return err
	}
	kind := "server-down"
	if up {
		kind = "server-up"
	}
	r.tell(&Event{Kind: "switch", Server: server, Switch: &Switch{Kind: kind}})
	return nil
}

// Arm arms a fault, on one server or on each. It returns it with its ID.
// fault.ErrUnknown, ErrUnknownServer, ErrNotAllowed.
func (r *Room) Arm(f Fault) (Fault, error) {
	if err := f.Check(); err != nil {
		return f, err
	}
	var on []*joined
	r.mu.Lock()
	for _, j := range r.servers {
		if f.Server == "" || f.Server == j.Name {
			on = append(on, j)
		}
	}
	r.faultID++
	f.ID = r.faultID
	r.mu.Unlock()
	if len(on) == 0 {
		return f, ErrUnknownServer
	}
	for _, j := range on {
		if j.Faults == nil || !j.Faults.Arm(f) {
			j.Faults.Remove(f.ID)
			return f, ErrNotAllowed
		}
	}
	r.tell(&Event{Kind: "switch", Server: f.Server, Switch: &Switch{Kind: "fault-armed", Fault: &f}})
	return f, nil
}

// Disarm removes the fault of an ID, or all with 0.
func (r *Room) Disarm(id int) {
	r.mu.Lock()
	servers := slices.Clone(r.servers)
	r.mu.Unlock()
	told := map[int]bool{}
	for _, j := range servers {
		for _, f := range j.Faults.Remove(id) {
			if !told[f.ID] {
				told[f.ID] = true
				r.tell(&Event{Kind: "switch", Server: f.Server, Switch: &Switch{Kind: "fault-removed", Fault: &f}})
			}
		}
	}
}

// Spent tells the room that a server's fault will not go off again.
func (r *Room) Spent(server string, f Fault) {
	r.tell(&Event{Kind: "switch", Server: server, Switch: &Switch{Kind: "fault-spent", Fault: &f}})
}

// Retry has what waits in a server's queue tried now; 0 is all of it.
func (r *Room) Retry(ctx context.Context, server string, id int64) error {
	st, err := r.Store(server)
	if err != nil {
		return err
	}
	n, err := st.RetryQueue(ctx, store.QueueID(id))
	if err == nil && id != 0 && n == 0 {
		return mail.ErrNotFound
	}
	return err
}

// Dialed tells the room that a script has connected from an address.
func (r *Room) Dialed(script string, local net.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.scripts) >= maxWaiting { // of sessions that were not shown
		clear(r.scripts)
	}
	r.scripts[local.String()] = script
	for _, s := range r.order {
		if s.Remote == local.String() && s.Closed.IsZero() {
			s.Shown = script
			delete(r.scripts, s.Remote)
		}
	}
}

// SessionFrom is the server and the session of a client's address; empty: it is
// not seen yet.
func (r *Room) SessionFrom(remote string) (server, session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.order) {
		if s.Remote == remote {
			return s.Server, s.ID
		}
	}
	return "", ""
}
