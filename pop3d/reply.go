package pop3d

import (
	"errors"
	"fmt"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// refusal is an error that says what the client is told, with a response code
// (RFC 2449 §8, RFC 3206) or without.
type refusal struct{ code, text string }

func (r refusal) Error() string { return r.text }

func refuse(format string, args ...any) error { return refusal{text: fmt.Sprintf(format, args...)} }

// errLost: the connection is of no further use, and nothing more is said.
var errLost = errors.New("connection lost")

func (s *session) ok(format string, args ...any) {
	fmt.Fprintf(s.conn, "+OK "+format+"\r\n", args...)
}

// fault answers a command that can't be understood.
func (s *session) fault(format string, args ...any) {
	if s.faults++; s.faults >= maxFaults {
		s.hangup("Too many errors")
		return
	}
	fmt.Fprintf(s.conn, "-ERR "+format+"\r\n", args...)
}

// answer says what became of a command that has not said it itself. Commands
// that succeed have.
func (s *session) answer(command string, err error) {
	if err == nil {
		s.faults = 0
		return
	}
	if errors.Is(err, errLost) {
		s.over = true
		return
	}
	r := s.words(command, err)
	if r.code != "" {
		r.code = "[" + r.code + "] "
	}
	fmt.Fprintf(s.conn, "-ERR %s%s\r\n", r.code, r.text)
}

// words turns an error into a refusal. What strangers may not see is logged.
func (s *session) words(command string, err error) refusal {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r
	case errors.Is(err, auth.ErrFailed):
		return refusal{"AUTH", "Wrong user name or password"}
	case errors.Is(err, auth.ErrThrottled):
		return refusal{"SYS/TEMP", "Too many failed attempts: try again later"}
	case errors.Is(err, auth.ErrMalformed):
		return refusal{"", "Malformed response"}
	case errors.Is(err, auth.ErrUnknownMechanism):
		return refusal{"", "Unknown mechanism; CAPA lists those that there are"}
	case errors.Is(err, wire.ErrTooMany):
		return refusal{"SYS/TEMP", "Too many connections of yours: try again later"}
	case errors.Is(err, mail.ErrInUse):
		return refusal{"IN-USE", "Another session has the mailbox open: try again later"}
	case errors.Is(err, mail.ErrNotFound):
		return refusal{"", "The message is gone: another program has removed it"}
	}
	s.srv.cfg.Log.Internal(s.conn.ID(), command, err)
	if errors.Is(err, mail.ErrCorrupt) {
		return refusal{"SYS/PERM", "The message is damaged"}
	}
	return refusal{"SYS/TEMP", "Cannot do that now: try again later"}
}
