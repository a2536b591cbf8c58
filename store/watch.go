package store

import "sync"

// Watcher is woken when something changed in what it watches. It is told
// nothing but that: who is woken asks ChangesSince.
type Watcher struct {
	// C receives when there may be something new; it holds one wake-up.
	C <-chan struct{}

	c     chan struct{}
	call  func() // instead of c
	topic topic
	in    *watchers
}

// topic is what can be watched: an account, or with mailbox not 0 one of its
// mailboxes.
type topic struct {
	account AccountID
	mailbox MailboxID
}

// anyMailbox in a topic that is woken wakes the watchers of all the account's
// mailboxes.
const anyMailbox MailboxID = -1

// queueTopic stands in an account's place for the outbound queue.
const queueTopic AccountID = -1

// accessTopic stands there for who may log in.
const accessTopic AccountID = -2

// watchers knows who watches what.
type watchers struct {
	mu sync.Mutex
	by map[AccountID]map[*Watcher]struct{}
}

// Watch watches an account, or with mb not 0 one mailbox of it (and its
// deletion). Close it.
func (s *Store) Watch(id AccountID, mb MailboxID) *Watcher {
	return s.watchers.add(topic{id, mb})
}

// WatchAccess watches who may log in: it wakes when credentials were changed,
// or an account was disabled or deleted. Close it.
func (s *Store) WatchAccess() *Watcher { return s.watchers.add(topic{account: accessTopic}) }

// WatchFunc is Watch with a function instead of a channel, for who would keep a
// goroutine to wait for that. The writer calls it, before it answers whoever
// made the change: it must return at once. After Close it is not called.
func (s *Store) WatchFunc(id AccountID, mb MailboxID, call func()) *Watcher {
	w := &Watcher{call: call, topic: topic{id, mb}, in: &s.watchers}
	s.watchers.put(w)
	return w
}

// Close ends the watching.
func (w *Watcher) Close() {
	w.in.mu.Lock()
	defer w.in.mu.Unlock()
	delete(w.in.by[w.topic.account], w)
	if len(w.in.by[w.topic.account]) == 0 {
		delete(w.in.by, w.topic.account)
	}
}

func (ws *watchers) add(t topic) *Watcher {
	c := make(chan struct{}, 1)
	w := &Watcher{C: c, c: c, topic: t, in: ws}
	ws.put(w)
	return w
}

func (ws *watchers) put(w *Watcher) {
	t := w.topic
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.by == nil {
		ws.by = make(map[AccountID]map[*Watcher]struct{})
	}
	if ws.by[t.account] == nil {
		ws.by[t.account] = make(map[*Watcher]struct{})
	}
	ws.by[t.account][w] = struct{}{}
}

// wake wakes all who watch one of the topics.
func (ws *watchers) wake(topics []topic) {
	if len(topics) == 0 {
		return
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for _, t := range topics {
		for w := range ws.by[t.account] {
			if w.topic.mailbox == 0 || t.mailbox == anyMailbox || w.topic.mailbox == t.mailbox {
				w.wake()
			}
		}
	}
}

func (w *Watcher) wake() {
	if w.call != nil {
		w.call()
		return
	}
	select {
	case w.c <- struct{}{}:
	default: // it holds one already
	}
}
