package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"posthorn/internal/class"
)

// Canned is a Source that tells the same story each time: Alice's message on
// its way to Bob. Its switches work, but nothing is behind them.
type Canned struct {
	mu    sync.Mutex
	state class.State
	story []class.Event
}

// NewCanned returns the story.
func NewCanned() *Canned {
	start := time.Now().Add(-time.Minute)
	c := &Canned{}
	add := func(e class.Event) {
		e.Seq = uint64(len(c.story) + 1)
		e.Time = start.Add(time.Duration(e.Seq) * 100 * time.Millisecond)
		if e.Octets == 0 && e.Text != "" {
			e.Octets = int64(len(e.Text)) + 2
		}
		c.story = append(c.story, e)
	}
	tls := &class.TLS{
		Time: start, Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Group: "X25519MLKEM768", ServerName: "localhost",
		Subject: "CN=crepes.fr", Issuer: "CN=Posthorn CA for crepes.fr", Names: []string{"crepes.fr", "localhost", "127.0.0.1"},
		NotBefore: start.AddDate(0, -1, 0), NotAfter: start.AddDate(1, 0, 0), Fingerprint: "3f9a64c6b6f0c0ffee00112233445566778899aabbccddeeff00112233445566",
	}
	talk := func(server, id, protocol string) (open func(), c, s func(text, command string, st *class.SessionState), with func(class.Event)) {
		with = func(e class.Event) { e.Server, e.Session, e.Protocol = server, id, protocol; add(e) }
		line := func(kind string) func(string, string, *class.SessionState) {
			return func(text, command string, st *class.SessionState) {
				with(class.Event{Kind: kind, Text: text, Command: command, State: st})
			}
		}
		open = func() {
			with(class.Event{Kind: "open", Remote: "127.0.0.1:50312", State: &class.SessionState{Phase: map[string]string{"smtp": "handshake", "submission": "handshake", "pop3": "authorization", "imap": "not-authenticated"}[protocol]}})
		}
		return open, line("client"), line("server"), with
	}
	phase := func(p, step string) *class.SessionState { return &class.SessionState{Phase: p, Step: step} }

	open, cl, sv, ev := talk("crepes.fr", "wx4k-1", "submission")
	open()
	sv("220 crepes.fr ESMTP Posthorn", "", nil)
	cl("EHLO laptop", "EHLO", nil)
	for _, l := range []string{"250-crepes.fr greets laptop", "250-PIPELINING", "250-SIZE 52428800", "250-8BITMIME", "250-STARTTLS", "250 SMTPUTF8"} {
		sv(l, "EHLO", nil)
	}
	cl("STARTTLS", "STARTTLS", nil)
	sv("220 2.0.0 Ready to start TLS", "STARTTLS", nil)
	ev(class.Event{Kind: "tls", TLS: tls, State: phase("handshake", "tls")})
	ev(class.Event{Kind: "client", Text: "EHLO laptop", Command: "EHLO", Encrypted: true})
	ev(class.Event{Kind: "server", Text: "250 AUTH PLAIN LOGIN SCRAM-SHA-256", Command: "EHLO", Encrypted: true})
	ev(class.Event{Kind: "client", Text: "AUTH LOGIN", Command: "AUTH", Encrypted: true, State: phase("handshake", "auth")})
	ev(class.Event{Kind: "server", Text: "334 VXNlcm5hbWU6", Command: "AUTH", Encrypted: true, Reveal: &class.Reveal{Raw: "334 VXNlcm5hbWU6", Decoded: "Username:"}})
	ev(class.Event{Kind: "client", Text: "********", Command: "AUTH", Masked: true, Encrypted: true})
	ev(class.Event{Kind: "server", Text: "334 UGFzc3dvcmQ6", Command: "AUTH", Encrypted: true, Reveal: &class.Reveal{Raw: "334 UGFzc3dvcmQ6", Decoded: "Password:"}})
	ev(class.Event{Kind: "client", Text: "********", Command: "AUTH", Masked: true, Encrypted: true})
	ev(class.Event{Kind: "server", Text: "235 2.7.0 Authentication successful", Command: "AUTH", Encrypted: true})
	ev(class.Event{Kind: "login", Text: "alice@crepes.fr", State: phase("handshake", "")})
	transfer := &class.SessionState{Phase: "transfer", Step: "mail", From: "alice@crepes.fr"}
	cl("MAIL FROM:<alice@crepes.fr>", "MAIL", nil)
	sv("250 2.1.0 OK", "MAIL", transfer)
	cl("RCPT TO:<bob@hamburger.edu>", "RCPT", nil)
	rcpt := *transfer
	rcpt.Step, rcpt.To = "rcpt", []string{"bob@hamburger.edu"}
	sv("250 2.1.5 OK", "RCPT", &rcpt)
	cl("DATA", "DATA", nil)
	data := rcpt
	data.Step = "data"
	sv("354 Go ahead, end with a lone dot", "DATA", &data)
	ev(class.Event{Kind: "client-data", Text: "Subject: Lunch\r\n\r\nDo you like ketchup?\r\n.\r\n", Octets: 43})
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "accepted", ID: "c7"}})
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "queued", ID: "c7", Queue: 7, To: "bob@hamburger.edu"}})
	sv("250 2.0.0 OK, queued as c7", "DATA", &class.SessionState{Phase: "transfer", Step: "done", Messages: 1})
	cl("QUIT", "QUIT", nil)
	sv("221 2.0.0 crepes.fr closing connection", "QUIT", &class.SessionState{Phase: "closure", Messages: 1})
	ev(class.Event{Kind: "close", State: &class.SessionState{Phase: "closed", Messages: 1}})

	open, cl, sv, ev = talk("hamburger.edu", "r2d2-1", "smtp")
	open()
	sv("220 hamburger.edu ESMTP Posthorn", "", nil)
	cl("EHLO crepes.fr", "EHLO", nil)
	sv("250 hamburger.edu greets crepes.fr", "EHLO", nil)
	cl("MAIL FROM:<alice@crepes.fr>", "MAIL", nil)
	sv("250 2.1.0 OK", "MAIL", transfer)
	cl("RCPT TO:<bob@hamburger.edu>", "RCPT", nil)
	sv("250 2.1.5 OK", "RCPT", &rcpt)
	cl("DATA", "DATA", nil)
	sv("354 Go ahead, end with a lone dot", "DATA", &data)
	ev(class.Event{Kind: "client-data", Text: "Received: from laptop …\r\nSubject: Lunch\r\n\r\nDo you like ketchup?\r\n.\r\n", Octets: 2043})
	ev(class.Event{Kind: "hidden", From: "client", Octets: 1976})
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "delivered", ID: "c9", Account: "bob@hamburger.edu", Mailbox: "INBOX", UIDs: "7", ModSeq: 12}})
	sv("250 2.0.0 OK, c9", "DATA", &class.SessionState{Phase: "transfer", Step: "done", Messages: 1})
	add(class.Event{Kind: "queue", Server: "crepes.fr", Queue: &class.QueueEvent{ID: 7, To: "bob@hamburger.edu", Attempt: class.Attempt{Time: start, Hop: "127.0.0.1:3025", Result: "relayed", Code: 250, Status: "2.0.0", Text: "OK, c9"}}})
	cl("QUIT", "QUIT", nil)
	sv("221 2.0.0 hamburger.edu closing connection", "QUIT", &class.SessionState{Phase: "closure", Messages: 1})
	ev(class.Event{Kind: "close", State: &class.SessionState{Phase: "closed", Messages: 1}})

	open, cl, sv, ev = talk("hamburger.edu", "p0p3-1", "pop3")
	open()
	sv("+OK Posthorn ready <1.2@hamburger.edu>", "", nil)
	cl("USER bob@hamburger.edu", "USER", phase("authorization", "user"))
	sv("+OK", "USER", nil)
	ev(class.Event{Kind: "client", Text: "PASS ********", Command: "PASS", Masked: true, Reveal: &class.Reveal{Raw: "PASS kozimu"}})
	ev(class.Event{Kind: "login", Text: "bob@hamburger.edu", State: phase("transaction", "")})
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "locked", Account: "bob@hamburger.edu", Count: 2, Octets: 2400}})
	sv("+OK 2 messages (2400 octets)", "PASS", nil)
	cl("DELE 1", "DELE", nil)
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "marked", Count: 1, UIDs: "1"}})
	sv("+OK message 1 deleted", "DELE", &class.SessionState{Phase: "transaction", Deleted: 1})

	open, cl, sv, ev = talk("hamburger.edu", "1map-1", "imap")
	open()
	ev(class.Event{Kind: "tls", TLS: func() *class.TLS { t := *tls; t.Implicit = true; return &t }(), State: phase("not-authenticated", "tls")})
	sv("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=PLAIN] ready", "", nil)
	ev(class.Event{Kind: "client", Text: "a1 LOGIN ********", Command: "LOGIN", Masked: true, Encrypted: true})
	ev(class.Event{Kind: "login", Text: "bob@hamburger.edu", State: phase("authenticated", "")})
	sv("a1 OK done", "LOGIN", nil)
	cl("a2 SELECT INBOX", "SELECT", nil)
	sv("* 2 EXISTS", "SELECT", nil)
	sv("a2 OK [READ-WRITE] done", "SELECT", &class.SessionState{Phase: "selected", Mailbox: "INBOX"})
	cl(`a3 UID STORE 5 +FLAGS (\Seen)`, "UID STORE", nil)
	ev(class.Event{Kind: "note", Note: &class.Note{Kind: "flags", Account: "bob@hamburger.edu", Mailbox: "INBOX", UIDs: "5", Flags: `+\Seen`, ModSeq: 12}})
	sv(`* 1 FETCH (UID 5 FLAGS (\Seen) MODSEQ (12))`, "UID STORE", nil)
	sv("a3 OK done", "UID STORE", nil)
	sv(`* OK <img src=x onerror="alert(1)"> ]]> & ￿`, "", nil)
	c.state = cannedState(start)
	c.sum()
	return c
}

func cannedState(start time.Time) class.State {
	box := func(name string, n uint32) class.Mailbox {
		return class.Mailbox{Name: name, Messages: n, Unseen: n / 2, UIDNext: n + 1, UIDValidity: 1700000000}
	}
	ports := func(base int) map[string]int {
		return map[string]int{"smtp": base + 25, "submission": base + 587, "submissions": base + 465, "pop3": base + 110, "pop3s": base + 995, "imap": base + 143, "imaps": base + 993}
	}
	return class.State{
		Mode: "demo", Version: "canned", CanReveal: true, Scripts: []string{"smtp-550", "smtp-354"},
		Servers: []class.Server{
			{Name: "crepes.fr", Up: true, Ports: ports(2000), QueueSize: 1,
				Accounts: []class.Account{{Address: "alice@crepes.fr", Mailboxes: []class.Mailbox{box("INBOX", 3), box("Sent", 1)}}},
				Queue: []class.QueueEntry{{ID: 8, From: "alice@crepes.fr", To: "bob@hamburger.edu", Octets: 1200, Queued: start, Attempts: 2, LastTry: start.Add(20 * time.Second),
					NextTry: start.Add(90 * time.Second), LastReply: "4.4.1 connection refused", History: []class.Attempt{
						{Time: start.Add(15 * time.Second), Hop: "127.0.0.1:3025", Result: "later", Status: "4.4.1", Text: "connection refused"},
						{Time: start.Add(20 * time.Second), Hop: "127.0.0.1:3025", Result: "later", Code: 450, Status: "4.2.0", Text: "450 4.2.0 mailbox busy"}}}}},
			{Name: "hamburger.edu", Up: true, Ports: ports(3000), Queue: []class.QueueEntry{},
				Accounts: []class.Account{{Address: "bob@hamburger.edu", Mailboxes: []class.Mailbox{box("INBOX", 7)}}}},
		},
		Faults: []class.Fault{},
		FaultKinds: []class.FaultKind{
			{Protocol: "smtp", Kind: "connect"},
			{Protocol: "smtp", Kind: "reply", Commands: []string{"EHLO", "MAIL", "RCPT", "DATA", "."}, Codes: []int{421, 450, 451, 452, 552, 554}},
			{Protocol: "smtp", Kind: "drop"}, {Protocol: "smtp", Kind: "full", Codes: []int{452, 552}}, {Protocol: "smtp", Kind: "slow"},
			{Protocol: "pop3", Kind: "in-use"}, {Protocol: "pop3", Kind: "drop"}, {Protocol: "pop3", Kind: "slow"},
			{Protocol: "imap", Kind: "bye"}, {Protocol: "imap", Kind: "uidvalidity"}, {Protocol: "imap", Kind: "full"}, {Protocol: "imap", Kind: "drop"}, {Protocol: "imap", Kind: "slow"},
		},
	}
}

// sum makes the sessions' summaries of the story.
func (c *Canned) sum() {
	byID := map[string]int{}
	for _, e := range c.story {
		if e.Session == "" {
			continue
		}
		i, ok := byID[e.Session]
		if !ok {
			i = len(c.state.Sessions)
			byID[e.Session] = i
			c.state.Sessions = append(c.state.Sessions, class.Session{ID: e.Session, Server: e.Server, Protocol: e.Protocol, Remote: e.Remote, Opened: e.Time, First: e.Seq})
		}
		s := &c.state.Sessions[i]
		s.Lines++
		if e.State != nil {
			s.State = *e.State
		}
		switch e.Kind {
		case "tls":
			s.TLS = e.TLS
		case "login":
			s.User = e.Text
		case "close":
			s.Closed = e.Time
		case "client", "client-data":
			s.ClientOctets += e.Octets
		case "server", "server-data":
			s.ServerOctets += e.Octets
		}
	}
}

func (c *Canned) State(context.Context) (*class.State, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.state
	s.Now, s.First, s.Seq = time.Now(), 1, uint64(len(c.story))
	return &s, nil
}

func (c *Canned) Follow(ctx context.Context, since uint64, write func([]byte) error) error {
	next := int(since)
	for {
		c.mu.Lock()
		var frames bytes.Buffer
		for _, e := range c.story[min(next, len(c.story)):] {
			raw, err := json.Marshal(e)
			if err != nil {
				c.mu.Unlock()
				return err
			}
			fmt.Fprintf(&frames, "id: %d\ndata: %s\n\n", e.Seq, raw)
		}
		next = len(c.story)
		c.mu.Unlock()
		if frames.Len() == 0 {
			frames.WriteString(":\n\n")
		}
		if err := write(frames.Bytes()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *Canned) Events(since uint64) class.Events {
	c.mu.Lock()
	defer c.mu.Unlock()
	return class.Events{Events: c.story[min(int(since), len(c.story)):]}
}

func (c *Canned) Transcript(session string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b bytes.Buffer
	for _, e := range c.story {
		if e.Session == session {
			fmt.Fprintf(&b, "%s %-11s %s\n", e.Time.Format("15:04:05.000"), e.Kind, e.Text)
		}
	}
	if b.Len() == 0 {
		return nil, &problem{http.StatusNotFound, "unknown-session", ""}
	}
	return b.Bytes(), nil
}

func (c *Canned) tell(e class.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.Seq, e.Time = uint64(len(c.story)+1), time.Now()
	c.story = append(c.story, e)
}

func (c *Canned) SwitchServer(_ context.Context, in ServerSwitch) error {
	c.mu.Lock()
	for i := range c.state.Servers {
		if c.state.Servers[i].Name == in.Server {
			c.state.Servers[i].Up = in.Up
		}
	}
	c.mu.Unlock()
	c.tell(class.Event{Kind: "switch", Server: in.Server, Switch: &class.Switch{Kind: map[bool]string{true: "server-up", false: "server-down"}[in.Up]}})
	return nil
}

func (c *Canned) Fault(_ context.Context, in FaultRequest) error {
	c.mu.Lock()
	if in.Clear {
		c.state.Faults = []class.Fault{}
	}
	if in.Arm != nil {
		in.Arm.ID = len(c.story) + 1
		c.state.Faults = append(c.state.Faults, *in.Arm)
	}
	c.mu.Unlock()
	c.tell(class.Event{Kind: "switch", Switch: &class.Switch{Kind: "fault-armed", Fault: in.Arm}})
	return nil
}

func (c *Canned) Reveal(_ context.Context, in RevealSwitch) error {
	c.mu.Lock()
	c.state.Reveal = in.On
	c.mu.Unlock()
	c.tell(class.Event{Kind: "switch", Switch: &class.Switch{Kind: map[bool]string{true: "reveal-on", false: "reveal-off"}[in.On]}})
	return nil
}

func (c *Canned) Queue(context.Context, QueueRequest) error { return nil }

func (c *Canned) Show(context.Context, ShowRequest) (*Shown, error) {
	return &Shown{Server: "hamburger.edu", Session: "r2d2-1"}, nil
}

func (c *Canned) Messages(context.Context, string) (*Messages, error) {
	return &Messages{Messages: []MessageLine{cannedLine()}}, nil
}

func cannedLine() MessageLine {
	return MessageLine{ID: "bob@hamburger.edu/1/7", Account: "bob@hamburger.edu", Mailbox: "INBOX", UID: 7, Octets: 2043, Arrived: time.Now(),
		Flags: []string{`\Seen`}, From: "Alice <alice@crepes.fr>", To: "bob@hamburger.edu", Subject: "Bữa trưa"}
}

func (c *Canned) Message(context.Context, string, string) (*Message, error) {
	when := time.Now().Add(-2 * time.Second)
	return &Message{
		MessageLine: cannedLine(), Server: "hamburger.edu",
		Original: Original{MessageID: "<1@crepes.fr>", Created: when, Delivered: when.Add(1200 * time.Millisecond), After: 1.2, From: "Alice <alice@crepes.fr>",
			To: "bob@hamburger.edu", Subject: "Bữa trưa", SPF: Check{Result: "unchecked"}, DKIM: Check{Result: "unchecked"}, DMARC: Check{Result: "unchecked"}},
		Envelope: Envelope{From: "alice@crepes.fr", To: []string{"bob@hamburger.edu"}, Differs: []string{}},
		Header: []Field{{Name: "From", Value: "Alice <alice@crepes.fr>", Raw: "From: Alice <alice@crepes.fr>"},
			{Name: "Subject", Value: "Bữa trưa", Raw: "Subject: =?UTF-8?Q?B=E1=BB=AFa_tr=C6=B0a?="}},
		Received: []Hop{{From: "laptop", By: "crepes.fr", With: "ESMTPSA", ID: "c7", For: "bob@hamburger.edu", Time: when}, {From: "crepes.fr", By: "hamburger.edu", With: "ESMTPS", ID: "c9", Time: when}},
		Tree: Part{Type: "multipart/mixed", Encoding: "7bit", Octets: 1800, Decoded: 1800, Lines: 30, Parts: []Part{
			{Number: "1", Type: "text/plain", Params: map[string]string{"charset": "utf-8"}, Encoding: "quoted-printable", Octets: 20, Decoded: 12, Lines: 1, Text: "Xin chào Bob",
				Steps: &Steps{Encoding: "quoted-printable", Lines: []string{"Xin ch=C3=A0o Bob"}, Text: "Xin chào Bob", Tokens: []Token{
					{Raw: "Xin ch", What: "literal", Text: "Xin ch"}, {Raw: "=C3=A0", What: "escape", Octets: []int{195, 160}, Text: "à"}, {Raw: "o Bob", What: "literal", Text: "o Bob"}}}},
			{Number: "2", Type: "text/plain", Disposition: "attachment", Filename: "hello.txt", Encoding: "base64", Octets: 8, Decoded: 5, Lines: 1, Text: "Hello",
				Steps: &Steps{Encoding: "base64", Lines: []string{"SGVsbG8="}, Text: "Hello", Groups: []Group{
					{Chars: "SGVs", Sextets: []int{18, 6, 21, 44}, Bits: "010010000110010101101100", Octets: []int{72, 101, 108}, Text: "Hel"},
					{Chars: "bG8=", Sextets: []int{27, 6, 60}, Bits: "0110110001101111", Octets: []int{108, 111}, Text: "lo", Pad: 1}}}},
		}},
		Raw: "From: Alice <alice@crepes.fr>\r\nSubject: =?UTF-8?Q?B=E1=BB=AFa_tr=C6=B0a?=\r\n\r\n…", RawTotal: 2043,
	}, nil
}
