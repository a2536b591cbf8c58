package queue

import (
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// verdict is what follows from one attempt for one recipient: what the store
// is to keep, and what the sender is to be told, if anything.
type verdict struct {
	outcome store.QueueOutcome
	// action is what happened, also where nobody is told; empty for a
	// recipient that simply waits.
	action dsn.Action
	// tell: the sender is to get a report.
	tell   bool
	report dsn.Recipient
}

// judge decides about one recipient after an attempt. spread varies the
// interval to the next.
func (c *Config) judge(e *store.QueueEntry, res mail.Result, now time.Time, spread float64) verdict {
	v := verdict{
		outcome: store.QueueOutcome{ID: e.ID, Recipient: e.Recipient, LastError: describe(res), Delayed: e.Delayed},
		report:  dsn.Recipient{Recipient: e.To, Result: res, LastTry: now},
	}
	expires := e.Queued.Add(c.GiveUpAfter)
	switch {
	case res.Disposition == mail.Relayed:
		v.outcome.Done = true
		v.action = dsn.Relayed
		// A next hop that knows RFC 3461 reports; of another this is the last
		// that will be heard (§5.2.2 b).
		v.tell = e.To.Notify.Success() && !res.DSN
	case res.Disposition == mail.Failed || !now.Before(expires):
		v.outcome.Done = true
		v.action = dsn.Failed
		v.tell = e.To.Notify.Failure()
		if res.Disposition == mail.Deferred {
			v.report.Status = "5.4.7" // RFC 3463 §3.5: delivery time expired
		}
	default:
		v.outcome.NextTry = now.Add(c.interval(e.Attempts+1, spread))
		if v.outcome.NextTry.After(expires) {
			v.outcome.NextTry = expires
		}
		if c.DelayAfter > 0 && !e.Delayed && now.Sub(e.Queued) >= c.DelayAfter {
			v.outcome.Delayed = true
			v.action = dsn.Delayed
			v.tell = e.To.Notify.Delay()
			v.report.RetryUntil = expires
		}
	}
	if e.Envelope.From.IsNull() {
		v.tell = false // RFC 5321 §6.1: never a report about a report
	}
	return v
}

// describe is a result in one line, for the operator.
func describe(res mail.Result) string {
	s := res.Text
	if res.Code != 0 {
		s = reply(res)
	}
	if res.MTA != "" {
		s = res.MTA + ": " + s
	}
	return s
}
