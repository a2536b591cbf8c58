//go:build attack

package attack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// pair are the files of a certificate for 127.0.0.1.
type pair struct{ cert, key string }

// newPair makes a certificate that is told from others by its serial number.
func newPair(t *testing.T, dir string, serial int64) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprint("certificate ", serial)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, from, from, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p := pair{filepath.Join(dir, fmt.Sprint(serial, ".pem")), filepath.Join(dir, fmt.Sprint(serial, ".key"))}
	for file, block := range map[string]*pem.Block{p.cert: {Type: "CERTIFICATE", Bytes: der}, p.key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// load are clients that connect again and again while certificates change.
type load struct {
	s      *testserver.Server
	quit   chan struct{}
	wait   sync.WaitGroup
	came   atomic.Int64
	serial atomic.Int64 // of the certificate seen last

	mu   sync.Mutex
	errs []error
}

func (l *load) begin() {
	for _, visit := range []func() (*client, error){
		func() (*client, error) { return connect("127.0.0.1", "imaps", l.s) },
		func() (*client, error) { return connect("127.0.0.1", "submissions", l.s) },
		func() (*client, error) { return connect("127.0.0.1", "pop3s", l.s) },
		func() (*client, error) {
			c, err := dial("127.0.0.1", l.s.Address("smtp"))
			if err == nil {
				if err = c.talk("220", "EHLO client.example", "250", "STARTTLS", "220"); err == nil {
					err = c.secure(clientTLS())
				}
			}
			return c, err
		},
	} {
		l.wait.Go(func() { l.repeat(visit) })
	}
	l.wait.Go(l.stay)
}

// repeat connects until quit, and notes which certificate it is shown.
func (l *load) repeat(visit func() (*client, error)) {
	for {
		select {
		case <-l.quit:
			return
		case <-time.After(5 * time.Millisecond):
		}
		c, err := visit()
		if err == nil {
			l.serial.Store(c.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64())
			err = c.say("QUIT\r\n")
			c.Close()
		}
		l.note(err)
	}
}

// stay keeps a connection open for the whole time.
func (l *load) stay() {
	c, err := connect("127.0.0.1", "imaps", l.s)
	if err == nil {
		err = c.talk("* OK")
	}
	for l.note(err); err == nil; l.note(err) {
		select {
		case <-l.quit:
			c.Close()
			return
		case <-time.After(20 * time.Millisecond):
		}
		_, err = c.ask("a NOOP", "a OK")
	}
}

func (l *load) note(err error) {
	l.came.Add(1)
	if err != nil {
		l.mu.Lock()
		l.errs = append(l.errs, err)
		l.mu.Unlock()
	}
}

// wants waits until clients are shown a certificate.
func (l *load) wants(t *testing.T, serial int64) {
	t.Helper()
	began := time.Now()
	if !eventually(patience, func() bool { return l.serial.Load() == serial }) {
		t.Fatalf("certificate %d is never shown; %d is", serial, l.serial.Load())
	}
	took := time.Since(began)
	if took > 5*time.Second {
		t.Errorf("certificate %d was shown after %v", serial, took)
	}
	t.Logf("certificate %d was shown after %v", serial, took.Round(10*time.Millisecond))
}

// TestCertificateReplaced replaces the certificate under load, in one go and in
// the ways that go wrong: no connection may fail, the old one goes on while the
// files make no pair, which is logged once, and the new one is shown within
// five seconds.
func TestCertificateReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := testserver.New(t, testserver.Config{})
	used := newPair(t, dir, 1)
	s.Set("tls", "cert", used.cert)
	s.Set("tls", "key", used.key)
	s.MustStart()
	l := &load{s: s, quit: make(chan struct{})}
	l.begin()
	l.wants(t, 1)

	replace(t, newPair(t, dir, 2), used)
	l.wants(t, 2)

	warned := func() int { return strings.Count(s.Log(), "msg=certificate") }
	for i, half := range []struct {
		what  string
		first func(by pair) // what is done before the rest
	}{
		{"another's certificate", func(by pair) { move(t, by.cert, used.cert) }},
		{"half a certificate", func(by pair) { write(t, used.cert, head(t, by.cert)) }},
		{"another's key", func(by pair) { move(t, by.key, used.key) }},
		{"an empty key", func(by pair) { write(t, used.key, nil) }},
		{"no certificate", func(by pair) { os.Remove(used.cert) }},
	}[:pick(2, 5)] {
		serial := int64(10 + i)
		by, before := newPair(t, dir, serial), warned()
		spare := newPair(t, t.TempDir(), serial+100)
		replace(t, by, spare) // kept until the rest is done
		half.first(copyOf(t, spare))
		if !eventually(5*time.Second, func() bool { return warned() > before }) {
			t.Errorf("%s: nothing is logged", half.what)
		}
		time.Sleep(time.Duration(pick(2200, 10_000)) * time.Millisecond) // as long as it takes to look again
		if got := warned() - before; got != 1 {
			t.Errorf("%s: logged %d times:\n%s", half.what, got, tail(s))
		}
		if got := l.serial.Load(); got == serial {
			t.Errorf("%s: certificate %d is shown", half.what, got)
		}
		replace(t, spare, used)
		l.wants(t, serial)
	}

	replace(t, newPair(t, dir, 20), used)
	s.Signal(syscall.SIGHUP)
	l.wants(t, 20)
	close(l.quit)
	l.wait.Wait()
	t.Logf("%d connections and commands, %d failed", l.came.Load(), len(l.errs))
	if len(l.errs) > 0 {
		t.Errorf("%d failed, the first: %v", len(l.errs), l.errs[0])
	}
}

// replace puts one pair in another's place, file by file.
func replace(t *testing.T, by, used pair) {
	t.Helper()
	move(t, by.key, used.key)
	move(t, by.cert, used.cert)
}

func copyOf(t *testing.T, p pair) pair {
	t.Helper()
	c := pair{p.cert + ".copy", p.key + ".copy"}
	write(t, c.cert, read(t, p.cert))
	write(t, c.key, read(t, p.key))
	return c
}

func move(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func head(t *testing.T, file string) []byte {
	text := read(t, file)
	return text[:len(text)/2]
}
