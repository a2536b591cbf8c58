// Package httpd is everything on HTTP: files with which mail programs set
// themselves up, the settings page, metrics and health, and a place for pages
// of others.
//
// Whoever asks about an address gets the same answer whether there is such an
// account or not: no handler but the one that makes an app password knows of
// accounts.
package httpd

import (
	"context"
	"crypto/tls"
	"log"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"posthorn/auth"
	"posthorn/internal/clientconf"
	"posthorn/internal/maillog"
)

// Limits of what a request may hold, in octets. A set-up request has an address
// and a few words around it.
const (
	maxHeader = 16 << 10
	maxBody   = 64 << 10
)

// Config says what is served.
type Config struct {
	// Access is what is told. nil turns the set-up pages off.
	Access *clientconf.Access
	// IsDomain reports whether a domain is ours. It must not ask about more.
	IsDomain func(ctx context.Context, domain string) (bool, error)
	// Serve are the names of what is served, of those that the configuration's
	// http.pages may have.
	Serve []string
	// Auth makes app passwords for those who give their account's. nil: nobody
	// gets one.
	Auth *auth.Authenticator
	// ClearFrom reports whether a client may send a password without TLS.
	ClearFrom func(addr netip.Addr) bool
	// Signer signs profiles for Apple: the certificate, with its key, that is shown
	// in TLS. nil, or a function that returns nil: they are not signed.
	Signer func() *tls.Certificate
	// TrustedProxies are the networks of proxies that say, in X-Forwarded-For and
	// X-Forwarded-Proto, for whom they ask.
	TrustedProxies []netip.Prefix
	// Health returns nil while the server can take mail; a nil Health is well.
	Health func() error
	// Metrics serves /metrics; nil: there are none.
	Metrics http.Handler
	// Pages has all paths that nothing here has; nil: there are none.
	Pages http.Handler
	Log   *maillog.Log
}

// New returns a server for the pages; its caller serves listeners with it.
func New(cfg Config) *http.Server {
	mux := http.NewServeMux()
	for name, add := range map[string]func(*http.ServeMux){
		"autoconfig":   cfg.addAutoconfig,
		"autodiscover": cfg.addAutodiscover,
		"mobileconfig": cfg.addMobileconfig,
		"pacc":         cfg.addPACC,
		"setup":        cfg.addSetup,
	} {
		if cfg.Access != nil && cfg.serves(name) {
			add(mux)
		}
	}
	if cfg.serves("healthz") {
		mux.HandleFunc("GET /healthz", cfg.healthz)
	}
	if cfg.serves("metrics") && cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	if cfg.Pages != nil {
		mux.Handle("/", cfg.Pages)
	}
	return &http.Server{
		Handler:           cfg.forwarded(foldPaths(mux)),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(complaints{cfg.Log}, "", 0),
	}
}

func (cfg *Config) serves(page string) bool { return slices.Contains(cfg.Serve, page) }

// foldPaths lets Autodiscover be asked for in any case: Outlook writes
// /autodiscover/autodiscover.xml, others /Autodiscover/Autodiscover.xml.
func foldPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lower := strings.ToLower(r.URL.Path); lower != r.URL.Path && strings.HasPrefix(lower, autodiscoverPath) {
			folded := *r.URL
			folded.Path, folded.RawPath = lower, ""
			r = r.Clone(r.Context())
			r.URL = &folded
		}
		next.ServeHTTP(w, r)
	})
}
