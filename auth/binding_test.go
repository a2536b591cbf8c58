package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"

	xdg "github.com/xdg-go/scram"
)

// handshake gives both sides' states of a new TLS connection.
func handshake(t testing.TB, version uint16) (server, client tls.ConnectionState) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	s := tls.Server(here, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, SessionTicketsDisabled: true})
	c := tls.Client(there, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	done := make(chan error)
	go func() { done <- s.Handshake() }()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return s.ConnectionState(), c.ConnectionState()
}

// bound is a client's half of an exchange with channel binding.
func bound(t testing.TB, password string, cb xdg.ChannelBinding) *xdg.ClientConversation {
	t.Helper()
	client, err := xdg.SHA256.NewClientUnprepped("alice@example.org", password, "")
	if err != nil {
		t.Fatal(err)
	}
	return client.WithMinIterations(1).NewConversationWithChannelBinding(cb)
}

func TestSCRAMPlus(t *testing.T) {
	st := open(t)
	a := New(st, Config{ChannelBinding: true})
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil", "phone")
	server, client := handshake(t, tls.VersionTLS13)
	_, other := handshake(t, tls.VersionTLS13)
	exporter := func(over *tls.ConnectionState) xdg.ChannelBinding {
		b, err := xdg.NewTLSExporterBinding(over)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	endPoint, err := xdg.NewTLSServerEndpointBinding(&client)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		what, password string
		binding        xdg.ChannelBinding
		want           error
		app            string
	}{
		{"this connection", "pencil", exporter(&client), nil, ""},
		{"an app password", "phone", exporter(&client), nil, "phone"},
		{"a wrong password", "wrong", exporter(&client), ErrFailed, ""},
		{"another connection", "pencil", exporter(&other), errNotThisTLS, ""},
		{"less of it", "pencil", xdg.ChannelBinding{Type: xdg.ChannelBindingTLSExporter, Data: exporter(&client).Data[:31]}, errNotThisTLS, ""},
		{"tls-server-end-point", "pencil", endPoint, errBinding, ""},
		{"tls-unique", "pencil", xdg.NewTLSUniqueBinding([]byte("finished")), errBinding, ""},
	} {
		x, err := a.Start(t.Context(), home, &server, "scram-sha-256-plus")
		if err != nil {
			t.Fatal(err)
		}
		who, err := scramTalk(t, x, bound(t, tt.password, tt.binding))
		if !errors.Is(err, tt.want) || tt.want != nil && !errors.Is(err, ErrFailed) || err == nil && (who.Account != alice.ID || who.AppPassword != tt.app) {
			t.Errorf("%s: %+v, %v", tt.what, who, err)
		}
	}
}

// TestSCRAMFlags: which flags go with which mechanism, where -PLUS is offered
// and where it is not (RFC 5801 §5, RFC 5802 §6).
func TestSCRAMFlags(t *testing.T) {
	st := open(t)
	a := New(st, Config{ChannelBinding: true})
	addUser(t, st, cheap(), "alice@example.org", "pencil")
	tls13, _ := handshake(t, tls.VersionTLS13)
	tls12, _ := handshake(t, tls.VersionTLS12)
	for _, tt := range []struct {
		over      *tls.ConnectionState
		mechanism string
		flag      string
		want      error
	}{
		{&tls13, "SCRAM-SHA-256", "n", nil},
		{&tls13, "SCRAM-SHA-256", "y", errRemoved},
		{&tls13, "SCRAM-SHA-256", "p=tls-exporter", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=tls-exporter", nil},
		{&tls13, "SCRAM-SHA-256-PLUS", "n", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "y", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=tls-unique", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=tls-exporter-2", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=TLS-EXPORTER", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=", ErrMalformed},
		{&tls13, "SCRAM-SHA-256-PLUS", "p", errBinding},
		{&tls13, "SCRAM-SHA-256-PLUS", "p=a b", ErrMalformed},
		{&tls12, "SCRAM-SHA-256", "n", nil},
		{&tls12, "SCRAM-SHA-256", "y", nil},
		{&tls12, "SCRAM-SHA-256", "p=tls-exporter", errBinding},
		{nil, "SCRAM-SHA-256", "y", nil},
		{nil, "SCRAM-SHA-256", "p=tls-exporter", errBinding},
	} {
		x, err := a.Start(t.Context(), home, tt.over, tt.mechanism)
		if err != nil {
			t.Fatal(err)
		}
		_, done, err := x.Next([]byte(tt.flag + ",,n=alice@example.org,r=abc"))
		if done || !errors.Is(err, tt.want) {
			t.Errorf("%s with the flag %s: %v, want %v", tt.mechanism, tt.flag, err, tt.want)
		}
	}
	for _, over := range []*tls.ConnectionState{nil, {}, &tls12} {
		_, err := a.Start(t.Context(), home, over, "SCRAM-SHA-256-PLUS")
		wants(t, err, ErrUnknownMechanism)
		if got := strings.Join(a.Mechanisms(over), " "); got != "SCRAM-SHA-256 PLAIN LOGIN" {
			t.Errorf("it offers %s", got)
		}
	}
	if got := strings.Join(New(st, Config{}).Mechanisms(&tls13), " "); got != "SCRAM-SHA-256 PLAIN LOGIN" {
		t.Errorf("unasked it offers %s", got)
	}
	if got := strings.Join(a.Mechanisms(&tls13), " "); got != "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN" {
		t.Errorf("under TLS 1.3 it offers %s", got)
	}
}

// TestSCRAMBindingMoved: the flag of client-first-message must come again in
// client-final-message, with the binding's data (RFC 5802 §6: "MUST always
// validate the client's c= field").
func TestSCRAMBindingMoved(t *testing.T) {
	st := open(t)
	addUser(t, st, cheap(), "alice@example.org", "pencil")
	a := New(st, Config{ChannelBinding: true, NoLockout: true})
	server, _ := handshake(t, tls.VersionTLS13)
	data := string(a.binding(&server).Data)
	for _, tt := range []struct {
		mechanism, first, c string
		want                error
	}{
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,,", errNotThisTLS},
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "n,,", errNotThisTLS},
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,," + data + "x", errNotThisTLS},
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,a=alice@example.org," + data, errNotThisTLS},
		{"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,," + data, ErrFailed}, // of the proof
		{"SCRAM-SHA-256", "n,,", "n,," + data, errNotThisTLS},
		{"SCRAM-SHA-256", "n,,", "y,,", errNotThisTLS},
	} {
		x, err := a.Start(t.Context(), localhost, &server, tt.mechanism)
		wants(t, err, nil)
		challenge, _, err := x.Next([]byte(tt.first + "n=alice@example.org,r=abc"))
		wants(t, err, nil)
		nonce, _, _ := strings.Cut(string(challenge), ",")
		final := "c=" + base64.StdEncoding.EncodeToString([]byte(tt.c)) + "," + nonce + ",p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
		_, done, err := x.Next([]byte(final))
		if done || !errors.Is(err, tt.want) || (tt.want == ErrFailed) == errors.Is(err, errNotThisTLS) {
			t.Errorf("%s, %q, %q: %v", tt.mechanism, tt.first, tt.c, err)
		}
		if strings.Contains(err.Error(), data) {
			t.Errorf("the error tells the binding: %v", err)
		}
	}
}

// TestSCRAMPlusExample is RFC 7677 §3's example with channel binding: the
// exporter gave the octets 0 to 31. Proof and signature were worked out from
// RFC 5802 §3's formulas by Python's hashlib.
func TestSCRAMPlusExample(t *testing.T) {
	s := &scram{plus: true, binding: xdg.ChannelBinding{Type: xdg.ChannelBindingTLSExporter}}
	for i := range 32 {
		s.binding.Data = append(s.binding.Data, byte(i))
	}
	playExample(t, s, []exampleStep{
		{"p=tls-exporter,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		{"c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=QC6CS20quADQRb3mT99YUH+n3VJxUvzuK0K0E1Vrs2M=",
			"v=2GiAgapEppLVlUXbxUDksL3VgYHzuqiK5tR4mhJGgvs="},
	})
}
