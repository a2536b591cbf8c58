package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
)

// row is one figure of a measurement, with its goal.
type row struct {
	name   string
	metric string // as the driver calls it
	goal   float64
	lower  bool    // lower is better
	scale  float64 // of the driver's unit to the table's; 0 is 1
}

// measure is one command of the driver. n is how many messages at full length;
// the short form takes an eighth, and of that the peer, which is slower, a
// tenth.
type measure struct {
	command string // ROUND stands for the round's number, QUIET for bench.quiet
	n       int
	flag    string // that takes n, or connections; empty is -n
	rows    []row
	// whole: as many in the short form. peer is how many the peer takes of them; 0:
	// a tenth.
	whole bool
	peer  int
	// first: in the first round only, on a server that was just started.
	first bool
	// after: it reads what the measure before it in the list has put there.
	after bool
	// disk: the goal is of octets on disk per octet of mail, logs folded in.
	disk bool
}

func deliveries(name, args string, n int, goal float64, more ...row) measure {
	return measure{command: "deliver " + args, n: n,
		rows: append([]row{{name: name, metric: "stored_msgs_per_s", goal: goal}}, more...)}
}

// idle has many connections: what a few have in common would count for each. The
// peer as its package sets it up takes fewer than a hundred in TLS.
func idle(args string, r row) measure {
	return measure{command: "idle " + args, flag: "-k", n: 2_000, whole: true, peer: 80, first: true, rows: []row{r}}
}

func onDisk(size string, n int, goal float64) measure {
	return measure{command: "deliver -c 8 -spread 10 -size " + size, n: n, disk: true, first: true,
		rows: []row{{name: "disk per octet of mail, " + size, goal: goal, lower: true}}}
}

// measures are what is measured, in order: what is empty first.
var measures = []measure{
	{command: "mem", first: true, rows: []row{{"memory idle, MiB", "pss_kib", 35, true, 1.0 / 1024}}},
	idle("-cold=false", row{"memory per idle connection, kB", "pss_per_conn_kib", 25, true, 0}),
	idle("-cold=false -tls", row{"memory per idle connection in TLS, kB", "pss_per_conn_kib", 45, true, 0}),
	onDisk("4k", 40_000, 1.2),
	onDisk("20k", 16_000, 0.7),
	onDisk("mix", 4_000, 0.8),
	deliveries("20 kB, 1 connection, stored a second", "-c 1", 8_000, 900),
	deliveries("20 kB, 8 connections", "-c 8", 24_000, 3_000,
		row{"end of data to 250, 8 connections, p50 ms", "ack_p50_ms", 0, true, 0},
		row{"end of data to 250, 8 connections, p99 ms", "ack_p99_ms", 10, true, 0}),
	deliveries("20 kB, 32 connections, 10 accounts", "-c 32 -spread 10", 32_000, 4_000),
	deliveries("20 kB to 10 recipients, copies a second", "-c 8 -spread 10 -rcpts 10", 8_000, 10_000),
	{command: "visible", n: 800, rows: []row{{"end of data to EXISTS, p50 ms", "after_data_p50_ms", 5, true, 0}}},
	{command: "fill -mailbox bench-ROUND", n: 24_000, rows: []row{{"pipelined APPEND of 7 kB a second", "append_pipelined_msgs_per_s", 3_000, false, 0}}},
	{command: "imap-read -c 8 -mailbox bench-ROUND", n: 40_000, after: true, rows: []row{{"BODY.PEEK[] at random, 8 connections, a second", "msgs_per_s", 10_000, false, 0}}},
	// accounts to which nothing else delivers, more than connections: no session is in another's way;
	// each ten times: three, which the driver does, are over in a quarter of a second
	{command: "pop3 -c 8 -spread 20 -repeat 10 -users-file QUIET", n: 400, rows: []row{{"POP3 RETR, 8 connections, a second", "msgs_per_s", 12_000, false, 0}}},
	{command: "imap-flags", rows: []row{
		{"STORE on 1,000, ms", "store_range_ms", 15, true, 0},
		{"COPY of 1,000, ms", "copy_ms", 15, true, 0},
		{"MOVE of 1,000, ms", "move_ms", 15, true, 0},
		{"EXPUNGE of 1,000, ms", "expunge_ms", 10, true, 0}}},
	{command: "mem", rows: []row{{"memory after the load, MiB", "pss_kib", 60, true, 1.0 / 1024}}},
}

// measure runs all measures in rounds; within a round the servers take turns
// at each, so that a busy minute of the machine is one for all.
func (b *bench) measure(ctx context.Context, rounds int) error {
	for round := range rounds {
		for k := range measures {
			m := &measures[k]
			wanted := b.chosen(m.rows) || k+1 < len(measures) && measures[k+1].after && b.chosen(measures[k+1].rows)
			if m.first && round > 0 || !wanted {
				continue
			}
			for i := range b.servers {
				s := b.servers[(i+round)%len(b.servers)]
				err := b.one(ctx, s, m, round)
				switch {
				case err != nil && (s == b.servers[0] || ctx.Err() != nil):
					return err
				case err != nil: // its figure stays away
					fmt.Fprintln(os.Stderr, "bench:", err)
				}
			}
		}
	}
	return nil
}

func (b *bench) chosen(rows []row) bool {
	for _, r := range rows {
		if b.only.MatchString(r.name) {
			return true
		}
	}
	return false
}

// one runs one measure on one server.
func (b *bench) one(ctx context.Context, s *server, m *measure, round int) error {
	if m.first {
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	before, err := s.disk()
	if err != nil {
		return err
	}
	r, err := b.drive(ctx, s, m.args(b.length(s, m), round, b.quiet)...)
	if err != nil {
		return err
	}
	if m.disk {
		if err := s.restart(ctx); err != nil {
			return err
		}
		after, err := s.disk()
		if err != nil {
			return err
		}
		octets := r.Metrics["info_mean_msg_kib"] * 1024 * r.Metrics["info_verified"]
		b.table.add(&m.rows[0], s, float64(after-before)/octets)
		return nil
	}
	for i := range m.rows {
		row := &m.rows[i]
		v, ok := r.Metrics[row.metric]
		if !ok {
			return fmt.Errorf("%s: %s has no %s", s.name, m.command, row.metric)
		}
		if row.scale != 0 {
			v *= row.scale
		}
		b.table.add(row, s, v)
	}
	if share := r.Metrics["info_other_cpu_share_of_machine"]; share > 0 {
		b.table.others = append(b.table.others, share)
	}
	return nil
}

// length is how many messages a measure takes, or connections.
func (b *bench) length(s *server, m *measure) int {
	n, peer := m.n, s != b.servers[0]
	if !b.full && !m.whole {
		n /= 8
	}
	switch {
	case peer && m.peer > 0:
		n = m.peer
	case peer:
		n /= 10
	}
	return n
}

// args are the driver's arguments.
func (m *measure) args(n, round int, quiet string) []string {
	command := strings.NewReplacer("ROUND", fmt.Sprint(round), "QUIET", quiet).Replace(m.command)
	args := strings.Fields(command)
	if n > 0 {
		args = append(args, cmp.Or(m.flag, "-n"), fmt.Sprint(n))
	}
	return args
}
