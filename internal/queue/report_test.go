package queue

import (
	"io"
	"strings"
	"testing"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// TestNoReportOnReports: three things keep two servers from reporting to each
// other for ever, or anybody from being told of what somebody else sent in the
// name of nobody (RFC 5321 §6.1). Each is looked at without the others.
func TestNoReportOnReports(t *testing.T) {
	t.Run("nobody is told of what came from <>", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *postoffice) {
			p.hops.answer["hamburger.edu"] = p.hops.always(noUser)
			p.send(outbound("", "bob@hamburger.edu")) // NOTIFY was not given: it asks for a report of failure
			p.run()
			p.after(time.Minute)
			if len(p.queued()) != 0 || len(p.hops.tries) != 1 {
				t.Errorf("queue %v, tried %v", p.queued(), p.hops.tries)
			}
			if log := p.log.String(); !strings.Contains(log, "bounce dropped") || strings.Contains(log, "report dropped") {
				t.Errorf("a report was made:\n%s", log)
			}
		})
	})
	t.Run("a report asks for none", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *postoffice) {
			d, err := Report(t.Context(), p.store, &dsn.Report{Hostname: "crepes.fr", To: addr("sender@example.com"), Action: dsn.Failed})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Body.Abort()
			if !d.Queue.From.IsNull() || len(d.Queue.Recipients) != 1 || d.Queue.Recipients[0].Notify != mail.NotifyNever {
				t.Errorf("%+v", d.Queue)
			}
		})
	})
	t.Run("none goes to <>", func(t *testing.T) {
		inBubble(t, func(t *testing.T, p *postoffice) {
			d, err := Report(t.Context(), p.store, &dsn.Report{Hostname: "crepes.fr", Action: dsn.Failed})
			if err == nil {
				d.Body.Abort()
				t.Errorf("%+v %+v", d.Queue, d.Copies)
			}
		})
	})
}

// TestReturns: a report of failure returns a message of up to a megabyte, and the
// header of a larger one, or of one whose sender asked for no more (RFC 3461 §4.3).
func TestReturns(t *testing.T) {
	for _, tt := range []struct {
		size  int
		ret   mail.Return
		whole bool
	}{{1 << 20, "", true}, {1<<20 + 1, "", false}, {1<<20 + 1, mail.ReturnFull, false}, {100, mail.ReturnHeaders, false}, {100, mail.ReturnFull, true}} {
		inBubble(t, func(t *testing.T, p *postoffice) {
			p.hops.answer["hamburger.edu"] = p.hops.always(noUser)
			const header = "Subject: hello\r\n\r\n"
			b := p.store.NewBody(t.Context())
			io.WriteString(b, header+strings.Repeat("x", tt.size-len(header)-2)+"\r\n")
			out := outbound("alice@crepes.fr", "bob@hamburger.edu")
			out.Return = tt.ret
			if _, err := p.store.Accept(t.Context(), store.Delivery{Body: b, Queue: out}); err != nil {
				t.Fatal(err)
			}
			p.run()
			p.after(time.Minute)
			got := p.inbox()
			if len(got) != 1 || !strings.Contains(got[0], header[:16]) || strings.Contains(got[0], "xx\r\n") != tt.whole {
				t.Errorf("%d octets, RET=%s: %.2000q", tt.size, tt.ret, got)
			}
		})
	}
}
