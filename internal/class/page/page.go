// Package page is the class's page on HTTP: what a class.Room sees, as JSON and
// server-sent events, and the page that shows it. api.go is the interface
// between the two.
package page

import (
	"context"
	"crypto/subtle"
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"posthorn/internal/class"
)

//go:embed assets
var assets embed.FS

// maxRequest is the most octets of a POST.
const maxRequest = 16 << 10

// Source is what the page shows: a class, or what a test has in its place.
type Source interface {
	State(ctx context.Context) (*class.State, error)
	// Follow calls write with server-sent events until ctx ends or write fails.
	Follow(ctx context.Context, since uint64, write func(frames []byte) error) error
	Events(since uint64) class.Events
	Transcript(session string) ([]byte, error)
	Messages(ctx context.Context, server string) (*Messages, error)
	Message(ctx context.Context, server, id string) (*Message, error)
	SwitchServer(ctx context.Context, in ServerSwitch) error
	Fault(ctx context.Context, in FaultRequest) error
	Reveal(ctx context.Context, in RevealSwitch) error
	Queue(ctx context.Context, in QueueRequest) error
	Show(ctx context.Context, in ShowRequest) (*Shown, error)
}

// Config is what the page needs to know.
type Config struct {
	Source Source
	// Token is asked for where something is changed.
	Token string
	// Hosts are the names besides localhost and loopback addresses under which
	// the page may be asked for.
	Hosts []string
}

// problem is a request that is not carried out: its status, and Error's key.
type problem struct {
	status int
	key    string
	detail string
}

func (p *problem) Error() string { return p.key + ": " + p.detail }

// New returns the page's handler, for the root of a server of its own.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(files)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "index.html") })
	get(mux, "GET /state", func(r *http.Request) (any, error) { return cfg.Source.State(r.Context()) })
	get(mux, "GET /events.json", func(r *http.Request) (any, error) {
		since, err := sinceOf(r)
		return cfg.Source.Events(since), err
	})
	get(mux, "GET /messages", func(r *http.Request) (any, error) {
		return cfg.Source.Messages(r.Context(), r.FormValue("server"))
	})
	get(mux, "GET /message", func(r *http.Request) (any, error) {
		return cfg.Source.Message(r.Context(), r.FormValue("server"), r.FormValue("id"))
	})
	get(mux, "GET /explain", catalogue)
	get(mux, "GET /explain/line", explainLine)
	mux.HandleFunc("GET /events", cfg.events)
	mux.HandleFunc("GET /session/{file}", cfg.transcript)
	post(mux, &cfg, "POST /server", change(&cfg, Source.SwitchServer))
	post(mux, &cfg, "POST /fault", change(&cfg, Source.Fault))
	post(mux, &cfg, "POST /reveal", change(&cfg, Source.Reveal))
	post(mux, &cfg, "POST /queue", change(&cfg, Source.Queue))
	post(mux, &cfg, "POST /show", func(ctx context.Context, in ShowRequest) (any, error) { return cfg.Source.Show(ctx, in) })
	return cfg.guard(mux)
}

// guard refuses other hosts' names, and tells browsers what the page may do.
func (cfg *Config) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "+
			"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if !cfg.allowed(r.Host) {
			refuse(w, &problem{http.StatusMisdirectedRequest, "host", "this page is at localhost"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// allowed: a name that the page is asked for under can only be that of a
// stranger's page, whose name was made to lead here (DNS rebinding), unless it
// is known.
func (cfg *Config) allowed(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	for _, known := range append([]string{"localhost"}, cfg.Hosts...) {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

func get(mux *http.ServeMux, pattern string, f func(r *http.Request) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r)
		answer(w, out, err)
	})
}

// post serves requests that change something: they need the token.
func post[In any](mux *http.ServeMux, cfg *Config, pattern string, f func(ctx context.Context, in In) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Get("X-Posthorn-Token")
		if cfg.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(cfg.Token)) != 1 {
			refuse(w, &problem{http.StatusForbidden, "token", "the token that was printed at start is missing"})
			return
		}
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			refuse(w, &problem{http.StatusUnsupportedMediaType, "bad-request", "Content-Type must be application/json"})
			return
		}
		var in In
		dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&in); err != nil {
			refuse(w, &problem{http.StatusBadRequest, "bad-request", err.Error()})
			return
		}
		out, err := f(r.Context(), in)
		answer(w, out, err)
	})
}

// change makes a request of a method that is answered with the new state.
func change[In any](cfg *Config, f func(s Source, ctx context.Context, in In) error) func(ctx context.Context, in In) (any, error) {
	return func(ctx context.Context, in In) (any, error) {
		if err := f(cfg.Source, ctx, in); err != nil {
			return nil, err
		}
		return cfg.Source.State(ctx)
	}
}

func answer(w http.ResponseWriter, out any, err error) {
	if err != nil {
		refuse(w, err)
		return
	}
	raw, err := json.Marshal(out)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(raw)
}

// refuse answers an error; what went wrong inside is not told.
func refuse(w http.ResponseWriter, err error) {
	p := &problem{status: http.StatusInternalServerError, key: "internal"}
	errors.As(err, &p)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(p.status)
	json.NewEncoder(w).Encode(Error{Error: p.key, Detail: p.detail})
}

// sinceOf is the event after which to begin: of ?since=, or of a browser that
// connects again.
func sinceOf(r *http.Request) (uint64, error) {
	s := r.Header.Get("Last-Event-ID")
	if s == "" {
		s = r.FormValue("since")
	}
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, &problem{http.StatusBadRequest, "bad-request", "since must be a number"}
	}
	return n, nil
}

func (cfg *Config) transcript(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutSuffix(r.PathValue("file"), ".txt")
	text, err := []byte(nil), error(&problem{http.StatusNotFound, "unknown-session", ""})
	if ok {
		text, err = cfg.Source.Transcript(id)
	}
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": id + ".txt"}))
	w.Write(text)
}
