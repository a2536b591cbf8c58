package smtpd

import (
	"errors"
	"io"

	"github.com/emersion/go-smtp"

	"posthorn/internal/mail"
)

// session is go-smtp's Session. What the library passes to it is canonical and
// of no meaning; the true arguments are the front's, and so is the answer.
type session struct{ f *front }

// newSession is go-smtp's Backend: called at the first HELO or EHLO.
func newSession(c *smtp.Conn) (smtp.Session, error) {
	f, ok := c.Conn().(*front)
	if !ok {
		return nil, errors.New("smtpd: not one of our connections")
	}
	return session{f}, nil
}

// errRefused tells go-smtp that the command failed.
var errRefused = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 0, 0}, Message: "refused"}

// Reset is called at RSET, HELO, EHLO, and after DATA.
func (s session) Reset() { s.f.reset() }

// Logout is called when the connection is closed.
func (s session) Logout() error { return nil }

// Mail asks the Backend about the sender.
func (s session) Mail(string, *smtp.MailOptions) (err error) {
	defer s.guard(&err)
	f := s.f
	f.client.Protocol = f.protocol()
	from := f.tx.env.From
	if err := f.cfg.Backend.Sender(f.ctx, &f.client, from); err != nil {
		f.reset()
		f.answer = f.refuse(err, atMail, from)
		return errRefused
	}
	f.answer = reply{code: 250, enhanced: "2.1.0", text: shown(from) + " Sender ok"}
	return nil
}

// Rcpt asks the Backend about a recipient.
func (s session) Rcpt(string, *smtp.RcptOptions) (err error) {
	defer s.guard(&err)
	f := s.f
	to := f.tx.rcpt
	if err := f.cfg.Backend.Recipient(f.ctx, &f.client, f.tx.env, to); err != nil {
		f.tx.refused++
		f.answer = f.refusedRecipient(f.refuse(err, atRcpt, to.Address))
		return errRefused
	}
	f.take(to)
	f.answer = reply{code: 250, enhanced: "2.1.5", text: shown(to.Address) + " Recipient ok"}
	return nil
}

// Data takes the message from the wire. The library is then fed an empty body
// of its own.
func (s session) Data(io.Reader) (err error) {
	f := s.f
	f.feed = append(f.feed[:0], ".\r\n"...)
	defer s.guard(&err)
	f.takeMessage()
	return nil
}

// guard catches a panic of the Backend's.
func (s session) guard(err *error) {
	if v := recover(); v != nil {
		s.f.panicked(v)
		*err = errRefused
	}
}

// refuse is the reply to what the Backend would not take; what is nobody's
// business is logged.
func (f *front) refuse(err error, at part, addr mail.Address) reply {
	r, known := replyTo(err, at, addr)
	if known {
		f.cfg.Log.Rejected(f.ID(), f.service(), f.verb+" "+shown(addr), err)
	} else {
		f.cfg.Log.Internal(f.ID(), f.verb, err)
	}
	return r
}
