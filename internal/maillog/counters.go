package maillog

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// counters are what the events come to. Each child is looked up once, so that
// an event costs an atomic addition.
type counters struct {
	by map[string]*protocolCounters // by protocol; not written to after New

	relayed, deferred, givenUp prometheus.Counter
	deliveryTime               prometheus.Histogram
	internal, panics           prometheus.Counter

	all []prometheus.Collector
}

// protocolCounters are those of one protocol.
type protocolCounters struct {
	connections, refused, loggedIn, loginFailed prometheus.Counter
	open                                        prometheus.Gauge
	accepted, octets, recipients, rejected      prometheus.Counter
}

func newCounters() *counters {
	c := &counters{by: map[string]*protocolCounters{}}
	keep := func(collector prometheus.Collector) { c.all = append(c.all, collector) }
	vec := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "posthorn_" + name, Help: help}, labels)
		keep(v)
		return v
	}
	connections := vec("connections_total", "Connections that were taken.", "protocol")
	refused := vec("connections_refused_total", "Connections that a limit or a time-out refused or ended.", "protocol")
	logins := vec("logins_total", "Logins by their result, ok or failed.", "protocol", "result")
	accepted := vec("messages_accepted_total", "Messages that were stored and answered for.", "protocol")
	octets := vec("message_bytes_accepted_total", "Octets of accepted messages.", "protocol")
	recipients := vec("message_recipients_accepted_total", "Recipients of accepted messages.", "protocol")
	rejected := vec("rejections_total", "Messages and recipients that were refused.", "protocol")
	open := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "posthorn_connections_open", Help: "Connections that are open."}, []string{"protocol"})
	keep(open)
	for _, p := range []string{"smtp", "submission", "pop3", "imap", "http"} {
		none := prometheus.NewCounter(prometheus.CounterOpts{Name: "none"}) // is never shown
		n := &protocolCounters{none, none, none, none, prometheus.NewGauge(prometheus.GaugeOpts{Name: "none"}), none, none, none, none}
		c.by[p] = n
		if p != "smtp" {
			n.loggedIn, n.loginFailed = logins.WithLabelValues(p, "ok"), logins.WithLabelValues(p, "failed")
		}
		if p != "http" {
			n.connections, n.refused = connections.WithLabelValues(p), refused.WithLabelValues(p)
			n.rejected, n.open = rejected.WithLabelValues(p), open.WithLabelValues(p)
		}
		if p == "smtp" || p == "submission" {
			n.accepted, n.octets, n.recipients = accepted.WithLabelValues(p), octets.WithLabelValues(p), recipients.WithLabelValues(p)
		}
	}
	attempts := vec("delivery_attempts_total", "Attempts to deliver to other servers, one for each recipient, by their result: relayed, deferred or failed.", "result")
	c.relayed, c.deferred, c.givenUp = attempts.WithLabelValues("relayed"), attempts.WithLabelValues("deferred"), attempts.WithLabelValues("failed")
	c.deliveryTime = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "posthorn_delivery_seconds", Help: "Time from the acceptance of a message until its next hop took it.",
		Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400},
	})
	keep(c.deliveryTime)
	c.internal = prometheus.NewCounter(prometheus.CounterOpts{Name: "posthorn_internal_errors_total", Help: "Failures that clients were told nothing about; the log says which."})
	c.panics = prometheus.NewCounter(prometheus.CounterOpts{Name: "posthorn_panics_total", Help: "Handlers that panicked."})
	keep(c.internal)
	keep(c.panics)
	return c
}

// of are the counters of a protocol; nil where there are none.
func (l *Log) of(protocol string) *protocolCounters {
	if l == nil {
		return nil
	}
	return l.counters.by[protocol]
}

// Describe and Collect make a Log a prometheus.Collector of what it has counted.
func (l *Log) Describe(to chan<- *prometheus.Desc) {
	for _, c := range l.counters.all {
		c.Describe(to)
	}
}

// Collect is Describe's other half.
func (l *Log) Collect(to chan<- prometheus.Metric) {
	for _, c := range l.counters.all {
		c.Collect(to)
	}
}

// attempted counts an attempt to deliver.
func (l *Log) attempted(which func(*counters) prometheus.Counter, after time.Duration) {
	if l == nil {
		return
	}
	which(l.counters).Inc()
	if after > 0 {
		l.counters.deliveryTime.Observe(after.Seconds())
	}
}
