package imapd

import (
	"errors"
	"strings"

	"posthorn/internal/wire"
)

// maxDone bounds the line that ends IDLE.
const maxDone = 1024

// cmdIdle is IDLE (RFC 9051 §6.3.13). What happens in the mailbox only wakes
// the connection's goroutine, which alone looks and writes.
func (s *session) cmdIdle(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	if s.box != nil {
		stop := s.wakeOnChange() // before the look, so that nothing is missed
		defer stop()
	}
	s.proceed("idling")
	if s.box != nil { // behind the continuation: Thunderbird answers news with DONE at once
		if s.sync(true); s.boxDeleted {
			return nil
		}
	}
	s.conn.SetPhase(wire.Idle)
	defer s.conn.SetPhase(wire.Commands)
	for {
		s.out.close() // a connection that idles holds no buffer
		line, _, err := s.conn.ReadLine(maxDone)
		s.out.open()
		switch {
		case errors.Is(err, wire.ErrInterrupted):
			if s.box == nil {
				continue
			}
			if s.tellIdle(); s.boxDeleted {
				return nil
			}
		case err != nil:
			return s.lose(err)
		case strings.EqualFold(string(line), "DONE"):
			return nil
		default:
			return bad("Expected DONE")
		}
	}
}

// tellIdle tells what is new, and with a VANISHED how far the client is in step
// (RFC 7162 §3.2.7); DONE's answer tells that again.
func (s *session) tellIdle() {
	before := s.box.vanished
	s.box.vanished = false
	s.sync(true)
	if s.box.vanished {
		s.writeHighest(s.box.told())
	}
	s.box.vanished = s.box.vanished || before
}

// wakeOnChange interrupts the wait for the client whenever there is something
// new in the selected mailbox, until stop is called.
func (s *session) wakeOnChange() (stop func()) {
	box, conn := s.box, s.conn
	return s.srv.store.WatchFunc(s.account(), box.id, func() {
		box.woken.Store(true)
		conn.Interrupt()
	}).Close
}
