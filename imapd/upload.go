package imapd

import (
	"bytes"
	"cmp"
	"io"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// What one APPEND may bring together (RFC 3502).
const (
	// maxUpload is how many messages: they are one transaction, and others wait
	// for it.
	maxUpload = 1000
	// maxUploadKept is how many octets of those that wait for the others stay in
	// memory; what comes then is put on disk. What can't be, headers above
	// all, may be maxUploadHeld.
	maxUploadKept = 2 << 20
	maxUploadHeld = 8 << 20
)

// upload is the messages of an APPEND or a REPLACE on their way in.
type upload struct {
	s    *session
	name string // of the mailbox that they go to
	most int    // how many messages there may be
	// old is the message that goes in exchange, or nil.
	old *store.Message

	to       store.Mailbox
	messages []store.Delivery
	octets   int64 // announced so far
	held     int   // octets in memory of messages that wait
}

// uploadHead reads up to the announcement of the first message, lit. Before it
// only the mailbox's name, before which first decodes what there is, may be a
// literal.
func (s *session) uploadHead(args []byte, first func(*decoder)) (head []byte, lit literal, err error) {
	lit, ok := cutLiteral(args)
	if ok && !lit.binary && namePlace(args[:lit.start], first) {
		if lit.size < 0 || lit.size > maxMailboxName {
			return nil, lit, s.refuse(lit, no("LIMIT", "The mailbox name is too long"))
		}
		head = append(append(head, args...), "\r\n"...)
		if head, err = s.readLiteral(head, lit); err != nil {
			return nil, lit, err
		}
		line, err := s.readLine(s.maxCommand())
		if err != nil {
			return nil, lit, s.lose(err)
		}
		lit, ok = cutLiteral(line)
		args = append(head, line...)
	}
	if !ok {
		d := newDecoder(args, s.enabled.unicode())
		first(d)
		d.uploadMailbox()
		d.appendMessage()
		return nil, lit, cmp.Or(d.end(), bad("Expected a message"))
	}
	return args, lit, nil
}

// namePlace: the mailbox's name comes behind before.
func namePlace(before []byte, first func(*decoder)) bool {
	d := newDecoder(before, false)
	first(d)
	d.sp()
	return d.err == nil && !d.more()
}

// receive reads the messages, of which d has what precedes the first from the
// mailbox's name on, and lit is its announcement. After an error the caller
// aborts.
func (u *upload) receive(d *decoder, lit literal) error {
	for {
		m := d.appendMessage()
		err := d.end()
		if err == nil {
			err = u.check(m)
		}
		if err != nil {
			return u.s.refuse(lit, err)
		}
		rest, err := u.message(m)
		if err != nil || len(rest) == 0 {
			return err
		}
		next, ok := cutLiteral(rest)
		d = newDecoder(rest, u.s.enabled.unicode())
		switch {
		case len(u.messages) >= u.most && u.most > 1 && ok:
			d.reject(u.s.tooManyUploaded(u.most))
		case u.most == 1 || !ok:
			d.reject(bad("Expected the end of the command after the message"))
		}
		lit = next
	}
}

// check refuses what can be refused before a message is sent, and finds where
// the messages go.
func (u *upload) check(m appendMessage) (err error) {
	s, size := u.s, m.literal.size
	switch {
	case size > s.srv.cfg.MaxMessage:
		return mail.ErrTooLarge
	case size == 0: // with which a client may think better of it (RFC 3502)
		return no("CANNOT", "A message has at least one octet")
	case m.utf8 && !s.enabled.utf8:
		return no("CANNOT", "UTF8=ACCEPT is not enabled")
	}
	if len(u.messages) == 0 {
		if u.to, err = s.destination(u.name); err != nil {
			return err
		}
	}
	u.octets += size
	if u.old != nil {
		return s.srv.store.CheckQuota(s.ctx, s.account(), u.octets-u.old.Size, 0)
	}
	return s.srv.store.CheckQuota(s.ctx, s.account(), u.octets, int64(len(u.messages))+1)
}

// message takes one message, and returns the line behind it: empty where the
// command ends.
func (u *upload) message(m appendMessage) (rest []byte, err error) {
	s := u.s
	if !m.literal.nonSync {
		s.proceed("Ready for the message")
		defer s.resume()
	}
	body := s.srv.store.NewBody(s.ctx)
	u.messages = append(u.messages, store.Delivery{Body: body, Copies: []store.Copy{{
		Account: s.account(), Mailbox: u.to.ID, Flags: m.flags, Date: m.date,
	}}})
	refused := s.receive(body, m)
	if s.lost != nil {
		return nil, refused
	}
	line, err := s.readLine(s.maxCommand())
	if err != nil {
		return nil, s.lose(err)
	}
	rest = line
	if m.utf8 {
		var closed bool
		if rest, closed = bytes.CutPrefix(line, []byte(")")); !closed && refused == nil {
			refused = bad(`Expected ")" after the message`)
		}
	}
	if refused == nil && len(rest) > 0 && u.most > 1 {
		refused = u.park(body)
	}
	if refused == nil {
		return rest, nil
	}
	if lit, ok := cutLiteral(line); ok {
		refused = s.refuse(lit, refused)
	}
	return nil, refused
}

// park has a message wait for those that come after it.
func (u *upload) park(body *store.Body) error {
	held, err := body.Park(maxUploadKept - u.held)
	if u.held += held; err == nil && u.held > maxUploadHeld {
		err = no("LIMIT", "Too much in one command")
	}
	return err
}

// abort gives up what was not accepted.
func (u *upload) abort() {
	for _, m := range u.messages {
		m.Body.Abort()
	}
}

// receive copies a message into body. When something is wrong on the way the
// rest is read all the same: it was announced as a literal, and must not be
// taken for commands.
func (s *session) receive(body io.Writer, m appendMessage) (refused error) {
	s.conn.SetPhase(wire.Data)
	for left := m.literal.size; left > 0; {
		if left > maxAheadWait && s.conn.Buffered() == 0 {
			s.settle()
			s.out.flush()
		}
		b, err := s.fill()
		if err != nil {
			return err
		}
		b = b[:min(int64(len(b)), left)]
		if refused == nil {
			_, refused = body.Write(b)
		}
		s.conn.Consume(len(b))
		left -= int64(len(b))
	}
	s.conn.SetPhase(wire.Commands)
	return refused
}
