package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Mailboxes and accounts that grow must not slow anything down by more than a
// fifth: what is asked of one message takes as long as before, what is asked of
// all takes as long for each.
const mostSlowing = 1.2

const (
	fewMessages, manyMessages = 10_000, 100_000
	manyAccounts              = 1_000
	// grownLoad is how many messages a round delivers to the mailbox, and appends
	// to it; expunging takes them away again.
	grownLoad = 4_000
)

// growth is something that is measured of a server with few and one with many.
type growth struct {
	row row
	// cost is what it takes, in whatever unit.
	cost func(b *bench, ctx context.Context, s *server) (float64, error)
}

func byMessages(what string, cost func(*bench, context.Context, *server) (float64, error)) growth {
	name := "slower with 100,000 messages in the mailbox than with 10,000, times: " + what
	return growth{row{name: name, goal: mostSlowing, lower: true}, cost}
}

func byAccounts(what string, cost func(*bench, context.Context, *server) (float64, error)) growth {
	name := "slower with 1,000 accounts than with 60, times: " + what
	return growth{row{name: name, goal: mostSlowing, lower: true}, cost}
}

// growths are what is measured, in order: what was delivered and appended is
// expunged. The mailbox is the INBOX of the last account.
var growths = []growth{
	byAccounts("delivery to all", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "msgs_per_s", "deliver", "-c", "8", "-n", "8000", "-spread", fmt.Sprint(s.accounts))
	}),
	byAccounts("login", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "logins_per_s", "login", "-c", "8") // of all, whose passwords are remembered by now
	}),
	byAccounts("RETR", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "msgs_per_s", "pop3", "-c", "8", "-spread", "20", "-users-file", b.quiet, "-n", "100")
	}),
	byMessages("delivery", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "msgs_per_s", "deliver", "-c", "8", "-n", fmt.Sprint(grownLoad), "-users-file", s.ownerFile())
	}),
	byMessages("APPEND", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "append_pipelined_msgs_per_s", "fill", "-mailbox", "INBOX", "-n", fmt.Sprint(s.messages+2*grownLoad))
	}),
	byMessages("BODY.PEEK[] at random", func(b *bench, ctx context.Context, s *server) (float64, error) {
		return b.cost(ctx, s, "msgs_per_s", "imap-read", "-c", "8", "-mailbox", "INBOX", "-n", "16000")
	}),
	byMessages("SELECT, of each", selectCost),
	byMessages("FETCH UID FLAGS, of each", fetchCost),
	byMessages("STORE on 1,000", storeCost),
	byMessages("POP3 login, STAT and UIDL, of each", uidlCost),
	byMessages("RETR in order", retrCost),
	byMessages("EXPUNGE of the first 1,000", expungeCost),
}

// growthRows are the rows of all.
func growthRows() (rows []row) {
	for i := range growths {
		rows = append(rows, growths[i].row)
	}
	return rows
}

// cost is what one takes of what the driver counts by the second.
func (b *bench) cost(ctx context.Context, s *server, metric string, args ...string) (float64, error) {
	r, err := b.drive(ctx, s, args...)
	rate := r.Metrics[metric]
	if err == nil && rate <= 0 {
		err = fmt.Errorf("%s: %v gave no %s", s.name, args, metric)
	}
	return 1 / rate, err
}

// growth measures our server at both ends, several times in turn.
func (b *bench) growth(ctx context.Context, o *options, dir string) error {
	few := newPosthorn(o.binary, filepath.Join(dir, "few"), o.base+2000, accounts)
	many := newPosthorn(o.binary, filepath.Join(dir, "many"), o.base+3000, manyAccounts)
	few.messages, many.messages = fewMessages, manyMessages
	for _, s := range []*server{few, many} {
		if err := s.start(ctx); err != nil {
			return err
		}
		defer s.stop()
		if err := os.WriteFile(s.ownerFile(), []byte(s.owner+" "+password+"\n"), 0o644); err != nil {
			return err
		}
		if _, err := b.drive(ctx, s, "fill", "-mailbox", "INBOX", "-n", fmt.Sprint(s.messages)); err != nil {
			return err
		}
	}
	for range o.rounds {
		for i := range growths {
			g := &growths[i]
			small, err := g.cost(b, ctx, few)
			if err != nil {
				return err
			}
			large, err := g.cost(b, ctx, many)
			if err != nil {
				return err
			}
			b.table.add(&g.row, few, large/small)
		}
	}
	return b.slowed(few)
}

// slowed is an error that says what became slower: these are goals on any machine.
func (b *bench) slowed(s *server) (err error) {
	for i := range growths {
		r := &growths[i].row
		if v := median(b.table.values[r][s.name]); !(v <= r.goal) {
			err = errors.Join(err, fmt.Errorf("%s: %.2f", r.name, v))
		}
	}
	return err
}
