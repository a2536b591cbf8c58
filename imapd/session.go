package imapd

import (
	"context"
	"sync/atomic"

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
)

const (
	anyState = notAuthenticated | authenticated | selected
	// loggedIn is authenticated or selected.
	loggedIn = authenticated | selected
)

// session is one client's session: the one authority on its state. It is used
// by the connection's goroutine alone.
type session struct {
	srv    *Server
	conn   *wire.Conn
	ctx    context.Context
	cancel context.CancelFunc
	out    *writer

	state state
	who   auth.Identity // once logged in
	// leave tells auth that who is gone.
	leave   func()
	enabled enabled
	hidden  []string // capabilities that this client isn't offered: see quirks.go
	box     *mailbox // what is selected, or nil

	// of the command under way
	tag, name string
	secret    bool   // it holds a password
	tried     bool   // a login was: what comes next may be a secret gone astray
	done      status // what its handler wants said with OK
	// limit is the lowest message that it worked on, where there were more than it
	// may work on; else 0.
	limit mail.UID
	// numbers: it holds sequence numbers, so nothing may be expunged meanwhile.
	numbers bool
	// driver is a line that imapserver shall answer; answered: the tagged
	// answer is out already.
	driver   string
	answered bool
	// after is done once the answer is out.
	after func() error
	// boxDeleted: the selected mailbox is gone, and so will be the connection.
	boxDeleted bool
	// lost is what ended the connection; nothing more is said.
	lost error
	// ahead are the APPENDs that are not answered yet, with so many octets.
	ahead       []*appending
	aheadOctets int64
	// whole is the buffer of commands with literals, while it is small.
	whole []byte

	faults int // commands that made no sense
	// shift is added to each UIDVALIDITY that is told: a fault on demand.
	shift         uint32
	loginFailures int
}

func newSession(c *wire.Conn, srv *Server) *session {
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{srv: srv, conn: c, ctx: ctx, cancel: cancel, state: notAuthenticated}
	s.out = &writer{conn: c}
	c.BeforeRefusal(func() {
		s.settle()
		s.out.flush()
	})
	return s
}

// close ends the session; the connection is gone or about to be.
func (s *session) close() {
	s.settle()
	s.deselect()
	if s.leave != nil {
		s.leave()
	}
	s.cancel()
}

// account is whose mail this is; only when logged in.
func (s *session) account() store.AccountID { return s.who.Account }

// private reports whether a password may cross this connection.
func (s *session) private() bool {
	return s.conn.TLSState() != nil || s.srv.clearFrom(s.conn.Remote())
}

// enabled is what the client switched on with ENABLE (RFC 9051 §6.3.1).
type enabled struct {
	rev2 bool // IMAP4rev2
	utf8 bool // UTF8=ACCEPT (RFC 6855)
	// condstore: by ENABLE or any other CONDSTORE enabling command (RFC 7162
	// §3.1): every FETCH that nobody asked for has MODSEQ.
	condstore bool
	// qresync: VANISHED is said in place of EXPUNGE (RFC 7162 §3.2.3).
	qresync bool
	// uidOnly: no sequence numbers any more (RFC 9586).
	uidOnly bool
}

// unicode: mailbox names and quoted strings are UTF-8 in both directions
// (RFC 9051 §5.1, RFC 6855 §3); else names are in modified UTF-7.
func (e enabled) unicode() bool { return e.rev2 || e.utf8 }

// mailbox is the selected mailbox, as this session sees it.
type mailbox struct {
	id       store.MailboxID
	name     string // for the transcript
	readOnly bool   // by EXAMINE
	// flags are those that FLAGS named: the system flags and the keywords.
	flags mail.Flags
	view  view
	// modSeq is what the session has heard up to: what the next ChangesSince
	// asks from. gone and arrived are what it heard and didn't tell yet.
	modSeq  mail.ModSeq
	gone    mail.UIDSet
	arrived []mail.UID
	// held is how far everything was told when gone began to fill, and sent
	// the highest MODSEQ in a FETCH of the command under way: see tellHighest.
	held, sent mail.ModSeq
	// vanished: a VANISHED was said, or something expunged, by the command under
	// way, so that the client with QRESYNC is told how far it is in step.
	vanished bool
	// own is what this session changed since the last sync, ascending by UID:
	// it needs no telling.
	own     []store.FlagResult
	watcher *store.Watcher
	// woken: the watcher was, and nobody looked yet. IDLE's goroutine sets it.
	woken atomic.Bool
	// saved is the result of the last SEARCH RETURN (SAVE), RFC 9051 §6.4.4.1.
	saved mail.UIDSet
}

// deselect leaves the selected mailbox, if there is one.
func (s *session) deselect() {
	if s.box == nil {
		return
	}
	s.box.watcher.Close()
	s.box = nil
	s.state = authenticated
}
