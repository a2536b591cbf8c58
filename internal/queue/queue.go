// Package queue decides when outbound mail is tried, when it is given up, and
// who is told. It does not know how mail is carried: a Transport does.
//
// The store keeps the queue; the Scheduler holds what is due in memory while
// it is being tried. What it holds is lost with the process and read again at
// the next start: so a message is never lost, and one that a next hop took in
// the very moment of a crash goes out twice. An attempt is recorded, and the
// reports about it are stored, in one transaction, before the next message
// leaves on that connection: so it is one message for each connection at most,
// and there is one connection to a hop unless Config.MaxPerHop allows more.
//
// A report is sent from the null reverse-path, and there is none about a
// message that has it: failures of reports end in the log.
package queue

import (
	"context"
	"slices"
	"time"

	"posthorn/internal/mail"
)

// Transport carries messages to next hops. Its methods may be called from
// several goroutines.
type Transport interface {
	// Hop names the next hop of a domain. Recipients with the same hop share
	// transactions and connections. It must not block.
	Hop(domain string) string
	// Deliver opens a connection to a hop and hands over messages for as long
	// as next has one. It reports each to done, with a result for each of the
	// envelope's recipients, before it calls next again. When the hop cannot
	// be reached (any more), it returns why: that is then the result of all
	// messages that wait for the hop. Else it returns nil. It ends soon after
	// ctx does.
	Deliver(ctx context.Context, hop string, next func() *mail.Outgoing, done func([]mail.Result)) (down *mail.Result)
}

const (
	// maxRecipients is how many recipients one transaction may have: as many as
	// every server must take (RFC 5321 §4.5.3.1.8).
	maxRecipients = 100
	// maxReturn is the size in octets of the largest message that a report of
	// failure returns whole. Of a larger one it has the header.
	maxReturn = 1 << 20
)

// Config is when mail is tried and for how long. The zero value of each field
// stands for the default.
type Config struct {
	// Hostname is this server's name, for its reports.
	Hostname string
	// Retry are the intervals between one attempt and the next; the last one
	// repeats. Each is varied by up to a tenth, so that not everything that
	// failed together comes back together. Default: defaultRetry.
	Retry []time.Duration
	// GiveUpAfter is for how long a message is tried: 5 days (RFC 5321
	// §4.5.4.1 asks for at least 4 to 5).
	GiveUpAfter time.Duration
	// DelayAfter is when a sender is told that the message has not been
	// delivered yet: 4 hours. Negative: never.
	DelayAfter time.Duration
	// MaxConnections is how many connections there may be in all: 100, so that
	// some dozens of hops that stall delay no other.
	MaxConnections int
	// MaxPerHop is how many connections there may be to one hop: 1. Each more
	// may leave one message more that a crash has delivered twice.
	MaxPerHop int
	// MaxHeld is how many recipients are held in memory at a time: 10,000. One
	// hop has a quarter of them at most: one with a long queue that answers
	// slowly does not keep the others waiting.
	MaxHeld int
	// Grace is how long Run waits, once told to stop, for what is under way:
	// 20 seconds.
	Grace time.Duration
}

// defaultRetry are the intervals between attempts: short ones, since most
// trouble is a restart or a greylisting, then ever longer ones.
var defaultRetry = []time.Duration{
	time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 4 * time.Hour,
}

// withDefaults is c with its zero fields filled in.
func (c Config) withDefaults() Config {
	if len(c.Retry) == 0 {
		c.Retry = defaultRetry
	}
	setDefault(&c.GiveUpAfter, 5*24*time.Hour)
	setDefault(&c.DelayAfter, 4*time.Hour)
	setDefault(&c.MaxConnections, 100)
	setDefault(&c.MaxPerHop, 1)
	setDefault(&c.MaxHeld, 10_000)
	setDefault(&c.Grace, 20*time.Second)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// maxHeldPerHop is how many recipients are held for one hop.
func (c *Config) maxHeldPerHop() int { return max(c.MaxHeld/4, 1) }

// longest is more than any interval, with its spread and the time that an
// attempt takes to be recorded.
func (c *Config) longest() time.Duration { return slices.Max(c.Retry)*5/4 + time.Hour }

// interval is how long to wait after that many attempts, times spread (about
// 1).
func (c *Config) interval(attempts int, spread float64) time.Duration {
	i := min(max(attempts, 1), len(c.Retry)) - 1
	return time.Duration(float64(c.Retry[i]) * spread)
}
