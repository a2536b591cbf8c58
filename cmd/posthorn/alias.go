package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
)

func aliasCommand() *cli.Command {
	return &cli.Command{
		Name: "alias", Usage: "addresses that lead to other addresses",
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: "lead an address, or all others of a domain (@example.org), to one or more targets", ArgsUsage: "ADDRESS TARGET [TARGET …]",
				Description: "An address name+tag@example.org needs no alias: it leads to name@example.org.",
				Action:      aliasAdd,
			},
			{Name: "list", Usage: "list the aliases", Flags: []cli.Flag{jsonFlag()}, Action: aliasList},
			{Name: "delete", Usage: "delete an alias", ArgsUsage: "ADDRESS", Action: aliasDelete},
		},
	}
}

func aliasAdd(c *cli.Context) error {
	args := c.Args().Slice()
	if len(args) < 2 {
		return usagef("add: an address and at least one target are needed; \"%s --help\" says more", c.Command.HelpName)
	}
	return call(c, "alias add", control.Alias{Address: args[0], Targets: args[1:]}, nil)
}

func aliasList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	var aliases []control.Alias
	if err := call(c, "alias list", control.None{}, &aliases); err != nil {
		return err
	}
	return printData(c, aliases, "ADDRESS\tLEADS TO", func(w io.Writer) {
		for _, a := range aliases {
			fmt.Fprintf(w, "%s\t%s\n", a.Address, strings.Join(a.Targets, ", "))
		}
	})
}

func aliasDelete(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	return call(c, "alias delete", control.Alias{Address: args[0]}, nil)
}
