package smtpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"posthorn/internal/deliver"
	"posthorn/internal/fault"
	"posthorn/internal/mail"
	"posthorn/internal/wire"
)

// front stands between a connection and go-smtp's server, which takes it for
// the connection itself. Read gives the library the next command that is for
// it, having run those that are not; Write swallows the library's replies,
// since the front says its own. All of it runs in the connection's one
// goroutine, in the library's calls.
type front struct {
	*wire.Conn
	cfg  *Config
	auth authenticator
	// strangers is the Server's.
	strangers *atomic.Int64
	left      func() // go-smtp is done with the connection
	leave     func() // tells auth that who logged in is gone; nil before
	ctx       context.Context
	cancel    context.CancelFunc
	client    deliver.Client

	// What is being done.
	verb   string // the command in hand; empty for the greeting
	feed   []byte // what go-smtp is to read next
	asked  bool   // go-smtp has the command in hand
	answer reply  // what it is answered with, when go-smtp is done with it
	again  string // a command that ended a BDAT sequence, to be run next
	begun  bool   // begin was run
	first  bool   // the next command is the first
	gone   bool   // nothing more will be said or read

	// What the client said so far.
	helo     bool
	extended bool // by EHLO
	tx       transaction
	body     *body // of the BDAT sequence that begins

	authTried    bool // its next lines may be secrets gone astray
	authFailures int
	// What it did since it last sent a message, or came.
	since           time.Time
	errors, unknown int
	idle, refused   int

	scratch []byte // for replies
}

// service is the name under which events are counted.
func (f *front) service() string {
	if f.cfg.Submission {
		return "submission"
	}
	return "smtp"
}

// transaction is a mail transaction (RFC 5321 §3.3).
type transaction struct {
	env *mail.Envelope // nil when none is open
	// rcpt is the recipient in question while go-smtp deals with RCPT, and
	// rcptOctets the memory that it takes; octets is that of those in env, which
	// counts among the strangers' as long.
	rcpt               mail.Recipient
	rcptOctets, octets int
	// refused counts the recipients that were not taken.
	refused int
}

func newFront(c *wire.Conn, s *Server) *front {
	f := &front{Conn: c, cfg: &s.cfg, auth: s.auth, strangers: &s.strangers, first: true}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.client = deliver.Client{Submission: s.cfg.Submission}
	f.answer = reply{code: 220, text: s.cfg.Hostname + " ESMTP Posthorn"}
	f.asked = true // the greeting is go-smtp's first word
	return f
}

// Read is go-smtp asking for the next command: what it had is dealt with.
func (f *front) Read(p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			f.panicked(v)
			n, err = 0, io.EOF
		}
	}()
	if !f.begun {
		f.begin()
	}
	if len(f.feed) == 0 {
		f.finish()
		f.next()
	}
	if f.gone {
		return 0, io.EOF
	}
	n = copy(p, f.feed)
	f.feed = f.feed[n:]
	return n, nil
}

// Write takes go-smtp's own replies and drops them. A refusal of its own, for
// a command that the front let through, is none that is expected: it shows in
// that the Session was not called and answer is empty.
func (f *front) Write(p []byte) (int, error) { return len(p), nil }

// Close ends the connection, and is go-smtp's last call. Before that it closes
// by itself only after a panic in the Session, which the front has caught.
func (f *front) Close() error {
	defer f.left()
	f.gone = true
	if f.leave != nil {
		f.leave()
	}
	f.cancel()
	f.reset()
	return f.Conn.Close()
}

// ask hands a line to go-smtp; what comes of it is said by finish.
func (f *front) ask(line string, answer reply) reply {
	f.feed = append(append(f.feed[:0], line...), "\r\n"...)
	f.asked, f.answer = true, answer
	return reply{}
}

// finish says what go-smtp's command came to.
func (f *front) finish() {
	if !f.asked || f.gone {
		return
	}
	f.asked = false
	r := f.answer
	f.answer = reply{}
	if r.code == 0 {
		f.cfg.Log.Internal(f.ID(), "go-smtp", errors.New("it refused "+f.verb))
		r, _ = replyTo(errors.New("refused by the library"), atData, mail.Address{})
	}
	f.say(r)
}

// next runs commands until one is for go-smtp.
func (f *front) next() {
	for !f.gone {
		line, ok := f.readCommand()
		if !ok {
			return
		}
		r := f.dispatch(line)
		if f.asked {
			return
		}
		f.say(r)
	}
}

// begin is done before the greeting: PROXY header, limits, implicit TLS.
func (f *front) begin() {
	f.begun, f.since = true, time.Now()
	if err := f.Start(); err != nil {
		f.lost()
		return
	}
	if _, ok := f.Fault(fault.Connect, ""); ok {
		f.asked = false
		f.say(f.closing("4.3.2", "Service not available: closing"))
		return
	}
	f.client.ConnID, f.client.Remote, f.client.TLS = f.ID(), f.Remote(), describeTLS(f.TLSState())
	f.commandPhase()
}

// commandPhase sets the deadline of waiting for a command. Nobody logs in on
// port 25.
func (f *front) commandPhase() {
	if f.auth != nil && f.client.Account == 0 {
		f.SetPhase(wire.Login)
	} else {
		f.SetPhase(wire.Commands)
	}
}

// readCommand returns the next command line. False when there is none.
func (f *front) readCommand() (string, bool) {
	if f.again != "" {
		line := f.again
		f.again = ""
		return line, true
	}
	for {
		longest := maxCommand
		if f.auth != nil {
			longest = maxLine
		}
		line, _, err := f.ReadLine(longest)
		switch {
		case err == nil:
			return string(line), true
		case errors.Is(err, wire.ErrInterrupted): // a timer of a body that has ended
		case errors.Is(err, wire.ErrLineTooLong):
			line = bytes.TrimLeft(line, " \t")
			f.verb, _ = cutVerb(string(line[:min(10, len(line))]))
			if f.say(f.commandTooLong()); f.gone {
				return "", false
			}
		default:
			f.lost()
			return "", false
		}
	}
}

// commandTooLong answers a command line that is too long. A BDAT's may announce
// a chunk all the same.
func (f *front) commandTooLong() reply {
	if f.verb == "BDAT" {
		return badChunk()
	}
	return f.lineTooLong("5.5.2")
}

// lineTooLong reads the rest of a line that was too long away, within limits.
func (f *front) lineTooLong(enhanced string) reply {
	r := reply{code: 500, enhanced: enhanced, text: "Line too long"}
	if err := f.DiscardLine(maxLineRest); err != nil {
		r.text, r.closes = "Line too long: closing", true
		return r
	}
	return f.mistake(r)
}

// say writes a reply, and closes after it where it says so.
func (f *front) say(r reply) {
	if r.code == 0 || f.gone {
		return
	}
	if f.cfg.onReply != nil {
		f.cfg.onReply(f.verb, r.code)
	}
	f.scratch = r.append(f.scratch[:0])
	f.Conn.Write(f.scratch)
	switch {
	case r.closes:
		f.hangup()
	case !mayWait(f.verb) && f.Buffered() > 0:
		f.Flush()
	}
}

// mayWait tells whose replies may be kept back while there is more to read
// (RFC 2920 §3.2); wire sends everything before a read that would block.
func mayWait(verb string) bool {
	switch verb {
	case "RSET", "MAIL", "RCPT", "BDAT":
		return true
	}
	return false
}

// hangup closes the connection; what was written goes out first.
func (f *front) hangup() {
	f.gone = true
	f.Hangup("")
}

// lost ends the session because of an error of the connection. wire has told
// the client why, where there was something to tell (Refusal).
func (f *front) lost() {
	f.gone = true
	f.Conn.Close()
}

// mistake counts a command that the client got wrong, and is the reply to it.
func (f *front) mistake(r reply) reply {
	f.errors++
	if f.errors >= maxErrors || f.unknown >= maxUnknown {
		return f.closing("4.7.0", "Too many errors: closing")
	}
	return r
}

// refusedRecipient counts a recipient that was not taken, and is the reply.
func (f *front) refusedRecipient(r reply) reply {
	if f.refused++; f.refused >= maxRefused {
		return f.closing("4.7.0", "Too many recipients that are not to be had: closing")
	}
	return r
}

// fruitless is the end of a client that has kept the connection for long, or
// with many commands, without sending a message; the zero reply is none.
func (f *front) fruitless(verb string) reply {
	switch verb {
	case "MAIL", "RCPT", "DATA", "BDAT":
	case "QUIT":
		return reply{}
	default:
		f.idle++
	}
	switch {
	case f.idle > maxFruitless:
		return f.closing("4.7.0", "Too many commands without a message: closing")
	case time.Since(f.since) > maxFruitlessTime:
		return f.closing("4.7.0", "Too long without a message: closing")
	}
	return reply{}
}

// bearFruit: a message was taken.
func (f *front) bearFruit() {
	f.since, f.errors, f.unknown, f.idle, f.refused = time.Now(), 0, 0, 0, 0
}

// closing is a reply that ends the connection (RFC 5321 §3.8).
func (f *front) closing(enhanced, text string) reply {
	return reply{code: 421, enhanced: enhanced, text: f.cfg.Hostname + " " + text, closes: true}
}

// panicked ends a connection whose handling failed badly; the others go on.
func (f *front) panicked(v any) {
	f.cfg.Log.Panic(f.ID(), v, debug.Stack())
	if f.gone {
		return
	}
	f.gone = true
	f.Hangup(f.closing("4.3.0", "Internal error: closing").String())
}

// reset forgets the transaction (RFC 5321 §4.1.1.5).
func (f *front) reset() {
	switch f.verb {
	case "RSET", "HELO", "EHLO", "STARTTLS":
		if f.tx.env != nil {
			f.Note(wire.Note{Kind: "given-up", Count: len(f.tx.env.To)})
		}
	}
	f.strangers.Add(int64(-f.tx.octets))
	f.tx = transaction{}
}

// secure tells whether a password may be sent now.
func (f *front) secure() bool {
	return f.client.TLS != "" || f.cfg.PlainAuth != nil && f.cfg.PlainAuth(f.Remote())
}

// protocol is RFC 3848's and RFC 6531 §4.3's word for how the message came.
// They have none for HELO with TLS or AUTH, which are extensions: who uses
// them speaks ESMTP.
func (f *front) protocol() string {
	secured, authenticated := f.client.TLS != "", f.client.Account != 0
	word := "SMTP"
	switch {
	case f.tx.env != nil && f.tx.env.UTF8:
		word = "UTF8SMTP"
	case f.extended || secured || authenticated:
		word = "ESMTP"
	}
	if secured {
		word += "S"
	}
	if authenticated {
		word += "A"
	}
	return word
}

// describeTLS is version and cipher, such as "TLS1.3 TLS_AES_128_GCM_SHA256".
func describeTLS(s *tls.ConnectionState) string {
	if s == nil {
		return ""
	}
	return strings.ReplaceAll(tls.VersionName(s.Version), " ", "") + " " + tls.CipherSuiteName(s.CipherSuite)
}
