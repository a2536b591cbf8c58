// Package maillog has one call per event in the life of mail: one log line,
// always with the connection's id where there is one, never a secret. What is
// to be counted is counted here.
package maillog

import (
	"context"
	"log/slog"
	"strings"
)

// Log writes events. A nil *Log drops them.
type Log struct {
	log    *slog.Logger
	bounds [kinds]*bound
}

// New returns a Log that writes to l.
func New(l *slog.Logger) *Log { return &Log{log: l, bounds: newBounds()} }

// Connected: a client connected.
func (l *Log) Connected(conn, protocol, remote string, tls bool) {
	l.bounded(connected, slog.LevelInfo, "connected", "conn", conn, "protocol", protocol, "remote", remote, "tls", tls)
}

// Refused: a connection was refused or cut off by a limit or a time-out.
func (l *Log) Refused(conn, protocol, remote string, err error) {
	l.bounded(refused, slog.LevelInfo, "refused", "conn", conn, "protocol", protocol, "remote", remote, "reason", err)
}

// Disconnected: a connection ended.
func (l *Log) Disconnected(conn string, err error) {
	l.bounded(disconnected, slog.LevelInfo, "disconnected", "conn", conn, "error", err)
}

// LoggedIn: a client proved who it is.
func (l *Log) LoggedIn(conn, account, mechanism, appPassword string) {
	l.info("logged in", "conn", conn, "account", account, "mechanism", mechanism, "app_password", appPassword)
}

// Compressed: a client asked for compression, and got it.
func (l *Log) Compressed(conn string) { l.info("compressed", "conn", conn) }

// LoginFailed: a client failed to. A name that is no address may be a password
// in the wrong place: it is not written down.
func (l *Log) LoginFailed(conn, remote, user, mechanism string, err error) {
	if user != "" && !strings.Contains(user, "@") {
		user = "(not an address)"
	}
	l.bounded(loginFailed, slog.LevelWarn, "login failed", "conn", conn, "remote", remote, "user", user, "mechanism", mechanism, "reason", err)
}

// Accepted: a message was stored and answered for.
func (l *Log) Accepted(conn, id, from string, recipients int, size int64) {
	l.info("accepted", "conn", conn, "message", id, "from", from, "recipients", recipients, "size", size)
}

// Rejected: a message or a recipient was refused.
func (l *Log) Rejected(conn, what string, err error) {
	l.bounded(rejected, slog.LevelInfo, "rejected", "conn", conn, "what", what, "reason", err)
}

// Internal: something failed that the client was told nothing about.
func (l *Log) Internal(conn, doing string, err error) {
	l.error("internal error", "conn", conn, "doing", doing, "error", err)
}

// Panic: a handler panicked; its connection was closed.
func (l *Log) Panic(conn string, value any, stack []byte) {
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
