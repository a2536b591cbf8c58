// Package maillog has one call per event in the life of mail: one log line,
// always with the connection's id where there is one, never a secret. What is
// to be counted is counted here.
package maillog

import (
	"context"
	"log/slog"
	"strings"

	"posthorn/internal/mail"
)

// Log writes events. A nil *Log drops them.
type Log struct {
	log      *slog.Logger
	bounds   [kinds]*bound
	counters *counters
}

// New returns a Log that writes to l.
func New(l *slog.Logger) *Log { return &Log{log: l, bounds: newBounds(), counters: newCounters()} }

// Connected: a client connected.
func (l *Log) Connected(conn, protocol, remote string, tls bool) {
	if c := l.of(protocol); c != nil {
		c.connections.Inc()
		c.open.Inc()
	}
	l.bounded(connected, slog.LevelInfo, "connected", "conn", conn, "protocol", protocol, "remote", remote, "tls", tls)
}

// Refused: a connection was refused or cut off by a limit or a time-out.
func (l *Log) Refused(conn, protocol, remote string, err error) {
	if c := l.of(protocol); c != nil {
		c.refused.Inc()
	}
	l.bounded(refused, slog.LevelInfo, "refused", "conn", conn, "protocol", protocol, "remote", remote, "reason", err)
}

// Disconnected: a connection ended that had Connected.
func (l *Log) Disconnected(conn, protocol string, err error) {
	if c := l.of(protocol); c != nil {
		c.open.Dec()
	}
	l.bounded(disconnected, slog.LevelInfo, "disconnected", "conn", conn, "error", err)
}

// LoggedIn: a client proved who it is.
func (l *Log) LoggedIn(conn, protocol, account, mechanism, appPassword string) {
	if c := l.of(protocol); c != nil {
		c.loggedIn.Inc()
	}
	l.info("logged in", "conn", conn, "account", account, "mechanism", mechanism, "app_password", appPassword)
}

// Compressed: a client asked for compression, and got it.
func (l *Log) Compressed(conn string) { l.info("compressed", "conn", conn) }

// LoginFailed: a client failed to. A name that is no address may be a password
// in the wrong place: it is not written down.
func (l *Log) LoginFailed(conn, protocol, remote, user, mechanism string, err error) {
	if c := l.of(protocol); c != nil {
		c.loginFailed.Inc()
	}
	if user != "" && !strings.Contains(user, "@") {
		user = "(not an address)"
	}
	l.bounded(loginFailed, slog.LevelWarn, "login failed", "conn", conn, "remote", remote, "user", user, "mechanism", mechanism, "reason", err)
}

// QuotaSet is a limit that one account set for another's mail, or its own, in
// octets and messages; 0 is none.
func (l *Log) QuotaSet(conn, by, account string, octets, messages int64) {
	l.info("quota set", "conn", conn, "by", by, "account", account, "octets", octets, "messages", messages)
}

// Commanded: an operator's command changed something of subject, such as an
// address.
func (l *Log) Commanded(command, subject string) {
	l.info("commanded", "command", command, "subject", subject)
}

// Accepted: a message was stored and answered for. queue names it in the lines
// about its way to other servers; 0: it is for mailboxes here alone.
func (l *Log) Accepted(conn, protocol, id string, env *mail.Envelope, size, queue int64) {
	if c := l.of(protocol); c != nil {
		c.accepted.Inc()
		c.octets.Add(float64(size))
		c.recipients.Add(float64(len(env.To)))
	}
	var queued any
	if queue != 0 {
		queued = queue
	}
	l.info("accepted", "conn", conn, "message", id, "queue", queued, "from", env.From.String(), "to", recipients(env.To), "recipients", len(env.To), "size", size)
}

// maxNamed is how many recipients of a message the log names.
const maxNamed = 10

// recipients are put into words only where the line is written.
type recipients []mail.Recipient

func (r recipients) LogValue() slog.Value {
	var names []string
	for i := range r[:min(len(r), maxNamed)] {
		names = append(names, r[i].Address.String())
	}
	return slog.StringValue(strings.Join(names, " "))
}

// Rejected: a message or a recipient was refused.
func (l *Log) Rejected(conn, protocol, what string, err error) {
	if c := l.of(protocol); c != nil {
		c.rejected.Inc()
	}
	l.bounded(rejected, slog.LevelInfo, "rejected", "conn", conn, "what", what, "reason", err)
}

// Internal: something failed that the client was told nothing about.
func (l *Log) Internal(conn, doing string, err error) {
	if l != nil {
		l.counters.internal.Inc()
	}
	l.error("internal error", "conn", conn, "doing", doing, "error", err)
}

// Panic: a handler panicked; its connection was closed.
func (l *Log) Panic(conn string, value any, stack []byte) {
	if l != nil {
		l.counters.panics.Inc()
	}
	l.error("panic", "conn", conn, "value", value, "stack", string(stack))
}

func (l *Log) info(msg string, args ...any)  { l.write(slog.LevelInfo, msg, args) }
func (l *Log) warn(msg string, args ...any)  { l.write(slog.LevelWarn, msg, args) }
func (l *Log) error(msg string, args ...any) { l.write(slog.LevelError, msg, args) }

// write logs an event. What is empty or nil is left out: a line has what there
// is to say.
func (l *Log) write(level slog.Level, msg string, args []any) {
	ctx := context.Background()
	if l == nil || l.log == nil || !l.log.Enabled(ctx, level) {
		return
	}
	said := args[:0]
	for i := 0; i+1 < len(args); i += 2 {
		if v := args[i+1]; v != nil && v != "" {
			said = append(said, args[i], v)
		}
	}
	l.log.Log(ctx, level, msg, said...)
}
