package imapd

import (
	"errors"
	"strings"
	"sync"
	"time"

	"posthorn/internal/wire"
	"posthorn/store"
)

const (
	// progressEvery is how long a command works before the client is told how far
	// it is, and then how often it is told (RFC 9585).
	progressEvery = 10 * time.Second
	// lookEvery is how often it is looked whether the client is there.
	lookEvery = time.Second
)

// errGone ends a session whose client left while a command was at work.
var errGone = errors.New("the client is gone")

// working begins work that may take long: until done is called, the client is
// told now and then how much of goal is in p, or only that the work goes on
// where there is no goal. What has a goal, and so changes nothing, is interrupted
// when the client is gone: the session's context is cancelled. Meanwhile the
// session must write nothing.
func (s *session) working(goal int) (p *store.Progress, done func()) {
	s.out.flush() // so that what came before is said before
	w := &work{s: s, goal: int64(goal), told: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(lookEvery, w.look)
	return &w.progress, w.end
}

// work is what a command does that may take long.
type work struct {
	s        *session
	goal     int64
	progress store.Progress

	mu    sync.Mutex
	timer *time.Timer
	told  time.Time // when the client was last told
	asked bool      // it was told since it is silent
	gone  bool
	over  bool
}

// look looks after the client.
func (w *work) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	client := wire.Present
	if w.goal > 0 {
		client = w.s.conn.Presence()
	}
	silent := client == wire.Silent && !w.asked
	if silent || time.Since(w.told) >= progressEvery {
		w.told, w.asked = time.Now(), w.asked || silent
		if w.s.tellProgress(w.progress.Done(), w.goal) != nil {
			client = wire.Gone
		}
	}
	if client == wire.Gone && w.goal > 0 {
		w.gone = true
		w.s.cancel()
		return
	}
	w.timer.Reset(lookEvery)
}

func (w *work) end() {
	w.timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	if w.gone {
		w.s.lose(errGone)
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
