// Command posthorn is a mail server, and the commands to run it.
//
//	main.go           the command line as a whole
//	flags.go          … flags behind arguments
//	operator.go       … what commands share that speak with a server or its store
//	visible.go        … and what may go to a terminal
//	serve.go          the command that runs a server
//	server.go         … what lives as long as the process
//	generation.go     … and what as long as a configuration: daemons, queue, pages
//	listen.go         … sockets, and dropping root
//	turnstile.go      … in front of each socket, so that a reload loses nobody
//	room.go           … the place that open files leave for clients
//	outbound.go       … queue and relay, joined
//	pages.go          … what is on HTTP
//	heap.go           … memory, not collected for nothing
//	quiet.go          … memory, given back
//	trace.go          … --trace
//	demo.go           the command that runs two
//	class.go          … with a class page
//	explain_print.go  how the command explain writes
//	*.go              the command of that name
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// Exit statuses, the same for every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	stdout, stderr = visible{stdout}, visible{stderr}
	app := newApp(stdin, stdout, stderr)
	args, err := flagsFirst(app, args)
	if err == nil {
		err = app.RunContext(ctx, args)
	}
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(stderr, "posthorn: %v\n", err)
	var usage *usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newApp(stdin io.Reader, stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:                   "posthorn",
		Usage:                  "a mail server: SMTP, POP3 and IMAP in one binary and one file",
		Version:                version(),
		Reader:                 stdin,
		Writer:                 stdout,
		ErrWriter:              stderr,
		UseShortOptionHandling: false,
		ExitErrHandler:         func(*cli.Context, error) {}, // run tells it
		Commands: []*cli.Command{
			initCommand(), serveCommand(), demoCommand(), watchCommand(),
			userCommand(), aliasCommand(), domainCommand(), mailboxCommand(), queueCommand(),
			checkCommand(), settingsCommand(), dnsCommand(), sendCommand(), explainCommand(), versionCommand(),
		},
		Action:       noCommand,
		OnUsageError: wrongFlag,
	}
	prepare(app.Commands)
	return app
}

// prepare gives every command what all have: errors as usage errors, an answer
// to a subcommand that isn't there, and where a configuration is read --config and
// a look at the arguments.
func prepare(commands []*cli.Command) {
	for _, c := range commands {
		c.OnUsageError = wrongFlag
		if len(c.Subcommands) > 0 {
			c.Action, c.ArgsUsage = noCommand, "COMMAND"
			prepare(c.Subcommands)
			continue
		}
		c.HideHelpCommand = true
		for _, f := range c.Flags {
			if f, ok := f.(*cli.BoolFlag); ok {
				f.DisableDefaultText = true // it is false
			}
		}
		if !slices.Contains([]string{"init", "demo", "explain", "version"}, c.Name) {
			c.Flags = append(c.Flags, configFlag())
			c.Before = inUTF8
		}
	}
}

func configFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "config", Aliases: []string{"c"}, TakesFile: true,
		Usage: "configuration `FILE` (default: $POSTHORN_CONFIG, or posthorn.toml in ., /etc/posthorn or /var/lib/posthorn)",
	}
}

// wrongFlag answers a command line with a flag that is not there, or not so.
func wrongFlag(c *cli.Context, err error, _ bool) error {
	return usagef("%v; \"%s --help\" says more", err, cmp.Or(c.Command.HelpName, c.App.HelpName))
}

// noCommand answers a command line that names no command, or a wrong one.
func noCommand(c *cli.Context) error {
	if name := c.Args().First(); name != "" {
		return usagef("there is no command %q; \"%s --help\" lists them", name, cmp.Or(c.Command.HelpName, c.App.HelpName))
	}
	return cli.ShowSubcommandHelp(c)
}

// usageError is a command line that is wrong: exit status 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// inUTF8 refuses arguments in another charset: as names and addresses they would
// be stored as something else.
func inUTF8(c *cli.Context) error {
	for _, arg := range c.Args().Slice() {
		if !utf8.ValidString(arg) {
			return usagef("%s: %q is not in UTF-8", c.Command.Name, arg)
		}
	}
	return nil
}

// arguments checks the number of a command's arguments, named for the message.
func arguments(c *cli.Context, names ...string) ([]string, error) {
	args := c.Args().Slice()
	if len(args) < len(names) {
		return nil, usagef("%s: missing %s; \"%s --help\" says more", c.Command.Name, names[len(args)], c.Command.HelpName)
	}
	if len(args) > len(names) {
		return nil, usagef("%s: unexpected %q; \"%s --help\" says more", c.Command.Name, args[len(names)], c.Command.HelpName)
	}
	return args, nil
}
