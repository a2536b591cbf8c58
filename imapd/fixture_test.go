package imapd

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/auth"
	"posthorn/internal/daemontest"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/transcript"
	"posthorn/internal/transcript/watch"
	"posthorn/internal/wire"
	"posthorn/store"
)

const password = daemontest.Password

// fixture is a daemon with a store of its own.
type fixture struct {
	t        testing.TB
	store    *store.Store
	srv      *Server
	ln       *pipeListener
	tls      *tls.Config
	slow     atomic.Bool // the disk is: each transaction takes longer than a client waits without a word
	tap      wire.Tap
	onDemand fault.Set
	wires    wire.Config
	// faults allows what otherwise fails a test: lines in the log of errors
	// that the client is told nothing about, and of panics.
	faults bool
}

// Write takes the log.
func (f *fixture) Write(line []byte) (int, error) {
	if !f.faults && bytes.Contains(line, []byte("level=ERROR")) {
		f.t.Errorf("log: %s", line)
	}
	return len(line), nil
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	certs := daemontest.Localhost(t)
	f := &fixture{t: t, ln: newPipeListener(), tls: certs.Client()}
	st := daemontest.OpenStore(t, store.Config{Now: f.now}, "alice", "bob")
	f.store = st
	events := maillog.New(slog.New(slog.NewTextHandler(f, nil)))
	f.wires = wire.Config{Log: events, Protocol: "imap", Hostname: "localhost", TLS: certs.Server("imap"), Refusal: Refusal, Tap: &f.tap, Faults: &f.onDemand}
	au := auth.New(st, auth.Config{NoLockout: true})
	f.srv = New(st, au, Config{ClearFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Version: "1.0", Log: events})
	served := make(chan error, 1)
	go func() { served <- f.srv.Serve(f.ln) }()
	t.Cleanup(func() {
		f.ln.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		f.srv.driver.Close()
		daemontest.NoSessions(t, au)
		daemontest.CloseStore(t, st)
	})
	return f
}

// now is the store's clock, at which its writer looks in each transaction.
func (f *fixture) now() time.Time {
	if f.slow.Load() {
		time.Sleep(progressEvery + progressEvery/2)
	}
	return time.Now()
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects. Words in args: "far" comes from where passwords need TLS,
// "implicit" begins with a handshake, "notls" has no certificate.
func (f *fixture) dial(args string) (net.Conn, error) {
	cfg, from := f.wires, "127.0.0.1:1000"
	for _, word := range strings.Fields(args) {
		switch word {
		case "far":
			from = "192.0.2.1:1000"
		case "implicit":
			cfg.Implicit = true
		case "notls":
			cfg.TLS = nil
		default:
			return nil, fmt.Errorf("unknown word %q", word)
		}
	}
	client, server := daemontest.Pipe(from)
	f.ln.give(wire.NewConn(server, &cfg))
	return client, nil
}

// pipeListener hands out connections made by dial.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) give(c *wire.Conn) { l.conns <- c }

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// account is a test user's.
func (f *fixture) account(name string) store.Account {
	a, err := f.store.Account(context.Background(), mail.Address{Local: name, Domain: "example.org"})
	check(f.t, err)
	return a
}

// deliver puts a message into a mailbox, as the SMTP daemon would.
func (f *fixture) deliver(name, mailbox string, text []byte) error {
	ctx := context.Background()
	a := f.account(name)
	mb, err := f.store.MailboxByName(ctx, a.ID, mailbox)
	if err != nil {
		return err
	}
	body := f.store.NewBody(ctx)
	if _, err := body.Write(text); err != nil {
		return err
	}
	_, err = f.store.Accept(ctx, store.Delivery{Body: body, Copies: []store.Copy{{
		Account: a.ID, Mailbox: mb.ID, Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Trace: []byte("Return-Path: <carol@example.net>\r\n"),
	}}})
	return err
}

// hooks are the steps of the daemon's transcripts.
func (f *fixture) hooks() map[string]func(string) (string, error) {
	return map[string]func(string) (string, error){
		// offer what is off unless configured, to connections from then on.
		"offer": func(what string) (string, error) {
			switch what {
			case "UNAUTHENTICATE":
				f.srv.cfg.Unauthenticate = true
			case "COMPRESS":
				f.srv.cfg.Compress = true
			case "MESSAGELIMIT":
				f.srv.cfg.MessageLimit = 3
			case "UIDONLY":
				f.srv.cfg.UIDOnly = true
			default:
				return "", fmt.Errorf("unknown extension %q", what)
			}
			f.srv.commands = commands(f.srv.cfg)
			return "", nil
		},
		// quirks off treats all clients alike, from then on.
		"quirks": func(args string) (string, error) {
			f.srv.cfg.NoQuirks = args == "off"
			return "", nil
		},
		// id NAME VALUE adds a field to the server's ID.
		"id": func(args string) (string, error) {
			name, value, _ := strings.Cut(args, " ")
			if f.srv.cfg.ID == nil {
				f.srv.cfg.ID = make(map[string]string)
			}
			f.srv.cfg.ID[name] = value
			f.srv.id = f.srv.cfg.idFields()
			return "", nil
		},
		// server-metadata ADMIN COMMENT are the operator's annotations of the server.
		"server-metadata": func(args string) (string, error) {
			f.srv.cfg.Admin, f.srv.cfg.Comment, _ = strings.Cut(args, " ")
			return "", nil
		},
		// quota-admin USER may set limits, from then on.
		"quota-admin": func(user string) (string, error) {
			f.srv.cfg.QuotaAdmins = []mail.Address{f.account(user).Address}
			return "", nil
		},
		// quota USER OCTETS MESSAGES limits an account; 0 is no limit.
		"quota": func(args string) (string, error) {
			var user string
			var q store.Quota
			if _, err := fmt.Sscan(args, &user, &q.Bytes, &q.Messages); err != nil {
				return "", err
			}
			return "", f.store.SetQuota(context.Background(), f.account(user).ID, q)
		},
		// deliver USER MAILBOX N FILE delivers N messages, each with its number
		// in place of %d.
		"deliver": func(args string) (string, error) {
			var user, mailbox, file string
			var n int
			if _, err := fmt.Sscan(args, &user, &mailbox, &n, &file); err != nil {
				return "", err
			}
			text, err := os.ReadFile(filepath.Join("testdata", "messages", file+".eml"))
			if err != nil {
				return "", err
			}
			text = []byte(strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n", "\r\n"))
			for i := range n {
				if err := f.deliver(user, mailbox, []byte(strings.ReplaceAll(string(text), "%d", fmt.Sprint(i+1)))); err != nil {
					return "", err
				}
			}
			return "", nil
		},
	}
}

func TestTranscripts(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) *transcript.Fixture {
		f := newFixture(t)
		return &transcript.Fixture{Dial: f.dial, TLS: f.tls, Hooks: watch.Steps(f.hooks(), &f.tap, &f.onDemand)}
	})
}
