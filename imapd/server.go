package imapd

import (
	"posthorn/auth"
	"posthorn/store"
)

// Config says how the daemon behaves. The zero value is useful.
type Config struct {
	// ClearPasswords lets clients log in before TLS (loopback in a class).
	ClearPasswords bool
	// MaxMessage is the most octets of an APPEND; 0 means 50 MiB. It should be
	// the store's.
	MaxMessage int64
}

// Server is the IMAP daemon.
type Server struct {
	store    *store.Store
	auth     *auth.Authenticator
	cfg      Config
	commands map[string]command
}

// New returns a daemon that serves the mail in st to whom au knows.
func New(st *store.Store, au *auth.Authenticator, cfg Config) *Server {
	return &Server{store: st, auth: au, cfg: cfg, commands: commands()}
}
