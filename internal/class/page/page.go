// Package page is the class's page on HTTP: what a class.Room sees, as JSON and
// server-sent events, and the page that shows it. api.go is the interface
// between the two.
//
// Who may see the page sees everything but secrets; who has the token may also
// use the switches.
//
//	api.go       the interface, as JSON
//	page.go      the handler
//	guard.go     who is let in
//	events.go    what happens
//	switches.go  what can be changed
//	messages.go  messages
//	queued.go    … that wait in the queue
//	apart.go     … one, taken apart
//	steps.go     … and its encodings, step by step
//	explain.go   the catalogue
package page

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"posthorn/internal/class"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/show"
)

//go:embed assets
var assets embed.FS

// Config is what the page shows and lets change.
type Config struct {
	Room *class.Room
	// Token is asked for where something is changed; empty: nothing can be.
	Token string
	// Hosts are the names besides localhost and loopback addresses under which
	// the page may be asked for.
	Hosts []string
	// From are the networks from which the page may be seen.
	From []netip.Prefix
	// Mode is "demo" or "serve".
	Mode    string
	Version string
	// CanReveal: what is masked may be shown.
	CanReveal bool
	// Stage is where scripts are played; nil: nowhere.
	Stage *show.Stage
}

// server serves one page.
type server struct {
	Config
	followers chan struct{} // holds a place for each
	playing   chan struct{}
}

// New returns the page's handler, for the root of a server of its own.
func New(cfg Config) http.Handler {
	s := &server{Config: cfg, followers: make(chan struct{}, maxFollowers), playing: make(chan struct{}, maxPlaying)}
	mux := http.NewServeMux()
	files, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(files)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, files, "index.html") })
	get(mux, "GET /state", s.state)
	get(mux, "GET /events.json", func(r *http.Request) (any, error) {
		since, err := sinceOf(r)
		return s.Room.Events(since), err
	})
	get(mux, "GET /messages", s.messages)
	get(mux, "GET /message", s.message)
	get(mux, "GET /explain", catalogue)
	get(mux, "GET /explain/line", explainLine)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /session/{file}", s.transcript)
	post(mux, s, "POST /server", s.switchServer)
	post(mux, s, "POST /fault", s.fault)
	post(mux, s, "POST /reveal", s.reveal)
	post(mux, s, "POST /queue", s.queue)
	post(mux, s, "POST /show", s.show)
	return s.guard(mux)
}

func (s *server) state(r *http.Request) (any, error) {
	out, err := s.Room.State(r.Context())
	if err != nil {
		return nil, err
	}
	out.Mode, out.Version, out.CanReveal = s.Mode, s.Version, s.CanReveal
	out.Scripts = s.scripts()
	if r.FormValue("sessions") == "no" {
		out.Sessions = []class.Session{}
	}
	return out, nil
}

func (s *server) transcript(w http.ResponseWriter, r *http.Request) {
	var text []byte
	id, ok := strings.CutSuffix(r.PathValue("file"), ".txt")
	if ok {
		text = s.Room.Transcript(id)
	}
	if text == nil {
		refuse(w, &problem{http.StatusNotFound, "unknown-session", ""})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": id + ".txt"}))
	w.Write(text)
}

func get(mux *http.ServeMux, pattern string, f func(r *http.Request) (any, error)) {
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		out, err := f(r)
		answer(w, out, err)
	})
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

// problem is a request that is not carried out: its status, and Error's key.
type problem struct {
	status int
	key    string
	detail string
}

func (p *problem) Error() string { return p.key + ": " + p.detail }

// problemOf words errors of what is behind the page. What went wrong inside is
// not told.
func problemOf(err error) *problem {
	var p *problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, class.ErrUnknownServer):
		return &problem{http.StatusNotFound, "unknown-server", ""}
	case errors.Is(err, class.ErrNotAllowed):
		return &problem{http.StatusForbidden, "not-allowed", ""}
	case errors.Is(err, fault.ErrUnknown):
		return &problem{http.StatusBadRequest, "bad-request", err.Error()}
	case errors.Is(err, mail.ErrNotFound), errors.Is(err, mail.ErrNoSuchMailbox), errors.Is(err, mail.ErrNoSuchUser):
		return &problem{http.StatusNotFound, "unknown-message", ""}
	}
	return &problem{http.StatusInternalServerError, "internal", ""}
}

func refuse(w http.ResponseWriter, err error) {
	p := problemOf(err)
	raw, err := json.Marshal(Error{Error: p.key, Detail: p.detail})
	if err != nil {
		raw = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(p.status)
	w.Write(raw)
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
