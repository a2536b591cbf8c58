package page

import (
	"time"

	"posthorn/internal/class"
)

// The page's interface. All answers are JSON in UTF-8; times are RFC 3339 with
// a fraction; what comes from the wire or a message is data, to be put into the
// document as text and never as HTML. Octets that are no UTF-8 are replaced by
// U+FFFD. Fields with omitempty are left out when empty.
//
//	GET  /                        the page
//	GET  /assets/NAME             its parts
//	GET  /state                   State; with ?sessions=no without sessions, for who follows the events
//	GET  /events?since=SEQ        server-sent events: "id: SEQ", "data: Event"; since=0 replays all that is kept
//	GET  /events.json?since=SEQ   Events: the same history at once, for downloads and replays
//	GET  /session/ID.txt          a session as text, to download
//	GET  /messages?server=NAME    Messages
//	GET  /message?server=NAME&id=ID   Message
//	GET  /explain?lang=en|vi      the catalogue (explain.Localized)
//	GET  /explain/line?protocol=&from=client|server&text=   Explained
//	POST /server   ServerSwitch → State
//	POST /fault    FaultRequest → State
//	POST /reveal   RevealSwitch → State
//	POST /queue    QueueRequest → State
//	POST /show     ShowRequest → Shown
//
// State, Session, Event, Note and what is in them stand in internal/class/api.go.
//
// A POST has Content-Type application/json and the token that was printed at
// start in X-Posthorn-Token. The page finds it in its own address, after "#":
// what stands there is never sent to a server. Without it a POST is answered
// 403. Every answer above 399 is an Error.

// Error is why a request was not carried out.
type Error struct {
	// Error is a key: "token", "host", "unknown-server", "unknown-session",
	// "unknown-message", "unknown-script", "bad-request", "not-allowed", "busy",
	// "internal".
	Error string `json:"error"`
	// Detail is English, for a developer.
	Detail string `json:"detail,omitempty"`
}

// FaultRequest arms a fault, or removes one by its ID, or all of them.
type FaultRequest struct {
	Arm    *class.Fault `json:"arm,omitempty"`
	Remove int          `json:"remove,omitempty"`
	Clear  bool         `json:"clear,omitempty"`
}

// ServerSwitch takes a server's SMTP listener down, or up again.
type ServerSwitch struct {
	Server string `json:"server"`
	Up     bool   `json:"up"`
}

// RevealSwitch shows what base64 hides, from now on.
type RevealSwitch struct {
	On bool `json:"on"`
}

// QueueRequest has what waits in a server's queue tried at once; ID 0 is all.
type QueueRequest struct {
	Server string `json:"server"`
	ID     int64  `json:"id"`
}

// ShowRequest plays a script of the catalogue on a server.
type ShowRequest struct {
	Script string `json:"script"`
	Server string `json:"server,omitempty"` // empty: the one that the script suits
}

// Shown is where to look: events of the session are tagged with it.
type Shown struct {
	Server  string `json:"server"`
	Session string `json:"session"`
}

// Messages is what lies in a server's queue and mailboxes, newest first, at most
// 200.
type Messages struct {
	Messages []MessageLine `json:"messages"`
}

// MessageLine is a message in a list.
type MessageLine struct {
	ID string `json:"id"` // for /message; opaque
	// Waiting are the recipients for whom the message waits in the queue; then it
	// has no Account, Mailbox, UID and Flags.
	Waiting []string  `json:"waiting,omitempty"`
	Account string    `json:"account"`
	Mailbox string    `json:"mailbox"`
	UID     uint32    `json:"uid"`
	Octets  int64     `json:"octets"`
	Arrived time.Time `json:"arrived"`
	Flags   []string  `json:"flags"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
}

// Message is a message taken apart.
type Message struct {
	MessageLine
	Server   string   `json:"server"`
	Original Original `json:"original"`
	// Envelope is what SMTP was told; Header what the message says of itself.
	Envelope Envelope `json:"envelope"`
	Header   []Field  `json:"header"` // the first 200
	// Received is the way that the message came, the first station first.
	Received []Hop  `json:"received"`
	Tree     Part   `json:"tree"`
	Raw      string `json:"raw"`       // the first 64 KiB
	RawTotal int64  `json:"raw_total"` // octets of the whole
}

// Original is the summary that webmail programs call "original message".
type Original struct {
	MessageID string    `json:"message_id"`
	Created   time.Time `json:"created,omitzero"`   // by Date
	Delivered time.Time `json:"delivered,omitzero"` // zero: it is still on its way
	// After is how many seconds later; below zero where the clocks differ.
	After   float64 `json:"after"`
	From    string  `json:"from"`
	To      string  `json:"to"`
	Subject string  `json:"subject"`
	// SPF, DKIM and DMARC are "unchecked": this server does not check them yet.
	SPF   Check `json:"spf"`
	DKIM  Check `json:"dkim"`
	DMARC Check `json:"dmarc"`
}

// Check is the outcome of one check of the sender.
type Check struct {
	Result string `json:"result"`           // "unchecked", or as in Authentication-Results
	Detail string `json:"detail,omitempty"` // an address or a domain
}

// Envelope is what was said in MAIL and RCPT, as far as it was kept.
type Envelope struct {
	From string   `json:"from"` // as in Return-Path; "" is the null reverse-path
	To   []string `json:"to"`
	// Differs are keys of what header and envelope do not agree on: "from"
	// (another sender), "to" (a recipient whom To and Cc do not name: blind
	// copy, list or alias), "bounce" (no sender).
	Differs []string `json:"differs"`
}

// Field is one header field.
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"` // unfolded and decoded (RFC 2047)
	Raw   string `json:"raw"`   // as it stands, with folds, without the last line end
}

// Hop is one Received field.
type Hop struct {
	From string    `json:"from,omitempty"`
	By   string    `json:"by,omitempty"`
	With string    `json:"with,omitempty"` // ESMTPS …
	For  string    `json:"for,omitempty"`
	ID   string    `json:"id,omitempty"`
	Time time.Time `json:"time,omitzero"`
}

// Part is a node of the MIME tree.
type Part struct {
	Number      string            `json:"number"` // "" is the whole, else "1.2"; the message within part "2" is "2.msg"
	Type        string            `json:"type"`   // "text/plain", lower case
	Params      map[string]string `json:"params,omitempty"`
	Disposition string            `json:"disposition,omitempty"`
	Filename    string            `json:"filename,omitempty"`
	Encoding    string            `json:"encoding"` // "7bit", "8bit", "binary", "base64", "quoted-printable", or what it says
	Octets      int64             `json:"octets"`   // as sent, without header
	// Decoded is how many octets that stands for; -1: unknown, the part is too large.
	Decoded int64   `json:"decoded"`
	Lines   int64   `json:"lines"`
	Parts   []Part  `json:"parts,omitempty"`
	Steps   *Steps  `json:"steps,omitempty"` // for base64 and quoted-printable
	Text    string  `json:"text,omitempty"`  // the beginning of a text, decoded, at most 4 KiB
	Header  []Field `json:"header,omitempty"`
}

// Steps show how the beginning of a part is decoded.
type Steps struct {
	Encoding string   `json:"encoding"`
	Lines    []string `json:"lines"` // the first lines, as sent
	// Groups, for base64: 4 characters → 24 bits → 3 octets. The last may be
	// shorter (Pad characters "=").
	Groups []Group `json:"groups,omitempty"`
	// Tokens, for quoted-printable.
	Tokens []Token `json:"tokens,omitempty"`
	Text   string  `json:"text,omitempty"` // what they come to, where it is text
	More   bool    `json:"more"`           // the part goes on
}

// Group is a quantum of base64 (RFC 4648 §4).
type Group struct {
	Chars   string `json:"chars"`   // "SGVs"
	Sextets []int  `json:"sextets"` // 18 6 21 44: places in the alphabet; padding left out
	Bits    string `json:"bits"`    // 24 (with padding 8 or 16) of "0" and "1"
	Octets  []int  `json:"octets"`  // 72 101 108
	Text    string `json:"text"`    // "Hel"; U+FFFD where it is no text of its own
	Pad     int    `json:"pad"`     // 0, 1 or 2
}

// Token is a piece of quoted-printable (RFC 2045 §6.7).
type Token struct {
	Raw    string `json:"raw"`    // "=C3=A0"
	What   string `json:"what"`   // "literal", "escape", "soft-break", "line-break", "bad"
	Octets []int  `json:"octets"` // of an escape
	Text   string `json:"text"`
}
