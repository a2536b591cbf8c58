package imapd

import (
	"strings"
	"sync"
	"time"

	"posthorn/store"
)

// progressEvery is how long a command works before the client is told how far
// it is, and then how often it is told (RFC 9585).
const progressEvery = 10 * time.Second

// working begins work that may take long: until done is called, the client is
// told now and then how much of goal is in p, or only that the work goes on
// where there is no goal. Meanwhile the session must write nothing.
func (s *session) working(goal int) (p *store.Progress, done func()) {
	s.out.flush() // so that what came before is said before
	p = new(store.Progress)
	var mu sync.Mutex
	over := false
	mu.Lock()
	defer mu.Unlock()
	var timer *time.Timer
	timer = time.AfterFunc(progressEvery, func() {
		mu.Lock()
		defer mu.Unlock()
		if !over && s.tellProgress(p.Done(), int64(goal)) == nil {
			timer.Reset(progressEvery)
		}
	})
	return p, func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		over = true
	}
}

// tellProgress sends INPROGRESS. The tag that it names is in quotes, but some
// clients look for the bracket that ends a response code without regard to
// them. The error is the connection's.
func (s *session) tellProgress(done, goal int64) error {
	w := writer{conn: s.conn}
	w.raw("* OK [INPROGRESS (")
	if strings.Contains(s.tag, "]") {
		w.raw("NIL")
	} else {
		w.raw(`"`, s.tag, `"`)
	}
	if goal > 0 { // which is more than is done, until it ends (RFC 9585 §4)
		w.raw(" ")
		w.num(uint64(min(done, goal-1)))
		w.raw(" ")
		w.num(uint64(goal))
	} else {
		w.raw(" NIL NIL")
	}
	w.raw(")] Still at work")
	w.end()
	w.flush()
	return s.conn.Flush()
}
