package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
)

func mailboxCommand() *cli.Command {
	return &cli.Command{
		Name: "mailbox", Usage: "an account's mailboxes (folders)",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list an account's mailboxes", ArgsUsage: "ADDRESS", Flags: []cli.Flag{jsonFlag()}, Action: mailboxList},
			{
				Name: "create", Usage: "make a mailbox; levels are parted by /", ArgsUsage: "ADDRESS NAME",
				Flags:  []cli.Flag{&cli.StringFlag{Name: "use", Usage: "its special `USE`: \\Archive, \\Drafts, \\Flagged, \\Junk, \\Sent or \\Trash (default: none)"}},
				Action: mailboxCreate,
			},
			{
				Name: "delete", Usage: "delete a mailbox with its messages", ArgsUsage: "ADDRESS NAME",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "really, although it holds messages"}},
				Action: mailboxDelete,
			},
		},
	}
}

func mailboxes(c *cli.Context, address string) ([]control.Mailbox, error) {
	var list []control.Mailbox
	err := call(c, "mailbox list", control.Mailbox{Address: address}, &list)
	return list, err
}

func mailboxList(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	list, err := mailboxes(c, args[0])
	if err != nil {
		return err
	}
	return printData(c, list, "NAME\tMESSAGES\tUNSEEN\tSIZE\tUSE", func(w io.Writer) {
		for _, m := range list {
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\n", m.Name, m.Messages, m.Unseen, octets(m.Bytes), m.SpecialUse)
		}
	})
}

func mailboxCreate(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS", "NAME")
	if err != nil {
		return err
	}
	use := c.String("use")
	if use != "" && use[0] != '\\' {
		use = `\` + use // the shell took it
	}
	return call(c, "mailbox create", control.Mailbox{Address: args[0], Name: args[1], SpecialUse: use}, nil)
}

func mailboxDelete(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS", "NAME")
	if err != nil {
		return err
	}
	list, err := mailboxes(c, args[0])
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Name == args[1] && m.Messages > 0 && !c.Bool("yes") {
			return usagef("%s holds %d messages, which would be gone for good; say --yes if you mean it", m.Name, m.Messages)
		}
	}
	return call(c, "mailbox delete", control.Mailbox{Address: args[0], Name: args[1]}, nil)
}
