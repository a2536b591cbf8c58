package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// watchers are how many look at the class page at once.
	watchers = 10
	// watchTurns are how often the servers take turns in a round: the medians of
	// that many ratios count, since a machine that does other things too lets
	// single ones differ by a tenth.
	watchTurns = 5
	// stateEvery is how often a page that hears of changes asks for the state.
	stateEvery = 700 * time.Millisecond
)

// watchRows are what the class page costs: processor time for each message is
// what can be compared where others use the machine too.
var watchRows = []row{
	{name: "watch: processor time of a delivery while ten watch, times that without the page", goal: 1.03, lower: true},
	{name: "watch: processor time of a delivery with the page and nobody there, times that without", goal: 1.03, lower: true},
	{name: "watch: stored a second while ten watch, of the rate without the page", goal: 0.97},
	{name: "watch: memory that the page takes after ten have watched, MiB", goal: 64, lower: true},
	{name: "watch: events that one of the ten was given a second", goal: 0},
}

// watching measures a server without the class page, one with it, and one with
// it at which ten people look: three, so that all grow alike.
func (b *bench) watching(ctx context.Context, o *options, dir string) error {
	var servers []*server
	for i, name := range []string{"plain", "page", "watched"} {
		base := o.base + 2000 + 1000*i
		p := &posthorn{binary: o.binary, dir: filepath.Join(dir, name), base: base, accounts: accounts, page: i > 0}
		s := p.server()
		if err := s.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer s.stop()
		servers = append(servers, s)
	}
	ours := b.servers[0]
	n := 4_000
	if b.full {
		n = 24_000
	}
	for turn := range watchTurns * o.rounds {
		var cost, rate [3]float64
		for i := range servers {
			k := (i + turn) % len(servers)
			r, events, err := b.watched(ctx, servers[k], k == 2, n)
			if err != nil {
				return err
			}
			cost[k], rate[k] = r.Metrics["server_cpu_per_1000_s"], r.Metrics["stored_msgs_per_s"]
			if k == 2 {
				b.table.add(&watchRows[4], ours, events)
			}
			b.table.others = append(b.table.others, r.Metrics["info_other_cpu_share_of_machine"])
		}
		if turn == 0 { // the first fills caches
			continue
		}
		b.table.add(&watchRows[0], ours, cost[2]/cost[0])
		b.table.add(&watchRows[1], ours, cost[1]/cost[0])
		b.table.add(&watchRows[2], ours, rate[2]/rate[0])
	}
	var memory [3]float64
	for k, s := range servers {
		r, err := b.drive(ctx, s, "mem")
		if err != nil {
			return err
		}
		memory[k] = r.Metrics["pss_kib"] / 1024
	}
	b.table.add(&watchRows[3], ours, memory[2]-memory[0])
	return nil
}

// watched delivers n messages while nobody or ten look, and says how many events
// a second one of them was given.
func (b *bench) watched(ctx context.Context, s *server, look bool, n int) (r result, events float64, err error) {
	var crowd crowd
	if look {
		if err := crowd.gather(ctx, s.page); err != nil {
			return r, 0, err
		}
	}
	began := time.Now()
	r, err = b.drive(ctx, s, "deliver", "-c", "8", "-spread", "10", "-n", fmt.Sprint(n))
	events = float64(crowd.events.Load()) / watchers / time.Since(began).Seconds()
	if failed := crowd.leave(); err == nil {
		err = failed
	}
	return r, events, err
}

// crowd are people who look at the class page of a server.
type crowd struct {
	events atomic.Int64
	cancel context.CancelFunc
	wait   sync.WaitGroup
	failed atomic.Pointer[error]
}

func (c *crowd) gather(ctx context.Context, page string) error {
	ctx, c.cancel = context.WithCancel(ctx)
	for range watchers {
		r, err := http.NewRequestWithContext(ctx, "GET", page+"events?since=4503599627370496", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", page, answer.Status)
		}
		c.wait.Go(func() {
			defer answer.Body.Close()
			if err := c.look(ctx, page, answer.Body); ctx.Err() == nil {
				c.failed.Store(&err)
			}
		})
	}
	return nil
}

// look reads events as the page does, and the state where they tell of changes,
// until it fails.
func (c *crowd) look(ctx context.Context, page string, body io.Reader) error {
	var asked time.Time
	lines := bufio.NewReaderSize(body, 64<<10)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		if !bytes.HasPrefix(line, []byte("data: ")) {
			continue
		}
		c.events.Add(1)
		if !bytes.Contains(line, []byte(`"kind":"note"`)) || time.Since(asked) < stateEvery {
			continue
		}
		asked = time.Now()
		if err := ask(ctx, page+"state?sessions=no"); err != nil {
			return err
		}
	}
}

func ask(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, "GET", address, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// leave ends the watching; an error says who could not see all the time.
func (c *crowd) leave() error {
	if c.cancel == nil {
		return nil
	}
	c.cancel()
	c.wait.Wait()
	if err := c.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// showPage has a server show the class page.
func showPage(config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	with := bytes.Replace(text, []byte("\n# page = false\n"), []byte("\npage = true\n"), 1)
	if bytes.Equal(with, text) {
		return fmt.Errorf("%s: no line for the class page", config)
	}
	return os.WriteFile(config, with, 0o644)
}
