// Package smtpd speaks SMTP: as a mail exchanger on port 25, as a submission
// server on 587 and 465. It owns no mail: a Backend says whose mail is taken,
// and takes it.
//
// # Who does what
//
// go-smtp's server is the driver: it runs the loop of a connection, tells a
// Session what was asked, and survives its panics. Between it and the socket
// stands a front (front.go), which reads each command, runs by itself those
// that need not go further, and hands the others on as a line that the library
// cannot misread; the Session takes the true arguments from the front, and the
// front words every reply. No octet of a body passes through the library: the
// Backend reads it from the connection's buffer (body.go, lines.go), so the
// library can neither lose the end of a body nor run a part of it as commands.
//
//	smtpd.go    Config, Server, Backend
//	front.go    the front: reading commands, asking go-smtp, closing
//	session.go  go-smtp's Session: from its calls to the Backend
//	command.go  which command is which; RSET, NOOP, QUIT
//	hello.go    HELO, EHLO
//	mail.go     MAIL: transaction, parameters
//	rcpt.go     RCPT
//	params.go   the grammar of ESMTP parameters, xtext
//	data.go     DATA, and the outcome of a message
//	bdat.go     BDAT
//	body.go     a message's body, as the Backend reads it
//	lines.go    line ends and dots in a body
//	auth.go     AUTH
//	starttls.go STARTTLS
//	help.go     HELP, VRFY, EXPN; what to say to a typing error
//	reply.go    replies, and which error becomes which
//	fault.go    replies that a fault on demand gives in place of a command's own
//	limits.go   everything that has a bound
//
// # Where a choice was open
//
// A client that speaks before it was greeted (RFC 5321 §4.3.1 says that it
// should wait) is not punished: what it said is read after the greeting went
// out.
//
// Only CRLF.CRLF ends DATA, on every port. On port 25 a text with a bare CR, a
// bare LF or a NUL is refused (550 5.6.11), after it was read away to its end.
// Submission makes CRLF of a bare CR or LF, because users' scripts send them;
// there, too, a lone dot between any other line ends is text: so nothing that
// another server might take for an end is ever taken for one here, and what is
// stored and relayed has the dot inside a line of the message. A lone dot with
// wrong line ends that is followed by silence (a person or a script that waits
// for an answer) is answered with what is wrong, and the connection is closed.
package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/emersion/go-smtp"

	"posthorn/auth"
	"posthorn/internal/deliver"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/wire"
)

// Backend takes mail; deliver.Pipeline is one. The errors that have a meaning
// are those of package mail (reply.go says which reply each becomes); any
// other is logged and answered with 451. A call is made by one connection, one
// at a time; the Client and the Envelope are the Backend's until it returns.
type Backend interface {
	// Sender is asked at MAIL.
	Sender(ctx context.Context, c *deliver.Client, from mail.Address) error
	// Recipient is asked at RCPT; env holds what was accepted so far.
	Recipient(ctx context.Context, c *deliver.Client, env *mail.Envelope, to mail.Recipient) error
	// Accept takes a message. The message is whole only when body gave io.EOF;
	// Accept must keep nothing otherwise. After nil it is answered 250: it must
	// be on stable storage.
	Accept(ctx context.Context, c *deliver.Client, env *mail.Envelope, body io.Reader) (deliver.Outcome, error)
}

// Config describes a Server; one for port 25, another for submission.
type Config struct {
	// Hostname is what the server calls itself.
	Hostname string
	Backend  Backend
	// Auth checks who a client is; nil offers no AUTH (port 25).
	Auth *auth.Authenticator
	// Submission makes it a submission server (RFC 6409): nobody gets to MAIL
	// without AUTH, and line ends are repaired.
	Submission bool
	// MaxMessage is the largest message in octets, 50 MiB if zero.
	MaxMessage int64
	// MaxRecipients bounds a message's recipients, 1000 if zero.
	MaxRecipients int
	// PlainAuth tells who may authenticate without TLS; nil: nobody.
	PlainAuth func(netip.Addr) bool
	// AnyHelo lets a client call itself what it likes; otherwise the name must
	// look like a host's or be an address literal (one word is enough).
	// Submission never minds: the names of people's machines are what they are.
	AnyHelo bool
	Log     *maillog.Log

	// onReply sees each reply, in tests.
	onReply func(command string, code int)
}

// Server serves connections. Any goroutine may call its methods.
type Server struct {
	cfg  Config
	auth authenticator // nil: no AUTH
	smtp *smtp.Server
	// strangers is what the recipients of all open transactions take up (see
	// strangersTogether; in submission nobody asks for it).
	strangers atomic.Int64
}

// authenticator is what is used of auth.Authenticator.
type authenticator interface {
	Mechanisms(over *tls.ConnectionState) []string
	Start(ctx context.Context, from netip.Addr, over *tls.ConnectionState, mechanism string) (auth.Exchange, error)
	Enter(ctx context.Context, who auth.Identity, end func()) (leave func(), err error)
}

// New returns a Server.
func New(cfg Config) *Server {
	if cfg.MaxMessage == 0 {
		cfg.MaxMessage = defaultMaxMessage
	}
	if cfg.MaxRecipients == 0 {
		cfg.MaxRecipients = defaultMaxRecipients
	}
	s := &Server{cfg: cfg}
	if cfg.Auth != nil {
		s.auth = cfg.Auth
	}
	// All of the library's limits, time-outs and extensions stay off: they
	// are the front's and the wire's.
	s.smtp = smtp.NewServer(smtp.BackendFunc(newSession))
	s.smtp.Domain = cfg.Hostname
	s.smtp.MaxLineLength = 0
	s.smtp.ErrorLog = library{cfg.Log}
	return s
}

// Serve accepts connections on ln, which should be one of wire.Server's, until
// ln is closed, and then waits for those that there are: wire.Server's Shutdown
// ends them.
func (s *Server) Serve(ln net.Listener) error {
	var sessions sync.WaitGroup
	defer sessions.Wait()
	err := s.smtp.Serve(listener{ln, s, &sessions})
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Refusal words the last line for a client of an SMTP listener that wire
// refuses or cuts off (wire.Config.Refusal).
func Refusal(hostname string) func(error) string {
	return func(err error) string {
		r := reply{code: 421, enhanced: "4.3.2", text: hostname + " Service not available: closing"}
		switch {
		case errors.Is(err, wire.ErrTooMany):
			r.enhanced, r.text = "4.7.0", hostname+" Too many connections from you: try again later"
		case errors.Is(err, wire.ErrTimeout):
			r.enhanced, r.text = "4.4.2", hostname+" Timed out waiting for you: closing"
		case errors.Is(err, wire.ErrExpelled):
			r.enhanced, r.text = "4.7.0", hostname+" Your login is no longer valid: closing"
		case errors.Is(err, wire.ErrShutdown):
			r.text = hostname + " Shutting down: try again later"
		}
		return r.String()
	}
}

// listener makes a front of each connection.
type listener struct {
	net.Listener
	server   *Server
	sessions *sync.WaitGroup // in go-smtp's hands
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w, ok := c.(*wire.Conn)
	if !ok {
		w = wire.NewConn(c, &wire.Config{Protocol: "smtp", Hostname: l.server.cfg.Hostname, Log: l.server.cfg.Log})
	}
	f := newFront(w, l.server)
	l.sessions.Add(1)
	f.left = sync.OnceFunc(l.sessions.Done)
	return f, nil
}

// library gives go-smtp's complaints to the log.
type library struct{ log *maillog.Log }

func (l library) Printf(format string, v ...any) {
	l.log.Internal("", "go-smtp", fmt.Errorf(format, v...))
}

func (l library) Println(v ...any) { l.Printf("%s", fmt.Sprintln(v...)) }
