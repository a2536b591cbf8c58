// Package metrics shows what the server counts in Prometheus's format: the
// events of maillog, the figures of the store, and the Go runtime's.
package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"posthorn/auth"
	"posthorn/internal/maillog"
	"posthorn/store"
)

// scrapeTime is how long the store may take to give its figures.
const scrapeTime = 5 * time.Second

// Source is what is counted where.
type Source struct {
	Log     *maillog.Log
	Store   *store.Store
	Auth    *auth.Authenticator
	Version string
	// Report is told of figures that cannot be read.
	Report *slog.Logger
}

// Handler answers GET /metrics.
func Handler(s Source) http.Handler {
	r := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "posthorn_build_info", Help: "1; the label is the version that runs.", ConstLabels: prometheus.Labels{"version": s.Version},
	})
	build.Set(1)
	r.MustRegister(
		build, s.Log, figures{s},
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "posthorn_password_hashes_total", Help: "Passwords that were hashed, at tens of milliseconds each.",
		}, func() float64 { return float64(s.Auth.Hashed()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "posthorn_sessions_logged_in", Help: "Sessions of people who have logged in.",
		}, func() float64 { return float64(s.Auth.Sessions()) }),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, Timeout: 2 * scrapeTime,
		ErrorHandling: promhttp.ContinueOnError,
	})
}

var (
	commitSeconds = prometheus.NewDesc("posthorn_store_commit_seconds", "Time that commits of the store took, fsync included.", nil, nil)
	walBytes      = prometheus.NewDesc("posthorn_store_wal_bytes", "Size of the write-ahead log.", nil, nil)
	databaseBytes = prometheus.NewDesc("posthorn_store_database_bytes", "Size of the database without its write-ahead log.", nil, nil)
	queueLength   = prometheus.NewDesc("posthorn_queue_recipients", "Recipients that wait in the queue.", nil, nil)
	queueAge      = prometheus.NewDesc("posthorn_queue_oldest_seconds", "Age of the oldest message in the queue; 0 when it is empty.", nil, nil)
)

// figures collects those of the store, when it is asked.
type figures struct{ Source }

func (f figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{commitSeconds, walBytes, databaseBytes, queueLength, queueAge} {
		to <- d
	}
}

func (f figures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	all, err := f.Store.Figures(ctx)
	if err != nil {
		f.Report.Error("figures of the store for /metrics", "error", err)
		return
	}
	within := make(map[float64]uint64, len(all.Within))
	for bound, n := range all.Within {
		within[bound.Seconds()] = n
	}
	gauge := func(d *prometheus.Desc, v float64) { to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	to <- prometheus.MustNewConstHistogram(commitSeconds, all.Commits, all.CommitTime.Seconds(), within)
	gauge(walBytes, float64(all.WAL))
	gauge(databaseBytes, float64(all.Database))
	gauge(queueLength, float64(all.Queued))
	age := 0.0
	if !all.Oldest.IsZero() {
		age = max(0, time.Since(all.Oldest).Seconds())
	}
	gauge(queueAge, age)
}
