package main

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"posthorn/internal/config"
	"posthorn/internal/control"
)

func userCommand() *cli.Command {
	return &cli.Command{
		Name: "user", Usage: "the people who have mail here",
		Subcommands: []*cli.Command{
			{Name: "add", Usage: "make an account", ArgsUsage: "ADDRESS", Flags: append([]cli.Flag{passwordFlag()}, quotaFlags("no limit")...), Action: userAdd},
			{Name: "list", Usage: "list the accounts", Flags: []cli.Flag{jsonFlag()}, Action: userList},
			{Name: "passwd", Usage: "change an account's password", ArgsUsage: "ADDRESS", Flags: []cli.Flag{passwordFlag()}, Action: userPasswd},
			{Name: "quota", Usage: "change an account's quota", ArgsUsage: "ADDRESS", Flags: quotaFlags("as it is"), Action: userQuota},
			{
				Name: "disable", Usage: "lock an account: no logins, no new mail; its mail stays", ArgsUsage: "ADDRESS",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "undo", Usage: "unlock it"}},
				Action: userDisable,
			},
			{
				Name: "delete", Usage: "delete an account with all its mail", ArgsUsage: "ADDRESS",
				Flags:  []cli.Flag{&cli.BoolFlag{Name: "yes", Usage: "really: the mail cannot be brought back"}},
				Action: userDelete,
			},
			appPasswordCommand(),
		},
	}
}

func quotaFlags(unset string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "quota", Usage: "the most mail the account may hold: a `SIZE` such as \"2 GiB\"; 0 is no limit", DefaultText: unset},
		&cli.Int64Flag{Name: "quota-messages", Usage: "the most messages the account may hold: a `NUMBER`; 0 is no limit", DefaultText: unset},
	}
}

func userAdd(c *cli.Context) error {
	change, err := userChange(c)
	if err != nil {
		return err
	}
	if change.Password, err = newPassword(c); err != nil {
		return err
	}
	return call(c, "user add", change, nil)
}

// userChange reads the address and the quota of a command.
func userChange(c *cli.Context) (change control.UserChange, err error) {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return change, err
	}
	change.Address = args[0]
	if c.IsSet("quota") {
		size, err := config.ParseSize(c.String("quota"))
		if err != nil {
			return change, usagef("--quota: %v", err)
		}
		change.QuotaBytes = new(int64(size))
	}
	if c.IsSet("quota-messages") {
		n := c.Int64("quota-messages")
		if n < 0 {
			return change, usagef("--quota-messages: %d is less than none", n)
		}
		change.QuotaMessages = &n
	}
	return change, nil
}

func userList(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	var users []control.User
	if err := call(c, "user list", control.None{}, &users); err != nil {
		return err
	}
	return printData(c, users, "ADDRESS\tMESSAGES\tSIZE\tQUOTA\tSTATE", func(w io.Writer) {
		for _, u := range users {
			state, quota := "", "none"
			if u.Disabled {
				state = "disabled"
			}
			if u.QuotaBytes > 0 {
				quota = octets(u.QuotaBytes)
			}
			if u.QuotaMessages > 0 {
				quota += fmt.Sprintf(", %d messages", u.QuotaMessages)
			}
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\n", u.Address, u.Messages, octets(u.Bytes), quota, state)
		}
	})
}

func userPasswd(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	password, err := newPassword(c)
	if err != nil {
		return err
	}
	return call(c, "user passwd", control.UserChange{Address: args[0], Password: password}, nil)
}

func userQuota(c *cli.Context) error {
	change, err := userChange(c)
	if err != nil {
		return err
	}
	if change.QuotaBytes == nil && change.QuotaMessages == nil {
		return usagef("quota: say --quota, --quota-messages or both")
	}
	return call(c, "user quota", change, nil)
}

func userDisable(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	operation := "user disable"
	if c.Bool("undo") {
		operation = "user enable"
	}
	return call(c, operation, control.UserChange{Address: args[0]}, nil)
}

func userDelete(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	if !c.Bool("yes") {
		return usagef("this deletes %s with all its mail for good; say --yes if you mean it", args[0])
	}
	return call(c, "user delete", control.UserChange{Address: args[0]}, nil)
}

func appPasswordCommand() *cli.Command {
	return &cli.Command{
		Name: "app-password", Usage: "passwords for single programs or devices, each of which can be taken back",
		Subcommands: []*cli.Command{
			{Name: "add", Usage: "make an app password and print it", ArgsUsage: "ADDRESS NAME", Flags: []cli.Flag{jsonFlag()}, Action: appPasswordAdd},
			{Name: "list", Usage: "list an account's app passwords", ArgsUsage: "ADDRESS", Flags: []cli.Flag{jsonFlag()}, Action: appPasswordList},
			{Name: "revoke", Usage: "take an app password back", ArgsUsage: "ADDRESS NAME", Action: appPasswordRevoke},
		},
	}
}

func appPasswordAdd(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS", "NAME")
	if err != nil {
		return err
	}
	var made control.AppPassword
	if err := call(c, "user app-password add", control.AppPassword{Address: args[0], Name: args[1]}, &made); err != nil {
		return err
	}
	return printData(c, made, "", func(w io.Writer) { fmt.Fprintln(w, made.Password) })
}

func appPasswordList(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS")
	if err != nil {
		return err
	}
	var list []control.AppPassword
	if err := call(c, "user app-password list", control.AppPassword{Address: args[0]}, &list); err != nil {
		return err
	}
	return printData(c, list, "NAME\tMADE\tLAST USED", func(w io.Writer) {
		for _, p := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, when(p.Created), when(p.LastUsed))
		}
	})
}

func appPasswordRevoke(c *cli.Context) error {
	args, err := arguments(c, "ADDRESS", "NAME")
	if err != nil {
		return err
	}
	return call(c, "user app-password revoke", control.AppPassword{Address: args[0], Name: args[1]}, nil)
}

// when shows a time for people; the zero time has not been.
func when(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}
