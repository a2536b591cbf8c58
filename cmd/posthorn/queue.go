package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
)

func queueCommand() *cli.Command {
	return &cli.Command{
		Name: "queue", Usage: "mail that waits to be handed to other servers",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list what waits, oldest first", Flags: []cli.Flag{jsonFlag()}, Action: queueList},
			{Name: "show", Usage: "show one message: each recipient and the last answer", ArgsUsage: "ID", Flags: []cli.Flag{jsonFlag()}, Action: queueShow},
			{Name: "retry", Usage: "try a message now, or with --all everything", ArgsUsage: "[ID]", Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Usage: "the whole queue"}}, Action: queueRetry},
			{Name: "delete", Usage: "give a message up without telling its sender", ArgsUsage: "ID", Action: queueDelete},
		},
	}
}

// queueID reads the ID argument.
func queueID(c *cli.Context) (control.QueueRequest, error) {
	args, err := arguments(c, "ID")
	if err != nil {
		return control.QueueRequest{}, err
	}
	id, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil || id <= 0 {
		return control.QueueRequest{}, usagef("%q is no message's number; \"posthorn queue list\" shows them", args[0])
	}
	return control.QueueRequest{ID: id}, nil
}

func queueEntries(c *cli.Context, req control.QueueRequest) ([]control.QueueEntry, error) {
	cfg, err := loadConfig(c)
	if err != nil {
		return nil, err
	}
	list := []control.QueueEntry{} // an empty one is JSON's [], not null
	err = reach(c.Context, cfg, func(caller control.Caller) error {
		return control.Queue(c.Context, caller, req, func(e *control.QueueEntry) error {
			list = append(list, *e)
			return nil
		})
	})
	return list, err
}

func queueList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	list, err := queueEntries(c, control.QueueRequest{})
	if err != nil {
		return err
	}
	return printData(c, list, "ID\tFROM\tTO\tSIZE\tTRIED\tNEXT TRY\tLAST ANSWER", func(w io.Writer) {
		for _, e := range list {
			fmt.Fprintf(w, "%d\t<%s>\t<%s>\t%s\t%d\t%s\t%s\n", e.ID, e.From, e.To, octets(e.Size), e.Attempts, when(e.NextTry), e.LastError)
		}
	})
}

func queueShow(c *cli.Context) error {
	req, err := queueID(c)
	if err != nil {
		return err
	}
	list, err := queueEntries(c, req)
	if err != nil {
		return err
	}
	return printData(c, list, "", func(w io.Writer) {
		first := list[0]
		fmt.Fprintf(w, "message\t%d, %s, queued %s\nfrom\t<%s>\n", first.ID, octets(first.Size), when(first.Queued), first.From)
		if first.EnvelopeID != "" {
			fmt.Fprintf(w, "envelope id\t%s\n", first.EnvelopeID)
		}
		for _, e := range list {
			fmt.Fprintf(w, "to\t<%s>\n  attempts\t%d, last %s\n  next try\t%s\n", e.To, e.Attempts, when(e.LastTry), when(e.NextTry))
			if e.LastError != "" {
				fmt.Fprintf(w, "  last answer\t%s\n", e.LastError)
			}
		}
	})
}

func queueRetry(c *cli.Context) error {
	var req control.QueueRequest
	var err error
	if c.Bool("all") {
		_, err = arguments(c)
	} else {
		req, err = queueID(c)
	}
	if err != nil {
		return err
	}
	var n control.Count
	if err := call(c, "queue retry", req, &n); err != nil {
		return err
	}
	fmt.Fprintf(c.App.Writer, "%d due now\n", n.Count)
	return nil
}

func queueDelete(c *cli.Context) error {
	req, err := queueID(c)
	if err != nil {
		return err
	}
	return call(c, "queue delete", req, nil)
}
