// Package relay hands messages to next hops by SMTP (RFC 5321 §4, as client).
//
// A Relay knows the way (Route), opens sessions and sends: several messages on
// a connection, with an outcome for each recipient. The transactions are
// go-smtp's Client's; a front between it and the connection does what that
// client cannot (front.go says what). A message that the next hop cannot take
// as it is, is converted by package recode, or refused with the reason.
package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"time"

	"posthorn/internal/mail"
)

// TLSMode says how a connection to a next hop is secured.
type TLSMode string

const (
	// TLSOpportunistic: STARTTLS where the hop offers it, whatever its
	// certificate, and in clear where it does not or where that fails (RFC
	// 7435). It is what an empty mode means.
	TLSOpportunistic TLSMode = "opportunistic"
	// TLSRequired: STARTTLS with a certificate that verifies, or not at all.
	TLSRequired TLSMode = "required"
	// TLSImplicit: TLS from the first octet (RFC 8314), verified.
	TLSImplicit TLSMode = "implicit"
	// TLSNone: in clear.
	TLSNone TLSMode = "none"
)

// Route is the way to a next hop.
type Route struct {
	// Address is host:port. The host is also what a certificate must name.
	Address string
	TLS     TLSMode
	// CA verifies the certificate; nil: the system's.
	CA *x509.CertPool
	// User and Password, when set, are given by AUTH PLAIN or LOGIN: to a
	// server whose certificate verifies, whatever else TLS allows, or in clear
	// when it is TLSNone.
	User, Password string
}

// Timeouts bound how long the next hop is waited for. The zero value of each
// stands for what RFC 5321 §4.5.3.2 recommends.
type Timeouts struct {
	Connect   time.Duration // 30 s, the handshake of TLS too
	Command   time.Duration // 5 min: the greeting, EHLO, MAIL, RCPT and others
	DataStart time.Duration // 2 min: the reply to DATA
	DataBlock time.Duration // 3 min: each piece of the message
	DataEnd   time.Duration // 10 min: the reply to the final dot
}

// Relay carries messages to next hops. Its fields must not be changed once it
// is in use.
type Relay struct {
	// Hostname is this server's name, for EHLO.
	Hostname string
	// Routes leads domains (mail.DomainKey) to their hops, Default all others;
	// nil: mail for them cannot be sent.
	Routes  map[string]*Route
	Default *Route
	// TLS is what connections are secured with, as far as a route says nothing
	// else; nil: the defaults of crypto/tls.
	TLS      *tls.Config
	Timeouts Timeouts
	// Dial opens a connection; nil: net.Dialer's DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Hop names the next hop of a domain: domains with the same route share one.
func (r *Relay) Hop(domain string) string {
	key := mail.DomainKey(domain)
	if route := r.Routes[key]; route != nil {
		return route.name()
	}
	if r.Default != nil {
		return r.Default.name()
	}
	return unrouted + key
}

// name is what tells the route from those to other places, or to the same on
// other terms.
func (r *Route) name() string { return r.Address + " " + string(r.TLS) + " " + r.User }

// unrouted marks the hop of a domain that no route leads to. This is the place
// of delivery by MX records, which will find the hosts of such a domain.
const unrouted = "mx:"

// route finds the route that a hop's name stands for; nil when there is none.
func (r *Relay) route(hop string) *Route {
	if r.Default != nil && r.Default.name() == hop {
		return r.Default
	}
	for _, route := range r.Routes {
		if route.name() == hop {
			return route
		}
	}
	return nil
}

// maxStrikes is how often in a row a connection may break without a message
// having gone through, before the hop counts as down.
const maxStrikes = 2

// Deliver hands messages to a hop, many on a connection, until next has none.
// done gets the results of each, in the order of its recipients. When the hop
// cannot be reached, or breaks connections off, the result says why.
func (r *Relay) Deliver(ctx context.Context, hop string, next func() *mail.Outgoing, done func([]mail.Result)) *mail.Result {
	route := r.route(hop)
	if route == nil {
		return &mail.Result{Disposition: mail.Failed, Status: "5.4.4", Text: "no route to the domain is configured"}
	}
	s, down := r.open(ctx, route)
	if down != nil {
		return down
	}
	defer func() { s.close() }()
	reopen := func() (down *mail.Result) {
		s.close()
		fresh, down := r.open(ctx, route)
		if down == nil {
			s = fresh
		}
		return down
	}
	strikes := 0
	for m := next(); m != nil; m = next() {
		giveUp := func(down *mail.Result) *mail.Result {
			done(repeat(*down, len(m.To)))
			return down
		}
		if s.broken != nil {
			if strikes++; strikes >= maxStrikes {
				lost := s.lost()
				return giveUp(&lost)
			}
			if down := reopen(); down != nil {
				return giveUp(down)
			}
		}
		results := s.send(m)
		if s.broken != nil && s.carried > 0 && !s.begun {
			// A server that closes a connection after so many messages, or so long
			// a silence, says so at the next MAIL at the earliest.
			if down := reopen(); down != nil {
				return giveUp(down)
			}
			results = s.send(m)
		}
		if s.broken == nil {
			strikes = 0
			s.carried++
		}
		done(results)
	}
	return nil
}

func repeat(res mail.Result, n int) []mail.Result {
	results := make([]mail.Result, n)
	for i := range results {
		results[i] = res
	}
	return results
}

func (t Timeouts) withDefaults() Timeouts {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.Connect, 30 * time.Second}, {&t.Command, 5 * time.Minute}, {&t.DataStart, 2 * time.Minute},
		{&t.DataBlock, 3 * time.Minute}, {&t.DataEnd, 10 * time.Minute},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return t
}
