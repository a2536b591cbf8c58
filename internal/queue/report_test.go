package queue

import (
	"strings"
	"testing"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
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
