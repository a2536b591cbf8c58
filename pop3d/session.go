package pop3d

import (
	"context"
	"errors"

	"posthorn/internal/wire"
)

// What a client can make grow, or do again and again.
const (
	// maxLine is the longest command in octets. RFC 2449 §4 asks for 255; a
	// password may have 1,024.
	maxLine = 2048
	// maxSASLLine is the longest response in AUTH (RFC 4954 §4 names it for
	// what mechanisms need; RFC 5034 leaves it open).
	maxSASLLine = 12288
	// maxDiscard is how much of a line that is too long is read away.
	maxDiscard = 64 << 10
	// maxFailures is how many wrong passwords end a connection.
	maxFailures = 5
	// maxFaults is how many commands in a row that can't be understood do.
	maxFaults = 20
)

// state is where a session stands (RFC 1939 §3). The UPDATE state is inside
// QUIT.
type state uint8

const (
	authorization state = 1 << iota
	transaction
)

// session is one connection.
type session struct {
	srv  *Server
	conn *wire.Conn
	ctx  context.Context

	state    state
	user     string // given by USER
	tried    bool   // a login was: what comes next may be a secret gone astray
	failures int
	faults   int
	leave    func() // tells auth that who logged in is gone; nil before
	over     bool   // QUIT was answered, or the connection given up

	drop drop
}

// serve greets and runs commands until the client leaves.
func (s *session) serve() {
	s.state = authorization
	// No timestamp in angle brackets: that would offer APOP.
	s.ok("%s Posthorn POP3 ready", s.srv.cfg.Hostname)
	for first := true; !s.over; first = false {
		line, _, err := s.conn.ReadLine(maxLine)
		switch {
		case errors.Is(err, wire.ErrLineTooLong):
			s.tooLong()
		case errors.Is(err, wire.ErrInterrupted): // the client has been silent for a while
			s.drop.ahead.forget()
		case err != nil:
			return
		case first && wire.ForeignProtocol(line):
			s.hangup("This is a POP3 server")
		default:
			s.run(line)
		}
	}
}

// tooLong reads a line away that nobody wants.
func (s *session) tooLong() {
	if err := s.conn.DiscardLine(maxDiscard); err != nil {
		s.hangup("Line too long")
		return
	}
	s.fault("Line too long: at most %d octets", maxLine)
}

// hangup says why and closes.
func (s *session) hangup(why string) {
	s.over = true
	s.conn.Hangup("-ERR " + why)
}
