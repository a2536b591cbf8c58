package maillog

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Relayed: a next hop took a message over for a recipient.
func (l *Log) Relayed(queue int64, to, mta, tls, reply string, after time.Duration) {
	l.attempted(func(c *counters) prometheus.Counter { return c.relayed }, after)
	l.info("relayed", "queue", queue, "to", to, "mta", mta, "tls", tls, "reply", reply, "after", after.Round(time.Millisecond))
}

// Deferred: an attempt failed for now.
func (l *Log) Deferred(queue int64, to, reason string, next time.Time) {
	l.attempted(func(c *counters) prometheus.Counter { return c.deferred }, 0)
	l.info("deferred", "queue", queue, "to", to, "reason", reason, "next", next)
}

// GivenUp: a message failed for good for a recipient; told says whether its
// sender is sent a report.
func (l *Log) GivenUp(queue int64, to, reason string, told bool) {
	l.attempted(func(c *counters) prometheus.Counter { return c.givenUp }, 0)
	l.info("given up", "queue", queue, "to", to, "reason", reason, "sender_told", told)
}

// BounceFailed: a message from the null reverse-path failed for good. There is
// nobody to tell.
func (l *Log) BounceFailed(queue int64, to, reason string) {
	l.attempted(func(c *counters) prometheus.Counter { return c.givenUp }, 0)
	l.warn("bounce dropped", "queue", queue, "to", to, "reason", reason)
}

// ReportDropped: a report could not be sent, since its recipient is not there.
func (l *Log) ReportDropped(queue int64, to string, err error) {
	l.warn("report dropped", "queue", queue, "to", to, "reason", err)
}
