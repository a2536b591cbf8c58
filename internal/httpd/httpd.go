// Package httpd is everything on HTTP: health for now; client set-up files,
// metrics and pages have their place here.
package httpd

import (
	"io"
	"net/http"
	"time"
)

// Config says what the pages tell about.
type Config struct {
	// Health returns nil while the server can take mail; a nil Health is well.
	Health func() error
	// Pages has all paths that nothing here has; nil: there are none.
	Pages http.Handler
}

// New returns a server for the pages; its caller serves listeners with it.
func New(cfg Config) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", cfg.healthz)
	if cfg.Pages != nil {
		mux.Handle("/", cfg.Pages)
	}
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
}

// healthz answers 200 when mail can be taken, else 503; a stranger is not told why.
func (cfg Config) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if cfg.Health != nil && cfg.Health() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "not well\n")
		return
	}
	io.WriteString(w, "ok\n")
}
