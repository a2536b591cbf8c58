package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

func settingsCommand() *cli.Command {
	return &cli.Command{
		Name: "settings", Usage: "print the settings that a mail program asks for", ArgsUsage: "ADDRESS",
		Flags: []cli.Flag{jsonFlag()}, Action: func(c *cli.Context) error {
			args, err := arguments(c, "ADDRESS")
			if err != nil {
				return err
			}
			addr, err := mail.ParseAddress(args[0])
			if err != nil {
				return usagef("%v", err)
			}
			cfg, err := loadConfig(c)
			if err != nil {
				return err
			}
			if err := ours(c, cfg, mail.DomainKey(addr.Domain)); err != nil {
				return err
			}
			return printSettings(c, clientconf.New(cfg).Rows(addr))
		},
	}
}

const settingsHeader = "FOR\tSERVER\tPORT\tSECURITY\tUSER NAME"

func printSettings(c *cli.Context, rows []clientconf.Row) error {
	return printData(c, rows, settingsHeader, func(w io.Writer) { printSettingRows(w, rows) })
}

func printSettingRows(w io.Writer, rows []clientconf.Row) {
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.For, r.Server, r.Port, r.Security, r.User)
	}
}
