package pop3d

import (
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

// A program that fetches one message fetches the next. The store opens several
// at once for little more than one, so that is what it is asked for as long as
// the program goes on so.
const (
	// maxAhead is how many messages are opened at once, maxAheadOctets how many
	// octets of them, unless the first has more.
	maxAhead       = 8
	maxAheadOctets = 96 << 10
	// aheadTime is how long a client may be silent before what was read ahead
	// for it is forgotten: a session that does nothing holds no memory.
	aheadTime = 2 * time.Second
)

// ahead is what was read ahead.
type ahead struct {
	batch *store.Batch // nil: nothing
	last  mail.UID     // of the batch
	next  int          // the number of the message that would come next
	count int          // how many messages were opened at once
	timer *time.Timer  // interrupts the session
}

// open opens a message: what stands before its content in this mailbox, and the
// content, which is valid until opened is called. mail.ErrNotFound when the
// message was expunged meanwhile.
func (s *session) open(m *message, n int) (trace []byte, c *store.Content, err error) {
	a := &s.drop.ahead
	select {
	case <-s.drop.watcher.C: // any message may be gone
		a.forget()
		a.next = 0
	default:
	}
	if trace, c = a.batch.Message(m.uid); c == nil {
		if err := s.readAhead(n); err != nil {
			return nil, nil, err
		}
		trace, c = a.batch.Message(m.uid)
	}
	a.next = n + 1
	if c == nil {
		return nil, nil, mail.ErrNotFound
	}
	return trace, c, nil
}

// opened gives back what open gave of a message.
func (s *session) opened(m *message, c *store.Content) {
	c.Close()
	if a := &s.drop.ahead; m.uid == a.last {
		a.forget()
	}
}

// readAhead opens the message of a number, and twice as many as the last time
// when it is the one that would come next.
func (s *session) readAhead(n int) (err error) {
	d, a := &s.drop, &s.drop.ahead
	a.forget()
	if n != a.next {
		a.count = 0
	}
	a.count = d.together(n, max(1, min(2*a.count, maxAhead)))
	first, last := d.messages[n-1].uid, d.messages[n-1+a.count-1].uid
	a.batch, err = s.srv.cfg.Store.OpenBatch(s.ctx, d.mailbox, first, last, a.count)
	a.last = last
	if a.count > 1 {
		a.startTimer(s.conn.Interrupt)
	}
	return err
}

// together is how many messages are opened at once from that of a number on, up
// to most.
func (d *drop) together(n, most int) int {
	octets, count := int64(0), 0
	for _, m := range d.messages[n-1 : min(n-1+most, len(d.messages))] {
		if octets += m.size; count > 0 && octets > maxAheadOctets {
			break
		}
		count++
	}
	return count
}

func (a *ahead) startTimer(interrupt func()) {
	if a.timer == nil {
		a.timer = time.AfterFunc(aheadTime, interrupt)
		return
	}
	a.timer.Reset(aheadTime)
}

// forget gives back what was read ahead.
func (a *ahead) forget() {
	a.batch.Close()
	a.batch = nil
}

// leave ends it.
func (a *ahead) leave() {
	a.forget()
	if a.timer != nil {
		a.timer.Stop()
	}
}
