package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	xdg "github.com/xdg-go/scram"
)

// scram is SASL SCRAM-SHA-256 (RFC 5802, RFC 7677), with channel binding where
// plus is set (binding.go).
//
// The client proves that it knows one of the account's passwords, and does not
// say which. So there is one conversation of xdg-go/scram for each verifier;
// they share salt, rounds and nonce, hence say the same, and differ only in
// which proof they take.
type scram struct {
	attempt
	plus          bool
	binding       xdg.ChannelBinding // of the connection, also where plus is not set
	state         scramState
	subject       *subject
	gate          gate
	conversations []*xdg.ServerConversation
}

// errAlias is for the log; the client is told no more than ErrFailed.
var errAlias = fmt.Errorf("%w: an alias logs in by PLAIN or LOGIN, not by SCRAM", ErrFailed)

type scramState int

const (
	scramFirst scramState = iota // waits for client-first-message
	scramFinal                   // waits for client-final-message
	scramDone                    // waits for the empty response to server-final-message
)

// Hidden is true: salt and signature are enough to try passwords on.
func (s *scram) Hidden() bool { return true }

func (s *scram) Next(response []byte) (challenge []byte, done bool, err error) {
	if err := s.receive(response); err != nil {
		return nil, false, err
	}
	if response == nil && s.state == scramFirst {
		return []byte{}, false, nil
	}
	if !utf8.Valid(response) {
		return s.fail(ErrMalformed)
	}
	began := time.Now()
	switch s.state {
	case scramFirst:
		defer hold(began)
		return s.first(string(response))
	case scramFinal:
		challenge, done, err = s.final(string(response))
		if err != nil {
			hold(began)
		}
		return challenge, done, err
	}
	// None of our protocols carries data with its success, so the client has
	// had server-final-message as a challenge (RFC 4422 §5).
	s.over = true
	return nil, true, nil
}

// first answers client-first-message with the salt.
func (s *scram) first(message string) ([]byte, bool, error) {
	name, ok := clientName(message)
	if !ok {
		return s.fail(ErrMalformed)
	}
	s.user = name
	err := s.checkBinding(message)
	if err != nil {
		return s.fail(err)
	}
	if s.subject, err = s.auth.withoutAlias(s.ctx, name); err != nil {
		return s.fail(err)
	}
	s.gate = s.auth.gate(s.subject, s.from)
	nonce := newNonce()
	var answer string
	for i := range s.subject.verifiers {
		c, err := s.conversation(&s.subject.verifiers[i], nonce)
		if err != nil {
			return s.fail(err)
		}
		if answer, err = c.Step(message); err != nil {
			return s.fail(scramError(answer))
		}
		s.conversations = append(s.conversations, c)
	}
	// The client's nonce may not be empty (RFC 5802 §7).
	if strings.HasPrefix(answer, "r="+nonce) {
		return s.fail(ErrMalformed)
	}
	if c := s.conversations[0]; !mayActAs(c.Username(), c.AuthzID()) {
		return s.fail(ErrFailed)
	}
	s.state = scramFinal
	return []byte(answer), false, nil
}

// final checks the proof. An app password opens whatever was guessed before.
func (s *scram) final(message string) ([]byte, bool, error) {
	var answer, refusal string
	var proved *verifier
	for i, c := range s.conversations {
		a, err := c.Step(message)
		if err != nil {
			refusal = a
		} else if c.Valid() {
			answer, proved = a, &s.subject.verifiers[i]
		}
	}
	unguessable := proved != nil && proved.quick != nil && s.subject.open()
	if !unguessable && !s.gate.take() {
		return s.fail(ErrThrottled) // right or wrong
	}
	if answer == "" {
		err := scramError(refusal)
		if s.subject.alias && err == ErrFailed {
			err = errAlias
		}
		return s.fail(err)
	}
	if !s.subject.open() {
		return s.fail(ErrFailed)
	}
	if !unguessable {
		s.gate.refund()
	}
	s.who = s.auth.welcome(s.subject, s.gate, proved)
	s.state = scramDone
	return []byte(answer), false, nil
}

// conversation makes a server's half for one verifier.
func (s *scram) conversation(v *verifier, nonce string) (*xdg.ServerConversation, error) {
	server, err := xdg.SHA256.NewServer(func(string) (xdg.StoredCredentials, error) {
		return xdg.StoredCredentials{
			KeyFactors: xdg.KeyFactors{Salt: v.salt, Iters: v.rounds},
			StoredKey:  v.storedKey,
			ServerKey:  v.serverKey,
		}, nil
	})
	if err != nil {
		return nil, err
	}
	server.WithNonceGenerator(func() string { return nonce })
	return server.NewConversationWithChannelBinding(s.binding), nil
}

// clientName takes the user name from client-first-message, which is all that
// must be known of it before there is a conversation (RFC 5802 §7).
func clientName(message string) (string, bool) {
	field := strings.SplitN(message, ",", 5)
	if len(field) < 4 || strings.IndexByte(message, 0) >= 0 {
		return "", false
	}
	name, ok := strings.CutPrefix(field[2], "n=")
	return strings.NewReplacer("=2C", ",", "=3D", "=").Replace(name), ok && name != ""
}

func newNonce() string {
	b := make([]byte, 18)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}
