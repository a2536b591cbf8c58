// Package tlsconf holds certificates and the TLS policy: from files, or from a
// small CA of the server's own; reloaded without a restart.
package tlsconf

import "crypto/tls"

// Source keeps the certificates that all listeners present.
type Source struct{}

// Load reads certificate and key files (PEM; the chain in cert).
func Load(cert, key string) (*Source, error) { return &Source{}, nil }

// Reload reads the files again; on an error the old certificate stays.
func (s *Source) Reload() error { return nil }

// Server is a TLS configuration for a server speaking protocol ("smtp",
// "submission", "pop3", "imap", "http"): TLS 1.2 and later, the ALPN name
// where the protocol has one, no session tickets on "smtp" (some senders abort
// STARTTLS on them). It follows Reload.
func (s *Source) Server(protocol string) *tls.Config { return nil }

// MakeCA writes a new CA (ca.pem, ca.key) into dir, and a certificate of it
// (cert.pem, key.pem) for the given names and addresses. What is there stays.
func MakeCA(dir string, names []string) error { return nil }
