package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"posthorn/internal/config"
	"posthorn/internal/mail"
	"posthorn/store"
	"posthorn/tlsconf"
)

func initCommand() *cli.Command {
	return &cli.Command{
		Name: "init", Usage: "set up a server: configuration, data folder, certificate",
		Description: "Writes FOLDER/posthorn.toml, the data folder, and a CA of the server's own with a\n" +
			"certificate for its name. What is there already is left as it is.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the `FOLDER` to put it all in", Value: ".", TakesFile: true},
			&cli.StringFlag{Name: "hostname", Usage: "the server's `NAME`, such as mail.example.org"},
			&cli.StringSliceFlag{Name: "domain", Usage: "a `DOMAIN` whose mail is ours; may be given several times"},
			&cli.BoolFlag{Name: "local", Usage: "for tests and classes: loopback only, high ports, passwords in clear, nothing limited"},
			&cli.IntFlag{Name: "base-port", Usage: "with --local: the `NUMBER` added to each protocol's port", Value: 2000},
		},
		Action: initialise,
	}
}

func initialise(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	s := setup{
		Dir: c.String("dir"), Domains: c.StringSlice("domain"),
		Template: config.Template{Hostname: c.String("hostname"), Local: c.Bool("local"), BasePort: c.Int("base-port")},
	}
	if s.Hostname == "" && len(s.Domains) == 1 && s.Local {
		s.Hostname = s.Domains[0]
	}
	switch {
	case s.Hostname == "":
		return usagef("init: the server needs a name: --hostname mail.example.org")
	case len(s.Domains) == 0:
		return usagef("init: at least one domain is needed: --domain example.org")
	case c.IsSet("base-port") && !s.Local:
		return usagef("init: --base-port goes with --local")
	case s.Local && (s.BasePort < 1 || s.BasePort > 64500):
		return usagef("init: --base-port must be a number from 1 to 64500")
	}
	cfg, err := s.run(c.Context)
	if err != nil {
		return err
	}
	if cfg.Hostname != s.Hostname {
		fmt.Fprintf(c.App.ErrWriter, "posthorn: %s was there already, and stays as it is: its hostname is %s, not %s\n", cfg.File(), cfg.Hostname, s.Hostname)
	}
	printNextSteps(c, cfg, s)
	return nil
}

// setup is a server to be set up.
type setup struct {
	Dir     string
	Domains []string
	config.Template
}

// run writes what is missing and returns the configuration.
func (s setup) run(ctx context.Context) (*config.Config, error) {
	for _, d := range s.Domains {
		if !mail.ValidDomain(d) {
			return nil, usagef("init: %q is no domain", d)
		}
	}
	file := filepath.Join(s.Dir, "posthorn.toml")
	text := s.Template.String()
	if _, err := config.Parse(file, []byte(text)); err != nil {
		return nil, usagef("init: %v", err)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := writeNew(file, text); err != nil {
		return nil, err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, err
	}
	if err := tlsconf.MakeCA(filepath.Dir(cfg.TLS.Cert), certificateNames(cfg)); err != nil {
		return nil, err
	}
	return cfg, s.addDomains(ctx, cfg)
}

// certificateNames are the names that clients call the server by.
func certificateNames(cfg *config.Config) []string {
	names := []string{cfg.Hostname}
	if h := cfg.Clients.Host; h != "" && h != cfg.Hostname {
		names = append(names, h)
	}
	return names
}

func (s setup) addDomains(ctx context.Context, cfg *config.Config) error {
	st, err := store.Open(ctx, storeConfig(cfg))
	if err != nil {
		return err
	}
	for _, d := range s.Domains {
		if err := st.AddDomain(ctx, d); err != nil && !errors.Is(err, mail.ErrExists) {
			st.Close()
			return err
		}
	}
	return st.Close()
}

// writeNew writes a file that isn't there; one that is stays.
func writeNew(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func printNextSteps(c *cli.Context, cfg *config.Config, s setup) {
	file := cfg.File()
	fmt.Fprintf(c.App.Writer, `%s is set up in %s.

Next:
  1. Look over %s.
  2. Make an account:     posthorn user add --config %s you@%s
  3. Start the server:    posthorn serve --config %s
  4. Records for the domain, and settings for a mail program:
                          posthorn dns --config %s %s
                          posthorn settings --config %s you@%s

Its certificate comes from a CA of its own. Give %s to your mail
programs, or put a public certificate's files into [tls].
`, cfg.Hostname, s.Dir, file, file, s.Domains[0], file, file, s.Domains[0], file, s.Domains[0], filepath.Join(filepath.Dir(cfg.TLS.Cert), "ca.pem"))
	if s.Local {
		fmt.Fprintf(c.App.Writer, "\nThis server listens on loopback only and takes passwords in clear: it is for\ntests and classes, never for the Internet.\n")
	}
}
