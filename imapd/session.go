package imapd

import (
	"context"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// state is a connection's state (RFC 9051 §3); as a set of bits it says where
// a command is allowed.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	selected
	loggedOut
)

const (
	anyState = notAuthenticated | authenticated | selected
	// loggedIn is authenticated or selected.
	loggedIn = authenticated | selected
)

// session is one client's session: the one authority on its state. It is used
// by the connection's goroutine alone.
type session struct {
	srv  *Server
	conn *wire.Conn
	ctx  context.Context
	out  *writer

	state   state
	who     auth.Identity // once logged in
	enabled enabled
	box     *mailbox // what is selected, or nil

	// of the command under way
	tag, name string
	done      status // what its handler wants said with OK
}

// account is whose mail this is; only when logged in.
func (s *session) account() store.AccountID { return s.who.Account }

// enabled is what the client switched on with ENABLE (RFC 9051 §6.3.1).
type enabled struct {
	rev2 bool // IMAP4rev2
	utf8 bool // UTF8=ACCEPT (RFC 6855)
}

// unicode: mailbox names and quoted strings are UTF-8 in both directions
// (RFC 9051 §5.1, RFC 6855 §3); else names are in modified UTF-7.
func (e enabled) unicode() bool { return e.rev2 || e.utf8 }

// mailbox is the selected mailbox, as this session sees it.
type mailbox struct {
	id       store.MailboxID
	name     string
	readOnly bool // by EXAMINE
	view     view
	// modSeq is what the view is true of: what the next ChangesSince asks from.
	modSeq  mail.ModSeq
	watcher *store.Watcher
	// saved is the result of the last SEARCH RETURN (SAVE), RFC 9051 §6.4.4.1.
	saved mail.UIDSet
}
