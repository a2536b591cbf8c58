package imapd

import (
	"encoding/base64"
	"errors"
	"strings"

	"posthorn/auth"
	"posthorn/internal/wire"
)

// maxLoginFailures is how often a connection may fail to log in.
const maxLoginFailures = 5

// maxSASLLine bounds a client's line in an exchange (RFC 4954 §4 names 12,288
// octets for what mechanisms need).
const maxSASLLine = 12288

// cmdLogin is LOGIN (RFC 9051 §6.2.3).
func (s *session) cmdLogin(d *decoder) error {
	user, password := d.loginArgs()
	if err := d.end(); err != nil {
		return err
	}
	if err := s.mayLogin(); err != nil {
		return err
	}
	who, err := s.srv.auth.Password(s.ctx, s.conn.Remote(), user, password)
	if err != nil {
		return s.loginFailed(user, "LOGIN", err)
	}
	return s.loggedIn(who, "LOGIN")
}

// cmdAuthenticate is AUTHENTICATE (RFC 9051 §6.2.2) with an initial response
// (RFC 4959).
func (s *session) cmdAuthenticate(d *decoder) error {
	args := d.authenticateArgs()
	if err := d.end(); err != nil {
		return err
	}
	if err := s.mayLogin(); err != nil {
		return err
	}
	exchange, err := s.srv.auth.Start(s.ctx, s.conn.Remote(), s.conn.TLSState(), args.mechanism)
	if err != nil {
		return err
	}
	var response []byte // nil: none came with the command
	if args.hasInitial {
		if response, err = decodeSASL(args.initial); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := exchange.Next(response)
		if err != nil {
			return s.loginFailed(exchange.User(), args.mechanism, err)
		}
		if done {
			return s.loggedIn(exchange.Identity(), args.mechanism)
		}
		if exchange.Hidden() {
			s.conn.MaskAnswer("+ ********")
		}
		if response, err = s.askSASL(challenge); err != nil {
			return err
		}
	}
}

// askSASL sends a challenge and reads the response. An empty challenge is
// "+ ": "=" stands for empty in an initial response alone.
func (s *session) askSASL(challenge []byte) ([]byte, error) {
	s.proceed(base64.StdEncoding.EncodeToString(challenge))
	line, err := s.readLine(maxSASLLine)
	s.resume()
	if err != nil {
		return nil, s.lose(err)
	}
	if string(line) == "*" {
		return nil, bad("AUTHENTICATE cancelled")
	}
	return decodeSASL(string(line))
}

// decodeSASL decodes a response; "=" is an empty one. The result is never nil.
func decodeSASL(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	response, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") {
		return nil, bad("Expected a response in base 64")
	}
	return append([]byte{}, response...), nil
}

// mayLogin refuses to take a password over a line that others can read.
func (s *session) mayLogin() error {
	if !s.private() {
		return no("PRIVACYREQUIRED", "Use STARTTLS first: nobody logs in here without TLS")
	}
	return nil
}

// loggedIn takes the session over to who proved to be somebody.
func (s *session) loggedIn(who auth.Identity, mechanism string) error {
	account := who.Address.Key()
	if err := s.conn.Authenticated(account); err != nil {
		s.srv.cfg.Log.Refused(s.conn.ID(), "imap", s.conn.Remote().String(), err)
		s.out.status(s.tag, status{"NO", "LIMIT", "Too many connections for this account"})
		s.bye("Too many connections for this account")
		return s.lose(wire.ErrTooMany)
	}
	leave, err := s.srv.auth.Enter(s.ctx, who, s.conn.Expel)
	if err != nil {
		// Changed in this very moment, or the store is ill.
		s.srv.cfg.Log.LoginFailed(s.conn.ID(), "imap", s.conn.Remote().String(), account, mechanism, err)
		s.out.status(s.tag, s.statusOf(err))
		s.bye("Your login is no longer valid")
		return s.lose(err)
	}
	s.srv.cfg.Log.LoggedIn(s.conn.ID(), "imap", account, mechanism, who.AppPassword)
	s.who, s.state, s.leave = who, authenticated, leave
	s.ok("CAPABILITY "+s.capabilities(), "Logged in")
	return nil
}

// loginFailed counts failures; what was wrong is for the log.
func (s *session) loginFailed(user, mechanism string, err error) error {
	s.srv.cfg.Log.LoginFailed(s.conn.ID(), "imap", s.conn.Remote().String(), user, mechanism, err)
	if !errors.Is(err, auth.ErrFailed) && !errors.Is(err, auth.ErrThrottled) {
		return err
	}
	if s.loginFailures++; s.loginFailures >= maxLoginFailures {
		s.out.status(s.tag, s.statusOf(err))
		s.bye("Too many failed logins")
		return s.lose(err)
	}
	return err
}
