package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// ca makes a CA in a new folder and returns the folder and its roots.
func ca(t *testing.T, names ...string) (dir string, roots *x509.CertPool) {
	t.Helper()
	dir = t.TempDir()
	if err := MakeCA(dir, names); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatal("ca.pem has no certificate")
	}
	return dir, roots
}

func load(t *testing.T, dir string) *Source {
	t.Helper()
	s, err := Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// handshake connects a client to a server over a pipe, and exchanges an octet
// so that TLS 1.3's tickets come in.
func handshake(server, client *tls.Config) (tls.ConnectionState, error) {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() {
		defer a.Close()
		c := tls.Server(a, server)
		_, err := c.Write([]byte("x"))
		done <- err
	}()
	c := tls.Client(b, client)
	_, err := io.ReadFull(c, make([]byte, 1))
	state := c.ConnectionState()
	b.Close()
	return state, errors.Join(err, <-done)
}

func TestPolicy(t *testing.T) {
	dir, roots := ca(t, "mail.example.org")
	s := load(t, dir)
	tests := []struct {
		what   string
		client *tls.Config
		ok     bool
	}{
		{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
		{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
		{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		{"TLS 1.0", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		{"AES-GCM", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}}, true},
		{"ChaCha20", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256}}, true},
		{"CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA}}, false},
		{"RC4", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}}, false},
		{"RSA key exchange", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			tt.client.ServerName, tt.client.RootCAs = "mail.example.org", roots
			for _, protocol := range []string{"smtp", "submission", "imap", "pop3", "http"} {
				if _, err := handshake(s.Server(protocol), tt.client); (err == nil) != tt.ok {
					t.Errorf("%s: %v", protocol, err)
				}
			}
		})
	}
}

func TestALPN(t *testing.T) {
	dir, roots := ca(t, "mail.example.org")
	s := load(t, dir)
	tests := []struct {
		protocol string
		offered  []string
		got      string // "-" for a failed handshake
	}{
		{"imap", nil, ""},
		{"imap", []string{"imap"}, "imap"},
		{"imap", []string{"pop3", "imap"}, "imap"},
		{"imap", []string{"pop3"}, "-"},
		{"imap", []string{"h2", "http/1.1"}, "-"},
		{"pop3", []string{"pop3"}, "pop3"},
		{"pop3", []string{"imap"}, "-"},
		{"smtp", nil, ""},
		{"smtp", []string{"smtp"}, "smtp"},
		{"smtp", []string{"h2", "http/1.1"}, "-"},
		{"submission", nil, ""},
		{"submission", []string{"imap"}, "-"},
		{"http", []string{"h2", "http/1.1"}, "h2"},
		{"http", []string{"http/1.1"}, "http/1.1"},
		{"http", []string{"imap"}, "-"},
	}
	for _, tt := range tests {
		client := Client("mail.example.org", roots)
		client.NextProtos = tt.offered
		state, err := handshake(s.Server(tt.protocol), client)
		if tt.got == "-" {
			if err == nil {
				t.Errorf("%s was spoken to with ALPN %q", tt.protocol, tt.offered)
			}
		} else if err != nil || state.NegotiatedProtocol != tt.got {
			t.Errorf("%s with ALPN %q: %q, %v", tt.protocol, tt.offered, state.NegotiatedProtocol, err)
		}
	}
}

// tickets counts what a client is given to resume with.
type tickets struct {
	sync.Mutex
	n int
	tls.ClientSessionCache
}

func (c *tickets) Put(key string, state *tls.ClientSessionState) {
	c.Lock()
	defer c.Unlock()
	if state != nil {
		c.n++
	}
	c.ClientSessionCache.Put(key, state)
}

func TestTickets(t *testing.T) {
	dir, roots := ca(t, "mail.example.org")
	s := load(t, dir)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for protocol, want := range map[string]bool{"smtp": false, "submission": true, "imap": true, "pop3": true, "http": true} {
			server, client := s.Server(protocol), Client("mail.example.org", roots)
			client.MaxVersion = version
			cache := &tickets{ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			client.ClientSessionCache = cache
			var state tls.ConnectionState
			for range 2 {
				var err error
				if state, err = handshake(server, client); err != nil {
					t.Fatal(err)
				}
			}
			if (cache.n > 0) != want || state.DidResume != want {
				t.Errorf("%s in %s: %d tickets, resumed: %v", protocol, tls.VersionName(version), cache.n, state.DidResume)
			}
		}
	}
}

func TestCA(t *testing.T) {
	dir, roots := ca(t, "mail.example.org", "bücher.example", "192.0.2.7")
	s := load(t, dir)
	for _, name := range []string{"mail.example.org", "xn--bcher-kva.example", "192.0.2.7", "localhost", "127.0.0.1", "::1"} {
		if _, err := handshake(s.Server("imap"), Client(name, roots)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := handshake(s.Server("imap"), Client("other.example", roots)); err == nil {
		t.Error("the certificate is good for other.example")
	}
	leaf := s.Certificate().Leaf
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 398*24*time.Hour {
		t.Errorf("the certificate lives %v", life)
	}
	if lived := time.Since(leaf.NotBefore); lived < time.Hour || lived > time.Hour+10*time.Minute { // for slow clocks
		t.Errorf("the certificate has lived for %v", lived)
	}
	if !strings.HasPrefix(leaf.Issuer.CommonName, "Posthorn CA of mail.example.org ") {
		t.Errorf("the CA is called %q", leaf.Issuer.CommonName)
	}
	if leaf.IsCA || len(leaf.SubjectKeyId) == 0 || len(leaf.AuthorityKeyId) == 0 || leaf.SerialNumber.BitLen() < 64 {
		t.Errorf("bad leaf %+v", leaf)
	}
	for _, name := range []string{"ca.pem", "ca.key", "cert.pem", "key.pem"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, fi.Mode(), err)
		}
	}
	if err := MakeCA(t.TempDir(), []string{"not a name"}); err == nil {
		t.Error("a name with blanks was taken")
	}
	// RFC 5280's ub-common-name is 64; a DNS name may be longer.
	long := strings.Repeat("long.", 12) + "example"
	dir, roots = ca(t, long)
	s = load(t, dir)
	if _, err := handshake(s.Server("imap"), Client(long, roots)); err != nil || s.Certificate().Leaf.Subject.CommonName != "" {
		t.Errorf("%v, common name %q", err, s.Certificate().Leaf.Subject.CommonName)
	}
}

func TestCAStays(t *testing.T) {
	dir, _ := ca(t, "mail.example.org")
	before := contents(t, dir)
	if err := MakeCA(dir, []string{"mail.example.org"}); err != nil {
		t.Fatal(err)
	}
	if after := contents(t, dir); !slices.Equal(after, before) {
		t.Error("files changed without need")
	}
	if err := MakeCA(dir, []string{"mail.example.org", "imap.example.org"}); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	if after[0] != before[0] || after[1] != before[1] || after[3] != before[3] || after[2] == before[2] {
		t.Error("a new name must change the certificate, and it alone")
	}
	if err := MakeCA(dir, []string{"mail.example.org", "imap.example.org", "192.0.2.8"}); err != nil {
		t.Fatal(err)
	}
	if contents(t, dir)[2] == after[2] {
		t.Error("a new address must change the certificate")
	}
	// Another CA makes another certificate.
	other, roots := ca(t, "mail.example.org")
	for _, name := range []string{"ca.pem", "ca.key"} {
		if err := os.Rename(filepath.Join(other, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := MakeCA(dir, []string{"mail.example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(load(t, dir).Server("imap"), Client("mail.example.org", roots)); err != nil {
		t.Errorf("with another CA: %v", err)
	}
	// A run that ended after the first file is completed by the next.
	for _, name := range []string{"ca.pem", "cert.pem", "key.pem"} {
		os.Remove(filepath.Join(dir, name))
	}
	if err := MakeCA(dir, []string{"mail.example.org"}); err != nil {
		t.Fatal(err)
	}
	load(t, dir)
	left, _ := filepath.Glob(filepath.Join(dir, ".new-*"))
	if left != nil {
		t.Errorf("%v left behind", left)
	}
}

func contents(t *testing.T, dir string) (texts []string) {
	for _, name := range []string{"ca.pem", "ca.key", "cert.pem", "key.pem"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return texts
}

func TestCARenews(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := LoadCA(dir, []string{"mail.example.org"})
		if err != nil {
			t.Fatal(err)
		}
		s.Report = func(err error) { t.Error(err) }
		roots := x509.NewCertPool()
		text, _ := os.ReadFile(filepath.Join(dir, "ca.pem"))
		roots.AppendCertsFromPEM(text)
		server, client := s.Server("imap"), Client("mail.example.org", roots)
		first := s.Certificate().Leaf
		days := 0
		for ; days < 400 && s.Certificate().Leaf.Equal(first); days++ {
			time.Sleep(24 * time.Hour)
		}
		if days != 397-30 {
			t.Errorf("renewed after %d days", days)
		}
		for range 4 {
			time.Sleep(366 * 24 * time.Hour)
			if _, err := handshake(server, client); err != nil {
				t.Fatalf("at %v: %v", time.Now(), err)
			}
			// The handshake that found the certificate too old has the new one.
			if left := time.Until(s.Certificate().Leaf.NotAfter); left < 29*24*time.Hour {
				t.Fatalf("at %v: %v left", time.Now(), left)
			}
		}
		if s.Certificate().Leaf.Equal(first) {
			t.Error("never renewed")
		}
		time.Sleep(caLife)
		if err := MakeCA(dir, []string{"mail.example.org"}); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("an expired CA: %v", err)
		}
	})
}

// TestReload swaps files under a server, as an ACME client would.
func TestReload(t *testing.T) {
	dir, _ := ca(t, "old.example")
	fresh, _ := ca(t, "new.example")
	s := load(t, dir)
	var reported []error
	s.Report = func(err error) { reported = append(reported, err) }
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "mail.example.org"}
	server := s.Server("imap")
	served := func() string {
		t.Helper()
		s.nextPoll.Store(0) // as if two seconds had passed
		state, err := handshake(server, client)
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0].DNSNames[0]
	}
	swap := func(name string) {
		t.Helper()
		if err := os.Rename(filepath.Join(fresh, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if got := served(); got != "old.example" {
		t.Fatal(got)
	}
	swap("cert.pem") // the key doesn't fit yet
	for range 3 {
		if got := served(); got != "old.example" {
			t.Fatal(got)
		}
	}
	if len(reported) != 1 {
		t.Errorf("reported %v", reported)
	}
	if err := s.reload(); err == nil {
		t.Error("reload took a key that doesn't fit")
	}
	swap("key.pem")
	if got := served(); got != "new.example" {
		t.Fatal(got)
	}
	os.Remove(filepath.Join(dir, "key.pem"))
	if got := served(); got != "new.example" || len(reported) != 2 {
		t.Fatalf("%s, %v", got, reported)
	}
}

// TestReloadInTime: a new certificate is served within five seconds, without
// anybody saying so.
func TestReloadInTime(t *testing.T) {
	dir, _ := ca(t, "old.example")
	fresh, _ := ca(t, "new.example")
	synctest.Test(t, func(t *testing.T) {
		s := load(t, dir)
		s.Report = func(err error) { t.Log(err) }
		server, client := s.Server("imap"), &tls.Config{InsecureSkipVerify: true}
		if _, err := handshake(server, client); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"key.pem", "cert.pem"} {
			if err := os.Rename(filepath.Join(fresh, name), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		for {
			state, err := handshake(server, client)
			if err != nil {
				t.Fatal(err)
			}
			if state.PeerCertificates[0].DNSNames[0] == "new.example" {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(start); took > 5*time.Second || took < time.Second {
			t.Errorf("served after %v", took)
		}
	})
}

// TestReloadUnderLoad lets clients connect while the certificate is replaced
// again and again: none may be dropped.
func TestReloadUnderLoad(t *testing.T) {
	dir, _ := ca(t, "mail.example.org")
	s := load(t, dir)
	server := s.Server("imap")
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s.nextPoll.Store(0)
				if _, err := handshake(server, &tls.Config{InsecureSkipVerify: true}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		os.Remove(filepath.Join(dir, "cert.pem"))
		if i%2 == 0 {
			os.Remove(filepath.Join(dir, "key.pem"))
		}
		if err := MakeCA(dir, []string{"mail.example.org"}); err != nil {
			t.Fatal(err)
		}
		if err := s.reload(); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(filepath.Join(dir, "cert.pem"))
		block, _ := pem.Decode(text)
		state, err := handshake(server, &tls.Config{InsecureSkipVerify: true})
		if err != nil || !slices.Equal(state.PeerCertificates[0].Raw, block.Bytes) {
			t.Errorf("the new certificate is not served: %v", err)
		}
	}
	close(stop)
	clients.Wait()
}

// TestWorries: whoever runs the server hears of a certificate that mail programs
// will not take, once for each reason.
func TestWorries(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		if err := MakeCA(dir, []string{"mail.example.org"}); err != nil {
			t.Fatal(err)
		}
		s := load(t, dir)
		var heard []string
		s.Report = func(err error) { heard = append(heard, err.Error()) }
		want := func(texts ...string) {
			t.Helper()
			s.Certificate()
			time.Sleep(time.Minute)
			s.Certificate()
			if len(heard) != len(texts) {
				t.Fatalf("%q, want %q", heard, texts)
			}
			for i, text := range texts {
				if !strings.Contains(heard[i], text) {
					t.Errorf("%q lacks %q", heard[i], text)
				}
			}
			heard = nil
		}
		want()
		s.Name = "mail.example.org"
		want()
		s.Name = "imap.example.org"
		want("is not for imap.example.org, but for mail.example.org")
		s.Name = "mail.example.org"
		time.Sleep(320 * 24 * time.Hour)
		want()
		time.Sleep(20 * 24 * time.Hour)
		want("has not been renewed")
		time.Sleep(60 * 24 * time.Hour)
		want("expired on 2001-02-01")
	})
}
