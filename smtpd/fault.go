package smtpd

import (
	"fmt"

	"posthorn/internal/fault"
)

// faulty is the reply that a fault on demand gives in place of a command's own.
func (f *front) faulty(kind, verb string) (reply, bool) {
	armed, ok := f.Fault(kind, verb)
	if !ok {
		return reply{}, false
	}
	if armed.Code == 421 {
		return f.closing("4.3.2", "Service not available: closing"), true
	}
	if kind == fault.Full {
		return reply{code: armed.Code, enhanced: fmt.Sprintf("%d.2.2", armed.Code/100), text: "The mailbox is full"}, true
	}
	r := demanded(armed.Code)
	if verb == "STARTTLS" {
		r.text = "TLS not available for the moment"
	}
	return r, true
}

// demanded is a refusal with a code, in the words of the RFC that has it.
func demanded(code int) reply {
	for _, r := range []reply{
		{code: 450, enhanced: "4.2.1", text: "Mailbox unavailable: it is busy"},
		{code: 451, enhanced: "4.3.0", text: "Error in processing"},
		{code: 452, enhanced: "4.3.1", text: "Insufficient system storage"},
		{code: 454, enhanced: "4.7.0", text: "Temporary authentication failure"},
		{code: 455, enhanced: "4.5.4", text: "Unable to accommodate the parameters"},
		{code: 530, enhanced: "5.7.0", text: "Authentication required"},
		{code: 535, enhanced: "5.7.8", text: "Authentication failed"},
		{code: 538, enhanced: "5.7.11", text: "Encryption required"},
		{code: 550, enhanced: "5.2.0", text: "Mailbox unavailable"},
		{code: 551, enhanced: "5.1.6", text: "User not local"},
		{code: 552, enhanced: "5.2.2", text: "Exceeded storage allocation"},
		{code: 553, enhanced: "5.1.3", text: "Mailbox name not allowed"},
		{code: 555, enhanced: "5.5.4", text: "Parameters not recognized"},
	} {
		if r.code == code {
			return r
		}
	}
	return reply{code: code, enhanced: fmt.Sprintf("%d.0.0", code/100), text: "Transaction failed"}
}

// drops cuts the connection in the middle of a message, where that was demanded.
func (b *body) drops() error {
	if b.asked {
		return nil
	}
	b.asked = true
	if _, ok := b.f.Fault(fault.Drop, b.f.verb); !ok {
		return nil
	}
	b.f.gone = true
	b.f.Break()
	return errGone
}
