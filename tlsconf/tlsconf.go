// Package tlsconf holds certificates and the TLS policy: from files, or from a
// small CA of the server's own; reloaded without a restart.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pollInterval is how often, at most, a handshake looks whether the files have
// changed. Looking costs two stat calls.
const pollInterval = 2 * time.Second

// pair names a certificate's file (PEM, the leaf first, then its chain) and
// its key's.
type pair struct{ Cert, Key string }

// Source keeps the certificates that all listeners present. Any goroutine may
// use it.
type Source struct {
	// Report is told when changed files could not be used, once per error; the
	// old certificates stay in use. Set it before the first handshake; nil
	// drops it.
	Report func(error)

	pairs []pair
	renew func() error // of a CA of our own: makes new files when they are due

	current  atomic.Pointer[[]tls.Certificate]
	nextPoll atomic.Int64 // Unix nanoseconds

	mu        sync.Mutex // guards what follows, and reading the files
	seen      []os.FileInfo
	recent    bool // a file was so fresh that a second write might look the same
	lastError string
}

// Load reads certificate and key files (PEM; the chain in cert).
func Load(cert, key string) (*Source, error) { return loadPairs(pair{cert, key}) }

// loadPairs reads several certificates. A client gets the first that fits the
// name it asks for (RFC 6066 §3) and the algorithms it knows; failing all, the
// first.
func loadPairs(pairs ...pair) (*Source, error) {
	if len(pairs) == 0 {
		return nil, errors.New("tlsconf: no certificate given")
	}
	s := &Source{pairs: slices.Clone(pairs)}
	if err := s.reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// reload reads the files again; on an error the old certificates stay.
// Changed files are found without it too, at a handshake at most two seconds
// later.
func (s *Source) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read()
}

// Certificates are those in use, for telling when they expire.
func (s *Source) Certificates() []*x509.Certificate {
	var leaves []*x509.Certificate
	for _, c := range *s.current.Load() {
		leaves = append(leaves, c.Leaf)
	}
	return leaves
}

// Certificate is the one that is shown to a client that says nothing of what it
// knows, with its key, for signing.
func (s *Source) Certificate() (*tls.Certificate, error) {
	return s.certificate(&tls.ClientHelloInfo{})
}

// read puts the files' certificates into use, all or none of them. The files'
// states are taken before their contents: whatever is written in between is
// noticed at the next poll.
func (s *Source) read() error {
	s.seen = nil
	seen, err := s.stat()
	if err != nil {
		return err
	}
	certs := make([]tls.Certificate, len(s.pairs))
	for i, p := range s.pairs {
		if certs[i], err = tls.LoadX509KeyPair(p.Cert, p.Key); err != nil {
			return fmt.Errorf("certificate %s with key %s: %w", p.Cert, p.Key, err)
		}
	}
	s.seen, s.lastError = seen, ""
	s.recent = slices.ContainsFunc(seen, func(fi os.FileInfo) bool {
		return time.Since(fi.ModTime()) < pollInterval
	})
	s.current.Store(&certs)
	return nil
}

func (s *Source) stat() ([]os.FileInfo, error) {
	var states []os.FileInfo
	for _, p := range s.pairs {
		for _, name := range []string{p.Cert, p.Key} {
			fi, err := os.Stat(name)
			if err != nil {
				return nil, err
			}
			states = append(states, fi)
		}
	}
	return states, nil
}

// changed reports whether the files are not those that were read. An error
// counts as a change: reading will name it.
func (s *Source) changed() bool {
	now, err := s.stat()
	return err != nil || s.recent || !slices.EqualFunc(now, s.seen, func(a, b os.FileInfo) bool {
		return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && os.SameFile(a, b)
	})
}

// poll follows the files, where it is time to. One handshake does it while the
// others go on with what there is.
func (s *Source) poll() {
	now := time.Now().UnixNano()
	due := s.nextPoll.Load()
	if now < due || !s.nextPoll.CompareAndSwap(due, now+int64(pollInterval)) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renew != nil {
		s.report(s.renew())
	}
	if s.changed() {
		s.report(s.read())
	}
}

func (s *Source) report(err error) {
	if err != nil && err.Error() != s.lastError {
		s.lastError = err.Error()
		if s.Report != nil {
			s.Report(err)
		}
	}
}

// certificate is tls.Config's GetCertificate.
func (s *Source) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.poll()
	certs := *s.current.Load()
	if len(certs) > 1 {
		for i := range certs {
			if hello.SupportsCertificate(&certs[i]) == nil {
				return &certs[i], nil
			}
		}
	}
	return &certs[0], nil
}
