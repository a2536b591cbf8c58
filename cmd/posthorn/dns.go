package main

import (
	"fmt"
	"io"
	"slices"

	"github.com/urfave/cli/v2"

	"posthorn/internal/clientconf"
	"posthorn/internal/config"
	"posthorn/internal/control"
	"posthorn/internal/mail"
)

func dnsCommand() *cli.Command {
	return &cli.Command{
		Name: "dns", Usage: "print the records that a domain should have", ArgsUsage: "DOMAIN",
		Description: "As lines of a zone file: for mail to come in, for mail programs to set themselves\n" +
			"up, and so that others believe what goes out. Nothing is looked up or changed.",
		Flags: []cli.Flag{jsonFlag()}, Action: printDNS,
	}
}

// ours is an error unless the domain, a key of mail.DomainKey, is this server's.
func ours(c *cli.Context, cfg *config.Config, domain string) error {
	var domains []control.Domain
	if err := callOn(c.Context, cfg, "domain list", control.None{}, &domains); err != nil {
		return err
	}
	if !slices.Contains(domains, control.Domain{Domain: domain}) {
		return fmt.Errorf("%s is no domain of this server; \"posthorn domain add %s\" makes it one", domain, domain)
	}
	return nil
}

func printDNS(c *cli.Context) error {
	args, err := arguments(c, "DOMAIN")
	if err != nil {
		return err
	}
	domain := mail.DomainKey(args[0])
	if !mail.ValidDomain(domain) {
		return usagef("dns: %q is no domain", args[0])
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	if err := ours(c, cfg, domain); err != nil {
		return err
	}
	access := clientconf.New(cfg)
	records := access.DNS(domain)
	return printData(c, records, "", func(w io.Writer) { clientconf.WriteZone(w, access.Host, records) })
}
