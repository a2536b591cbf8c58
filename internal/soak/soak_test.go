//go:build soak

package soak

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/ledger"
	"posthorn/internal/testserver"
)

const away = "away.example" // whose mail is relayed

// day is the server with all who use it.
type day struct {
	*testserver.Server
	t       testing.TB
	ledger  *ledger.Ledger
	readers []*ledger.Reader
	drops   []*ledger.Drop
	mailers []*mailer
	hop     *hop
	cert    *certificates

	steady atomic.Bool  // no connection may break by itself
	broken atomic.Int64 // connections that did
	deeds  atomic.Int64 // what clients besides readers and drops did
}

func newDay(t testing.TB) *day {
	d := &day{
		Server: testserver.New(t, testserver.Config{
			Users: []string{"alice", "bob", "carol", "dave", "erin", "sender"}, Profile: true,
		}),
		t: t, ledger: &ledger.Ledger{Name: "soak"}, hop: newHop(t),
	}
	d.cert = newCertificates(d.Server, t)
	d.Set("log", "level", "warn")
	d.Set("queue", "retry", []string{"1s"})
	d.Set(`relay.routes."`+away+`"`, "address", d.hop.Address())
	d.Set(`relay.routes."`+away+`"`, "tls", "none")
	for _, local := range []string{"alice", "bob", "carol"} {
		for _, prefix := range []string{"a", "b"} {
			d.readers = append(d.readers, &ledger.Reader{Ledger: d.ledger, Server: d.Server, Local: local, Prefix: prefix,
				INBOX: prefix == "a", Pause: 20 * time.Millisecond})
		}
	}
	for _, local := range []string{"dave", "erin"} {
		d.drops = append(d.drops, &ledger.Drop{Ledger: d.ledger, Server: d.Server, Local: local, Pause: 100 * time.Millisecond})
	}
	for i := range 3 {
		d.mailers = append(d.mailers, &mailer{n: i})
	}
	return d
}

// work has everybody work until ctx ends, and returns when all have stopped.
func (d *day) work(ctx context.Context) {
	var all sync.WaitGroup
	again := func(work func(context.Context) error) {
		all.Go(func() {
			err := work(ctx)
			if err != nil {
				d.t.Error(err)
			}
			if ctx.Err() == nil && d.steady.Load() {
				d.broken.Add(1)
			}
		})
	}
	for _, r := range d.readers {
		again(r.Work)
	}
	for _, p := range d.drops {
		again(p.Work)
	}
	for _, m := range d.mailers {
		again(func(ctx context.Context) error { return m.work(ctx, d) })
	}
	for range 3 {
		again(func(ctx context.Context) error {
			return d.ledger.Deliver(ctx, d.Server, 30*time.Millisecond, "alice", "bob", "carol", "dave", "erin")
		})
	}
	for _, local := range []string{"alice", "bob", "carol"} {
		all.Go(func() { d.repeat(ctx, func() error { return d.idle(ctx, local) }) })
		all.Go(func() { d.repeat(ctx, func() error { return d.browse(ctx, local) }) })
	}
	for range 2 {
		all.Go(func() { d.repeat(ctx, d.vanish) })
	}
	all.Go(func() { d.repeat(ctx, func() error { return d.stall(ctx) }) })
	all.Go(func() { d.reload(ctx) })
	all.Wait()
}

// repeat has fn run again and again; an error is a fault of the server's only
// while it is steady.
func (d *day) repeat(ctx context.Context, fn func() error) {
	for ctx.Err() == nil {
		err := fn()
		switch {
		case err == nil:
			d.deeds.Add(1)
		case ctx.Err() == nil && d.steady.Load():
			d.t.Error(err)
			return
		default:
			wait(ctx, 50*time.Millisecond)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// verify compares everything with what was told.
func (d *day) verify() {
	d.t.Helper()
	for _, r := range d.readers {
		problems, err := r.Verify()
		d.blame(problems, err)
	}
	for _, p := range d.drops {
		problems, err := p.Verify()
		d.blame(problems, err)
	}
	if missing := d.ledger.Missing("alice", "bob", "carol", "dave", "erin"); len(missing) > 0 {
		d.t.Errorf("%d acknowledged messages are lost, such as %s", len(missing), missing[0])
	}
	if d.t.Failed() {
		d.t.Fatalf("the server's log:\n%s", d.Log())
	}
}

func (d *day) blame(problems []string, err error) {
	if err != nil {
		d.t.Error(err)
	}
	for _, p := range problems {
		d.t.Error(p)
	}
}

// verifyQueue has the next hop behave, waits until the queue is empty, and
// demands that all that was submitted was relayed, or returned to the sender.
func (d *day) verifyQueue() {
	d.t.Helper()
	d.hop.behave.Store(true)
	begun := time.Now()
	most, least, deadline := 0, math.MaxInt, begun
	for ; ; time.Sleep(100 * time.Millisecond) {
		queued := strings.Count(d.Must("queue", "list", "--json"), `"to":`)
		if most = max(most, queued); queued == 0 {
			break
		}
		if queued < least {
			least, deadline = queued, time.Now().Add(20*time.Second)
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("%d messages stay in the queue\n%s", queued, d.Log())
		}
	}
	d.t.Logf("the queue's last %d messages took %v", most, time.Since(begun).Round(time.Millisecond))
	var lines []string
	for _, m := range d.mailers {
		lines = append(lines, m.acked...)
	}
	args := []string{"check", "--ledger", d.write("ledger", lines), "--relayed", d.write("relayed", d.hop.Lines())}
	out, errs, err := d.Command(nil, "", args...)
	total, more := d.hop.Tally()
	d.t.Logf("%d messages were submitted, %d relayed (%d twice): %s", len(lines), total, more, strings.TrimSpace(out))
	// Messages that a kill, or a hop that hung up, left twice are no fault.
	if !strings.Contains(out, "; 0 missing") || !strings.Contains(out, " 0 altered") {
		d.t.Errorf("%v\n%s%s", err, out, errs)
	}
}

func (d *day) write(name string, lines []string) string {
	file := filepath.Join(d.Dir, name)
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return file
}

// TestSoak: a first part in which the server is killed and restarted again and
// again, and a second in which one process lives through everything else.
func TestSoak(t *testing.T) {
	length := 45 * time.Second
	if s := os.Getenv("SOAK"); s != "" {
		var err error
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	d := newDay(t)
	d.restarts(length / 3)
	d.longLife(length * 2 / 3)
	d.verifyQueue()
	d.Stop()
	d.Must("check", "--deep")
	if strings.Contains(d.Log(), "level=ERROR") {
		t.Errorf("what clients do is no error of the server's:\n%s", d.Log())
	}
	ops, sessions, mails := 0, 0, d.ledger.Acked()
	for _, r := range d.readers {
		ops += r.Ops
	}
	for _, p := range d.drops {
		sessions += p.Ops
	}
	t.Logf("%d messages delivered, %d operations of IMAP, %d sessions of POP3, %d other deeds", mails, ops, sessions, d.deeds.Load())
}

// restarts has the server killed, or stopped, in the middle of its work.
func (d *day) restarts(length time.Duration) {
	runs := 0
	for end := time.Now().Add(length); time.Now().Before(end); runs++ {
		d.MustStart()
		ctx, stop := context.WithCancel(d.t.Context())
		time.AfterFunc(min(length/4, 10*time.Second), func() {
			if runs%3 == 2 {
				d.Signal(syscall.SIGTERM)
			} else {
				d.Signal(syscall.SIGKILL)
			}
			<-d.Done()
			stop()
		})
		d.work(ctx)
		stop()
		<-d.Done()
		if err := d.Err(); runs%3 == 2 && err != nil {
			d.t.Fatalf("the server ended with %v\n%s", err, d.Log())
		}
		d.MustStart()
		d.verify()
		d.Stop()
		d.Must("check")
	}
	d.t.Logf("%d restarts: all that was told is there", runs)
}

// longLife has one process work for a long time.
func (d *day) longLife(length time.Duration) {
	d.MustStart()
	d.steady.Store(true)
	d.spell(length / 4) // until caches and pools are filled
	before := d.settled()
	d.spell(length * 3 / 4)
	after := d.settled()
	d.steady.Store(false)
	if n := d.broken.Load(); n > 0 {
		d.t.Errorf("%d connections broke, though nobody broke them\n%s", n, d.Log())
	}
	d.verify()
	d.t.Logf("a quarter: %v", before)
	d.t.Logf("the end:   %v", after)
	for _, problem := range drift(before, after) {
		d.t.Error(problem)
	}
	if d.t.Failed() {
		goroutines, err := d.Profile("goroutine?debug=1")
		d.t.Logf("goroutines: %v\n%s", err, goroutines)
		d.t.Logf("descriptors: %v", d.descriptors())
	}
}

// descriptors counts what the server has open, by name.
func (d *day) descriptors() map[string]int {
	dir := fmt.Sprintf("/proc/%d/fd", d.PID())
	entries, _ := os.ReadDir(dir)
	counts := map[string]int{}
	for _, e := range entries {
		name, _ := os.Readlink(filepath.Join(dir, e.Name()))
		if strings.HasPrefix(name, "socket:") {
			name = "a socket"
		}
		counts[filepath.Base(name)]++
	}
	return counts
}

func (d *day) spell(length time.Duration) {
	ctx, stop := context.WithTimeout(d.t.Context(), length)
	defer stop()
	d.work(ctx)
}

// settled waits until all clients' connections are gone, and then reads the
// figures. Connections of the store's readers are taken off: each has two files
// and a goroutine, there is one more whenever more read at once than ever
// before, and their number is bounded.
func (d *day) settled() testserver.Figures {
	d.t.Helper()
	d.hop.behave.Store(true) // so that no attempt hangs
	defer d.hop.behave.Store(false)
	var last testserver.Figures
	for same := 0; same < 10; time.Sleep(200 * time.Millisecond) {
		f, err := d.Figures()
		if err != nil {
			d.t.Fatal(err)
		}
		if f.FDs == last.FDs && f.Goroutines == last.Goroutines {
			same++
		} else {
			same = 0
		}
		last = f
	}
	files := d.descriptors()
	last.FDs -= files["posthorn.db"] + files["posthorn.db-wal"]
	last.Goroutines -= files["posthorn.db"]
	return last
}

// drift says what grew by more than 2 %. A goroutine and a descriptor more may
// be caught on their way. To memory comes what does not depend on how long it
// runs: what lies in pools and caches by chance (a page cache for each of the
// store's readers, buffers that the collector has not given back).
func drift(before, after testserver.Figures) (problems []string) {
	for _, f := range []struct {
		name          string
		before, after int64
		allowance     int64
	}{
		{"goroutines", int64(before.Goroutines), int64(after.Goroutines), 1},
		{"descriptors", int64(before.FDs), int64(after.FDs), 1},
		{"octets of heap", before.Heap, after.Heap, 2 << 20},
		{"octets of RSS", before.RSS, after.RSS, 16 << 20},
	} {
		if limit := f.before + f.before*2/100 + f.allowance; f.after > limit {
			problems = append(problems, fmt.Sprintf("%s drifted from %d to %d, more than %d", f.name, f.before, f.after, limit))
		}
	}
	return problems
}
