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
	r := reply{code: armed.Code, enhanced: fmt.Sprintf("%d.3.0", armed.Code/100), text: "Refused on demand"}
	switch {
	case kind == fault.Full:
		r.text = "The mailbox is full"
		r.enhanced = fmt.Sprintf("%d.2.2", armed.Code/100)
	case armed.Code == 450 || armed.Code == 550:
		r.enhanced = fmt.Sprintf("%d.2.0", armed.Code/100)
		r.text = "Mailbox unavailable"
	case armed.Code == 451:
		r.text = "Error in processing"
	case armed.Code == 452:
		r.enhanced, r.text = "4.3.1", "Insufficient system storage"
	case armed.Code == 552:
		r.enhanced, r.text = "5.2.2", "Exceeded storage allocation"
	case armed.Code == 554:
		r.enhanced, r.text = "5.0.0", "Transaction failed"
	}
	return r, true
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
