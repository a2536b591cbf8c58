package imapd

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
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
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/transcript"
	"posthorn/internal/transcript/watch"
	"posthorn/internal/wire"
	"posthorn/store"
	"posthorn/tlsconf"
)

// Everybody's password, hashed once for all tests.
const password = "correct horse"

var credential = sync.OnceValues(func() (store.Credential, error) { return auth.MakeCredential(nil, "", password) })

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

// testCertificate is made once: keys take time.
var testCertificate = sync.OnceValues(func() (*tlsconf.Source, error) {
	dir, err := os.MkdirTemp("", "imapd")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := tlsconf.MakeCA(dir, []string{"localhost"}); err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	testRoots.AppendCertsFromPEM(ca)
	certified = time.Now()
	if err != nil {
		return nil, err
	}
	return tlsconf.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
})

var (
	testRoots = x509.NewCertPool()
	certified time.Time // when it was made: in a bubble the clock says 2000
)

func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: testRoots, ServerName: "localhost", Time: func() time.Time { return certified }}
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, ln: newPipeListener(), tls: clientTLS()}
	certs, err := testCertificate()
	check(t, err)
	cred, err := credential()
	check(t, err)
	ctx := context.Background()
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir(), Now: f.now, Report: func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) }})
	check(t, err)
	check(t, st.AddDomain(ctx, "example.org"))
	for _, name := range []string{"alice", "bob"} {
		_, err = st.AddAccount(ctx, mail.Address{Local: name, Domain: "example.org"}, []store.Credential{cred})
		check(t, err)
	}
	f.store = st
	events := maillog.New(slog.New(slog.NewTextHandler(f, nil)))
	f.wires = wire.Config{Log: events, Protocol: "imap", Hostname: "localhost", TLS: certs.Server("imap"), Refusal: Refusal, Tap: &f.tap, Faults: &f.onDemand}
	f.srv = New(st, auth.New(st, auth.Config{NoLockout: true}), Config{ClearFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Version: "1.0", Log: events})
	served := make(chan error, 1)
	go func() { served <- f.srv.Serve(f.ln) }()
	t.Cleanup(func() {
		f.ln.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
		f.srv.driver.Close()
		_, bench := t.(*testing.B)
		problems, err := st.Check(ctx, !bench)
		if err != nil && !strings.Contains(err.Error(), "not built") {
			t.Error(err)
		}
		for _, p := range problems {
			t.Error("check:", p.What)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
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
	client, server := net.Pipe()
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
	f.ln.give(wire.NewConn(remote{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}, &cfg))
	return client, nil
}

// remote is a pipe with an address.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.addr }

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
	if _, err := testCertificate(); err != nil {
		t.Fatal(err)
	}
	if _, err := credential(); err != nil {
		t.Fatal(err)
	}
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) *transcript.Fixture {
		f := newFixture(t)
		return &transcript.Fixture{Dial: f.dial, TLS: f.tls, Hooks: watch.Steps(f.hooks(), &f.tap, &f.onDemand)}
	})
}
