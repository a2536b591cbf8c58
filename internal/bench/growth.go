package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// Mailboxes and accounts that grow must not slow deliveries down by more than
// a fifth.
const mostSlowing = 1.2

var growthRows = []row{
	{name: "slower with 100,000 messages in the mailbox than with 10,000, times", goal: mostSlowing, lower: true},
	{name: "slower with 1,000 accounts than with 60, times", goal: mostSlowing, lower: true},
}

// growth measures our server at both ends, several times in turn.
func (b *bench) growth(ctx context.Context, o *options, dir string) error {
	const load = 8_000
	rate := func(s *server, args ...string) (float64, error) {
		r, err := b.drive(ctx, s, append([]string{"deliver", "-c", "8", "-n", fmt.Sprint(load)}, args...)...)
		return r.Metrics["msgs_per_s"], err
	}
	few := newPosthorn(o.binary, filepath.Join(dir, "few"), o.base+2000, accounts)
	many := newPosthorn(o.binary, filepath.Join(dir, "many"), o.base+3000, 1000)
	for _, s := range []*server{few, many} {
		if err := s.start(ctx); err != nil {
			return err
		}
		defer s.stop()
	}
	for range o.rounds {
		a, err := rate(few, "-spread", fmt.Sprint(accounts))
		if err != nil {
			return err
		}
		c, err := rate(many, "-spread", "1000")
		if err != nil {
			return err
		}
		b.table.add(&growthRows[1], few, a/c)
	}
	// The large mailbox is that of many's first account, the small that of few's.
	if _, err := b.drive(ctx, many, "deliver", "-c", "8", "-n", "50000", "-size", "4k"); err != nil {
		return err
	}
	if _, err := b.drive(ctx, many, "deliver", "-c", "8", "-n", "50000", "-size", "4k"); err != nil {
		return err
	}
	for range o.rounds {
		a, err := rate(few)
		if err != nil {
			return err
		}
		c, err := rate(many)
		if err != nil {
			return err
		}
		b.table.add(&growthRows[0], few, a/c)
	}
	return nil
}
