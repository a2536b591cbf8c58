// Package tlsconf holds certificates and the TLS policy: from files, or from a
// small CA of the server's own; reloaded without a restart.
package tlsconf

import (
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// pollInterval is how often, at most, a handshake looks whether the files have
// changed. Looking costs two stat calls.
const pollInterval = 2 * time.Second

// Source keeps the certificate that all listeners present. Any goroutine may
// use it.
type Source struct {
	// Report is told when changed files could not be used, once per error; the
	// old certificate stays in use. It is also told when mail programs will
	// refuse the one in use, or will do so soon. Set it before the first
	// handshake; nil drops it.
	Report func(error)
	// Name is what mail programs call the server; empty: any name will do.
	Name string

	cert, key string       // files
	renew     func() error // of a CA of our own: makes new files when they are due

	current  atomic.Pointer[tls.Certificate]
	nextPoll atomic.Int64 // Unix nanoseconds

	mu        sync.Mutex // guards what follows, and reading the files
	seen      []os.FileInfo
	recent    bool // a file was so fresh that a second write might look the same
	lastError string
	lastWorry string
}

// Load reads certificate and key files (PEM; in cert the leaf first, then its
// chain).
func Load(cert, key string) (*Source, error) {
	s := &Source{cert: cert, key: key}
	if err := s.reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// reload reads the files again; on an error the old certificate stays.
// Changed files are found without it too, at a handshake at most two seconds
// later.
func (s *Source) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read()
}

// Certificate is the one in use, with its key and its parsed Leaf. It must not
// be changed.
func (s *Source) Certificate() *tls.Certificate {
	s.poll()
	return s.current.Load()
}

// read puts the files' certificate into use. The files' states are taken before
// their contents: whatever is written in between is noticed at the next poll.
func (s *Source) read() error {
	s.seen = nil
	seen, err := s.stat()
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", s.cert, s.key, err)
	}
	s.seen, s.lastError = seen, ""
	s.recent = slices.ContainsFunc(seen, func(fi os.FileInfo) bool {
		return time.Since(fi.ModTime()) < pollInterval
	})
	s.current.Store(&cert)
	return nil
}

func (s *Source) stat() ([]os.FileInfo, error) {
	var states []os.FileInfo
	for _, name := range []string{s.cert, s.key} {
		fi, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		states = append(states, fi)
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
		s.report(&s.lastError, s.renew())
	}
	if s.changed() {
		s.report(&s.lastError, s.read())
	}
	s.report(&s.lastWorry, s.worry(time.Unix(0, now)))
}

// worry is why mail programs refuse the certificate, or will do so soon.
func (s *Source) worry(now time.Time) error {
	leaf := s.current.Load().Leaf
	left := leaf.NotAfter.Sub(now)
	switch {
	case left <= 0:
		return fmt.Errorf("%s expired on %s: mail programs refuse it", s.cert, leaf.NotAfter.Format(time.DateOnly))
	case now.Before(leaf.NotBefore):
		return fmt.Errorf("%s is valid from %s on: mail programs refuse it until then, if this machine's clock is right", s.cert, leaf.NotBefore.Format(time.DateTime))
	case s.Name != "" && leaf.VerifyHostname(s.Name) != nil:
		return fmt.Errorf("%s is not for %s, but for %s: mail programs refuse it", s.cert, s.Name, strings.Join(leaf.DNSNames, ", "))
	case s.renew == nil && left < leaf.NotAfter.Sub(leaf.NotBefore)/6: // others are renewed when a third is left
		return fmt.Errorf("%s expires on %s, and has not been renewed", s.cert, leaf.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// report tells an error, unless it is the last that was told.
func (s *Source) report(last *string, err error) {
	if err != nil && err.Error() != *last {
		*last = err.Error()
		if s.Report != nil {
			s.Report(err)
		}
	}
}
