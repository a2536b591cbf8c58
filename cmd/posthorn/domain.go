package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"posthorn/internal/control"
)

func domainCommand() *cli.Command {
	return &cli.Command{
		Name: "domain", Usage: "the domains whose mail is ours",
		Subcommands: []*cli.Command{
			{Name: "add", Usage: "take mail for a domain", ArgsUsage: "DOMAIN", Action: func(c *cli.Context) error { return domainChange(c, "domain add") }},
			{Name: "list", Usage: "list the domains", Flags: []cli.Flag{jsonFlag()}, Action: domainList},
			{Name: "delete", Usage: "take no more mail for a domain (it must have no accounts or aliases left)", ArgsUsage: "DOMAIN",
				Action: func(c *cli.Context) error { return domainChange(c, "domain delete") }},
		},
	}
}

func domainChange(c *cli.Context, operation string) error {
	args, err := arguments(c, "DOMAIN")
	if err != nil {
		return err
	}
	return call(c, operation, control.Domain{Domain: args[0]}, nil)
}

func domainList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	var domains []control.Domain
	if err := call(c, "domain list", control.None{}, &domains); err != nil {
		return err
	}
	return printData(c, domains, "", func(w io.Writer) {
		for _, d := range domains {
			fmt.Fprintln(w, d.Domain)
		}
	})
}
