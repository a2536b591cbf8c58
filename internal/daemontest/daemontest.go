// Package daemontest is what the daemons' tests have around a daemon: a
// certificate that their clients trust, a password that costs nothing to check,
// a store that passes its check at the end, and connections in memory.
package daemontest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
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
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
	"posthorn/tlsconf"
)

// Password is that of the accounts that OpenStore makes.
const Password = "correct horse"

// cheap is a verifier whose parameters cost nothing: passwords made beside it
// have the same.
var cheap = store.Credential{Verifier: []byte("$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$" + zeros + "$scram-sha-256$i=16$" + zeros + "$" + zeros)}

var zeros = base64.RawStdEncoding.EncodeToString(make([]byte, 32))

// Credential is an account's password, which is checked in microseconds. A test
// of what hashing costs needs another.
func Credential(t testing.TB, password string) store.Credential {
	t.Helper()
	c, err := auth.MakeCredential([]store.Credential{cheap}, "", password)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// OpenStore opens a store in a folder of the test's own, where cfg names none,
// with accounts of these names at example.org. CloseStore must follow.
func OpenStore(t testing.TB, cfg store.Config, names ...string) *store.Store {
	t.Helper()
	ctx := context.Background()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	cfg.Report = func(msg string, args ...any) { t.Log(append([]any{msg}, args...)...) }
	st, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.AddDomain(ctx, "example.org"); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := st.AddAccount(ctx, mail.Address{Local: name, Domain: "example.org"}, []store.Credential{Credential(t, Password)}); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

// NoSessions demands that all who logged in have left, or soon do.
func NoSessions(t testing.TB, a *auth.Authenticator) {
	t.Helper()
	for began := time.Now(); a.Sessions() > 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Errorf("%d sessions are remembered", a.Sessions())
			return
		}
	}
}

// CloseStore checks a store, which nobody uses any more, and closes it. A
// benchmark's is large, and its messages are not read through.
func CloseStore(t testing.TB, st *store.Store) {
	t.Helper()
	_, benchmark := t.(*testing.B)
	problems, err := st.Check(context.Background(), !benchmark)
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Error("check:", p.What)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// Certificate is a server's for localhost, and Client trusts it.
type Certificate struct {
	*tlsconf.Source
	roots *x509.CertPool
	made  time.Time
}

// Localhost makes the certificate, once for all tests of a package: keys take
// time. The first call must not be in a synctest bubble, where the year is 2000.
func Localhost(t testing.TB) *Certificate {
	t.Helper()
	c, err := localhost()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var localhost = sync.OnceValues(func() (*Certificate, error) {
	dir, err := os.MkdirTemp("", "posthorn-certificate")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := tlsconf.MakeCA(dir, []string{"localhost"}); err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	c := &Certificate{roots: x509.NewCertPool(), made: time.Now()}
	c.roots.AppendCertsFromPEM(ca)
	c.Source, err = tlsconf.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	return c, err
})

// Client is a client's side of TLS, whatever the year is.
func (c *Certificate) Client() *tls.Config {
	return &tls.Config{RootCAs: c.roots, ServerName: "localhost", Time: func() time.Time { return c.made }}
}

// Pipe is a connection in memory. Its server takes the client to be at from,
// such as "192.0.2.1:1000".
func Pipe(from string) (client, server net.Conn) {
	client, server = net.Pipe()
	return client, remote{server, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
}

// Listener has one connection to accept.
func Listener(server net.Conn) net.Listener {
	l := &listener{servers: make(chan net.Conn, 1)}
	l.servers <- server
	close(l.servers)
	return l
}

type listener struct {
	net.Listener
	servers chan net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	if c, ok := <-l.servers; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l *listener) Close() error { return nil }

// Transcript is the texts of all that was told to a subscription, which is closed.
func Transcript(sub *wire.Subscription) string {
	var events []wire.Event
	for more := true; more; {
		events, more = sub.Next(events)
	}
	var seen strings.Builder
	for _, e := range events {
		fmt.Fprintln(&seen, e.Text)
	}
	return seen.String()
}

// remote is a connection from somewhere else.
type remote struct {
	net.Conn
	addr net.Addr
}

func (r remote) RemoteAddr() net.Addr { return r.addr }

// Output is what a server has written, as a log or in answers. Any goroutine
// may write.
type Output struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is what was written, as far as it was not taken.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// Take is String; what it returns is forgotten.
func (o *Output) Take() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.b.Reset()
	return o.b.String()
}
