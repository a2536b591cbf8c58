package maillog

import (
	"context"
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// What anybody can cause by connecting, or by trying, must not fill the disk:
// of each kind of event so many lines are written a second, and at once. Beyond
// that they are counted, and the next line that is written says how many
// ("unlogged").
const (
	eventsPerSecond, eventsAtOnce     = 200, 2000
	refusalsPerSecond, refusalsAtOnce = 20, 200
)

// kind is a kind of event that strangers cause.
type kind int

const (
	connected kind = iota
	disconnected
	refused
	loginFailed
	rejected
	kinds
)

// bound is what is left of one kind's lines.
type bound struct {
	rate     *rate.Limiter
	unlogged atomic.Int64
}

func newBounds() (all [kinds]*bound) {
	for k := range all {
		all[k] = &bound{rate: rate.NewLimiter(eventsPerSecond, eventsAtOnce)}
	}
	all[refused].rate = rate.NewLimiter(refusalsPerSecond, refusalsAtOnce)
	return all
}

// bounded logs an event of a kind that strangers cause, if there is a line
// left for it.
func (l *Log) bounded(k kind, level slog.Level, msg string, args ...any) {
	if l == nil || l.log == nil || !l.log.Enabled(context.Background(), level) {
		return
	}
	b := l.bounds[k]
	if !b.rate.Allow() {
		b.unlogged.Add(1)
		return
	}
	if n := b.unlogged.Swap(0); n > 0 {
		args = append(args, "unlogged", n)
	}
	l.write(level, msg, args)
}
