package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
)

// TestTLS: each mode against hops of each kind.
func TestTLS(t *testing.T) {
	good, pool := certificate(t, "127.0.0.1")
	other, _ := certificate(t, "other.example")
	const kept = "relayed 250 2.6.0 kept"
	starttls := []string{"PIPELINING", "STARTTLS"}
	for _, tt := range []struct {
		name   string
		mode   TLSMode
		hop    *fakeHop
		want   string // the beginning of the result
		secure bool
	}{
		{"opportunistic, good", TLSOpportunistic, &fakeHop{offers: starttls, tls: good}, kept, true},
		{"opportunistic is the default", "", &fakeHop{offers: starttls, tls: good}, kept, true},
		{"opportunistic, another's certificate", TLSOpportunistic, &fakeHop{offers: starttls, tls: other}, kept, true},
		{"opportunistic, not offered", TLSOpportunistic, &fakeHop{}, kept, false},
		{"opportunistic, refused", TLSOpportunistic, &fakeHop{offers: starttls, reply: once(map[string]string{"STARTTLS": "454 4.7.0 not now"})}, kept, false},
		{"opportunistic, handshake fails", TLSOpportunistic, &fakeHop{offers: starttls, tls: &tls.Config{}}, kept, false},
		{"opportunistic, injected", TLSOpportunistic, &fakeHop{offers: starttls, tls: good, inject: "\r\n250 you are welcome"}, "deferred 0 4.7.0 the server said something between", false},
		{"required, good", TLSRequired, &fakeHop{offers: starttls, tls: good}, kept, true},
		{"required, another's certificate", TLSRequired, &fakeHop{offers: starttls, tls: other}, "deferred 0 4.7.5 TLS: ", false},
		{"required, not offered", TLSRequired, &fakeHop{}, "deferred 0 4.7.4 TLS is required", false},
		{"required, refused", TLSRequired, &fakeHop{offers: starttls, reply: once(map[string]string{"STARTTLS": "454 4.7.0 not now"})}, "deferred 454 4.7.0 not now", false},
		{"required, injected", TLSRequired, &fakeHop{offers: starttls, tls: good, inject: "\r\n250 you are welcome"}, "deferred 0 4.7.0 the server said something between", false},
		{"implicit, good", TLSImplicit, &fakeHop{tls: good, implicit: true}, kept, true},
		{"implicit, another's certificate", TLSImplicit, &fakeHop{tls: other, implicit: true}, "deferred 0 4.7.5 TLS: ", false},
		{"implicit, in clear", TLSImplicit, &fakeHop{}, "deferred 0 4.7.5 TLS: ", false},
		{"none", TLSNone, &fakeHop{offers: starttls, tls: good}, kept, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.hop.listen(t)
			r.Default.TLS, r.Default.CA = tt.mode, pool
			results, down := deliver(t, r, outgoing(message, "bob@hamburger.edu"))
			res := down
			if len(results) > 0 {
				res = &results[0][0]
			}
			if got := kind(*res); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if secure := strings.HasPrefix(res.TLS, "TLS1.3 TLS_"); secure != tt.secure {
				t.Errorf("TLS %q", res.TLS)
			}
			for _, line := range tt.hop.saw().lines {
				if strings.HasPrefix(line, "EHLO") && line != "EHLO mail.crepes.fr" {
					t.Errorf("%q", line)
				}
			}
		})
	}
}

// TestCertificateChain: a hop that is known by name is asked for that name's
// certificate (RFC 6066 §3), which an intermediate of the CA's may have signed.
func TestCertificateChain(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	ca := func(n int64) *x509.Certificate {
		return &x509.Certificate{SerialNumber: big.NewInt(n), Subject: pkix.Name{SerialNumber: fmt.Sprint(n)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotAfter: soon}
	}
	rootKey, root, _ := sign(t, ca(1), nil, nil)
	middleKey, middle, middleDER := sign(t, ca(2), root, rootKey)
	key, _, der := sign(t, &x509.Certificate{SerialNumber: big.NewInt(3), DNSNames: []string{"mx.hamburger.edu"}, NotAfter: soon}, middle, middleKey)
	pool := x509.NewCertPool()
	pool.AddCert(root)
	asked := ""
	h := &fakeHop{offers: []string{"STARTTLS"}, tls: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked = hello.ServerName
		return &tls.Certificate{Certificate: [][]byte{der, middleDER}, PrivateKey: key}, nil
	}}}
	r := h.listen(t)
	listener := r.Default.Address
	r.Default = &Route{Address: "mx.hamburger.edu:25", TLS: TLSRequired, CA: pool}
	r.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, listener)
	}
	results, _ := deliver(t, r, outgoing(message, "bob@hamburger.edu"))
	wantResults(t, results, []string{"relayed 250 2.6.0 kept"})
	if asked != "mx.hamburger.edu" {
		t.Errorf("asked for the certificate of %q", asked)
	}
}

func TestAuth(t *testing.T) {
	good, pool := certificate(t, "127.0.0.1")
	other, _ := certificate(t, "other.example")
	const kept = "relayed 250 2.6.0 kept"
	challenge := map[string]string{"AUTH LOGIN": "334 VXNlcm5hbWU6", "dXNlcg==": "334 UGFzc3dvcmQ6", "cGFzcw==": "235 2.7.0 welcome"}
	for _, tt := range []struct {
		name  string
		mode  TLSMode
		hop   *fakeHop
		want  string
		lines []string // the AUTH exchange
	}{
		{"PLAIN", TLSRequired, &fakeHop{offers: []string{"STARTTLS", "AUTH LOGIN PLAIN"}, tls: good, reply: once(map[string]string{"AUTH": "235 2.7.0 ok"})},
			kept, []string{"AUTH PLAIN AHVzZXIAcGFzcw=="}},
		{"LOGIN", TLSRequired, &fakeHop{offers: []string{"STARTTLS", "auth login"}, tls: good, reply: once(challenge)},
			kept, []string{"AUTH LOGIN", "dXNlcg==", "cGFzcw=="}},
		{"refused", TLSRequired, &fakeHop{offers: []string{"STARTTLS", "AUTH PLAIN"}, tls: good, reply: once(map[string]string{"AUTH": "535 5.7.8 wrong"})},
			"deferred 535 5.7.8 wrong", []string{"AUTH PLAIN AHVzZXIAcGFzcw=="}},
		{"unknown", TLSRequired, &fakeHop{offers: []string{"STARTTLS", "AUTH GSSAPI"}, tls: good}, "deferred 0 4.7.0 the server offers no AUTH mechanism", nil},
		{"not offered", TLSRequired, &fakeHop{offers: []string{"STARTTLS"}, tls: good}, "deferred 0 4.7.0 the server offers no AUTH mechanism", nil},
		{"not in clear", TLSOpportunistic, &fakeHop{offers: []string{"AUTH PLAIN"}}, "deferred 0 4.7.11 the password is sent only", nil},
		{"not to somebody else", TLSOpportunistic, &fakeHop{offers: []string{"STARTTLS", "AUTH PLAIN"}, tls: other}, "deferred 0 4.7.11 the password is sent only", nil},
		{"in clear when told", TLSNone, &fakeHop{offers: []string{"AUTH PLAIN"}, reply: once(map[string]string{"AUTH": "235 2.7.0 ok"})},
			kept, []string{"AUTH PLAIN AHVzZXIAcGFzcw=="}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.hop.listen(t)
			r.Default.TLS, r.Default.CA, r.Default.User, r.Default.Password = tt.mode, pool, "user", "pass"
			results, down := deliver(t, r, outgoing(message, "bob@hamburger.edu"))
			res := down
			if len(results) > 0 {
				res = &results[0][0]
			}
			if got := kind(*res); !strings.HasPrefix(got, tt.want) {
				t.Errorf("%s, want %s", got, tt.want)
			}
			var exchange []string
			for _, line := range tt.hop.saw().lines {
				if verb, _, _ := strings.Cut(line, " "); !slices.Contains([]string{"EHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "QUIT"}, verb) {
					exchange = append(exchange, line)
				}
			}
			if !slices.Equal(exchange, tt.lines) {
				t.Errorf("said %q, want %q", exchange, tt.lines)
			}
		})
	}
}

// TestRequireTLS: RFC 8689 §4.2.1.
func TestRequireTLS(t *testing.T) {
	good, pool := certificate(t, "127.0.0.1")
	other, _ := certificate(t, "other.example")
	for _, tt := range []struct {
		name   string
		hop    *fakeHop
		bounce bool
		want   string
		param  bool
	}{
		{"good", &fakeHop{offers: []string{"STARTTLS", "REQUIRETLS"}, tls: good}, false, "relayed 250", true},
		{"in clear", &fakeHop{offers: []string{"REQUIRETLS"}}, false, "failed 0 5.7.10 ", false},
		{"another's certificate", &fakeHop{offers: []string{"STARTTLS", "REQUIRETLS"}, tls: other}, false, "failed 0 5.7.10 ", false},
		{"not offered", &fakeHop{offers: []string{"STARTTLS"}, tls: good}, false, "failed 0 5.7.30 ", false},
		{"a bounce goes on", &fakeHop{offers: []string{"STARTTLS"}, tls: good}, true, "relayed 250", false},
		{"a bounce", &fakeHop{offers: []string{"STARTTLS", "REQUIRETLS"}, tls: good}, true, "relayed 250", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.hop.listen(t)
			r.Default.CA = pool
			m := outgoing(message, "bob@hamburger.edu")
			m.RequireTLS = true
			if tt.bounce {
				m.From = mail.Address{}
			}
			results, down := deliver(t, r, m)
			if down != nil || !strings.HasPrefix(kind(results[0][0]), tt.want) {
				t.Fatalf("%v, down %v, want %s", results, down, tt.want)
			}
			if got := len(tt.hop.saw().got) > 0 && strings.HasSuffix(tt.hop.saw().got[0].from, " REQUIRETLS"); got != tt.param {
				t.Errorf("lines %q", tt.hop.saw().lines)
			}
		})
	}
}
