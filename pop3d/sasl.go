package pop3d

import (
	"encoding/base64"
	"errors"
	"fmt"

	"posthorn/internal/wire"
)

// cmdAuth is AUTH (RFC 5034). Alone it lists the mechanisms, which the RFC has
// not, but clients from before CAPA ask so.
func (s *session) cmdAuth(args []string) error {
	if len(args) == 0 {
		return s.listMechanisms()
	}
	if err := s.mustBePrivate(); err != nil {
		return err
	}
	exchange, err := s.srv.cfg.Auth.Start(s.ctx, s.conn.Remote(), s.conn.TLSState(), args[0])
	if err != nil {
		return err
	}
	var response []byte // nil: none came with the command
	if len(args) > 1 {
		if response, err = decodeSASL(args[1]); err != nil {
			return err
		}
	}
	for {
		challenge, done, err := exchange.Next(response)
		if err != nil {
			return s.loginFailed(exchange.User(), args[0], err)
		}
		if done {
			return s.loggedIn(exchange.Identity(), args[0])
		}
		if exchange.Hidden() {
			s.conn.MaskAnswer("+ ********")
		}
		if response, err = s.askSASL(challenge); err != nil {
			return err
		}
	}
}

func (s *session) listMechanisms() error {
	s.ok("Mechanisms:")
	if s.private() {
		for _, m := range s.srv.cfg.Auth.Mechanisms(s.conn.TLSState()) {
			fmt.Fprintf(s.conn, "%s\r\n", m)
		}
	}
	fmt.Fprint(s.conn, ".\r\n")
	return nil
}

// askSASL sends a challenge and reads the response.
func (s *session) askSASL(challenge []byte) ([]byte, error) {
	fmt.Fprintf(s.conn, "+ %s\r\n", base64.StdEncoding.EncodeToString(challenge))
	for {
		line, err := s.conn.ReadSecretLine(maxSASLLine)
		switch {
		case errors.Is(err, wire.ErrInterrupted):
			continue
		case errors.Is(err, wire.ErrLineTooLong):
			if s.conn.DiscardLine(maxDiscard) == nil {
				return nil, refuse("Line too long: at most %d octets", maxSASLLine)
			}
			s.hangup("Line too long")
			return nil, errLost
		case err != nil:
			return nil, errLost
		case string(line) == "*":
			return nil, refuse("AUTH cancelled")
		}
		return decodeSASL(string(line))
	}
}

// decodeSASL decodes a response; "=" is an empty one. The result is never nil.
func decodeSASL(text string) ([]byte, error) {
	if text == "=" {
		return []byte{}, nil
	}
	response, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refuse("Expected a response in base 64")
	}
	return append([]byte{}, response...), nil
}
