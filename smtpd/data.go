package smtpd

import (
	"errors"
	"io"
	"strconv"

	"posthorn/internal/deliver"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

const bodyBinary = mail.BodyBinaryMIME

// data runs DATA (RFC 5321 §4.1.1.4); the message is taken by takeMessage,
// when go-smtp has agreed.
func (f *front) data(arg string) reply {
	switch {
	case arg != "":
		return syntax("DATA takes no argument; the message comes after the reply 354")
	case f.tx.env != nil && f.tx.env.Body == bodyBinary: // RFC 3030 §3
		return badSequence("A BINARYMIME message needs BDAT")
	}
	if r := f.needRecipients(); r.code != 0 {
		return r
	}
	f.body = nil
	return f.ask("DATA", reply{})
}

// needRecipients refuses a message that is for nobody.
func (f *front) needRecipients() reply {
	switch {
	case f.tx.env == nil:
		return badSequence("Say MAIL FROM:<you@example.org> and RCPT TO:<somebody@example.org> first")
	case len(f.tx.env.To) > 0:
		return reply{}
	case f.tx.refused > 0:
		return reply{code: 554, enhanced: "5.5.1", text: "No valid recipients"}
	}
	return badSequence("Say who gets it first: RCPT TO:<somebody@example.org>")
}

// takeMessage gives the message to the Backend, reads away what that leaves,
// and sets the answer.
func (f *front) takeMessage() {
	b := f.body
	if b == nil {
		b = f.newBody(nil)
		f.say(reply{code: 354, text: "Start mail input; end with <CRLF>.<CRLF>"})
	}
	f.SetPhase(wire.Data)
	out, err := f.give(b)
	f.answer = f.outcome(b, &out, err)
	f.body = nil
	if f.again != "" || f.gone {
		f.asked = false // given up: there is nothing to answer
	}
	f.commandPhase()
}

// give has the Backend take the message, unless a fault on demand refuses it.
func (f *front) give(b *body) (deliver.Outcome, error) {
	if r, armed := f.faulty(fault.Reply, fault.EndOfData); armed {
		return deliver.Outcome{}, &refusal{r}
	}
	return f.cfg.Backend.Accept(f.ctx, &f.client, f.tx.env, b)
}

// noteOutcome tells the transcript where a message went.
func (f *front) noteOutcome(o *deliver.Outcome) {
	if !f.Watched() {
		return
	}
	for _, p := range o.Copies {
		f.Note(wire.Note{Kind: "delivered", ID: o.ID, Account: p.Account.String(), Mailbox: "INBOX",
			UIDs: strconv.FormatUint(uint64(p.UID), 10), UIDValidity: p.UIDValidity, ModSeq: uint64(p.ModSeq)})
	}
	for _, to := range o.Queued {
		f.Note(wire.Note{Kind: "queued", ID: o.ID, Queue: int64(o.Queue), To: to.String()})
	}
	f.Note(wire.Note{Kind: "accepted", ID: o.ID})
}

// outcome is what a message came to. Only one that the Backend read to its
// end, and took, is answered 250.
func (f *front) outcome(b *body, o *deliver.Outcome, err error) reply {
	if err == nil && b.err == io.EOF {
		f.bearFruit()
		f.noteOutcome(o)
		f.cfg.Log.Accepted(f.ID(), f.service(), o.ID, f.tx.env, b.size, int64(o.Queue))
		return reply{code: 250, enhanced: "2.0.0", text: "Message accepted for delivery: " + o.ID}
	}
	switch {
	case b.err != nil && b.err != io.EOF:
		err = b.err // whatever the Backend made of it
	case err == nil:
		err = errors.New("the backend took a message that it has not read to its end")
	}
	if b.err != io.EOF {
		if end := b.drain(); end != nil {
			err = end
		}
	}
	if errors.Is(err, errGone) || errors.Is(err, errAborted) {
		f.cfg.Log.Rejected(f.ID(), f.service(), f.verb, err)
		return reply{}
	}
	return f.refuse(err, atData, mail.Address{})
}
