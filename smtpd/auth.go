package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"

	"posthorn/auth"
	"posthorn/internal/wire"
)

// hide keeps AUTH's initial response out of the transcript.
func (f *front) hide(arg string) {
	if mechanism, response := cutVerb(arg); response != "" {
		f.Mask("AUTH " + mechanism + " ***")
	}
}

// authenticate runs AUTH (RFC 4954 §4). It works after HELO, too: programs
// that know no EHLO use it.
func (f *front) authenticate(arg string) reply {
	mechanism, initial, _ := strings.Cut(arg, " ")
	switch {
	case f.auth == nil:
		return reply{code: 502, enhanced: "5.5.1", text: "AUTH is not offered here: submit your mail on port 587 or 465"}
	case !f.helo:
		return badSequence("Say who you are first: EHLO your.host.name")
	case f.client.Account != 0:
		return badSequence("You have logged in already")
	case f.tx.env != nil:
		return badSequence("Not within a message: RSET gives it up")
	case mechanism == "":
		return syntax("Syntax: AUTH mechanism; offered are " + strings.Join(f.auth.Mechanisms(f.TLSState()), " "))
	case !f.secure():
		return reply{code: 538, enhanced: "5.7.11", text: "Encryption required: STARTTLS first"}
	}
	x, err := f.auth.Start(f.ctx, f.Remote(), f.TLSState(), mechanism)
	if err != nil {
		return f.authFailed(mechanism, "", err)
	}
	var response []byte
	if initial = strings.Trim(initial, " \t"); initial != "" {
		if response, err = decodeResponse(initial); err != nil {
			return f.authFailed(mechanism, "", err)
		}
	}
	return f.exchange(mechanism, x, response)
}

// exchange goes on until the mechanism has its verdict.
func (f *front) exchange(mechanism string, x auth.Exchange, response []byte) reply {
	for {
		challenge, done, err := x.Next(response)
		if err != nil {
			return f.authFailed(mechanism, x.User(), err)
		}
		if done {
			return f.loggedIn(mechanism, x.Identity())
		}
		if x.Hidden() {
			f.MaskAnswer("334 ********")
		}
		f.say(reply{code: 334, text: base64.StdEncoding.EncodeToString(challenge)})
		line, err := f.readSecret()
		switch {
		case err != nil:
			return f.authBroken(err)
		case string(line) == "*": // RFC 4954 §4
			return reply{code: 501, enhanced: "5.7.0", text: "Authentication cancelled"}
		}
		if response, err = decodeResponse(string(line)); err != nil {
			return f.authFailed(mechanism, x.User(), err)
		}
	}
}

// readSecret reads a line that nobody shall see.
func (f *front) readSecret() ([]byte, error) {
	for {
		line, err := f.ReadSecretLine(maxLine)
		if !errors.Is(err, wire.ErrInterrupted) {
			return line, err
		}
	}
}

// authBroken answers an exchange that ended with an error of the connection.
func (f *front) authBroken(err error) reply {
	if errors.Is(err, wire.ErrLineTooLong) {
		return f.lineTooLong("5.5.6") // RFC 4954 §6
	}
	f.lost()
	return reply{}
}

// loggedIn makes the connection the account's.
func (f *front) loggedIn(mechanism string, who auth.Identity) reply {
	if err := f.Authenticated(who.Address.Key()); err != nil {
		return f.closing("4.7.0", "Too many connections of yours: try again later")
	}
	leave, err := f.auth.Enter(f.ctx, who, f.Expel)
	if err != nil {
		// Changed in this very moment, or the store is ill.
		f.cfg.Log.LoginFailed(f.ID(), f.service(), f.Remote().String(), who.Address.String(), strings.ToUpper(mechanism), err)
		return f.closing("4.7.0", "Your login is no longer valid: closing")
	}
	f.leave = leave
	f.client.Account, f.client.Login = who.Account, who.Address
	f.authTried = false
	f.errors, f.unknown = 0, 0
	f.cfg.Log.LoggedIn(f.ID(), f.service(), who.Address.String(), strings.ToUpper(mechanism), who.AppPassword)
	return reply{code: 235, enhanced: "2.7.0", text: "Authentication successful"}
}

// authFailed is the one place where auth's errors become replies.
func (f *front) authFailed(mechanism, user string, err error) reply {
	switch {
	case errors.Is(err, auth.ErrUnknownMechanism):
		return reply{code: 504, enhanced: "5.5.4", text: "Unknown mechanism; offered are " + strings.Join(f.auth.Mechanisms(f.TLSState()), " ")}
	case errors.Is(err, errNotBase64):
		return reply{code: 501, enhanced: "5.5.2", text: "Cannot decode the response: it must be base64"}
	case errors.Is(err, auth.ErrMalformed):
		return reply{code: 501, enhanced: "5.5.2", text: "What the base64 stands for is not what " + strings.ToUpper(mechanism) + " wants"}
	}
	r := reply{code: 535, enhanced: "5.7.8", text: "Authentication failed: wrong user name or password"}
	switch {
	case errors.Is(err, auth.ErrFailed):
	case errors.Is(err, auth.ErrThrottled):
		r = reply{code: 454, enhanced: "4.7.0", text: "Too many failed attempts: try again later"}
	default:
		f.cfg.Log.Internal(f.ID(), "AUTH", err)
		return reply{code: 454, enhanced: "4.7.0", text: "Temporary authentication failure: try again later"}
	}
	f.cfg.Log.LoginFailed(f.ID(), f.service(), f.Remote().String(), user, strings.ToUpper(mechanism), err)
	if f.authFailures++; f.authFailures >= maxAuthFailures {
		return f.closing("4.7.0", "Too many failed attempts: closing")
	}
	return r
}

// errNotBase64: a response is not even base64.
var errNotBase64 = errors.New("not base64")

// decodeResponse reads base64; "=" is the empty response (RFC 4954 §4).
func decodeResponse(s string) ([]byte, error) {
	if s == "=" {
		return []byte{}, nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, errNotBase64
	}
	if b == nil {
		b = []byte{}
	}
	return b, nil
}
