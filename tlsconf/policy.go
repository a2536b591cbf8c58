package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
)

// Server is a TLS configuration for a server speaking protocol ("smtp",
// "submission", "pop3", "imap", "http"): TLS 1.2 and later, forward secrecy
// and authenticated encryption only, and the protocol's ALPN name. A client
// that offers ALPN names, but none of ours, fails the handshake: it meant
// another service, and whoever led it here must not profit (RFC 9325 §3.8).
// Clients without ALPN are served.
//
// "smtp" has no session tickets: Outlook.com's senders abort STARTTLS on Go's
// (golang/go issue 70232), and then don't deliver.
//
// It follows the Source's files. The caller may keep it, and must not change it.
func (s *Source) Server(protocol string) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12,
		CipherSuites:           suites(),
		NextProtos:             alpn(protocol),
		SessionTicketsDisabled: protocol == "smtp",
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return s.Certificate(), nil },
	}
}

// Client is a TLS configuration for connecting to serverName, whose
// certificate must lead to one of roots; nil means the system's.
func Client(serverName string, roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: suites(),
		ServerName:   serverName,
		RootCAs:      roots,
	}
}

// suites are TLS 1.2's suites with ECDHE and an AEAD (RFC 9325 §4.2): Go's
// own list without CBC. All of TLS 1.3's are good, and not configurable.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// alpn lists the protocol's names in IANA's registry of ALPN identifiers. SMTP
// has none there; the clients that send one nevertheless send these.
func alpn(protocol string) []string {
	switch protocol {
	case "imap", "pop3":
		return []string{protocol}
	case "smtp", "submission":
		return []string{"smtp", "esmtp"}
	case "http":
		return []string{"h2", "http/1.1"}
	}
	return nil
}
