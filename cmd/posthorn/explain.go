package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"posthorn/internal/explain"
)

func explainCommand() *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "explain reply codes, commands and whole lines of SMTP, POP3 and IMAP", ArgsUsage: "[CODE|COMMAND|LINE]",
		Description: "Without an argument: all reply codes of SMTP, and which of them each command may\n" +
			"be answered with. What begins with a hyphen stands behind --.\n\n" +
			"  posthorn explain 550\n" +
			"  posthorn explain '450 4.2.2 Mailbox full'\n" +
			"  posthorn explain -- '-ERR [IN-USE]'\n" +
			"  posthorn explain --protocol imap 'a UID FETCH 1:* (FLAGS)'",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "lang", Usage: "the `LANGUAGE`: en or vi (default: what $LANG says)"},
			&cli.StringFlag{Name: "protocol", Usage: "look in one `PROTOCOL` only: smtp, pop3 or imap"},
			jsonFlag(),
		},
		Action: explainIt,
	}
}

func explainIt(c *cli.Context) error {
	lang, err := explainLang(c.String("lang"))
	if err != nil {
		return usagef("explain: %v", err)
	}
	protocol := strings.ToLower(c.String("protocol"))
	if protocol != "" && !slices.Contains([]string{explain.SMTP, explain.POP3, explain.IMAP}, protocol) {
		return usagef("explain: there is no protocol %q; there are smtp, pop3 and imap", protocol)
	}
	p := &explanation{out: c.App.Writer, lang: lang}
	what := strings.Join(c.Args().Slice(), " ")
	if strings.TrimSpace(what) == "" {
		if c.Bool("json") {
			return printJSON(c, explain.Localize(lang))
		}
		if protocol == "" || protocol == explain.SMTP {
			return p.table()
		}
		return p.list(protocol)
	}
	found := explain.Search(protocol, what)
	if len(found) == 0 {
		return notExplained(protocol, what)
	}
	if c.Bool("json") {
		return printJSON(c, explain.LocalizeEntries(lang, found))
	}
	for i := range found {
		if i > 0 {
			fmt.Fprintln(p.out)
		}
		p.entry(&found[i])
	}
	return p.err
}

// explainLang is the language that was asked for, or the one of the
// environment (POSIX: the first of these that is set counts).
func explainLang(asked string) (explain.Lang, error) {
	if asked != "" {
		return explain.ParseLang(asked)
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			lang, err := explain.ParseLang(v)
			if err != nil { // there are many more than these
				return explain.English, nil
			}
			return lang, nil
		}
	}
	return explain.English, nil
}

// notExplained is the error for what the catalogue does not have. RFC 5321
// §4.3.2 has a client go by the first digit of a code that it does not know.
func notExplained(protocol, what string) error {
	if e, ok := explain.Reply(explain.SMTP, what); ok && protocol != explain.POP3 && protocol != explain.IMAP {
		return fmt.Errorf("no code %s is known; one that begins with %s means: %s", what[:3], what[:1], e.Title.English)
	}
	return fmt.Errorf("nothing is known of %q; \"posthorn explain\" lists the reply codes", what)
}
