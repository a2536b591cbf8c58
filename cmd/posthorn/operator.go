package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"posthorn/internal/config"
	"posthorn/internal/control"
	"posthorn/store"
)

// loadConfig reads the configuration that --config or the usual places name.
func loadConfig(c *cli.Context) (*config.Config, error) {
	file := c.String("config")
	if file == "" {
		var err error
		if file, err = config.Find(); err != nil {
			return nil, err
		}
	}
	return config.Load(file)
}

// traceRoom is what the store takes beyond the largest message: a message of
// exactly that size is stored with the fields that delivery puts before it.
const traceRoom = 64 << 10

func storeConfig(cfg *config.Config) store.Config {
	return store.Config{Dir: cfg.Data, MaxMessage: int64(cfg.SMTP.MaxMessage) + traceRoom}
}

// call carries out one operation on the running server, or on the store.
func call(c *cli.Context, operation string, in, out any) error {
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	return callOn(c.Context, cfg, operation, in, out)
}

func callOn(ctx context.Context, cfg *config.Config, operation string, in, out any) error {
	return reach(ctx, cfg, func(caller control.Caller) error { return caller.Call(ctx, operation, in, out) })
}

// reach gives do the running server, or the store.
func reach(ctx context.Context, cfg *config.Config, do func(control.Caller) error) error {
	caller, err := control.Reach(ctx, storeConfig(cfg))
	if err != nil {
		return err
	}
	err = do(caller)
	if closeErr := caller.Close(); err == nil {
		err = closeErr
	}
	return err
}

func jsonFlag() cli.Flag { return &cli.BoolFlag{Name: "json", Usage: "print JSON"} }

// printData prints a result: JSON when asked for, else a table that rows makes.
func printData(c *cli.Context, data any, header string, rows func(w io.Writer)) error {
	if c.Bool("json") {
		return printJSON(c, data)
	}
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	if header != "" {
		fmt.Fprintln(w, header)
	}
	rows(w)
	return w.Flush()
}

func printJSON(c *cli.Context, data any) error {
	enc := json.NewEncoder(c.App.Writer)
	enc.SetIndent("", "  ")
	return enc.Encode(data)
}

// shortPassword is the least number of characters of a password that nobody is
// warned of (eight in NIST SP 800-63B).
const shortPassword = 8

func passwordFlag() cli.Flag {
	return &cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input (one line) instead of asking"}
}

// newPassword reads a new password, and warns of one that is soon guessed: a
// class may want it.
func newPassword(c *cli.Context) (string, error) {
	password, err := readPassword(c)
	if n := utf8.RuneCountInString(password); err == nil && n < shortPassword {
		fmt.Fprintf(c.App.ErrWriter, "posthorn: warning: a password of %d characters is soon guessed; take at least %d where strangers can reach this server\n", n, shortPassword)
	}
	return password, err
}

// readPassword asks for a new password without echo, twice, or reads a line of
// standard input with --password-stdin. Nobody is asked in vain, where there is
// no configuration.
func readPassword(c *cli.Context) (string, error) {
	if _, err := loadConfig(c); err != nil {
		return "", err
	}
	if c.Bool("password-stdin") {
		line, err := bufio.NewReader(io.LimitReader(c.App.Reader, 64<<10)).ReadString('\n')
		if err != nil && err != io.EOF {
			return "", err
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", fmt.Errorf("standard input holds no password")
		}
		return line, nil
	}
	in, ok := c.App.Reader.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return "", usagef("there is no terminal to ask for the password on; pipe it in with --password-stdin")
	}
	password, err := ask(c, in, "Password: ")
	if err != nil {
		return "", err
	}
	if password == "" {
		return "", fmt.Errorf("the password is empty")
	}
	again, err := ask(c, in, "Again: ")
	if err == nil && again != password {
		err = fmt.Errorf("the two passwords differ")
	}
	return password, err
}

func ask(c *cli.Context, in *os.File, prompt string) (string, error) {
	fmt.Fprint(c.App.ErrWriter, prompt)
	b, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(c.App.ErrWriter)
	return string(b), err
}

// octets shows a size for people.
func octets(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	case n < 10_000_000_000:
		return fmt.Sprintf("%d MB", n/1_000_000)
	}
	return fmt.Sprintf("%d GB", n/1_000_000_000)
}
