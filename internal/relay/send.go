package relay

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"posthorn/internal/mail"
	"posthorn/internal/relay/recode"
)

// A message must leave at this rate at least, on average, and may take
// minSendTime anyway: a hop that reads a few octets each minute is given up.
const (
	minSendRate = 4 << 10 // octets a second
	minSendTime = 15 * time.Minute
)

// parcel is a message in the form in which the hop takes it.
type parcel struct {
	*mail.Outgoing
	from  string // the reverse-path
	to    []addressee
	utf8  bool   // SMTPUTF8 is needed
	body  string // for BODY; empty: 7BIT
	size  int64  // 0: not known
	write func(io.Writer) error
}

// addressee is a recipient as RCPT names it.
type addressee struct {
	index int // in the Outgoing's To
	path  string
}

// send hands one message over and says what became of each recipient. It
// leaves the session ready for the next message, or broken.
func (s *session) send(m *mail.Outgoing) []mail.Result {
	s.begun = false
	results := make([]mail.Result, len(m.To))
	p, refused := s.pack(m, results)
	if refused != nil {
		return repeat(*refused, len(m.To))
	}
	for todo := p.to; len(todo) > 0; {
		later := s.transact(p, todo, results)
		if s.broken != nil {
			break
		}
		todo = later // fewer: one recipient at least was taken
	}
	return results
}

// pack finds the form in which the hop can take a message. Recipients that it
// cannot be sent to get their result; refused is the result of all.
func (s *session) pack(m *mail.Outgoing, results []mail.Result) (_ *parcel, refused *mail.Result) {
	p := &parcel{Outgoing: m, utf8: m.UTF8, size: m.Content.Size()}
	if m.RequireTLS && !m.From.IsNull() { // RFC 8689 §4.2.1; of bounces §5
		if s.tls == "" || !s.verified {
			return nil, s.cannot("5.7.10", "the message requires TLS with a verified certificate")
		}
		if !s.offers("REQUIRETLS") {
			return nil, s.cannot("5.7.30", "the message requires REQUIRETLS, which the server does not offer")
		}
	}
	if limit, err := strconv.ParseInt(s.extensions["SIZE"], 10, 64); err == nil && limit > 0 && p.size > limit {
		return nil, s.cannot("5.3.4", "the message is larger than the server takes") // RFC 1870 §6
	}
	if m.UTF8 && !s.takesUTF8() {
		return nil, s.cannot("5.6.7", "the message's header needs SMTPUTF8, which the server does not offer")
	}
	var ok bool
	if p.from, ok = s.path(m.From, &p.utf8); !ok {
		return nil, s.cannot("5.6.7", "the sender's address needs SMTPUTF8, which the server does not offer")
	}
	for i := range m.To {
		path, ok := s.path(m.To[i].Address, &p.utf8)
		if !ok {
			results[i] = *s.cannot("5.6.7", "the address needs SMTPUTF8, which the server does not offer")
			continue
		}
		p.to = append(p.to, addressee{i, path})
	}
	return p, s.convert(p)
}

// convert gives the message the form that the hop takes: as it is, or recoded.
func (s *session) convert(p *parcel) *mail.Result {
	eightBit := s.offers("8BITMIME")
	p.write = func(w io.Writer) error { return p.Content.WriteRange(w, 0, p.Content.Size()) }
	channel := recode.SevenBit
	switch {
	case p.Body == mail.BodyBinaryMIME && eightBit:
		channel = recode.EightBit
	case p.Body == mail.BodyBinaryMIME, p.Body == mail.Body8BitMIME && !eightBit:
	default:
		if p.Body == mail.Body8BitMIME {
			p.body = "8BITMIME"
		}
		return nil
	}
	msg, err := recode.New(p.Content, channel)
	if errors.Is(err, recode.ErrCannot) {
		return s.cannot("5.6.3", "the server takes only "+channel.String()+" messages: "+err.Error())
	}
	if err != nil {
		return s.unreadable()
	}
	p.write, p.size = msg.Write, 0
	if msg.EightBit() {
		p.body = "8BITMIME"
	}
	return nil
}

// takesUTF8 reports whether the hop has SMTPUTF8, which implies 8BITMIME (RFC
// 6531 §3.1).
func (s *session) takesUTF8() bool { return s.offers("SMTPUTF8") && s.offers("8BITMIME") }

// path is an address as the hop takes it. A domain beyond ASCII has an ASCII
// form; a local part has none, and then utf8 is set.
func (s *session) path(a mail.Address, utf8 *bool) (string, bool) {
	if a.IsASCII() {
		return a.String(), true
	}
	if s.takesUTF8() {
		*utf8 = true
		return a.String(), true
	}
	a.Domain = mail.DomainKey(a.Domain)
	return a.String(), a.IsASCII()
}

// transact runs one transaction for some recipients, and fills in their
// results. It returns those whom the hop wants in a transaction of their own
// (RFC 5321 §4.5.3.1.10).
func (s *session) transact(p *parcel, to []addressee, results []mail.Result) (later []addressee) {
	f := newFront(s, p.body)
	contentErr, err := f.run(p, to)
	s.begun = s.begun || f.mail.ok()
	for i, t := range to {
		results[t.index] = s.outcome(f, i, contentErr, err)
		if r := f.rcpt(i); f.final.ok() && (r.code == 452 || r.code == 552) {
			later = append(later, t)
		}
	}
	if f.opened && s.broken == nil {
		if r, err := s.command(s.timeouts.Command, "RSET"); err == nil && !r.ok() && s.broken == nil {
			s.broken = errors.New("the server refused RSET")
		}
	}
	return later
}

// run has go-smtp's client carry out the transaction. contentErr is what went
// wrong with the message on our side; then the connection is closed, since the
// hop must not see the end of it.
func (f *front) run(p *parcel, to []addressee) (contentErr, err error) {
	c := smtp.NewClient(f)
	if err := c.Hello(f.s.relay.Hostname); err != nil {
		return nil, err
	}
	dsn := f.s.offers("DSN")
	options := &smtp.MailOptions{Size: p.size, UTF8: p.utf8, RequireTLS: p.RequireTLS && f.s.offers("REQUIRETLS")}
	if dsn {
		options.Return = smtp.DSNReturn(p.Return)
		if p.EnvelopeID != "" {
			f.extra = " ENVID=" + mail.EncodeXtext(p.EnvelopeID)
		}
	}
	if err := c.Mail(p.from, options); err != nil {
		return nil, err
	}
	for i, t := range to {
		rcpt := &p.To[t.index]
		options := &smtp.RcptOptions{}
		if dsn {
			options.Notify = notify(rcpt.Notify)
			f.extra = originalRecipient(rcpt, p.utf8)
		}
		err := c.Rcpt(t.path, options)
		if len(f.rcpts) == i && f.s.broken == nil { // go-smtp would not say it, and replies are told apart by their order
			f.s.broken = err
		}
		if f.s.broken != nil {
			return nil, err
		}
	}
	if f.pending() == 0 && f.accepted() == 0 {
		return nil, nil // everybody was refused
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	f.s.conn.until = time.Now().Add(minSendTime + time.Duration(p.Content.Size()/minSendRate)*time.Second)
	defer func() { f.s.conn.until = time.Time{} }()
	lines := &recode.Lines{W: w}
	if err := p.write(lines); err != nil {
		if f.s.broken == nil {
			f.s.broken = errors.New("given up in the middle of a message")
			return err, nil
		}
		return nil, err
	}
	if err := lines.Close(); err != nil {
		return nil, err
	}
	_, err = w.CloseWithResponse()
	return nil, err
}

// outcome is what became of the i-th recipient of a transaction. err is what
// ended it, where that was no reply.
func (s *session) outcome(f *front, i int, contentErr, err error) mail.Result {
	rcpt := f.rcpt(i)
	for _, r := range []*reply{&f.mail, rcpt} {
		if r.code != 0 && !r.ok() {
			return s.refused(r, r == rcpt)
		}
	}
	switch {
	case contentErr != nil:
		return *s.unreadable()
	case f.final.code != 0:
		res := s.refused(&f.final, false)
		res.DSN = s.offers("DSN")
		return res
	case f.start.code != 0 && f.start.code != 354:
		res := s.refused(&f.start, false)
		if res.Disposition == mail.Relayed {
			res.Disposition = mail.Deferred // "250" to DATA: nothing was sent
		}
		return res
	case s.broken != nil:
		return s.lost()
	case err != nil: // go-smtp would not send it
		return mail.Result{MTA: s.mta, Status: "4.5.0", Text: clip(printable(err.Error())), TLS: s.tls}
	}
	return mail.Result{MTA: s.mta, Status: "4.5.0", Text: "the server did not carry the transaction through", TLS: s.tls}
}

// refused is what a reply means. A 552 to RCPT means too many recipients, as
// long as it does not say otherwise (RFC 5321 §4.5.3.1.10).
func (s *session) refused(r *reply, toRcpt bool) mail.Result {
	res := s.result(r)
	if toRcpt && r.code == 552 && (r.status == "5.0.0" || r.status == "5.5.3") {
		res.Disposition = mail.Deferred
	}
	return res
}

// cannot is the result for a message that the hop cannot take.
func (s *session) cannot(status, text string) *mail.Result {
	return &mail.Result{Disposition: mail.Failed, MTA: s.mta, Status: status, Text: clip(text), TLS: s.tls}
}

// unreadable is the result for a message that cannot be read from the store.
func (s *session) unreadable() *mail.Result {
	return &mail.Result{Status: "4.3.0", Text: "the stored message cannot be read"}
}

func notify(n mail.Notify) (words []smtp.DSNNotify) {
	for _, w := range []struct {
		bit  mail.Notify
		word smtp.DSNNotify
	}{
		{mail.NotifyNever, smtp.DSNNotifyNever}, {mail.NotifySuccess, smtp.DSNNotifySuccess},
		{mail.NotifyFailure, smtp.DSNNotifyFailure}, {mail.NotifyDelay, smtp.DSNNotifyDelayed},
	} {
		if n&w.bit != 0 {
			words = append(words, w.word)
		}
	}
	return words
}

// originalRecipient is the parameter ORCPT as it came (RFC 3461 §5.2.1 d), of
// whatever type; go-smtp knows only two.
func originalRecipient(r *mail.Recipient, utf8 bool) string {
	switch {
	case r.Original == "":
		return ""
	case strings.EqualFold(r.OriginalType, "utf-8"):
		return " ORCPT=utf-8;" + mail.EncodeUnitext(r.Original, !utf8)
	}
	return " ORCPT=" + r.OriginalType + ";" + mail.EncodeXtext(r.Original)
}
