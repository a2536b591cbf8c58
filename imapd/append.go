package imapd

import (
	"cmp"
	"io"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// cmdAppend is APPEND (RFC 9051 §6.3.12) with APPENDUID, LITERAL+, literal8
// and RFC 6855's UTF8 (~{…}). The message goes from the connection to the
// store as it comes.
//
// RFC 6855 §4 wants octets above 127 in headers refused before UTF8=ACCEPT is
// enabled. They are taken: other clients uploaded such messages, and strangers
// sent them, long before there was that word, and what is stored comes back as
// it was.
func (s *session) cmdAppend(d *decoder) error {
	head, lit, err := s.appendHead(d.b)
	if err != nil {
		return err
	}
	d = newDecoder(head, s.enabled.unicode())
	args := d.appendArgs()
	if err := d.end(); err != nil {
		return s.refuse(lit, err)
	}
	to, err := s.appendable(args)
	if err != nil {
		return s.refuse(lit, err)
	}
	if !lit.nonSync {
		s.proceed("Ready for the message")
		defer s.resume()
	}
	body := s.srv.store.NewBody(s.ctx)
	if err := s.receive(body, args.message); err != nil {
		body.Abort()
		return err
	}
	wait, err := s.srv.store.BeginAccept(s.ctx, store.Delivery{Body: body, Copies: []store.Copy{{
		Account: s.account(), Mailbox: to.ID, Flags: args.message.flags, Date: args.message.date,
	}}})
	if err != nil {
		body.Abort()
		return err
	}
	return s.answerLater(&appending{s.tag, body, wait})
}

// appendHead reads up to the announcement of the message, lit. Before it only
// the mailbox's name may be a literal.
func (s *session) appendHead(args []byte) (head []byte, lit literal, err error) {
	lit, ok := cutLiteral(args)
	if ok && !lit.binary && string(args[:lit.start]) == " " {
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
		d.appendArgs()
		return nil, lit, cmp.Or(d.end(), bad("Expected a message"))
	}
	return args, lit, nil
}

// appendable finds where the message goes, and refuses what can be refused
// before it is sent.
func (s *session) appendable(args appendArgs) (store.Mailbox, error) {
	size := args.message.literal.size
	switch {
	case size > s.srv.cfg.MaxMessage:
		return store.Mailbox{}, mail.ErrTooLarge
	case size == 0:
		return store.Mailbox{}, no("CANNOT", "A message has at least one octet")
	case args.message.utf8 && !s.enabled.utf8:
		return store.Mailbox{}, no("CANNOT", "UTF8=ACCEPT is not enabled")
	}
	to, err := s.destination(args.mailbox)
	if err != nil {
		return to, err
	}
	return to, s.srv.store.CheckQuota(s.ctx, s.account(), size)
}

// receive copies the message into body and reads the end of the command. When
// something is wrong on the way the rest is read all the same: it was
// announced as a literal, and must not be taken for commands.
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
	line, err := s.readLine(s.maxCommand())
	if err != nil {
		return s.lose(err)
	}
	end := ""
	if m.utf8 {
		end = ")"
	}
	if refused == nil && string(line) != end {
		refused = bad("Expected the end of the command after the message")
	}
	if lit, ok := cutLiteral(line); ok {
		return s.refuse(lit, refused)
	}
	return refused
}
