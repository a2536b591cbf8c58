package imapd

import (
	"errors"
	"strings"

	"posthorn/internal/wire"
)

// maxDone bounds the line that ends IDLE.
const maxDone = 1024

// cmdIdle is IDLE (RFC 9051 §6.3.13). A goroutine waits for what happens in
// the mailbox and only wakes the connection's own, which alone looks and
// writes.
func (s *session) cmdIdle(d *decoder) error {
	if err := d.end(); err != nil {
		return err
	}
	if s.box != nil {
		s.sync(true)
		if s.boxDeleted {
			return nil
		}
		stop := s.wakeOnChange()
		defer stop()
	}
	s.proceed("idling")
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
			if s.sync(true); s.boxDeleted {
				return nil
			}
			if s.box.vanished {
				s.writeHighest(s.box.told())
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

// wakeOnChange interrupts the wait for the client whenever there is something
// new in the selected mailbox, until stop is called.
func (s *session) wakeOnChange() (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	box, conn := s.box, s.conn
	go func() {
		defer close(done)
		for {
			select {
			case <-box.watcher.C:
				box.woken.Store(true)
				conn.Interrupt()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
	}
}
