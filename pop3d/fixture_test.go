package pop3d

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"posthorn/auth"
	"posthorn/internal/daemontest"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
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
	tls      *daemontest.Certificate
	tap      wire.Tap
	faults   fault.Set
	wires    wire.Config
	sessions sync.WaitGroup
	dir      string
	damaged  bool // the store need not pass its check
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	certs := daemontest.Localhost(t)
	dir := t.TempDir()
	st := daemontest.OpenStore(t, store.Config{Dir: dir}, "alice", "bob")
	f := &fixture{t: t, store: st, tls: certs, dir: dir}
	f.wires = wire.Config{Protocol: "pop3", Hostname: "localhost", TLS: certs.Server("pop3"), Refusal: Refusal, Tap: &f.tap, Faults: &f.faults}
	au := auth.New(st, auth.Config{NoLockout: true})
	f.srv = New(Config{Hostname: "localhost", Store: st, Auth: au, PlainAuth: netip.Addr.IsLoopback, Version: "1.0"})
	t.Cleanup(func() {
		f.sessions.Wait()
		daemontest.NoSessions(t, au)
		if f.damaged {
			check(t, st.Close())
			return
		}
		daemontest.CloseStore(t, st)
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
	client, server := daemontest.Pipe(from)
	conn := wire.NewConn(server, &cfg)
	f.sessions.Go(func() { f.srv.serveConn(context.Background(), conn) })
	return client, nil
}

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
	daemontest.Localhost(t) // not in a bubble
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) *transcript.Fixture {
		f := newFixture(t)
		return &transcript.Fixture{Dial: f.dial, TLS: f.tls.Client(), Hooks: watch.Steps(f.hooks(), &f.tap, &f.faults)}
	})
}

func address1(i int) mail.Address {
	return mail.Address{Local: fmt.Sprintf("user%d", i), Domain: "example.org"}
}

func credentials(c store.Credential) []store.Credential { return []store.Credential{c} }
