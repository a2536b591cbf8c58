package metrics

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
)

func TestMetrics(t *testing.T) {
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if problems, err := st.Check(context.Background(), true); err != nil || len(problems) > 0 {
			t.Errorf("%v, %v", problems, err)
		}
		st.Close()
	}()
	log := maillog.New(slog.New(slog.NewTextHandler(io.Discard, nil)))
	h := Handler(Source{Log: log, Store: st, Auth: auth.New(st, auth.Config{}), Version: "1.2.3", Report: slog.Default()})
	log.Connected("c-1", "imap", "192.0.2.1", true)
	log.Connected("c-2", "smtp", "192.0.2.1", true)
	log.Disconnected("c-2", "smtp", nil)
	log.Refused("c-3", "pop3", "192.0.2.1", errors.New("too many"))
	log.LoggedIn("c-1", "imap", "alice@example.org", "PLAIN", "")
	log.LoginFailed("c-1", "http", "192.0.2.1", "alice@example.org", "HTTP", errors.New("wrong"))
	log.Accepted("c-2", "smtp", "m", &mail.Envelope{To: make([]mail.Recipient, 3)}, 1000, 0)
	log.Rejected("c-2", "submission", "RCPT", errors.New("unknown"))
	log.Relayed(1, "a@example.org", "mx", "", "250", 2*time.Second)
	log.Deferred(1, "a@example.org", "later", time.Now())
	log.GivenUp(1, "a@example.org", "no", true)
	log.BounceFailed(1, "a@example.org", "no")
	log.Internal("c-1", "something", errors.New("broken"))
	log.Panic("c-1", "value", nil)
	log.LoggedIn("c-1", "smtp", "an event that there is not", "PLAIN", "")
	log.Connected("c-1", "gopher", "192.0.2.1", false)
	if err := st.AddDomain(t.Context(), "example.org"); err != nil {
		t.Fatal(err)
	}

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		`posthorn_build_info{version="1.2.3"} 1`,
		`posthorn_connections_total{protocol="imap"} 1`, `posthorn_connections_open{protocol="imap"} 1`,
		`posthorn_connections_total{protocol="smtp"} 1`, `posthorn_connections_open{protocol="smtp"} 0`,
		`posthorn_connections_refused_total{protocol="pop3"} 1`,
		`posthorn_logins_total{protocol="imap",result="ok"} 1`, `posthorn_logins_total{protocol="http",result="failed"} 1`,
		`posthorn_messages_accepted_total{protocol="smtp"} 1`, `posthorn_message_bytes_accepted_total{protocol="smtp"} 1000`,
		`posthorn_message_recipients_accepted_total{protocol="smtp"} 3`, `posthorn_rejections_total{protocol="submission"} 1`,
		`posthorn_delivery_attempts_total{result="relayed"} 1`, `posthorn_delivery_attempts_total{result="deferred"} 1`,
		`posthorn_delivery_attempts_total{result="failed"} 2`, `posthorn_delivery_seconds_bucket{le="2.5"} 1`, `posthorn_delivery_seconds_bucket{le="1"} 0`,
		`posthorn_internal_errors_total 1`, `posthorn_panics_total 1`,
		`posthorn_queue_recipients 0`, `posthorn_queue_oldest_seconds 0`, "posthorn_store_commit_seconds_count ",
		"posthorn_store_wal_bytes ", "posthorn_store_database_bytes ", "posthorn_password_hashes_total 0", "posthorn_sessions_logged_in 0", "go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "posthorn_") {
			t.Errorf("a name against the conventions: %+v", p)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// BenchmarkCount is what an event costs beside its line.
func BenchmarkCount(b *testing.B) {
	log := maillog.New(nil)
	env := &mail.Envelope{To: make([]mail.Recipient, 1)}
	for b.Loop() {
		log.Accepted("c-1", "smtp", "m", env, 1000, 0)
	}
}
