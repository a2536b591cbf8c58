package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
	"posthorn/store"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "verify the store: every invariant, and with --deep every message's checksum",
		Description: "With --ledger, compares what a client was told with what is there instead. FILE has\n" +
			"a line for each message that was answered 250: its Message-ID, and if wanted the\n" +
			"SHA-256 of the message as sent, and a recipient (\"-\" leaves one out). Every message\n" +
			"must be in mailboxes, in the queue, relayed or returned, once for each recipient.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "deep", Usage: "read every message too"},
			&cli.StringFlag{Name: "ledger", TakesFile: true, Usage: "look for the messages that `FILE` lists"},
			&cli.StringFlag{Name: "relayed", TakesFile: true, Usage: "with --ledger: a `FILE` of the same form, of what next hops have taken"},
			jsonFlag(),
		},
		Action: checkStore,
	}
}

func checkStore(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	switch {
	case c.String("ledger") != "" && c.Bool("deep"):
		return usagef("check: --ledger and --deep are two checks: run one after the other")
	case c.String("ledger") != "":
		return checkLedger(c)
	case c.String("relayed") != "":
		return usagef("check: --relayed goes with --ledger")
	}
	var problems []store.Problem
	if err := call(c, "check", control.CheckRequest{Deep: c.Bool("deep")}, &problems); err != nil {
		return err
	}
	err := printData(c, problems, "", func(w io.Writer) {
		for _, p := range problems {
			fmt.Fprintln(w, p.What)
		}
		if len(problems) == 0 {
			fmt.Fprintln(w, "the store is sound")
		}
	})
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("problems found: %d; keep a copy of the data folder before you change anything", len(problems))
	}
	return err
}

func checkLedger(c *cli.Context) (err error) {
	var in control.Ledger
	if in.Acknowledged, err = readLedger(c.String("ledger")); err != nil {
		return err
	}
	if file := c.String("relayed"); file != "" {
		if in.Relayed, err = readLedger(file); err != nil {
			return err
		}
	}
	var r control.LedgerReport
	if err := call(c, "check ledger", in, &r); err != nil {
		return err
	}
	err = printData(c, r, "", func(w io.Writer) {
		for _, list := range []struct {
			what    string
			entries []control.LedgerEntry
		}{{"missing", r.Missing}, {"duplicated", r.Duplicated}, {"altered", r.Altered}} {
			for _, e := range list.entries {
				fmt.Fprintf(w, "%s\t<%s>\t%s\n", list.what, e.MessageID, e.Recipient)
			}
		}
		fmt.Fprintf(w, "%d acknowledged: %d in mailboxes, %d queued, %d relayed, %d returned; %d missing, %d duplicated, %d altered\n",
			r.Acknowledged, r.Mailboxes, r.Queued, r.Relayed, r.Returned, len(r.Missing), len(r.Duplicated), len(r.Altered))
	})
	if n := len(r.Missing) + len(r.Duplicated) + len(r.Altered); err == nil && n > 0 {
		err = fmt.Errorf("%d messages are not where they should be", n)
	}
	return err
}

// readLedger reads lines of a Message-ID, a SHA-256 and a recipient.
func readLedger(file string) ([]control.LedgerEntry, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []control.LedgerEntry
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		words := strings.Fields(lines.Text())
		if len(words) == 0 {
			continue
		}
		if len(words) > 3 {
			return nil, fmt.Errorf("%s:%d: more than a Message-ID, a SHA-256 and a recipient", file, n)
		}
		words = append(words, "-", "-")
		e := control.LedgerEntry{MessageID: words[0]}
		if words[1] != "-" {
			e.Sum = words[1]
		}
		if words[2] != "-" {
			e.Recipient = words[2]
		}
		list = append(list, e)
	}
	return list, lines.Err()
}
