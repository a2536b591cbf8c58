package queue

import (
	"context"
	"crypto/rand"
	"errors"
	mathrand "math/rand/v2"
	"strconv"
	"strings"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// The pauses between attempts to record an attempt, when the store refuses.
const (
	minRecordPause = time.Second
	maxRecordPause = time.Minute
)

// finish records what became of a job. It goes on trying until the store has
// it: forgetting would mean that the message goes out again. It gives up only
// when the scheduler is cut off.
func (r *run) finish(j *job, results []mail.Result) {
	defer r.release(j.hop, len(j.entries))
	defer r.survive()
	now := time.Now()
	spread := 0.9 + 0.2*mathrand.Float64()
	for len(results) < len(j.entries) {
		results = append(results, interrupted)
	}
	verdicts := make([]verdict, len(j.entries))
	outcomes := make([]store.QueueOutcome, len(j.entries))
	for i := range j.entries {
		verdicts[i] = r.judge(&j.entries[i], results[i], now, spread)
		if !r.store.Leased(&j.entries[i]) { // the operator has deleted it meanwhile
			verdicts[i].tell = false
		}
		outcomes[i] = verdicts[i].outcome
	}
	for pause := minRecordPause; ; pause = min(2*pause, maxRecordPause) {
		err := r.record(j, outcomes, verdicts, now)
		if err == nil {
			break
		}
		r.log.Internal("", "record an attempt on queued message "+strconv.FormatInt(int64(j.entries[0].ID), 10), err)
		select {
		case <-r.ctx.Done(): // as after a crash: it goes out again
			r.store.ReleaseEntries(j.entries)
			return
		case <-time.After(pause):
		}
	}
	for i := range verdicts {
		r.logVerdict(&j.entries[i], &verdicts[i])
		if r.tried != nil {
			r.tried(j.hop.name, &j.entries[i], results[i])
		}
	}
}

// record stores outcomes and reports in one transaction.
func (r *run) record(j *job, outcomes []store.QueueOutcome, verdicts []verdict, now time.Time) error {
	var reports []store.Delivery
	defer func() {
		for _, d := range reports {
			d.Body.Abort()
		}
	}()
	ctx := context.WithoutCancel(r.ctx) // which may be at its end: what happened must be recorded
	for _, action := range []dsn.Action{dsn.Failed, dsn.Delayed, dsn.Relayed} {
		var about []dsn.Recipient
		for i := range verdicts {
			if verdicts[i].tell && verdicts[i].action == action {
				about = append(about, verdicts[i].report)
			}
		}
		if len(about) == 0 {
			continue
		}
		d, err := r.report(ctx, j, action, about, now)
		if errors.Is(err, mail.ErrNoSuchUser) || errors.Is(err, mail.ErrDisabled) {
			r.log.ReportDropped(int64(j.entries[0].ID), j.entries[0].Envelope.From.String(), err)
			continue
		}
		if err != nil {
			return err
		}
		reports = append(reports, d)
	}
	return r.store.FinishAttempt(ctx, outcomes, reports...)
}

// report writes a report about some of a job's recipients.
func (r *run) report(ctx context.Context, j *job, action dsn.Action, about []dsn.Recipient, now time.Time) (store.Delivery, error) {
	e := &j.entries[0]
	report := &dsn.Report{
		Hostname:   r.Hostname,
		ID:         strings.ToLower(rand.Text()[:16]),
		Now:        now,
		To:         e.Envelope.From,
		Arrived:    e.Queued,
		EnvelopeID: e.Envelope.EnvelopeID,
		Action:     action,
		Recipients: about,
		Body:       e.Envelope.Body,
		UTF8:       e.Envelope.UTF8,
		RequireTLS: e.Envelope.RequireTLS,
	}
	// A message that cannot be read is no reason not to say that it failed.
	if content, err := r.store.Content(ctx, e.Content); err == nil {
		report.Header, _ = content.Header()
		if action == dsn.Failed && e.Envelope.Return != mail.ReturnHeaders && content.Size() <= maxReturn {
			report.Original = content
		}
	}
	d, err := Report(ctx, r.store, report)
	// Damaged, or larger than what has been allowed since: its header will do.
	if report.Original != nil && (errors.Is(err, mail.ErrCorrupt) || errors.Is(err, mail.ErrNotFound) || errors.Is(err, mail.ErrTooLarge)) {
		report.Original = nil
		d, err = Report(ctx, r.store, report)
	}
	return d, err
}

// logVerdict writes what became of one recipient.
func (r *run) logVerdict(e *store.QueueEntry, v *verdict) {
	id, to, res := int64(e.ID), e.To.Address.String(), v.report.Result
	switch {
	case v.action == dsn.Relayed:
		r.log.Relayed(id, to, res.MTA, res.TLS, reply(res), time.Since(e.Queued))
	case v.action == dsn.Failed && e.Envelope.From.IsNull():
		r.log.BounceFailed(id, to, describe(res))
	case v.action == dsn.Failed:
		r.log.GivenUp(id, to, describe(res), v.tell)
	default:
		r.log.Deferred(id, to, describe(res), v.outcome.NextTry)
	}
}

// reply is the reply behind a result.
func reply(res mail.Result) string {
	return strings.TrimSpace(strconv.Itoa(res.Code) + " " + res.Status + " " + res.Text)
}
