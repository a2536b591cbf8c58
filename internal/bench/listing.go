package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"
)

// What is measured of large mailboxes, the same for both servers. The full form
// takes the largest too.
var listed = []int{10_000, 100_000}

// listRows are the rows of a mailbox with n messages. Metrics that the driver
// doesn't know are those of ordered and resynced.
func listRows(n int) []row {
	of := fmt.Sprintf(" of %d,000", n/1000)
	return []row{
		{name: "FETCH UID FLAGS" + of + ", messages a second", metric: "flags_warm_msgs_per_s", goal: 1_500_000},
		{name: "FETCH ENVELOPE and sizes" + of, metric: "envelope_warm_msgs_per_s", goal: 400_000},
		{name: "the same after a restart" + of, metric: "envelope_cold_msgs_per_s", goal: 200_000},
		{name: "Thunderbird's first FETCH" + of, metric: "thunderbird_warm_msgs_per_s", goal: 150_000},
		{name: "Thunderbird's after a restart" + of, metric: "thunderbird_cold_msgs_per_s", goal: 150_000},
		{name: "SELECT" + of + ", ms", metric: "select_warm_ms", goal: 10, lower: true},
		{name: "SELECT after a restart" + of + ", ms", metric: "select_cold_ms", goal: 100, lower: true},
		{name: "QRESYNC with 100 changes" + of + ", ms", metric: "qresync_ms", goal: 10, lower: true},
		{name: "SORT (REVERSE DATE)" + of + ", ms", metric: "sort_warm_ms", goal: 200, lower: true},
		{name: "SORT after a restart" + of + ", ms", metric: "sort_cold_ms", goal: 200, lower: true},
		{name: "THREAD=REFERENCES" + of + ", ms", metric: "thread_warm_ms", goal: 400, lower: true},
		{name: "THREAD after a restart" + of + ", ms", metric: "thread_cold_ms", goal: 400, lower: true},
		{name: "THREAD for the first time" + of + ", ms", metric: "thread_first_ms", goal: 400, lower: true},
	}
}

// listing measures large mailboxes; within a round the servers take turns.
func (b *bench) listing(ctx context.Context, rounds int) error {
	sizes := listed
	if !b.full {
		sizes = listed[:1]
	}
	for _, n := range sizes {
		rows := listRows(n)
		if !b.chosen(rows) {
			continue
		}
		for round := range rounds {
			for i := range b.servers {
				s := b.servers[(i+round)%len(b.servers)]
				metrics, err := b.list(ctx, s, n, round == 0 && !s.kept)
				if err != nil {
					err = fmt.Errorf("%s, %d messages: %w", s.name, n, err)
				}
				switch {
				case err != nil && (s == b.servers[0] || ctx.Err() != nil):
					return err
				case err != nil: // its figures stay away
					fmt.Fprintln(os.Stderr, "bench:", err)
					continue
				}
				for k := range rows {
					if v, ok := metrics[rows[k].metric]; ok {
						b.table.add(&rows[k], s, v)
					}
				}
			}
		}
	}
	return nil
}

// list measures one mailbox of a server. first: nobody has listed it yet.
func (b *bench) list(ctx context.Context, s *server, n int, first bool) (metrics map[string]float64, err error) {
	box := fmt.Sprintf("list-%d", n)
	args := []string{"-mailbox", box, "-n", fmt.Sprint(n)}
	if _, err := b.drive(ctx, s, append([]string{"fill"}, args...)...); err != nil {
		return nil, err
	}
	r, err := b.drive(ctx, s, append([]string{"imap-list"}, args...)...)
	if err != nil {
		return nil, err
	}
	metrics = maps.Clone(r.Metrics)
	if share := metrics["info_other_cpu_share_of_machine"]; share > 0 {
		b.table.others = append(b.table.others, share)
	}
	thread := "UID THREAD REFERENCES UTF-8 ALL"
	if first {
		err = b.ordered(ctx, s, box, n, thread, metrics, "thread_first_ms", "")
	}
	if err == nil {
		err = b.ordered(ctx, s, box, n, thread, metrics, "thread_cold_ms", "thread_warm_ms")
	}
	if err == nil {
		err = b.ordered(ctx, s, box, n, "UID SORT (REVERSE DATE) UTF-8 ALL", metrics, "sort_cold_ms", "sort_warm_ms")
	}
	if err == nil {
		err = b.resynced(ctx, s, box, metrics)
	}
	return metrics, err
}

// ordered times a SORT or THREAD of all n messages right after a restart, and
// then, where a name is given, three times again.
func (b *bench) ordered(ctx context.Context, s *server, box string, n int, command string, metrics map[string]float64, cold, warm string) error {
	if err := s.restart(ctx); err != nil {
		return err
	}
	c, err := dialIMAP(ctx, s)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, _, err := c.do("SELECT " + box); err != nil {
		return err
	}
	once := func() (float64, error) {
		answers, took, err := c.do(command)
		if got := numbersIn(answers); err == nil && got != n {
			err = fmt.Errorf("%s gave %d of %d messages", command, got, n)
		}
		return milliseconds(took), err
	}
	if metrics[cold], err = once(); err != nil || warm == "" {
		return err
	}
	var times []float64
	for range 3 {
		t, err := once()
		if err != nil {
			return err
		}
		times = append(times, t)
	}
	metrics[warm] = median(times)
	return nil
}

// numbersIn counts the numbers in answers to SORT and THREAD.
func numbersIn(answers []string) (n int) {
	for _, a := range answers {
		if strings.HasPrefix(a, "* SORT") || strings.HasPrefix(a, "* THREAD") {
			n += len(strings.FieldsFunc(a, func(r rune) bool { return r < '0' || r > '9' }))
		}
	}
	return n
}

// resyncChanges is how many messages change while a client is away.
const resyncChanges = 100

// resynced times the SELECT of a client that comes back with QRESYNC.
func (b *bench) resynced(ctx context.Context, s *server, box string, metrics map[string]float64) error {
	c, err := dialIMAP(ctx, s)
	if err != nil {
		return err
	}
	defer c.Close()
	answers, _, err := c.do("SELECT " + box + " (CONDSTORE)")
	if err != nil {
		return err
	}
	validity, err := code(answers, "UIDVALIDITY")
	if err != nil {
		return err
	}
	since, err := code(answers, "HIGHESTMODSEQ")
	if err != nil {
		return err
	}
	var some []string
	for i := range resyncChanges {
		some = append(some, fmt.Sprint(1+i*70))
	}
	for _, sign := range []string{"-", "+"} { // so that it changes in every round
		if _, _, err := c.do("STORE " + strings.Join(some, ",") + " " + sign + `FLAGS.SILENT (\Answered)`); err != nil {
			return err
		}
	}
	back, err := dialIMAP(ctx, s)
	if err != nil {
		return err
	}
	defer back.Close()
	if _, _, err := back.do("ENABLE QRESYNC"); err != nil {
		return err
	}
	answers, took, err := back.do(fmt.Sprintf("SELECT %s (QRESYNC (%d %d))", box, validity, since))
	told := 0
	for _, a := range answers {
		if strings.Contains(a, " FETCH (") {
			told++
		}
	}
	if err == nil && told != resyncChanges {
		err = fmt.Errorf("QRESYNC told of %d changes, not %d", told, resyncChanges)
	}
	metrics["qresync_ms"] = milliseconds(took)
	return err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
