package class

import (
	"encoding/json"
	"time"

	"posthorn/internal/fault"
	"posthorn/internal/wire"
)

// What follows is told to the page as JSON; internal/class/page/api.go says how
// it is asked for.

// State is everything that the page needs to begin with, and after a POST.
// What happens after Seq comes as events.
type State struct {
	Now time.Time `json:"now"`
	// First and Seq are the oldest event that is still kept, and the last one.
	First uint64 `json:"first"`
	Seq   uint64 `json:"seq"`
	// Epoch names this life of the server: numbers of events of another one mean
	// nothing in it.
	Epoch string `json:"epoch"`
	// Mode is "demo" or "serve".
	Mode    string `json:"mode"`
	Version string `json:"version"`

	Servers  []Server  `json:"servers"`
	Sessions []Session `json:"sessions"` // oldest first; those that are kept
	Faults   []Fault   `json:"faults"`   // armed
	// FaultKinds are the faults that can be armed here.
	FaultKinds []FaultKind `json:"fault_kinds"`
	// Scripts are what "show me" can play here: ids of the catalogue's scripts.
	Scripts []string `json:"scripts"`
	// Reveal: what base64 hides is shown. CanReveal: it may be switched on.
	Reveal    bool `json:"reveal"`
	CanReveal bool `json:"can_reveal"`
}

// Server is one of the servers that the page shows.
type Server struct {
	Name string `json:"name"` // its domain, "crepes.fr"; how requests name it
	// Up is false while the switch holds its SMTP listener (port 25's) down.
	Up bool `json:"up"`
	// Ports by key of [listen]: "smtp", "submission", "submissions", "pop3", "pop3s", "imap", "imaps".
	Ports     map[string]int `json:"ports"`
	Accounts  []Account      `json:"accounts"` // at most 50
	Queue     []QueueEntry   `json:"queue"`    // oldest first, at most 100
	QueueSize int            `json:"queue_size"`
}

// Account is one user with mailboxes.
type Account struct {
	Address   string    `json:"address"`
	Mailboxes []Mailbox `json:"mailboxes"`
}

// Mailbox is what STATUS would tell.
type Mailbox struct {
	Name        string `json:"name"`
	Messages    uint32 `json:"messages"`
	Unseen      uint32 `json:"unseen"`
	UIDNext     uint32 `json:"uidnext"`
	UIDValidity uint32 `json:"uidvalidity"`
}

// QueueEntry is one recipient of a message that waits for its next hop.
type QueueEntry struct {
	ID       int64     `json:"id"` // of the message
	From     string    `json:"from"`
	To       string    `json:"to"`
	Octets   int64     `json:"octets"`
	Queued   time.Time `json:"queued"`
	Attempts int       `json:"attempts"`
	NextTry  time.Time `json:"next_try"`
	// LastTry and LastReply are of the latest attempt: the next hop's reply, or
	// why there was none.
	LastTry   time.Time `json:"last_try,omitzero"`
	LastReply string    `json:"last_reply,omitempty"`
	// History are the attempts that the page's memory has, oldest first.
	History []Attempt `json:"history,omitempty"`
}

// Attempt is one try to hand a message to its next hop.
type Attempt struct {
	Time time.Time `json:"time"`
	Hop  string    `json:"hop"`
	// Result is "relayed", "later" (it will be tried again) or "failed".
	Result string `json:"result"`
	Code   int    `json:"code,omitempty"`   // of the reply; 0: there was none
	Status string `json:"status,omitempty"` // RFC 3463, "4.4.1"
	Text   string `json:"text,omitempty"`   // the reply, or what went wrong
}

// Session is one connection's summary.
type Session struct {
	ID       string    `json:"id"` // unique over all servers: letters, digits, hyphen
	Server   string    `json:"server"`
	Protocol string    `json:"protocol"` // "smtp", "submission", "pop3", "imap"
	Remote   string    `json:"remote"`   // host:port of the client
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"` // zero: open
	// Reason is why it was closed, where the client did not simply leave (English).
	Reason string `json:"reason,omitempty"`
	User   string `json:"user,omitempty"` // the account, once logged in
	// Helo is what an SMTP client calls itself.
	Helo  string       `json:"helo,omitempty"`
	State SessionState `json:"state"`
	TLS   *TLS         `json:"tls,omitempty"`
	// First is the number of its first event that is kept.
	First uint64 `json:"first"`
	Lines int    `json:"lines"`
	// Octets that client and server have said, bodies as far as the transcript tells.
	ClientOctets int64 `json:"client_octets"`
	ServerOctets int64 `json:"server_octets"`
	// Shown is the script that opened the session, if "show me" did.
	Shown string `json:"shown,omitempty"`
}

// SessionState is where a session stands in its protocol.
type SessionState struct {
	// Phase is
	//   SMTP:  "handshake", "transfer", "closure"
	//   POP3:  "authorization", "transaction", "update"
	//   IMAP:  "not-authenticated", "authenticated", "selected", "logout"
	// and for each "closed" when the connection is gone.
	Phase string `json:"phase"`
	// Step is finer. SMTP: "", "tls", "auth", "mail" (MAIL given), "rcpt" (a
	// recipient accepted), "data" (the message is on its way), "done" (it was
	// accepted). POP3: "", "tls", "user", "auth". IMAP: "", "tls", "auth", "append", "idle".
	Step string `json:"step,omitempty"`
	// From and To are SMTP's envelope so far.
	From string   `json:"from,omitempty"`
	To   []string `json:"to,omitempty"`
	// Mailbox is IMAP's selected one; ReadOnly: by EXAMINE.
	Mailbox  string `json:"mailbox,omitempty"`
	ReadOnly bool   `json:"read_only,omitempty"`
	// Deleted are the messages that POP3's DELE has marked.
	Deleted int `json:"deleted,omitempty"`
	// Messages counts SMTP's accepted messages on this connection.
	Messages int `json:"messages,omitempty"`
}

// TLS is what was agreed in a handshake, and when.
type TLS struct {
	Time     time.Time `json:"time"`
	Implicit bool      `json:"implicit"` // from the first octet on; else by STARTTLS or STLS
	Version  string    `json:"version"`  // "TLS 1.3"
	Cipher   string    `json:"cipher"`
	Group    string    `json:"group,omitempty"` // of the key exchange, "X25519MLKEM768"
	// ServerName is what the client asked for (SNI).
	ServerName string `json:"server_name,omitempty"`
	// The certificate that the server showed.
	Subject     string    `json:"subject,omitempty"`
	Issuer      string    `json:"issuer,omitempty"`
	Names       []string  `json:"names,omitempty"`
	NotBefore   time.Time `json:"not_before,omitzero"`
	NotAfter    time.Time `json:"not_after,omitzero"`
	Fingerprint string    `json:"fingerprint,omitempty"` // SHA-256, hexadecimal
}

// Events is a piece of the history.
type Events struct {
	Events []json.RawMessage `json:"events"` // each an Event
	// More: there are further ones after the last of these.
	More bool `json:"more"`
}

// Event is one thing that happened.
type Event struct {
	Seq  uint64    `json:"seq"` // counts up by one over all servers
	Time time.Time `json:"time"`
	// Kind is
	//   "open", "close"                a session begins, ends (Text: why)
	//   "client", "server"             a line that was said (Text), without line end
	//   "client-data", "server-data"   a piece of a body or literal (Text, with its line ends)
	//   "hidden"                       Octets of a body were left out of the transcript (From: "client" or "server")
	//   "tls"                          a handshake succeeded (TLS)
	//   "login"                        Text is the account
	//   "note"                         what a command changed (Note)
	//   "queue"                        something in a server's queue (Queue); no session
	//   "skipped"                      Skipped events are not here: they are no longer kept (no session), or this
	//                                  session had too many to show (Session); Unseen whole sessions were not
	//                                  shown at all, because there were too many. /state has what is known
	//   "switch"                       a server went down or up, a fault was armed or went off, reveal (Switch); no session
	Kind     string `json:"kind"`
	Server   string `json:"server,omitempty"`
	Session  string `json:"session,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	Remote   string `json:"remote,omitempty"` // with "open"
	From     string `json:"from,omitempty"`
	Text     string `json:"text,omitempty"`
	Skipped  int    `json:"skipped,omitempty"`
	Unseen   int    `json:"unseen,omitempty"`
	// Octets that this line or piece had on the wire, line end included.
	Octets int64 `json:"octets,omitempty"`
	// Masked: Text has asterisks for a secret.
	Masked bool `json:"masked,omitempty"`
	// Encrypted: an eavesdropper saw of this no more than how long it was, about.
	Encrypted bool `json:"encrypted,omitempty"`
	// Reveal is what the line was, and what base64 hid in it: in prompts always,
	// in secrets only while the switch is on.
	Reveal *Reveal `json:"reveal,omitempty"`
	// State is the session's from this event on, where it has changed.
	State *SessionState `json:"state,omitempty"`
	// Command is the verb that a server's line answers ("RCPT", "UID FETCH"),
	// and a client's line is.
	Command string      `json:"command,omitempty"`
	TLS     *TLS        `json:"tls,omitempty"`
	Note    *Note       `json:"note,omitempty"`
	Queue   *QueueEvent `json:"queue,omitempty"`
	Switch  *Switch     `json:"switch,omitempty"`
	// Shown, with "open": the script that opened the session.
	Shown string `json:"shown,omitempty"`
}

// Reveal is a line as it was on the wire and what it hid.
type Reveal struct {
	Raw string `json:"raw"`
	// Decoded is what base64 in the line stands for; "␀" (U+2400) shows a NUL.
	Decoded string `json:"decoded,omitempty"`
}

// Note is what a command changed: internal/wire/note.go has its kinds and fields.
type Note = wire.Note

// Fault is a fault on demand, and FaultKind one that can be armed:
// internal/fault/fault.go has them.
type (
	Fault     = fault.Fault
	FaultKind = fault.Kind
)

// QueueEvent is something that happened to a message in a queue.
type QueueEvent struct {
	ID int64  `json:"id"`
	To string `json:"to"`
	// Attempt is what was tried.
	Attempt Attempt `json:"attempt"`
}

// Switch is something that the teacher did, or that came of it.
type Switch struct {
	// Kind is "server-down", "server-up", "fault-armed", "fault-removed",
	// "fault-spent" (it went off the last time), "reveal-on", "reveal-off".
	Kind  string `json:"kind"`
	Fault *Fault `json:"fault,omitempty"`
}
