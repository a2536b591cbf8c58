package imapd

import (
	"errors"
	"log"
	"net"
	"net/netip"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/wire"
	"posthorn/store"
)

// Config says how the daemon behaves. The zero value is useful.
type Config struct {
	// ClearFrom are the networks from which a password may come without TLS.
	ClearFrom []netip.Prefix
	// MaxMessage is the most octets of an APPEND; 0 means 50 MiB. It should be
	// the store's.
	MaxMessage int64
	// Unauthenticate offers the command of that name (RFC 8437), with which a
	// connection is handed from one account to the next.
	Unauthenticate bool
	// UIDOnly offers UIDONLY (RFC 9586), which some clients mishandle.
	UIDOnly bool
	// Compress offers COMPRESS=DEFLATE (RFC 4978). A compressed connection holds
	// about 10 KiB more, and up to 40 once the client has said much.
	Compress bool
	// MessageLimit is how many messages one command works on (RFC 9738, which
	// wants at least 1000); 0 is any number, and does not offer it.
	MessageLimit int
	// QuotaAdmins are the accounts that are offered QUOTASET (RFC 9208): they set
	// everybody's limits, and see them.
	QuotaAdmins []mail.Address
	// Admin is a URI by which whoever runs the server is reached, and Comment a
	// word of theirs, for METADATA (RFC 5464 §3.2.1.1); an empty one isn't told.
	Admin, Comment string
	// Version is what ID tells; empty tells none.
	Version string
	// ID are further fields for ID (RFC 2971 §3.3), such as support-url, or
	// others for name and version; one that is empty isn't told. Names have at
	// most 30 octets, values 1024, both in printable ASCII, and no two names
	// are the same without regard to case.
	ID map[string]string
	// NoQuirks treats all clients alike: see quirks.go.
	NoQuirks bool
	Log      *maillog.Log
}

// Server is the IMAP daemon. It may serve several listeners.
type Server struct {
	store    *store.Store
	auth     *auth.Authenticator
	cfg      Config
	commands map[string]command
	id       []idField // what ID tells
	driver   *imapserver.Server
}

// New returns a daemon that serves the mail in st to whom au knows.
func New(st *store.Store, au *auth.Authenticator, cfg Config) *Server {
	if cfg.MaxMessage == 0 {
		cfg.MaxMessage = 50 << 20
	}
	srv := &Server{store: st, auth: au, cfg: cfg, commands: commands(cfg), id: cfg.idFields()}
	srv.driver = imapserver.New(&imapserver.Options{
		NewSession: newDriven,
		// What is offered stands in capability.go: the front puts it into the
		// greeting. This list is only what imapserver insists on.
		Caps:   imap.CapSet{imap.CapIMAP4rev1: {}},
		Logger: log.New(driverLog{srv}, "", 0),
	})
	return srv
}

// Serve accepts connections until ln is closed. ln must be one of a
// wire.Server's listeners, whose Shutdown ends the connections.
func (srv *Server) Serve(ln net.Listener) error { return srv.driver.Serve(&listener{ln, srv}) }

// Refusal is what wire.Config.Refusal should be for listeners of this daemon.
func Refusal(err error) string {
	switch {
	case errors.Is(err, wire.ErrTooMany):
		return "* BYE [LIMIT] Too many connections, try again later"
	case errors.Is(err, wire.ErrTimeout):
		return "* BYE Idle for too long"
	case errors.Is(err, wire.ErrExpelled):
		return "* BYE Your login is no longer valid"
	case errors.Is(err, wire.ErrShutdown):
		return "* BYE [UNAVAILABLE] Server is going down, try again later"
	}
	return "* BYE [UNAVAILABLE] Cannot serve you now, try again later"
}

// clearFrom reports whether addr may send a password without TLS.
func (srv *Server) clearFrom(addr netip.Addr) bool {
	addr = addr.Unmap()
	return slices.ContainsFunc(srv.cfg.ClearFrom, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// listener hands imapserver a front for each connection.
type listener struct {
	net.Listener
	srv *Server
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*wire.Conn)
	if !ok {
		c.Close()
		return nil, errors.New("imapd: the listener is not a wire.Server's")
	}
	return newFront(conn, l.srv), nil
}

// driverLog takes imapserver's own log lines: what went wrong before or after
// the front ran.
type driverLog struct{ srv *Server }

func (l driverLog) Write(p []byte) (int, error) {
	l.srv.cfg.Log.Internal("", "driving a connection", errors.New(string(p)))
	return len(p), nil
}
