package smtpd

import (
	"errors"
	"strconv"
	"strings"

	"posthorn/internal/mail"
)

// mail runs MAIL (RFC 5321 §4.1.1.2).
func (f *front) mail(arg string) reply {
	switch {
	case !f.helo:
		return badSequence("Say who you are first: EHLO your.host.name")
	case f.cfg.Submission && f.client.Account == 0:
		return f.loginFirst()
	case f.tx.env != nil:
		return badSequence("A message is begun already: RSET gives it up")
	}
	env, r := parseMail(arg, mailLimits{size: f.cfg.MaxMessage, tls: f.client.TLS != ""})
	if r.code != 0 {
		return r
	}
	env.From.Local, env.From.Domain = strings.Clone(env.From.Local), strings.Clone(env.From.Domain) // not the whole line
	env.EnvelopeID = strings.Clone(env.EnvelopeID)
	f.tx = transaction{env: env}
	return f.ask("MAIL FROM:<>", reply{})
}

// loginFirst refuses to submit for a stranger (RFC 6409 §4.3, RFC 4954 §6).
func (f *front) loginFirst() reply {
	r := reply{code: 530, enhanced: "5.7.0", text: "Authentication required: AUTH first"}
	if !f.secure() {
		r.text = "Authentication required: STARTTLS first, then AUTH"
	}
	return r
}

// mailLimits is what parseMail must know of the connection.
type mailLimits struct {
	size int64
	tls  bool
}

// parseMail reads MAIL's argument. The reply is the refusal, or zero.
func parseMail(arg string, lim mailLimits) (*mail.Envelope, reply) {
	const form = "write MAIL FROM:<you@example.org>"
	path, ok := cutPrefixFold(arg, "FROM:")
	if !ok {
		return nil, syntax("Syntax: " + form)
	}
	from, rest, err := mail.CutPath(strings.TrimLeft(path, " \t"))
	if err == nil && !from.IsNull() && from.Domain == "" {
		err = errNoDomain // <Postmaster> is for RCPT alone
	}
	if err != nil {
		return nil, reply{code: 501, enhanced: "5.1.7", text: "Bad sender's address, " + reason(err) + ": " + form}
	}
	params, r := parseParams(rest)
	if r.code != 0 {
		return nil, r
	}
	env := &mail.Envelope{From: from}
	for _, p := range params {
		if r := mailParam(env, p, lim); r.code != 0 {
			return nil, r
		}
	}
	if !env.UTF8 && !from.IsASCII() {
		return nil, reply{code: 550, enhanced: "5.6.7", text: "This address needs the parameter SMTPUTF8"} // RFC 6531 §3.5
	}
	return env, reply{}
}

// mailParam puts a parameter into the envelope.
func mailParam(env *mail.Envelope, p param, lim mailLimits) reply {
	switch p.key {
	case "SIZE":
		return sizeParam(env, p, lim.size)
	case "BODY": // RFC 6152 §2, RFC 3030 §3
		env.Body = mail.BodyType(strings.ToUpper(p.value))
		if env.Body != mail.Body7Bit && env.Body != mail.Body8BitMIME && env.Body != mail.BodyBinaryMIME {
			return badParam(p)
		}
	case "SMTPUTF8": // RFC 6531 §3.4: no value
		if env.UTF8 = true; p.hasValue {
			return badParam(p)
		}
	case "REQUIRETLS": // RFC 8689 §2: no value, and offered in TLS only
		if !lim.tls {
			return unknownParam(p)
		}
		if env.RequireTLS = true; p.hasValue {
			return badParam(p)
		}
	case "RET": // RFC 3461 §4.3
		env.Return = mail.Return(strings.ToUpper(p.value))
		if env.Return != mail.ReturnFull && env.Return != mail.ReturnHeaders {
			return badParam(p)
		}
	case "ENVID": // RFC 3461 §4.4
		id, err := decodeXtext(p.value)
		if err != nil || !p.hasValue || len(p.value) > maxEnvelopeID {
			return badParam(p)
		}
		env.EnvelopeID = id
	case "AUTH": // RFC 4954 §5: read, and believed of nobody
		if !validAuthParam(p) {
			return badParam(p)
		}
	default:
		return unknownParam(p)
	}
	return reply{}
}

// sizeParam reads SIZE (RFC 1870 §6: up to 20 digits, which are more than 63
// bits hold).
func sizeParam(env *mail.Envelope, p param, limit int64) reply {
	if len(p.value) > 20 {
		return badParam(p)
	}
	n, err := strconv.ParseUint(p.value, 10, 63)
	if errors.Is(err, strconv.ErrSyntax) {
		return badParam(p)
	}
	if err != nil || int64(n) > limit {
		return reply{code: 552, enhanced: "5.3.4", text: "The message is larger than the " + strconv.FormatInt(limit, 10) + " octets that this server takes"}
	}
	env.Size = int64(n)
	return reply{}
}

func validAuthParam(p param) bool {
	v, err := decodeXtext(p.value)
	if err != nil || !p.hasValue {
		return false
	}
	if v == "<>" {
		return true
	}
	_, err = mail.ParseAddress(v)
	return err == nil
}

var (
	errNoDomain = errors.New("it has no @domain")
	errNobody   = errors.New("it is empty")
)

// reason is an error of package mail's without its kind.
func reason(err error) string {
	s, _ := strings.CutPrefix(err.Error(), mail.ErrInvalid.Error()+": ")
	return s
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
