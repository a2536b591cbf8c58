//go:build soak

package soak

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// hop is a next hop that misbehaves: it refuses, hangs up, and is slow.
type hop struct {
	*testserver.Sink
	behave atomic.Bool
}

func newHop(t testing.TB) *hop {
	h := &hop{Sink: testserver.NewSink(t)}
	h.Reply = h.answer
	return h
}

func (h *hop) answer(line string) string {
	if strings.HasPrefix(line, "RCPT TO:<nobody@") {
		return "550 5.1.1 nobody here"
	}
	if h.behave.Load() {
		return ""
	}
	switch mathrand.IntN(100) {
	case 0:
		return testserver.Hangup
	case 1:
		return "421 4.3.2 going down"
	case 2:
		time.Sleep(mathrand.N(2 * time.Second))
	case 3, 4:
		return "451 4.7.1 not now"
	}
	return ""
}

// certificates are replaced under the server.
type certificates struct {
	s      *testserver.Server
	t      testing.TB
	serial int64
}

// newCertificates gives the server one that isn't from its own CA.
func newCertificates(s *testserver.Server, t testing.TB) *certificates {
	c := &certificates{s, t, 1000}
	c.replace()
	s.Set("tls", "cert", "public.pem")
	s.Set("tls", "key", "public.key")
	return c
}

// replace gives the server another certificate, as an operator does.
func (c *certificates) replace() {
	c.serial++
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(c.serial), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"public.pem": {Type: "CERTIFICATE", Bytes: der}, "public.key": {Type: "PRIVATE KEY", Bytes: secret}} {
		file := filepath.Join(c.s.Dir, name)
		err := os.WriteFile(file+".new", pem.EncodeToMemory(block), 0o600)
		if err == nil {
			err = os.Rename(file+".new", file)
		}
		if err != nil {
			c.t.Error(err)
		}
	}
}

// served is the serial number of the certificate that the server shows.
func (c *certificates) served() (int64, error) {
	conn, err := tls.Dial("tcp", c.s.Address("imaps"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}

// reload has the configuration read again and again, and the certificate
// replaced: a new one is served within five seconds (which is soon enough for one that is about to expire).
func (d *day) reload(ctx context.Context) {
	for n := 0; ; n++ {
		wait(ctx, 2*time.Second)
		if ctx.Err() != nil {
			return
		}
		if n%2 == 0 {
			d.Signal(syscall.SIGHUP)
			continue
		}
		d.cert.replace()
		d.Signal(syscall.SIGHUP)
		for begin := time.Now(); ; wait(ctx, 50*time.Millisecond) {
			serial, err := d.cert.served()
			if serial == d.cert.serial || ctx.Err() != nil {
				break
			}
			if time.Since(begin) > 5*time.Second && d.steady.Load() {
				d.t.Errorf("5 s after the certificate was replaced, %d is served, not %d (%v)", serial, d.cert.serial, err)
				break
			}
		}
	}
}
