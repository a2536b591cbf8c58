package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"time"

	"posthorn/auth"
	"posthorn/internal/config"
	"posthorn/internal/control"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/wire"
	"posthorn/store"
	"posthorn/tlsconf"
)

const (
	// stopTime is how long what is under way may take to end at a stop.
	stopTime = 20 * time.Second
	// failTime is that when the disk has failed: nothing can come of it.
	failTime = 2 * time.Second
)

// server is a running server: what lives as long as the process. What a reload
// replaces is in its generation.
type server struct {
	cfg        *config.Config
	logger     *slog.Logger
	log        *maillog.Log
	tap        *wire.Tap
	store      *store.Store
	auth       *auth.Authenticator // whose memory all generations share
	room       *room
	turnstiles []*turnstile
	control    net.Listener
	pages      http.Handler // beside httpd's own; nil: none
	faults     *fault.Set   // on demand; nil: none
	// tried, when set, is told of each attempt to hand a queued message on.
	tried  func(server, hop string, e *store.QueueEntry, res mail.Result)
	ctx    context.Context // ends with the server, not with its starter
	cancel context.CancelFunc
	// background is what goes on until ctx ends, or the sockets are closed.
	background sync.WaitGroup

	mu      sync.Mutex // of what follows
	current *generation
	old     []*generation // replaced, with clients that may still be there
}

// newServer returns a server that start starts.
func newServer(cfg *config.Config, logger *slog.Logger) *server {
	return &server{cfg: cfg, logger: logger, log: maillog.New(logger), tap: &wire.Tap{}, room: newRoom()}
}

// start binds the sockets, drops root, opens the store and serves. ctx is for
// starting only: stop ends the server.
func (s *server) start(ctx context.Context) error {
	cfg, logger := s.cfg, s.logger
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	certificates, err := loadCertificates(cfg, logger) // while still root: the key may be root's
	if err != nil {
		return err
	}
	sockets, err := bind(cfg)
	if err != nil {
		return err
	}
	if err := dropRoot(cfg.User); err != nil {
		closeAll(sockets)
		return err
	}
	if certificates != nil {
		if _, err := tlsconf.Load(cfg.TLS.Cert, cfg.TLS.Key); err != nil {
			logger.Warn("the next certificate will not be read: the server has dropped the right to", "error", err)
		}
	}
	for _, sock := range sockets {
		s.turnstiles = append(s.turnstiles, newTurnstile(sock, s.room, s.log))
	}
	storeCfg := storeConfig(cfg)
	storeCfg.Report = func(msg string, args ...any) { logger.Warn(msg, args...) }
	if s.store, err = store.Open(ctx, storeCfg); err != nil {
		closeAll(sockets)
		return fmt.Errorf("opening the store: %w", err)
	}
	if s.control, err = control.Listen(cfg.Data); err != nil {
		closeAll(sockets)
		return errors.Join(fmt.Errorf("control socket: %w", err), s.store.Close())
	}
	s.auth = auth.New(s.store, auth.Config{})
	if err := s.auth.Prepare(ctx); err != nil {
		logger.Warn("nobody can log in until the store can be written to", "error", err)
	}
	operator := &control.Operator{Store: s.store, Auth: s.auth, Log: s.log, Watched: &control.Watched{Name: cfg.Hostname, Tap: s.tap}}
	s.background.Go(func() { giveMemoryBack(s.ctx) })
	s.background.Go(func() {
		s.auth.Watch(s.ctx, func(err error) { logger.Error("looking for sessions that must end", "error", err) })
	})
	s.background.Go(func() { control.Serve(s.ctx, s.control, operator) })
	s.room.report(cfg.Limits.Connections, logger)
	if s.current, err = s.startGeneration(cfg, certificates); err != nil {
		closeAll(sockets)
		return errors.Join(err, s.leave())
	}
	s.current.queue.start(nil)
	for _, t := range s.turnstiles {
		s.background.Go(t.run)
	}
	return nil
}

// certificate is what the server shows in TLS; nil: nothing.
func (s *server) certificate() *x509.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.certs == nil {
		return nil
	}
	return s.current.certs.Certificate().Leaf
}

// switchListener has what listens for a key of [listen] refuse connections, or
// take them again. Those that there are go on.
func (s *server) switchListener(key string, up bool) error {
	for _, t := range s.turnstiles {
		if t.key != key {
			continue
		}
		if err := t.turn(up); err != nil {
			return err
		}
	}
	return nil
}

// failed is closed when the store cannot go on.
func (s *server) failed() <-chan struct{} { return s.store.Failed() }

// reload puts another configuration into force: for new connections at once,
// while those that are open end as they would. Listeners and the data folder
// stay what they are until a restart.
func (s *server) reload(ctx context.Context, cfg *config.Config) error {
	certificates, err := loadCertificates(cfg, s.logger)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.warnOfRestart(cfg)
	before := s.current
	next, err := s.startGeneration(cfg, certificates)
	if err != nil {
		return err
	}
	s.store.SetMaxMessage(storeConfig(cfg).MaxMessage)
	before.queue.halt()
	next.queue.start(before.queue)
	s.current = next
	s.cfg = cfg
	s.old = append(s.old, before)
	s.background.Go(func() {
		before.retire(stopTime)
		before.wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.old = slices.DeleteFunc(s.old, func(g *generation) bool { return g == before })
	})
	return nil
}

// warnOfRestart names the changes that a reload cannot make.
func (s *server) warnOfRestart(cfg *config.Config) {
	was := maps.Collect(s.cfg.Listen.All())
	for key, addresses := range cfg.Listen.All() {
		if !slices.Equal(was[key], addresses) {
			s.logger.Warn("a changed address needs a restart", "listen", key)
		}
	}
	for _, c := range []struct {
		key  string
		same bool
	}{
		{"data", s.cfg.Data == cfg.Data}, {"user", s.cfg.User == cfg.User},
		{"[log]", s.cfg.Log == cfg.Log}, {"[class]", reflect.DeepEqual(s.cfg.Class, cfg.Class)},
	} {
		if !c.same {
			s.logger.Warn("a change in " + c.key + " needs a restart")
		}
	}
}

// stop ends the server: nothing new, then what is under way for at most
// within, then the store.
func (s *server) stop(within time.Duration) {
	deadline := make(chan struct{})
	timer := time.AfterFunc(within, func() { close(deadline) })
	defer timer.Stop()
	for _, t := range s.turnstiles {
		t.close()
	}
	s.mu.Lock()
	generations := append(slices.Clone(s.old), s.current)
	s.mu.Unlock()
	var ending sync.WaitGroup
	for _, g := range generations {
		ending.Go(func() { g.stop(within, deadline) })
	}
	ending.Wait()
	if err := s.leave(); err != nil {
		s.logger.Error("closing the store", "error", err)
	}
}

// leave ends what goes on in the background, and then closes the store.
func (s *server) leave() error {
	s.control.Close()
	s.cancel()
	s.background.Wait()
	return s.store.Close()
}
