// Package explain is the catalogue of what is said in SMTP, POP3 and IMAP:
// commands, replies, their codes and their parts, explained in every language
// that Posthorn speaks. It is data (data/*.toml) and lookup; it knows of no
// server, and does no I/O.
package explain

// Protocols of the catalogue.
const (
	SMTP = "smtp"
	POP3 = "pop3"
	IMAP = "imap"
)

// Kind says what an Entry explains.
type Kind string

// The kinds of entries.
const (
	// KindCommand is what a client says. Name is the command: "MAIL", "UID FETCH".
	KindCommand Kind = "command"
	// KindParameter is a word in a command: "SIZE", "RETURN".
	KindParameter Kind = "parameter"
	// KindReply is how a line of the server's begins: "550", "+OK", "* EXISTS".
	KindReply Kind = "reply"
	// KindStatus is a code within a reply: "5.1.1", "IN-USE", "UIDVALIDITY".
	KindStatus Kind = "status"
	// KindCapability is an extension that a server offers: "PIPELINING", "IDLE".
	KindCapability Kind = "capability"
)

// Entry explains one thing that is said.
type Entry struct {
	// Protocol is SMTP, POP3 or IMAP.
	Protocol string `json:"protocol"`
	Kind     Kind   `json:"kind"`
	// Name is the thing as it goes over the wire, in capitals.
	Name string `json:"name"`
	// Syntax is how a command is written; else empty.
	Syntax string `json:"syntax,omitempty"`
	// Title says in a few words what it is, without a full stop.
	Title Text `json:"title"`
	// Meaning says in sentences what it is.
	Meaning Text `json:"meaning"`
	// Here says what Posthorn does with it, or when it says it; may be empty.
	Here Text `json:"here,omitzero"`
	// RFC is where it is defined: "RFC 5321 §4.1.1.2". Empty for folklore.
	RFC string `json:"rfc,omitempty"`
	// Parts explain the rest of a line: the enhanced status code of an SMTP
	// reply, the response code of an IMAP one, the parameters of a command.
	// Only Command and Reply set it.
	Parts []Entry `json:"parts,omitempty"`
}

// Key names the entry among all: "smtp/reply/550".
func (e *Entry) Key() string { return e.Protocol + "/" + string(e.Kind) + "/" + e.Name }

// Keys are the keys of the entry and of its parts.
func (e *Entry) Keys() []string {
	keys := []string{e.Key()}
	for _, p := range e.Parts {
		keys = append(keys, p.Key())
	}
	return keys
}

// Entries is the whole catalogue in its order: protocol by protocol, and in
// each by kind. The caller must not change it.
func Entries() []Entry { return catalogue().entries }

// Find returns the entry of a name, whatever its case.
func Find(protocol string, kind Kind, name string) (Entry, bool) {
	return catalogue().find(protocol, kind, name)
}
