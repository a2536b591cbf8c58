// Command bench measures the built binary from outside, beside Dovecot and
// Postfix, with a load driver that speaks SMTP, IMAP and POP3 to both, and
// prints a table. "make bench" runs it where the driver is at hand.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
)

// bench is one run.
type bench struct {
	driver  string // the built driver
	quiet   string // a file that lists accounts to which no measure delivers
	servers []*server
	full    bool
	only    *regexp.Regexp
	table   table
}

func main() {
	var (
		driver  = flag.String("driver", "", "folder of the load driver's source, with peers/dovecot-postfix.sh")
		binary  = flag.String("binary", "bin/posthorn", "the posthorn to measure")
		dir     = flag.String("dir", os.TempDir(), "where the servers' folders go: on a real disk, in folders that everybody may search")
		base    = flag.Int("base-port", 5000, "number added to the protocols' ports; other servers' are up to 4000 above")
		rounds  = flag.Int("rounds", 1, "rounds; each measures every server once, the median counts")
		full    = flag.Bool("full", false, "at full length, and whether it slows down as mailboxes and accounts grow")
		peer    = flag.String("peer", "", "folder of the peer, which stays, so that its large mailboxes need not be filled again")
		alone   = flag.Bool("alone", false, "without the peer")
		only    = flag.String("only", "", "regular expression of the measures")
		verbose = flag.Bool("v", false, "show the driver's lines")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, &options{*driver, *binary, *dir, *peer, *base, *rounds, *full, *alone, *only, *verbose})
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	driver, binary, dir string
	peer                string
	base, rounds        int
	full, alone         bool
	only                string
	verbose             bool
}

func run(ctx context.Context, o *options) error {
	only, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "posthorn-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // the peer runs as several users
		return err
	}
	b := &bench{full: o.full, only: only, table: table{verbose: o.verbose}}
	if b.driver, err = buildDriver(ctx, o.driver, dir); err != nil {
		return err
	}
	b.quiet = filepath.Join(dir, "quiet")
	if err := writeQuiet(b.quiet); err != nil {
		return err
	}
	ours := newPosthorn(o.binary, filepath.Join(dir, "posthorn"), o.base, accounts)
	b.servers = append(b.servers, ours)
	if !o.alone {
		peer, err := newPeer(o.driver, b.driver, cmp.Or(o.peer, filepath.Join(dir, "peer")), o.base+1000)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: without the peer: %v\n", err)
		} else {
			b.servers = append(b.servers, peer)
		}
	}
	for _, s := range b.servers {
		if err := s.start(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		defer s.stop()
	}
	err = b.measure(ctx, o.rounds)
	if err == nil {
		err = b.listing(ctx, o.rounds)
	}
	if err == nil && b.chosen(watchRows) {
		err = b.watching(ctx, o, dir)
	}
	if err == nil && o.full && b.chosen(growthRows()) {
		err = b.growth(ctx, o, dir)
	}
	// What was measured is shown even when the run was cut short.
	fmt.Printf("\n%d processors, %s, rounds: %d, goals on two processors\n\n", runtime.NumCPU(), runtime.GOARCH, o.rounds)
	b.table.print(os.Stdout, b.servers)
	return err
}
