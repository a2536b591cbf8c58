package ledger

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"posthorn/internal/testserver"
)

// Drop is a client of POP3 that reads what has come to an account and deletes
// some of it. Nobody else takes anything out of that INBOX.
type Drop struct {
	Ledger *Ledger
	Server *testserver.Server
	Local  string
	// Pause is made between sessions, on average.
	Pause time.Duration

	told  map[string]body // by UIDL, all that were ever read
	gone  map[string]bool // whose deletion was told
	doubt []string        // whose deletion was not answered
	// Ops counts sessions that ended with QUIT.
	Ops int
}

// Work reads and deletes until ctx ends or a connection breaks; then Verify
// must be called before the next Work.
func (d *Drop) Work(ctx context.Context) error {
	if d.told == nil {
		d.told, d.gone = map[string]body{}, map[string]bool{}
	}
	for ctx.Err() == nil {
		c, err := d.dial(ctx)
		if err != nil {
			return nil
		}
		err = d.session(c)
		c.Conn.Close()
		if wrong, ok := err.(*wrongAnswer); ok {
			return wrong
		}
		if err != nil {
			return nil
		}
		d.Ops++
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(2*d.Pause + time.Millisecond)):
		}
	}
	return nil
}

// dial logs in; the session before may hold the drop for a moment yet.
func (d *Drop) dial(ctx context.Context) (*testserver.Client, error) {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := testserver.DialPOP3(d.Server.Address("pop3"), d.Local+"@"+testserver.Domain)
		if err == nil || !strings.Contains(err.Error(), "[IN-USE]") || time.Now().After(deadline) {
			return c, err
		}
	}
}

// session reads what is new and deletes some.
func (d *Drop) session(c *testserver.Client) error {
	list, err := d.list(c)
	if err != nil {
		return err
	}
	if err := d.read(c, list, false); err != nil {
		return err
	}
	d.doubt = nil
	for _, uid := range slices.Sorted(maps.Keys(list)) {
		if rand.IntN(3) > 0 {
			continue
		}
		if _, err := c.Say(fmt.Sprintf("DELE %d\r\n", list[uid]), 1, "+OK"); err != nil {
			d.doubt = nil // only QUIT deletes
			return err
		}
		d.doubt = append(d.doubt, uid)
	}
	if _, err := c.Say("QUIT\r\n", 1, "+OK"); err != nil {
		return err
	}
	return d.Ledger.note(func() {
		for _, uid := range d.doubt {
			d.gone[uid] = true
		}
		d.doubt = nil
	})
}

// list asks for the UIDLs, with their numbers.
func (d *Drop) list(c *testserver.Client) (map[string]int, error) {
	if _, err := c.Say("UIDL\r\n", 1, "+OK"); err != nil {
		return nil, err
	}
	text, err := c.Multi()
	if err != nil {
		return nil, err
	}
	list := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(text), "\r\n") {
		var n int
		var uid string
		if _, err := fmt.Sscanf(line, "%d %s", &n, &uid); err == nil {
			list[uid] = n
		}
	}
	return list, nil
}

// read reads messages, those that are new or all, and compares them.
func (d *Drop) read(c *testserver.Client, list map[string]int, all bool) error {
	for uid, n := range list {
		was, known := d.told[uid]
		if known && !all {
			continue
		}
		if _, err := c.Say(fmt.Sprintf("RETR %d\r\n", n), 1, "+OK"); err != nil {
			return err
		}
		text, err := c.Multi()
		if err != nil {
			return err
		}
		found, whole := bodyOf([]byte(text))
		if !whole || known && was != found {
			return &wrongAnswer{fmt.Sprintf("%s: UIDL %s names %s (%s before), with other octets than were sent", d.Local, uid, found.id, was.id)}
		}
		if err := d.Ledger.note(func() {
			d.told[uid] = found
			d.Ledger.see(found.id)
		}); err != nil {
			return err
		}
	}
	return nil
}

// Verify compares what is there with what was told.
func (d *Drop) Verify() (problems []string, err error) {
	c, err := d.dial(context.Background())
	if err != nil {
		return nil, err
	}
	defer c.Conn.Close()
	list, err := d.list(c)
	if err != nil {
		return nil, err
	}
	if err := d.read(c, list, true); err != nil {
		return nil, err
	}
	missing := 0
	for uid, b := range d.told {
		_, there := list[uid]
		inDoubt := slices.Contains(d.doubt, uid)
		switch {
		case there && d.gone[uid]:
			problems = append(problems, fmt.Sprintf("%s: UIDL %s (%s) was deleted and is there again", d.Local, uid, b.id))
		case !there && inDoubt:
			missing++
			d.gone[uid] = true
		case !there && !d.gone[uid]:
			problems = append(problems, fmt.Sprintf("%s: UIDL %s (%s) is gone", d.Local, uid, b.id))
		}
	}
	if missing > 0 && missing != len(d.doubt) {
		problems = append(problems, fmt.Sprintf("%s: a QUIT deleted %d of %d messages", d.Local, missing, len(d.doubt)))
	}
	d.doubt = nil
	return problems, nil
}
