package pop3d

import (
	"errors"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// private reports whether a password may be sent over this connection.
func (s *session) private() bool {
	return s.conn.TLSState() != nil || s.srv.cfg.PlainAuth != nil && s.srv.cfg.PlainAuth(s.conn.Remote())
}

func (s *session) mustBePrivate() error {
	switch {
	case s.private():
		return nil
	case s.conn.CanStartTLS():
		return refuse("Say STLS first: nobody logs in here without TLS")
	}
	return refuse("Nobody logs in here without TLS, which this port does not have")
}

// cmdUser is USER (RFC 1939 §7). It answers the same whether there is such a
// user or not.
func (s *session) cmdUser(args []string) error {
	if err := s.mustBePrivate(); err != nil {
		return err
	}
	s.user = args[0]
	s.ok("Now PASS and your password")
	return nil
}

// cmdPass is PASS (RFC 1939 §7).
func (s *session) cmdPass(args []string) error {
	if err := s.mustBePrivate(); err != nil {
		return err
	}
	user := s.user
	if user == "" {
		return refuse("USER comes first")
	}
	s.user = ""
	if len(args) == 0 {
		return refuse("Write PASS and your password")
	}
	who, err := s.srv.cfg.Auth.Password(s.ctx, s.conn.Remote(), user, args[0])
	if err != nil {
		return s.loginFailed(user, "USER", err)
	}
	return s.loggedIn(who, "USER")
}

// cmdAPOP refuses APOP (RFC 1939 §7): it would need passwords stored in clear,
// and its MD5 protects nothing any more.
func (s *session) cmdAPOP([]string) error {
	return refuse("APOP is not offered: use USER and PASS, or AUTH")
}

// loginFailed notes a failure, and gives up on who fails too often.
func (s *session) loginFailed(user, mechanism string, err error) error {
	s.srv.cfg.Log.LoginFailed(s.conn.ID(), "pop3", s.conn.Remote().String(), user, mechanism, err)
	if !errors.Is(err, auth.ErrFailed) && !errors.Is(err, auth.ErrThrottled) {
		return err
	}
	if s.failures++; s.failures < maxFailures {
		return err
	}
	if errors.Is(err, auth.ErrThrottled) { // [AUTH] would have the client ask for another password (RFC 3206 §4)
		s.hangup("[SYS/TEMP] Too many failed logins: closing")
	} else {
		s.hangup("[AUTH] Wrong user name or password, too often: closing")
	}
	return errLost
}

// loggedIn opens the drop of who proved to be somebody.
func (s *session) loggedIn(who auth.Identity, mechanism string) error {
	account := who.Address.Key()
	if err := s.conn.Authenticated(account); err != nil {
		s.srv.cfg.Log.Refused(s.conn.ID(), "pop3", s.conn.Remote().String(), err)
		s.answer(mechanism, err)
		s.conn.Hangup("")
		return errLost
	}
	leave, err := s.srv.cfg.Auth.Enter(s.ctx, who, s.conn.Expel)
	if err != nil {
		// Changed in this very moment, or the store is ill.
		s.srv.cfg.Log.LoginFailed(s.conn.ID(), "pop3", s.conn.Remote().String(), account, mechanism, err)
		s.answer(mechanism, err)
		s.conn.Hangup("")
		return errLost
	}
	s.srv.cfg.Log.LoggedIn(s.conn.ID(), "pop3", account, mechanism, who.AppPassword)
	if err := s.openDrop(who.Account); err != nil {
		// Another session has it: the client may try again (RFC 1939 §4).
		leave()
		if again := s.conn.Authenticated(""); again != nil {
			s.answer(mechanism, again)
			s.conn.Hangup("")
			return errLost
		}
		return err
	}
	s.state, s.leave, s.drop.owner = transaction, leave, account
	if s.conn.Watched() {
		n, octets := s.drop.total()
		s.conn.Note(wire.Note{Kind: "locked", Account: account, Count: n, Octets: octets})
	}
	s.ok("%s has %s", address(who.Address), s.drop.summary())
	return nil
}

// address is an address as a response may have it: ASCII on one line.
func address(a mail.Address) string {
	text := a.String()
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return "Your mailbox"
		}
	}
	return text
}

// cmdNoop is NOOP (RFC 1939 §5).
func (s *session) cmdNoop([]string) error {
	s.ok("Nothing done")
	return nil
}
