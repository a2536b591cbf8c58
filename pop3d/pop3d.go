// Package pop3d speaks POP3 (RFC 1939, with the extensions of RFC 2449, 2595,
// 5034, 3206 and 6856) over the messages that an INBOX holds at login.
//
//	pop3d.go     Config, Server
//	session.go   a connection's loop and state
//	command.go   which command is which, and when it may be given
//	login.go     USER, PASS, APOP
//	sasl.go      AUTH
//	stls.go      STLS
//	capa.go      CAPA
//	drop.go      the list fixed at login, its numbers and unique ids
//	ahead.go     messages read before they are asked for
//	listing.go   STAT, LIST, UIDL
//	retr.go      RETR, TOP
//	stuff.go     a message's octets as a multi-line response
//	dele.go      DELE, RSET, QUIT
//	utf8.go      UTF8, LANG
//	reply.go     replies, and which error becomes which
//
// # Where a choice was open
//
// Reading a message leaves its flags alone: \Seen belongs to the person who
// reads by IMAP, and a program that fetches copies is not that person.
//
// A message goes out with the octets that came in, whether or not the client
// said UTF8 (RFC 6856 §2.1 would have a client without it refused, or shown
// another message): no client in use could do anything with the refusal but
// stop fetching.
//
// Many clients take a bare LF for a line end, and some messages have one. A dot
// behind it is doubled like one behind CRLF: otherwise such a client would take
// it away, or take a lone one for the end of the message. A client that knows
// CRLF alone sees one dot too many there.
//
// A message that does not end in CRLF gets one, for without it the final dot
// could not be told (RFC 1939 §3). The sizes in STAT and LIST do not count it.
//
// When a client has been silent for too long the connection is closed without
// a word (RFC 1939 §3): the word would be taken for the next command's answer.
package pop3d

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"posthorn/auth"
	"posthorn/internal/maillog"
	"posthorn/internal/wire"
	"posthorn/store"
)

// Config describes a Server. Store and Auth must be set.
type Config struct {
	// Hostname is what the server calls itself.
	Hostname string
	Store    *store.Store
	Auth     *auth.Authenticator
	// PlainAuth tells who may log in without TLS; nil: nobody.
	PlainAuth func(netip.Addr) bool
	// Version is told in CAPA's IMPLEMENTATION; empty tells none.
	Version string
	Log     *maillog.Log
}

// Server serves connections. Any goroutine may call its methods.
type Server struct{ cfg Config }

// New returns a Server.
func New(cfg Config) *Server { return &Server{cfg: cfg} }

// Serve accepts connections on ln, which must be one of wire.Server's, until ln
// is closed, and then waits for those that there are: wire.Server's Shutdown
// ends them.
func (srv *Server) Serve(ln net.Listener) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	for {
		c, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		conn, ok := c.(*wire.Conn)
		if !ok {
			c.Close()
			return errors.New("pop3d: the listener is not a wire.Server's")
		}
		sessions.Go(func() { srv.serveConn(context.Background(), conn) })
	}
}

// serveConn serves one connection and closes it.
func (srv *Server) serveConn(ctx context.Context, conn *wire.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &session{srv: srv, conn: conn, ctx: ctx}
	defer s.close()
	defer conn.Close()
	defer conn.Recover(nil)
	s.serve()
}

// Refusal is what wire.Config.Refusal should be for listeners of this daemon.
func Refusal(err error) string {
	switch {
	case errors.Is(err, wire.ErrTooMany):
		return "-ERR [SYS/TEMP] Too many connections from you: try again later"
	case errors.Is(err, wire.ErrExpelled):
		return "-ERR [AUTH] Your login is no longer valid"
	case errors.Is(err, wire.ErrShutdown):
		return "-ERR [SYS/TEMP] The server is going down: try again later"
	}
	return "" // RFC 1939 §3: a time-out is silent
}
