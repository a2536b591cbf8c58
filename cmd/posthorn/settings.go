package main

import (
	"fmt"
	"io"
	"net"

	"github.com/urfave/cli/v2"

	"posthorn/internal/config"
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
			return printSettings(c, clientSettings(cfg, addr.String()))
		},
	}
}

// setting is one row of what a mail program asks for.
type setting struct {
	For      string `json:"for"` // "reading (IMAP)" …
	Protocol string `json:"protocol"`
	Server   string `json:"server"`
	Port     string `json:"port"`
	Security string `json:"security"` // "SSL/TLS", "STARTTLS", "none"
	User     string `json:"user"`
}

// clientSettings lists the ways in, the best of each kind first.
func clientSettings(cfg *config.Config, user string) []setting {
	var out []setting
	add := func(what, protocol, security string, addresses config.Addresses) {
		if len(addresses) == 0 {
			return
		}
		host, port, err := net.SplitHostPort(addresses[0])
		if err != nil {
			return
		}
		if host == "" || host == "0.0.0.0" || host == "::" {
			host = cfg.Hostname
		}
		out = append(out, setting{what, protocol, host, port, security, user})
	}
	add("reading (IMAP)", "imap", "SSL/TLS", cfg.Listen.IMAPS)
	add("reading (IMAP)", "imap", "STARTTLS", cfg.Listen.IMAP)
	add("reading (POP3)", "pop3", "SSL/TLS", cfg.Listen.POP3S)
	add("reading (POP3)", "pop3", "STARTTLS", cfg.Listen.POP3)
	add("sending (SMTP)", "smtp", "SSL/TLS", cfg.Listen.Submissions)
	add("sending (SMTP)", "smtp", "STARTTLS", cfg.Listen.Submission)
	return out
}

const settingsHeader = "FOR\tSERVER\tPORT\tSECURITY\tUSER NAME"

func printSettings(c *cli.Context, rows []setting) error {
	return printData(c, rows, settingsHeader, func(w io.Writer) { printSettingRows(w, rows) })
}

func printSettingRows(w io.Writer, rows []setting) {
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.For, r.Server, r.Port, r.Security, r.User)
	}
}
