package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"posthorn/internal/config"
	"posthorn/internal/mail"
	"posthorn/internal/queue"
	"posthorn/internal/relay"
	"posthorn/store"
)

// outbound is the queue at work.
type outbound struct {
	scheduler *queue.Scheduler
	ctx       context.Context // ends when nothing new is to be begun
	halt      context.CancelFunc
	done      chan struct{} // closed when nothing is under way any more
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
	o := &outbound{scheduler: scheduler, done: make(chan struct{})}
	o.ctx, o.halt = context.WithCancel(context.Background())
	return o, nil
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

// start begins when the one before (nil: none) has nothing under way any more:
// two would deliver twice.
func (o *outbound) start(before *outbound) {
	go func() {
		defer close(o.done)
		if before != nil {
			<-before.done
		}
		o.scheduler.Run(o.ctx)
	}()
}

// stop begins nothing new and waits for what is under way, as long as the
// scheduler allows it.
func (o *outbound) stop() {
	o.halt()
	<-o.done
}
