package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
	"posthorn/store"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "verify the store: every invariant, and with --deep every message's checksum",
		Flags:  []cli.Flag{&cli.BoolFlag{Name: "deep", Usage: "read every message too"}, jsonFlag()},
		Action: checkStore,
	}
}

func checkStore(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
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
		err = fmt.Errorf("%d problems found; keep a copy of the data folder before you change anything", len(problems))
	}
	return err
}
