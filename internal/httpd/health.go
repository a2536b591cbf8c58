package httpd

import (
	"io"
	"net/http"
)

// healthz answers 200 when mail can be taken, else 503; a stranger is not told why.
func (cfg *Config) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if cfg.Health != nil && cfg.Health() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		io.WriteString(w, "not well\n")
		return
	}
	io.WriteString(w, "ok\n")
}
