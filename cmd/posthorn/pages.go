package main

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"posthorn/internal/clientconf"
	"posthorn/internal/httpd"
	"posthorn/internal/mail"
	"posthorn/internal/metrics"
)

// newHTTP makes the two servers of HTTP: one for everybody, with what
// http.pages names, and one for what watches over the server.
func (g *generation) newHTTP() {
	s := g.server
	figures := metrics.Handler(metrics.Source{Log: s.log, Store: s.store, Auth: s.auth, Version: version(), Report: s.logger})
	g.http = httpd.New(httpd.Config{
		Access: clientconf.New(g.cfg), IsDomain: s.store.IsDomain, Serve: g.cfg.HTTP.Pages,
		Auth: g.auth, ClearFrom: g.clearFrom, TrustedProxies: g.cfg.HTTP.TrustedProxies, Signer: g.signer, Health: g.health, Metrics: figures, Pages: s.pages, Log: s.log,
	})
	g.watch = httpd.New(httpd.Config{Serve: []string{"healthz", "metrics"}, Health: g.health, Metrics: figures, Log: s.log})
}

func serveHTTP(server *http.Server, ln net.Listener) error {
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// signer signs profiles with what is shown in TLS; without any they are not
// signed.
func (g *generation) signer() *tls.Certificate {
	if g.certs == nil {
		return nil
	}
	return g.certs.Certificate()
}

// health is an error while the disk is full, and once the store takes nothing
// more.
func (g *generation) health() error {
	if g.server.store.Full() {
		return mail.ErrNoSpace
	}
	select {
	case <-g.server.failed():
		return net.ErrClosed
	default:
		return nil
	}
}
