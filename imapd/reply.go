package imapd

import (
	"context"
	"errors"
	"fmt"

	"posthorn/auth"
	"posthorn/internal/mail"
)

// status is what a tagged answer says: condition, response code, text.
type status struct {
	kind string // OK, NO, BAD
	code string // without brackets, or empty
	text string
}

// refusal is an error that knows its own tagged answer. Handlers return it
// where a kind of package mail doesn't say enough.
type refusal struct{ status }

func (r *refusal) Error() string { return r.kind + " [" + r.code + "] " + r.text }

// no is a refusal with a response code of RFC 5530 or RFC 9051 §7.1.
func no(code, text string) error { return &refusal{status{"NO", code, text}} }

// bad is a refusal of what breaks the protocol: the decoder's syntax errors
// too.
func bad(format string, args ...any) error {
	return &refusal{status{"BAD", "", fmt.Sprintf(format, args...)}}
}

// kinds says how each kind of error is answered: the one place where errors
// become IMAP.
var kinds = []struct {
	err error
	say status
}{
	{mail.ErrNoSuchMailbox, status{"NO", "NONEXISTENT", "No such mailbox"}},
	{mail.ErrNoSuchUser, status{"NO", "EXPIRED", "This account is gone"}}, // under an open session
	{mail.ErrExists, status{"NO", "ALREADYEXISTS", "There is one of that name already"}},
	{mail.ErrTooMuchWork, status{"NO", "LIMIT", "Too many search keys for so many messages: ask with fewer at a time"}},
	{mail.ErrOverQuota, status{"NO", "OVERQUOTA", "Over quota"}},
	{mail.ErrTooLarge, status{"NO", "TOOBIG", "The message is too large"}},
	{mail.ErrNotPermitted, status{"NO", "NOPERM", "Not permitted"}},
	{mail.ErrInvalid, status{"NO", "CANNOT", "That can't be done as asked"}},
	{mail.ErrInUse, status{"NO", "INUSE", "In use, try again later"}},
	{mail.ErrNotFound, status{"NO", "NONEXISTENT", "No such thing"}},
	{mail.ErrNoSpace, status{"NO", "UNAVAILABLE", "The disk is full, try again later"}},
	{mail.ErrUnavailable, status{"NO", "UNAVAILABLE", "Can't be written now, try again later"}},
	{mail.ErrCorrupt, status{"NO", "CORRUPTION", "Stored data is damaged"}},
	{auth.ErrFailed, status{"NO", "AUTHENTICATIONFAILED", "Authentication failed"}},
	{auth.ErrThrottled, status{"NO", "UNAVAILABLE", "Too many failed attempts, try again later"}},
	{auth.ErrUnknownMechanism, status{"NO", "CANNOT", "No such mechanism"}},
	{auth.ErrMalformed, status{"BAD", "", "Malformed response"}},
	{context.Canceled, status{"NO", "UNAVAILABLE", "Interrupted"}},
}

// statusOf turns what a handler returned into what is said. What it doesn't
// know is our own fault: the client is told no more than that.
func (s *session) statusOf(err error) status {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.say
		}
	}
	s.srv.cfg.Log.Internal(s.conn.ID(), s.name, err)
	return status{"NO", "SERVERBUG", "Internal error"}
}

// finish ends a command with its answer, after those to the commands before it.
func (s *session) finish(err error) {
	if err == errLater {
		return
	}
	s.settle()
	if s.lost == nil {
		s.answer(err)
	}
}

// answer tells what changed meanwhile, then gives the tagged answer.
func (s *session) answer(err error) {
	say := s.done
	if say.kind == "" {
		say.kind = "OK"
	}
	if say.text == "" {
		say.text = s.name + " completed"
	}
	if err != nil {
		say = s.statusOf(err)
	}
	if s.box != nil && say.kind != "BAD" {
		s.sync(!s.numbers)
		s.tellHighest(&say) // which RFC 7162 §3.2.7 wants in the tagged answer
		s.tellLimit(&say)
	}
	if s.driver == "" && !s.answered {
		s.out.status(s.tag, say)
	}
	if after := s.after; after != nil {
		s.after = nil
		s.out.flush()
		if err := after(); err != nil {
			s.lose(err)
		}
	}
	if s.boxDeleted {
		s.bye("The selected mailbox was deleted")
		s.lose(mail.ErrNoSuchMailbox)
	}
}

// ok notes what is said with OK when the handler is done.
func (s *session) ok(code, text string) { s.done = status{"OK", code, text} }

// bye says goodbye; the caller closes.
func (s *session) bye(text string) { s.out.raw("* BYE ", text, "\r\n") }

// proceed asks the client to go on (RFC 9051 §7.6). There is always a space
// after the "+". Who waits for the client holds no buffer for answers: it is
// taken again by resume.
func (s *session) proceed(text string) {
	s.settle()
	s.out.raw("+ ", text, "\r\n")
	s.out.close()
}

// resume is after the client went on.
func (s *session) resume() { s.out.open() }
