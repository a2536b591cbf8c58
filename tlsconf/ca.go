package tlsconf

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/net/idna"
)

const (
	caLife = 10 * 365 * 24 * time.Hour
	// leafLife is within the 398 days that the strictest clients accept.
	leafLife = 397 * 24 * time.Hour
	// renewBefore is how long before its end a certificate is made anew.
	renewBefore = 30 * 24 * time.Hour
	// backdate allows for clients whose clocks are slow.
	backdate = time.Hour
)

// LoadCA is MakeCA, and a Source of the certificate that it made. The Source
// renews it in time.
func LoadCA(dir string, names []string) (*Source, error) {
	if err := MakeCA(dir, names); err != nil {
		return nil, err
	}
	s, err := Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return nil, err
	}
	s.renew = func() error {
		if time.Until(s.current.Load().Leaf.NotAfter) > renewBefore {
			return nil
		}
		return MakeCA(dir, names)
	}
	return s, nil
}

// MakeCA writes a new CA (ca.pem, ca.key) into dir, and a certificate of it
// (cert.pem, key.pem) for the given names and addresses, and for localhost,
// 127.0.0.1 and ::1. What is there stays, but a certificate that lacks a name,
// isn't the CA's or ends within 30 days is made anew, with its old key.
//
// All files have mode 0600. Clients are given ca.pem; ca.key leaves the
// machine in backups only.
func MakeCA(dir string, names []string) error {
	ca, err := loadOrMakeCA(dir, names)
	if err != nil {
		return err
	}
	dns, ips, err := leafNames(names)
	if err != nil {
		return err
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if leafIsGood(certFile, keyFile, ca.Leaf, dns, ips) {
		return nil
	}
	key, err := loadOrMakeKey(keyFile)
	if err != nil {
		return err
	}
	id, err := keyID(key.Public())
	if err != nil {
		return err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: dns[0]},
		NotBefore:    time.Now().Add(-backdate),
		NotAfter:     earlier(time.Now().Add(leafLife), ca.Leaf.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: id,
		DNSNames:     dns,
		IPAddresses:  ips,

		BasicConstraintsValid: true,
	}
	if len(leaf.Subject.CommonName) > 64 { // RFC 5280's ub-common-name
		leaf.Subject.CommonName = ""
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca.Leaf, key.Public(), ca.PrivateKey)
	if err != nil {
		return err
	}
	// The chain has no CA: clients have it, or they don't trust it.
	return writePEM(certFile, "CERTIFICATE", der)
}

func loadOrMakeCA(dir string, names []string) (tls.Certificate, error) {
	certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	_, certErr := os.Stat(certFile)
	if errors.Is(certErr, os.ErrNotExist) {
		if err := makeCA(certFile, keyFile, names); err != nil {
			return tls.Certificate{}, err
		}
	}
	ca, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return ca, fmt.Errorf("CA %s with key %s: %w", certFile, keyFile, err)
	}
	if time.Now().After(ca.Leaf.NotAfter) {
		return ca, fmt.Errorf("CA %s expired on %s: remove it, start again, and give the new one to the clients",
			certFile, ca.Leaf.NotAfter.Format(time.DateOnly))
	}
	return ca, nil
}

// makeCA writes the key first: a CA's certificate without its key is of no
// use, and what was begun is completed by the next call.
func makeCA(certFile, keyFile string, names []string) error {
	key, err := loadOrMakeKey(keyFile)
	if err != nil {
		return err
	}
	id, err := keyID(key.Public())
	if err != nil {
		return err
	}
	// The name is as unique as the key: a client that knows several such CAs
	// must not try the wrong one.
	name := fmt.Sprintf("Posthorn CA %x", id[:4])
	if len(names) > 0 && len(names[0]) <= 40 {
		name = fmt.Sprintf("Posthorn CA of %s %x", names[0], id[:4])
	}
	ca := &x509.Certificate{
		SerialNumber:   serial(),
		Subject:        pkix.Name{CommonName: name},
		NotBefore:      time.Now().Add(-backdate),
		NotAfter:       time.Now().Add(caLife),
		KeyUsage:       x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		SubjectKeyId:   id,
		IsCA:           true,
		MaxPathLenZero: true,

		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", der)
}

// leafNames sorts names into host names (in their ASCII form) and addresses,
// and adds this machine's own.
func leafNames(names []string) (dns []string, ips []net.IP, err error) {
	for _, n := range append(slices.Clone(names), "localhost", "127.0.0.1", "::1") {
		if ip := net.ParseIP(n); ip != nil {
			ips = append(ips, ip)
			continue
		}
		ascii, err := idna.Lookup.ToASCII(n)
		if err != nil || ascii == "" {
			return nil, nil, fmt.Errorf("%q is no host name that a certificate can have", n)
		}
		if !slices.Contains(dns, ascii) {
			dns = append(dns, ascii)
		}
	}
	return dns, ips, nil
}

func leafIsGood(certFile, keyFile string, ca *x509.Certificate, dns []string, ips []net.IP) bool {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil || cert.Leaf.CheckSignatureFrom(ca) != nil || time.Until(cert.Leaf.NotAfter) <= renewBefore {
		return false
	}
	for _, n := range dns {
		if cert.Leaf.VerifyHostname(n) != nil {
			return false
		}
	}
	for _, ip := range ips {
		if cert.Leaf.VerifyHostname(ip.String()) != nil {
			return false
		}
	}
	return true
}

func loadOrMakeKey(file string) (crypto.Signer, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return makeKey(file)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM block", file)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%s: not a signing key", file)
	}
	return signer, nil
}

func makeKey(file string) (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(file, "PRIVATE KEY", der)
}

// keyID is a Subject Key Identifier by RFC 7093 §2's first method.
func keyID(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}

// serial is a random serial number of 127 bits (RFC 5280 §4.1.2.2 wants it
// positive and at most 20 octets).
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand never fails since Go 1.24
	}
	return n.Add(n, big.NewInt(1))
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// writePEM replaces file whole or not at all.
func writePEM(file, kind string, der []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".new-*.pem") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = errors.Join(pem.Encode(f, &pem.Block{Type: kind, Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
