package wire

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type roots struct{ *x509.CertPool }

func (r roots) client(c net.Conn) *tls.Conn {
	return tls.Client(c, &tls.Config{RootCAs: r.CertPool, ServerName: "mail.example.org"})
}

// testTLS makes a certificate and the pool that trusts it.
func testTLS(t testing.TB) (*tls.Config, roots) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// A bubble's clock begins in 2000.
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example.org"}, NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, roots{pool}
}

// STARTTLS: what came in clear together with it is never used after it
// (CVE-2011-0411), and is logged.
func TestStartTLS(t *testing.T) {
	server, roots := testTLS(t)
	log, text := newLog()
	c, client := socket(t, &Config{Protocol: "smtp", TLS: server, Log: log})
	if !c.CanStartTLS() || c.TLSState() != nil {
		t.Error("already in TLS?")
	}
	done := make(chan error)
	go func() {
		line, _, err := c.ReadLine(100)
		if err != nil || string(line) != "STARTTLS" {
			t.Errorf("%q %v", line, err)
		}
		io.WriteString(c, "220 go\r\n")
		if err := c.StartTLS(); err != nil {
			done <- err
			return
		}
		if c.Buffered() > 0 {
			t.Error("something is left from before the handshake")
		}
		line, _, err = c.ReadLine(100)
		if string(line) != "EHLO secret" {
			t.Errorf("after the handshake: %q %v", line, err)
		}
		io.WriteString(c, "250 "+string(line)+"\r\n")
		done <- c.Flush()
	}()
	io.WriteString(client, "STARTTLS\r\nRCPT TO:<injected>\r\n")
	r := bufio.NewReader(client)
	if s, _ := r.ReadString('\n'); s != "220 go\r\n" {
		t.Fatal(s)
	}
	tc := roots.client(client)
	io.WriteString(tc, "EHLO secret\r\n")
	if s, err := bufio.NewReader(tc).ReadString('\n'); s != "250 EHLO secret\r\n" {
		t.Errorf("%q %v", s, err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if c.CanStartTLS() || c.TLSState() == nil || c.TLSState().Version < tls.VersionTLS12 {
		t.Error("no TLS?")
	}
	if !strings.Contains(text.String(), "20 octets thrown away") {
		t.Errorf("log: %s", text)
	}
}

func TestHandshakeFails(t *testing.T) {
	server, _ := testTLS(t)
	log, text := newLog()
	c, client := socket(t, &Config{Protocol: "imap", TLS: server, Implicit: true, Log: log})
	go io.WriteString(client, "a LOGIN in clear\r\n")
	_, _, err := c.ReadLine(100)
	if !errors.Is(err, ErrTLS) {
		t.Errorf("got %v", err)
	}
	if _, err := io.WriteString(c, "x"); err == nil {
		t.Error("writes after a failed handshake")
	}
	if !strings.Contains(text.String(), "TLS handshake failed") {
		t.Errorf("log: %s", text)
	}
}

func TestHandshakeTimesOut(t *testing.T) {
	server, _ := testTLS(t)
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "imap", TLS: server, Implicit: true})
		begun := time.Now()
		err := c.Start()
		if !errors.Is(err, ErrTLS) || !errors.Is(err, ErrTimeout) || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		client.Close()
	})
}

// On port 25, where no total time for logging in bounds it too.
func TestStartTLSTimesOut(t *testing.T) {
	server, _ := testTLS(t)
	synctest.Test(t, func(t *testing.T) {
		c, client := pipe(t, &Config{Protocol: "smtp", TLS: server})
		begun := time.Now()
		err := c.StartTLS()
		if !errors.Is(err, ErrTLS) || !errors.Is(err, ErrTimeout) || time.Since(begun) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		client.Close()
	})
}

// A large answer in TLS is one system call, not one per record.
func TestTLSRecordsGather(t *testing.T) {
	server, roots := testTLS(t)
	a, b := net.Pipe()
	count := &countWrites{Conn: a}
	c := NewConn(count, &Config{Protocol: "imap", TLS: server, Implicit: true})
	tc := roots.client(b)
	got := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, tc)
		got <- n
	}()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	before := count.n
	for range dataBuffer / 64 {
		io.WriteString(c, strings.Repeat("x", 64))
	}
	c.Flush()
	if n := count.n - before; n != 1 {
		t.Errorf("%d writes to the socket", n)
	}
	c.Close()
	if n := <-got; n != dataBuffer {
		t.Errorf("%d octets came", n)
	}
}
