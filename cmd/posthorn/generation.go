package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"posthorn/auth"
	"posthorn/imapd"
	"posthorn/internal/config"
	"posthorn/internal/deliver"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/pop3d"
	"posthorn/smtpd"
	"posthorn/tlsconf"
)

// A generation is everything that a configuration makes: the daemons with
// their certificates and limits, and the queue. A reload starts a new one and
// retires the old.
type generation struct {
	server *server
	cfg    *config.Config
	certs  *tlsconf.Source
	auth   *auth.Authenticator
	wires  map[string]*wire.Server // by protocol: each counts its own connections
	gates  []*gate
	http   *http.Server // what clients see
	watch  *http.Server // what watches over the server: listen.metrics
	queue  *outbound
	served sync.WaitGroup
}

// httpConnections is the most that one listener of HTTP serves at once; who
// comes then waits.
const httpConnections = 256

// ownCA is the folder of the CA that made the certificate, where that is one of
// our own: its key lies beside it.
func ownCA(cfg *config.Config) (dir string, own bool) {
	dir = filepath.Dir(cfg.TLS.Cert)
	return dir, cfg.TLS.Cert == filepath.Join(dir, "cert.pem") && exists(filepath.Join(dir, "ca.key"))
}

// loadCertificates opens the certificate of [tls]. One of our own making is
// renewed in time.
func loadCertificates(cfg *config.Config, logger *slog.Logger) (*tlsconf.Source, error) {
	if cfg.TLS.Cert == "" {
		return nil, nil
	}
	load := func() (*tlsconf.Source, error) { return tlsconf.Load(cfg.TLS.Cert, cfg.TLS.Key) }
	if dir, own := ownCA(cfg); own {
		load = func() (*tlsconf.Source, error) { return tlsconf.LoadCA(dir, certificateNames(cfg)) }
	}
	source, err := load()
	if err != nil {
		return nil, fmt.Errorf("the certificate in [tls]: %w", err)
	}
	source.Report = func(err error) { logger.Error("certificate", "error", err) }
	names := certificateNames(cfg)
	source.Name = names[len(names)-1]
	source.Certificate() // what is wrong with it is told at once
	return source, nil
}

// startGeneration starts daemons for cfg behind the server's sockets, and leaves
// the queue to be started. After an error the sockets are with whom they were.
func (s *server) startGeneration(cfg *config.Config, certs *tlsconf.Source) (*generation, error) {
	g := &generation{
		server: s, cfg: cfg, certs: certs,
		auth:  s.auth.With(auth.Config{NoLockout: !cfg.Auth.LockoutLoopback, ChannelBinding: cfg.Auth.ChannelBinding}),
		wires: map[string]*wire.Server{},
	}
	for _, t := range s.turnstiles {
		if kinds()[t.key].implicit && certs == nil {
			return nil, fmt.Errorf("listen.%s needs a certificate: give [tls] one, or turn the listener off with \"\"", t.key)
		}
	}
	var err error
	if g.queue, err = newOutbound(s, cfg); err != nil {
		return nil, err
	}
	daemons := g.daemons()
	for _, t := range s.turnstiles {
		gate := t.open()
		g.gates = append(g.gates, gate)
		k := kinds()[t.key]
		ln := net.Listener(gate)
		if k.isHTTP() {
			ln = netutil.LimitListener(gate, s.room.share(httpConnections))
		} else {
			ln = g.wire(k.protocol).Listener(gate, g.wireConfig(k))
		}
		g.served.Go(func() {
			if err := daemons[t.key](ln); err != nil {
				s.logger.Error("a listener ended", "listen", t.key, "error", err)
			}
		})
	}
	return g, nil
}

// kind is what a key of [listen] stands for.
type kind struct {
	protocol string
	implicit bool // TLS from the first octet on
}

func kinds() map[string]kind {
	return map[string]kind{
		"smtp": {"smtp", false}, "submission": {"submission", false}, "submissions": {"submission", true},
		"pop3": {"pop3", false}, "pop3s": {"pop3", true}, "imap": {"imap", false}, "imaps": {"imap", true},
		"http": {"http", false}, "https": {"http", true}, "metrics": {"metrics", false},
	}
}

func (k kind) isHTTP() bool { return k.protocol == "http" || k.protocol == "metrics" }

// daemons gives each key of [listen] its server.
func (g *generation) daemons() map[string]func(net.Listener) error {
	s := g.server
	pipeline := &deliver.Pipeline{Store: s.store, Hostname: g.cfg.Hostname, AnySender: g.cfg.SMTP.AnySender}
	mx := smtpd.Config{
		Hostname: g.cfg.Hostname, Backend: pipeline, MaxMessage: int64(g.cfg.SMTP.MaxMessage),
		MaxRecipients: g.cfg.SMTP.MaxRecipients, AnyHelo: g.cfg.SMTP.AnyHelo, Log: s.log,
	}
	submission := mx
	submission.Submission, submission.Auth, submission.PlainAuth = true, g.auth, g.clearFrom
	pop3 := pop3d.New(pop3d.Config{Store: s.store, Auth: g.auth, Hostname: g.cfg.Hostname, PlainAuth: g.clearFrom, Version: version(), Log: s.log})
	imap := imapd.New(s.store, g.auth, imapd.Config{
		ClearFrom: g.cfg.Auth.ClearFrom, MaxMessage: int64(g.cfg.SMTP.MaxMessage),
		Unauthenticate: g.cfg.IMAP.Unauthenticate, UIDOnly: g.cfg.IMAP.UIDOnly, Compress: g.cfg.IMAP.Compress, MessageLimit: g.cfg.IMAP.MessageLimit, NoQuirks: !g.cfg.IMAP.ClientQuirks,
		Admin: g.cfg.IMAP.Admin, Comment: g.cfg.IMAP.Comment, QuotaAdmins: addresses(g.cfg.IMAP.QuotaAdmins), ID: g.cfg.IMAP.ID, Version: version(), Log: s.log,
	})
	smtpServer, submissionServer := smtpd.New(mx), smtpd.New(submission)
	g.newHTTP()
	return map[string]func(net.Listener) error{
		"smtp": smtpServer.Serve, "submission": submissionServer.Serve, "submissions": submissionServer.Serve,
		"pop3": pop3.Serve, "pop3s": pop3.Serve, "imap": imap.Serve, "imaps": imap.Serve,
		"http":    func(ln net.Listener) error { return serveHTTP(g.http, ln) },
		"https":   func(ln net.Listener) error { return serveHTTP(g.http, tls.NewListener(ln, g.certs.Server("http"))) },
		"metrics": func(ln net.Listener) error { return serveHTTP(g.watch, ln) },
	}
}

// addresses are those that a configuration names, and has found to be some.
func addresses(named []string) (all []mail.Address) {
	for _, name := range named {
		if a, err := mail.ParseAddress(name); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// clearFrom reports whether a client at addr may send a password without TLS.
func (g *generation) clearFrom(addr netip.Addr) bool {
	return slices.ContainsFunc(g.cfg.Auth.ClearFrom, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
}

func (g *generation) wire(protocol string) *wire.Server {
	if g.wires[protocol] == nil {
		g.wires[protocol] = wire.NewServer()
	}
	return g.wires[protocol]
}

// wireConfig is what wire needs to know of a kind of listener.
func (g *generation) wireConfig(k kind) *wire.Config {
	cfg := &wire.Config{
		Protocol: k.protocol, Hostname: g.cfg.Hostname, Implicit: k.implicit,
		ProxyFrom: g.cfg.Listen.ProxyFrom, Tap: g.server.tap, Faults: g.server.faults, Log: g.server.log,
		Limits: wire.Limits{Total: g.server.room.share(g.cfg.Limits.Connections), LoopbackToo: g.cfg.Limits.Loopback},
	}
	if g.certs != nil {
		cfg.TLS = g.certs.Server(k.protocol)
	}
	perClient := 0
	switch k.protocol {
	case "smtp", "submission":
		cfg.Refusal, perClient = smtpd.Refusal(g.cfg.Hostname), g.cfg.Limits.SMTP
	case "pop3":
		cfg.Refusal, perClient = pop3d.Refusal, g.cfg.Limits.POP3
	case "imap":
		cfg.Refusal, perClient = imapd.Refusal, g.cfg.Limits.IMAP
	}
	cfg.Limits.PerAddress, cfg.Limits.PerAccount = perClient, perClient
	return cfg
}

// retire lets a replaced generation serve the clients that it has, and take no
// more; HTTP's have no longer than within.
func (g *generation) retire(within time.Duration) {
	for _, gate := range g.gates {
		gate.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	g.http.Shutdown(ctx)
	g.watch.Shutdown(ctx)
}

// wait waits until all clients of a retired generation have left.
func (g *generation) wait() {
	for _, w := range g.wires {
		w.Wait()
	}
	g.served.Wait()
}

// stop ends the generation: nothing new, then what is under way until
// deadline is closed, which is within that time.
func (g *generation) stop(within time.Duration, deadline <-chan struct{}) {
	var ending sync.WaitGroup
	ending.Go(func() {
		g.retire(within)
		g.http.Close()
		g.watch.Close()
	})
	for _, w := range g.wires {
		ending.Go(func() { w.Shutdown(deadline) })
	}
	ending.Go(g.queue.stop)
	ending.Wait()
	g.served.Wait()
}
