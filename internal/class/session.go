package class

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"posthorn/internal/wire"
)

// session is a connection as the room knows it.
type session struct {
	Session
	kept    []uint64 // its events in the history
	machine machine
}

// A machine knows how far a protocol has come, from what is said. What it is
// given may be anything, and may have gaps.
type machine interface {
	// client takes a line, and returns the command that it is, if it is one.
	client(line string, st *SessionState) (command string)
	// server takes a line, and returns the command that it answers.
	server(line string, st *SessionState) (command string)
	// data takes a piece of a body.
	data(fromServer bool, text string, st *SessionState)
	// login: the client has proved to be somebody.
	login(st *SessionState)
	// prompt: the line, of the server, asks for something in base64.
	prompt(line string) (encoded string, ok bool)
	// forget: lines are missing.
	forget()
}

func newSession(id, server string, e *wire.Event) *session {
	s := &session{Session: Session{ID: id, Server: server, Protocol: e.Protocol, Remote: e.Remote, Opened: e.Time}}
	switch e.Protocol {
	case "pop3":
		s.machine, s.State.Phase = &pop3Machine{}, "authorization"
	case "imap":
		s.machine, s.State.Phase = &imapMachine{}, "not-authenticated"
	default:
		m := &smtpMachine{}
		m.helo = &s.Helo
		s.machine, s.State.Phase = m, "handshake"
	}
	return s
}

// forget: lines are missing.
func (s *session) forget() { s.machine.forget() }

// event is what the page is told, and what the session learns, of an event.
func (s *session) event(e *wire.Event, certificate *x509.Certificate) *Event {
	before := s.State
	out := &Event{
		Time: e.Time, Server: s.Server, Session: s.ID, Protocol: s.Protocol, Text: e.Text, Octets: e.Octets,
		Masked: e.Masked, Encrypted: e.Private,
	}
	if e.Secret != "" {
		out.Reveal = &Reveal{Raw: e.Secret, Decoded: decodeWord(e.Secret)}
	}
	s.Lines++
	switch e.Kind {
	case wire.Opened:
		out.Kind, out.Remote, out.Shown = "open", s.Remote, s.Shown
		st := s.State
		out.State = &st
	case wire.ClientLine:
		out.Kind = "client"
		s.ClientOctets += e.Octets
		out.Command = s.machine.client(e.Text, &s.State)
	case wire.ServerLine:
		out.Kind = "server"
		s.ServerOctets += e.Octets
		if encoded, ok := s.machine.prompt(e.Text); ok && out.Reveal == nil && !e.Masked {
			if text := decode(encoded); text != "" {
				out.Reveal = &Reveal{Raw: e.Text, Decoded: text}
			}
		}
		out.Command = s.machine.server(e.Text, &s.State)
	case wire.ClientData:
		out.Kind = "client-data"
		s.ClientOctets += e.Octets
		s.machine.data(false, e.Text, &s.State)
	case wire.ServerData:
		out.Kind = "server-data"
		s.ServerOctets += e.Octets
		s.machine.data(true, e.Text, &s.State)
	case wire.ClientLeft:
		out.Kind, out.From, out.Text = "hidden", "client", ""
		s.ClientOctets += e.Octets
	case wire.ServerLeft:
		out.Kind, out.From, out.Text = "hidden", "server", ""
		s.ServerOctets += e.Octets
	case wire.TLSStarted:
		out.Kind, out.Text, out.TLS = "tls", "", tlsFacts(e, certificate)
		out.TLS.Implicit = s.ServerOctets == 0
		s.TLS, s.State.Step = out.TLS, "tls"
	case wire.LoggedIn:
		out.Kind = "login"
		s.User = e.Text
		s.machine.login(&s.State)
	case wire.Noted:
		out.Kind, out.Text, out.Note = "note", "", e.Note
		if e.Note != nil && e.Note.Kind == "logged-out" {
			s.User = ""
		}
	case wire.Closed:
		out.Kind = "close"
		s.Closed, s.Reason = e.Time, e.Text
		s.State.Phase, s.State.Step = "closed", ""
	}
	if !before.same(&s.State) {
		st := s.State
		out.State = &st
	}
	return out
}

func (s *SessionState) same(o *SessionState) bool {
	return s.Phase == o.Phase && s.Step == o.Step && s.From == o.From && len(s.To) == len(o.To) && s.Mailbox == o.Mailbox &&
		s.ReadOnly == o.ReadOnly && s.Deleted == o.Deleted && s.Messages == o.Messages
}

func tlsFacts(e *wire.Event, c *x509.Certificate) *TLS {
	t := &TLS{Time: e.Time}
	if e.TLS == nil {
		return t
	}
	t.Version, t.Cipher, t.ServerName = tls.VersionName(e.TLS.Version), tls.CipherSuiteName(e.TLS.CipherSuite), printable(e.TLS.ServerName)
	if e.TLS.CurveID != 0 {
		t.Group = e.TLS.CurveID.String()
	}
	if c != nil {
		sum := sha256.Sum256(c.Raw)
		t.Subject, t.Issuer, t.Fingerprint = c.Subject.String(), c.Issuer.String(), hex.EncodeToString(sum[:])
		t.NotBefore, t.NotAfter = c.NotBefore, c.NotAfter
		t.Names = append(t.Names, c.DNSNames...)
		for _, ip := range c.IPAddresses {
			t.Names = append(t.Names, ip.String())
		}
	}
	return t
}

// decodeWord decodes the last word of a line, or else returns nothing.
func decodeWord(line string) string {
	return decode(line[strings.LastIndexByte(line, ' ')+1:])
}

// decode is what base64 stands for, as far as it is text, with NULs visible.
func decode(encoded string) string {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(b) == 0 || !utf8.Valid(b) {
		return ""
	}
	return printable(strings.ReplaceAll(string(b), "\x00", "␀"))
}

// printable is text without control characters, but for tabs, and without those
// that turn the text around them about.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// maxWaiting bounds how many commands a machine remembers that wait for their answer.
const maxWaiting = 100

// maxTo bounds the recipients that a state lists.
const maxTo = 50

// word cuts the first word off a line.
func word(line string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimLeft(line, " \t"), " ")
	return first, strings.TrimLeft(rest, " \t")
}

// verb is a word that may be a command's name, in capitals, or nothing.
func verb(w string) string {
	if len(w) == 0 || len(w) > 20 {
		return ""
	}
	for i := range len(w) {
		if c := w[i] | 0x20; (c < 'a' || c > 'z') && c != '=' && (w[i] < '0' || w[i] > '9') {
			return ""
		}
	}
	return strings.ToUpper(w)
}
