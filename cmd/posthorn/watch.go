package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"posthorn/internal/class"
	"posthorn/internal/control"
)

// maxHeldBack bounds the lines that are kept of a session of which it is not
// known yet whose it is, and maxSessionsHeld how many such sessions there are.
const (
	maxHeldBack     = 200
	maxSessionsHeld = 500
)

func watchCommand() *cli.Command {
	return &cli.Command{
		Name: "watch", Usage: "see what is said in every session of a running server, as it is said",
		Description: "Shows who says what, and what it changes: C: is the client, S: the server. Secrets are\n" +
			"masked. When more is said than can be shown, whole sessions are left out, and it says so.\n" +
			"Ctrl-C ends it. In colour on a terminal, unless NO_COLOR is set.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "protocol", Usage: "only `PROTOCOL`: smtp, submission, pop3 or imap"},
			&cli.StringFlag{Name: "user", Usage: "only sessions in which the user with this `ADDRESS` logs in"},
			&cli.StringFlag{Name: "session", Usage: "only the session with this `ID`"},
			&cli.BoolFlag{Name: "json", Usage: "print each event as a line of JSON"},
		},
		Action: watch,
	}
}

func watch(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	protocol := strings.ToLower(c.String("protocol"))
	if protocol != "" && !slices.Contains([]string{"smtp", "submission", "pop3", "imap"}, protocol) {
		return usagef("watch: there is no protocol %q; there are smtp, submission, pop3 and imap", protocol)
	}
	cfg, err := loadConfig(c)
	if err != nil {
		return err
	}
	v := &view{
		out: c.App.Writer, json: c.Bool("json"), protocol: protocol, session: c.String("session"), user: strings.ToLower(c.String("user")),
		whose: map[string]string{}, held: map[string][]heldEvent{},
	}
	if out, ok := c.App.Writer.(visible); ok && !v.json && coloured(out.w) {
		v.out, v.colour = out.w, true
	}
	begun := func() { fmt.Fprintf(c.App.ErrWriter, "posthorn: watching %s\n", cfg.Hostname) }
	return control.Watch(c.Context, storeConfig(cfg), begun, v.event)
}

// coloured: w is a terminal, and nobody minds colours (no-color.org).
func coloured(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// view prints the events that are asked for.
type view struct {
	out                     io.Writer
	json, colour            bool
	protocol, session, user string
	whose                   map[string]string // sessions' users
	held                    map[string][]heldEvent
}

type heldEvent struct {
	raw json.RawMessage
	e   class.Event
}

func (v *view) event(raw json.RawMessage) error {
	var e class.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return fmt.Errorf("the server's control socket: %w", err)
	}
	if e.Session != "" && !v.wanted(raw, &e) {
		return nil
	}
	return v.print(raw, &e)
}

// wanted reports whether a session's event is to be printed now. While it is
// not known whose session it is, events wait for that.
func (v *view) wanted(raw json.RawMessage, e *class.Event) bool {
	if v.protocol != "" && e.Protocol != v.protocol || v.session != "" && e.Session != v.session {
		return false
	}
	if v.user == "" {
		return true
	}
	switch e.Kind {
	case "login":
		v.whose[e.Session] = strings.ToLower(e.Text)
		held := v.held[e.Session]
		delete(v.held, e.Session)
		for i := range held {
			if v.whose[e.Session] == v.user {
				v.print(held[i].raw, &held[i].e)
			}
		}
	case "close":
		defer delete(v.whose, e.Session)
		defer delete(v.held, e.Session)
	}
	user, known := v.whose[e.Session]
	if !known && len(v.held[e.Session]) < maxHeldBack && (v.held[e.Session] != nil || len(v.held) < maxSessionsHeld) {
		v.held[e.Session] = append(v.held[e.Session], heldEvent{slices.Clone(raw), *e})
	}
	return user == v.user
}

// Colours (ECMA-48 SGR) of what client and server say, and of what happens.
const (
	colourClient = "\x1b[36m"
	colourServer = "\x1b[33m"
	colourNote   = "\x1b[32m"
	colourDim    = "\x1b[2m"
	colourOff    = "\x1b[0m"
)

func (v *view) print(raw json.RawMessage, e *class.Event) error {
	if v.json {
		_, err := fmt.Fprintf(v.out, "%s\n", raw)
		return err
	}
	var b strings.Builder
	head := strings.Join([]string{e.Time.Local().Format("15:04:05.000"), e.Session, e.Mark()}, " ")
	if e.Session == "" {
		head = strings.Join([]string{e.Time.Local().Format("15:04:05.000"), e.Mark()}, " ")
	}
	for _, line := range e.Body() {
		if !v.colour {
			fmt.Fprintln(&b, head, line)
			continue
		}
		colour := colourDim
		switch e.Mark() {
		case "C:":
			colour = colourClient
		case "S:":
			colour = colourServer
		}
		if e.Kind == "note" {
			colour = colourNote
		}
		fmt.Fprintf(&b, "%s%s%s %s%s%s\n", colourDim, head, colourOff, colour, makeVisible([]byte(line)), colourOff)
	}
	_, err := io.WriteString(v.out, b.String())
	return err
}
