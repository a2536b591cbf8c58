package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"posthorn/internal/config"
	"posthorn/internal/mail"
	"posthorn/internal/queue"
	"posthorn/internal/relay"
	"posthorn/store"
)

// outbound is the queue at work: it can be stopped and started again.
type outbound struct {
	scheduler *queue.Scheduler

	mu     sync.Mutex
	cancel context.CancelFunc // nil while it stands still
	done   chan struct{}
}

func newOutbound(s *server, cfg *config.Config) (*outbound, error) {
	transport := &relay.Relay{Hostname: cfg.Hostname, Routes: map[string]*relay.Route{}}
	if cfg.Relay.Smarthost.Address != "" {
		r, err := route(cfg.Relay.Smarthost)
		if err != nil {
			return nil, fmt.Errorf("relay.smarthost: %w", err)
		}
		transport.Default = r
	}
	for domain, hop := range cfg.Relay.Routes {
		r, err := route(hop)
		if err != nil {
			return nil, fmt.Errorf("relay.routes.%s: %w", domain, err)
		}
		transport.Routes[mail.DomainKey(domain)] = r
	}
	q := queue.Config{
		Hostname: cfg.Hostname, GiveUpAfter: time.Duration(cfg.Queue.GiveUp), DelayAfter: time.Duration(cfg.Queue.WarnAfter),
		MaxPerHop: cfg.Relay.ConnectionsPerHop, Grace: stopTime, MaxConnections: s.room.hops,
	}
	for _, d := range cfg.Queue.Retry {
		q.Retry = append(q.Retry, time.Duration(d))
	}
	scheduler := &queue.Scheduler{Store: s.store, Transport: transport, Config: q, Log: s.log}
	if s.tried != nil {
		scheduler.Tried = func(hop string, e *store.QueueEntry, res mail.Result) { s.tried(cfg.Hostname, hop, e, res) }
	}
	return &outbound{scheduler: scheduler}, nil
}

// route is a configured hop with its files read.
func route(hop config.Hop) (*relay.Route, error) {
	r := &relay.Route{Address: hop.Address, TLS: relay.TLSMode(hop.TLS), User: hop.User}
	var err error
	if r.CA, err = readRoots(hop.CA); err != nil {
		return nil, err
	}
	if hop.PasswordFile != "" {
		b, err := os.ReadFile(hop.PasswordFile)
		if err != nil {
			return nil, err
		}
		r.Password = strings.TrimRight(string(b), "\r\n")
	}
	return r, nil
}

func (o *outbound) start() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	o.cancel, o.done = cancel, done
	go func() {
		defer close(done)
		o.scheduler.Run(ctx)
	}()
}

// stop begins nothing new and waits for what is under way.
func (o *outbound) stop() {
	o.mu.Lock()
	cancel, done := o.cancel, o.done
	o.cancel = nil
	o.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}
