package auth

// login is SASL LOGIN, as Outlook and the course's programs speak it. It was
// never standardized (draft-murchison-sasl-login): the prompts are exactly
// these, and the user name may come as an initial response.
type login struct {
	attempt
	named bool
}

func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	if err := l.receive(response); err != nil {
		return nil, false, err
	}
	switch {
	case response == nil:
		if l.named {
			return l.fail(ErrMalformed)
		}
		return []byte("Username:"), false, nil
	case !l.named:
		l.user, l.named = string(response), true
		return []byte("Password:"), false, nil
	}
	return l.password(l.user, string(response))
}
