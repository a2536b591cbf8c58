package auth

import (
	"bytes"
	"unicode/utf8"
)

// plain is SASL PLAIN (RFC 4616).
type plain struct{ attempt }

func (p *plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if err := p.receive(response); err != nil {
		return nil, false, err
	}
	if response == nil {
		return []byte{}, false, nil
	}
	field := bytes.Split(response, []byte{0})
	if len(field) != 3 || len(field[1]) == 0 || len(field[2]) == 0 || !utf8.Valid(response) {
		return p.fail(ErrMalformed)
	}
	authzid, authcid, password := string(field[0]), string(field[1]), string(field[2])
	p.user = authcid
	if !mayActAs(authcid, authzid) {
		return p.fail(ErrFailed)
	}
	return p.password(authcid, password)
}
