package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"

	"posthorn/auth"
	"posthorn/internal/daemontest"
	"posthorn/internal/explain"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/transcript"
	"posthorn/internal/transcript/watch"
	"posthorn/internal/wire"
)

// TestTranscripts runs testdata/*.txt. "1 open PORT WORDS" opens a connection:
// PORT is mx (the default), submission or submissions; the words are "clear"
// (passwords may be sent without TLS), "notls", "small" (messages up to 100
// octets, 3 recipients) and "anyhelo".
func TestTranscripts(t *testing.T) {
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) *transcript.Fixture {
		h := newHarness(t)
		return &transcript.Fixture{
			Dial: h.dial,
			TLS:  daemontest.Localhost(t).Client(),
			// 97 octets of a body, as a quoted string has them.
			Vars: map[string]string{"commands": strings.Repeat(`QUIT\r\n`, 16) + "x", "x2000": strings.Repeat("x", 2000), "x4000": strings.Repeat("x", 4000)},
			Hooks: watch.Steps(map[string]func(string) (string, error){
				"messages": func(string) (string, error) { return h.messages(), nil },
				"log":      h.logged,
				"shutdown": func(string) (string, error) { go h.wire.Shutdown(nil); return "", nil },
			}, h.tap, &h.faults),
		}
	})
}

// harness is a Server over pipes.
type harness struct {
	t       testing.TB
	backend *memory
	wire    *wire.Server
	log     *daemontest.Output
	tap     *wire.Tap
	faults  fault.Set
	ports   map[string]*pipes // by dial's args
}

func newHarness(t testing.TB) *harness {
	h := &harness{t: t, backend: &memory{}, wire: wire.NewServer(), log: &daemontest.Output{}, tap: &wire.Tap{}, ports: map[string]*pipes{}}
	t.Cleanup(h.shutdown)
	return h
}

// shutdown cuts every connection.
func (h *harness) shutdown() {
	stop := make(chan struct{})
	close(stop)
	h.wire.Shutdown(stop)
}

func (h *harness) messages() string {
	var b strings.Builder
	for _, m := range h.backend.take() {
		b.WriteString(m.String())
	}
	return b.String()
}

func (h *harness) logged(want string) (string, error) {
	if !strings.Contains(h.log.String(), want) {
		return "", fmt.Errorf("%q is not in the log:\n%s", want, h.log)
	}
	return "", nil
}

// dial opens a connection to the Server that args describe.
func (h *harness) dial(args string) (net.Conn, error) {
	port := h.ports[args]
	if port == nil {
		s, w, err := h.configure(args)
		if err != nil {
			return nil, err
		}
		port = h.serve(s, w)
		h.ports[args] = port
	}
	client, server := net.Pipe()
	port.conns <- server
	return client, nil
}

func (h *harness) configure(args string) (*Server, *wire.Config, error) {
	log := maillog.New(slog.New(slog.NewTextHandler(h.log, nil)))
	cfg := Config{Hostname: "hamburger.edu", Backend: h.backend, Log: log, onReply: h.checkReply}
	w := &wire.Config{Protocol: "smtp", Hostname: cfg.Hostname, TLS: daemontest.Localhost(h.t).Server("smtp"), Refusal: Refusal(cfg.Hostname), Log: log, Tap: h.tap, Faults: &h.faults}
	for word := range strings.FieldsSeq(args) {
		switch word {
		case "mx":
		case "submission", "submissions":
			cfg.Submission, w.Protocol, w.Implicit = true, "submission", word == "submissions"
		case "clear":
			cfg.PlainAuth = func(netip.Addr) bool { return true }
		case "notls":
			w.TLS = nil
		case "small":
			cfg.MaxMessage, cfg.MaxRecipients = 100, 3
		case "anyhelo":
			cfg.AnyHelo = true
		default:
			return nil, nil, fmt.Errorf("no such word: %s", word)
		}
	}
	s := New(cfg)
	if cfg.Submission {
		s.auth = passwords{}
	}
	return s, w, nil
}

// serve gives s a listener of pipes.
func (h *harness) serve(s *Server, w *wire.Config) *pipes {
	ln := newPipes()
	wrapped := h.wire.Listener(ln, w)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.Serve(wrapped); err != nil {
			h.t.Errorf("Serve: %v", err)
		}
	}()
	h.t.Cleanup(func() { h.shutdown(); <-done })
	return ln
}

// checkReply holds every reply of every test to the table.
func (h *harness) checkReply(command string, code int) {
	if !explain.MayAnswer(command, code) {
		h.t.Errorf("%s answered with %d, which is not in the table", command, code)
	}
}

// pipes is a listener; its connections are put into a channel.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})} }

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// passwords is an authenticator with one user, bob@hamburger.edu, password
// "ketchup".
type passwords struct{}

func (passwords) Mechanisms(*tls.ConnectionState) []string { return []string{"PLAIN", "LOGIN"} }

func (passwords) Start(_ context.Context, _ netip.Addr, _ *tls.ConnectionState, mechanism string) (auth.Exchange, error) {
	x := &exchange{}
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		x.Server = sasl.NewPlainServer(func(_, user, password string) error { return x.check(user, password) })
	case "LOGIN":
		x.Server = &loginServer{check: x.check}
	case "BROKEN":
		return nil, errSecret
	case "PANIC":
		x.Server = &loginServer{check: func(string, string) error { panic("in AUTH") }}
	default:
		return nil, auth.ErrUnknownMechanism
	}
	return x, nil
}

func (passwords) Enter(context.Context, auth.Identity, func()) (leave func(), err error) {
	return func() {}, nil
}

type exchange struct {
	sasl.Server
	who auth.Identity
}

func (x *exchange) Identity() auth.Identity { return x.who }
func (x *exchange) User() string            { return "" }
func (x *exchange) Hidden() bool            { return false }

func (x *exchange) check(user, password string) error {
	switch {
	case user == "throttled":
		return auth.ErrThrottled
	case user == "malformed":
		return auth.ErrMalformed
	case user != "bob@hamburger.edu" || password != "ketchup":
		return auth.ErrFailed
	}
	x.who = auth.Identity{Account: 7, Address: mail.Address{Local: "bob", Domain: "hamburger.edu"}}
	return nil
}

type loginServer struct {
	check func(user, password string) error
	user  *string
	asked bool
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	switch {
	case l.user == nil && response == nil && !l.asked:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.user = &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

// TestRefusal: RFC 5321 §3.8's 421 names the server.
func TestRefusal(t *testing.T) {
	for err, want := range map[error]string{
		wire.ErrTooMany:       "421 4.7.0 hamburger.edu Too many",
		wire.ErrTimeout:       "421 4.4.2 hamburger.edu Timed out",
		wire.ErrShutdown:      "421 4.3.2 hamburger.edu Shutting down",
		errors.New("another"): "421 4.3.2 hamburger.edu Service not available",
	} {
		if got := Refusal("hamburger.edu")(err); !strings.HasPrefix(got, want) {
			t.Errorf("%v: %q", err, got)
		}
	}
}
