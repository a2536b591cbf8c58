package queue

import (
	"testing"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// TestJudge is the table of RFC 3461 §5.2: who is told of what.
func TestJudge(t *testing.T) {
	const never, success, failure, delay = mail.NotifyNever, mail.NotifySuccess, mail.NotifyFailure, mail.NotifyDelay
	sender := addr("a@b.c")
	for _, tt := range []struct {
		name   string
		from   mail.Address
		notify mail.Notify
		age    time.Duration
		result mail.Result
		done   bool
		action dsn.Action
		tell   bool
	}{
		{"relayed, nothing asked", sender, 0, 0, ok, true, dsn.Relayed, false},
		{"relayed, SUCCESS, hop without DSN", sender, success, 0, ok, true, dsn.Relayed, true},
		{"relayed, SUCCESS, hop with DSN", sender, success, 0, okWithDSN, true, dsn.Relayed, false},
		{"relayed, FAILURE", sender, failure, 0, ok, true, dsn.Relayed, false},
		{"refused, nothing asked", sender, 0, 0, noUser, true, dsn.Failed, true},
		{"refused, FAILURE", sender, failure, 0, noUser, true, dsn.Failed, true},
		{"refused, SUCCESS", sender, success, 0, noUser, true, dsn.Failed, false},
		{"refused, DELAY", sender, delay, 0, noUser, true, dsn.Failed, false},
		{"refused, NEVER", sender, never, 0, noUser, true, dsn.Failed, false},
		{"refused, bounce", mail.Address{}, 0, 0, noUser, true, dsn.Failed, false},
		{"no route", sender, 0, 0, unrouted, true, dsn.Failed, true},
		{"deferred, young", sender, 0, time.Hour, notNow, false, "", false},
		{"deferred, old", sender, 0, 4 * time.Hour, notNow, false, dsn.Delayed, true},
		{"deferred, old, DELAY", sender, delay, 4 * time.Hour, notNow, false, dsn.Delayed, true},
		{"deferred, old, FAILURE", sender, failure, 4 * time.Hour, notNow, false, dsn.Delayed, false},
		{"deferred, old, NEVER", sender, never, 4 * time.Hour, notNow, false, dsn.Delayed, false},
		{"deferred, old, bounce", mail.Address{}, 0, 4 * time.Hour, notNow, false, dsn.Delayed, false},
		{"expired", sender, 0, 5 * 24 * time.Hour, notNow, true, dsn.Failed, true},
		{"expired, SUCCESS", sender, success, 5 * 24 * time.Hour, notNow, true, dsn.Failed, false},
		{"expired, but taken now", sender, 0, 6 * 24 * time.Hour, ok, true, dsn.Relayed, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Now()
			c := Config{}.withDefaults()
			e := &store.QueueEntry{Envelope: store.Outbound{From: tt.from}, To: mail.Recipient{Notify: tt.notify}, Queued: now.Add(-tt.age), Attempts: 100}
			v := c.judge(e, tt.result, now, 1)
			if v.outcome.Done != tt.done || v.action != tt.action || v.tell != tt.tell {
				t.Errorf("done %v, action %q, tell %v", v.outcome.Done, v.action, v.tell)
			}
			if !tt.done && (!v.outcome.NextTry.Equal(now.Add(4*time.Hour)) || v.outcome.Delayed != (tt.action == dsn.Delayed)) {
				t.Errorf("outcome %+v", v.outcome)
			}
			// Told once is enough.
			e.Delayed = true
			if v := c.judge(e, tt.result, now, 1); v.action == dsn.Delayed {
				t.Error("a second report of the delay")
			}
		})
	}
}

func TestNextTryIsNotAfterTheEnd(t *testing.T) {
	c := Config{}.withDefaults()
	now := time.Now()
	e := &store.QueueEntry{Queued: now.Add(-5*24*time.Hour + time.Minute), Attempts: 30}
	if v := c.judge(e, notNow, now, 1); !v.outcome.NextTry.Equal(now.Add(time.Minute)) {
		t.Errorf("next try in %v", v.outcome.NextTry.Sub(now))
	}
}
