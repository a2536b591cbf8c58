package pop3d

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/auth"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/transcript"
	"posthorn/internal/transcript/watch"
	"posthorn/internal/wire"
	"posthorn/store"
	"posthorn/tlsconf"
)

// Everybody's password, hashed once for all tests.
const password = "correct horse"

var credential = sync.OnceValues(func() (store.Credential, error) { return auth.MakeCredential(nil, "", password) })

// certificate is made once: keys take time.
var certificate = sync.OnceValues(func() (*certified, error) {
	dir, err := os.MkdirTemp("", "pop3d")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := tlsconf.MakeCA(dir, []string{"localhost"}); err != nil {
		return nil, err
	}
	c := &certified{roots: x509.NewCertPool(), at: time.Now()}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	c.roots.AppendCertsFromPEM(ca)
	c.Source, err = tlsconf.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	return c, err
})

type certified struct {
	*tlsconf.Source
	roots *x509.CertPool
	at    time.Time // in a bubble the clock says 2000
}

func (c *certified) client() *tls.Config {
	return &tls.Config{RootCAs: c.roots, ServerName: "localhost", Time: func() time.Time { return c.at }}
}

// fixture is a daemon with a store of its own.
type fixture struct {
	t        testing.TB
	store    *store.Store
	srv      *Server
	tls      *certified
	tap      wire.Tap
	faults   fault.Set
	wires    wire.Config
	sessions sync.WaitGroup
	dir      string
	damaged  bool // the store need not pass its check
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	certs, err := certificate()
	check(t, err)
	cred, err := credential()
	check(t, err)
	ctx := context.Background()
	dir := t.TempDir()
	st, err := store.Open(ctx, store.Config{Dir: dir, Report: func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) }})
	check(t, err)
	check(t, st.AddDomain(ctx, "example.org"))
	for _, name := range []string{"alice", "bob"} {
		_, err = st.AddAccount(ctx, mail.Address{Local: name, Domain: "example.org"}, []store.Credential{cred})
		check(t, err)
	}
	f := &fixture{t: t, store: st, tls: certs, dir: dir}
	f.wires = wire.Config{Protocol: "pop3", Hostname: "localhost", TLS: certs.Server("pop3"), Refusal: Refusal, Tap: &f.tap, Faults: &f.faults}
	f.srv = New(Config{Hostname: "localhost", Store: st, Auth: auth.New(st, auth.Config{NoLockout: true}), PlainAuth: netip.Addr.IsLoopback, Version: "1.0"})
	t.Cleanup(func() {
		f.sessions.Wait()
		problems, err := st.Check(ctx, true)
		if err != nil && !strings.Contains(err.Error(), "not built") {
			t.Error(err)
		}
		for _, p := range problems {
			if !f.damaged {
				t.Error("check:", p.What)
			}
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial connects. Words in args: "far" comes from where passwords need TLS,
// "notls" is a port without it.
func (f *fixture) dial(args string) (net.Conn, error) {
	client, server := net.Pipe()
	cfg, from := f.wires, "127.0.0.1:1000"
	for _, word := range strings.Fields(args) {
		switch word {
		case "far":
			from = "192.0.2.1:1000"
		case "notls":
			cfg.TLS = nil
		default:
			return nil, fmt.Errorf("unknown word %q", word)
		}
	}
	conn := wire.NewConn(remote{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}, &cfg)
	f.sessions.Go(func() { f.srv.serveConn(context.Background(), conn) })
	return client, nil
}

// remote is a pipe with an address.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.addr }

// inbox is a test user's.
func (f *fixture) inbox(name string) store.Mailbox {
	f.t.Helper()
	ctx := context.Background()
	a, err := f.store.Account(ctx, mail.Address{Local: name, Domain: "example.org"})
	check(f.t, err)
	return f.inboxOf(a.ID)
}

// inboxOf is an account's INBOX.
func (f *fixture) inboxOf(id store.AccountID) store.Mailbox {
	f.t.Helper()
	mb, err := f.store.MailboxByName(context.Background(), id, "INBOX")
	check(f.t, err)
	return mb
}

const trace = "Return-Path: <carol@example.net>\r\n"

// deliver puts a message into an INBOX, as the SMTP daemon would.
func (f *fixture) deliver(name, text string) error {
	ctx := context.Background()
	mb := f.inbox(name)
	body := f.store.NewBody(ctx)
	if _, err := body.Write([]byte(text)); err != nil {
		return err
	}
	_, err := f.store.Accept(ctx, store.Delivery{Body: body, Copies: []store.Copy{{Account: mb.Account, Mailbox: mb.ID, Trace: []byte(trace)}}})
	return err
}

// hooks are the steps of the daemon's transcripts.
func (f *fixture) hooks() map[string]func(string) (string, error) {
	return map[string]func(string) (string, error){
		// deliver USER TEXT
		"deliver": func(args string) (string, error) {
			name, text, _ := strings.Cut(args, " ")
			return "", f.deliver(name, text)
		},
		// deliverq USER "TEXT" as a Go string
		"deliverq": func(args string) (string, error) {
			var name, text string
			if _, err := fmt.Sscanf(args, "%s %q", &name, &text); err != nil {
				return "", err
			}
			return "", f.deliver(name, text)
		},
		// uids USER lists what is in the INBOX.
		"uids": func(name string) (string, error) {
			uids, _, err := f.store.UIDList(context.Background(), f.inbox(name).ID)
			return fmt.Sprint(uids), err
		},
		// flags USER lists flags.
		"flags": func(name string) (string, error) {
			var all mail.UIDSet
			all.AddRange(1, 1000)
			out := ""
			for m, err := range f.store.Messages(context.Background(), f.inbox(name).ID, all, 0) {
				if err != nil {
					return "", err
				}
				out += fmt.Sprintf("%d (%v)\n", m.UID, m.Flags)
			}
			return out, nil
		},
		// expunge USER UID, as an IMAP session does it.
		"expunge": func(args string) (string, error) {
			var name string
			var uid mail.UID
			if _, err := fmt.Sscan(args, &name, &uid); err != nil {
				return "", err
			}
			_, _, err := f.store.Expunge(context.Background(), f.inbox(name).ID, mail.UIDs(uid), true)
			return "", err
		},
	}
}

func TestTranscripts(t *testing.T) {
	// Made outside the bubbles.
	_, err := certificate()
	check(t, err)
	_, err = credential()
	check(t, err)
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) *transcript.Fixture {
		f := newFixture(t)
		return &transcript.Fixture{Dial: f.dial, TLS: f.tls.client(), Hooks: watch.Steps(f.hooks(), &f.tap, &f.faults)}
	})
}

func address1(i int) mail.Address {
	return mail.Address{Local: fmt.Sprintf("user%d", i), Domain: "example.org"}
}

func credentials(c store.Credential) []store.Credential { return []store.Credential{c} }
