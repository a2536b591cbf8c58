package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"posthorn/auth"
	"posthorn/internal/class"
	"posthorn/internal/class/page"
	"posthorn/internal/config"
	"posthorn/internal/mail"
	"posthorn/store"
)

// demoConnections is how many of one protocol each server of the demo serves.
const demoConnections = 500

func demoCommand() *cli.Command {
	return &cli.Command{
		Name: "demo", Usage: "two servers that mail each other, to try things out on",
		Description: "Starts crepes.fr with the user alice and hamburger.edu with the user bob, on\n" +
			"loopback. Mail and passwords stay in the folder from run to run. Ctrl-C ends it.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "dir", Usage: "the `FOLDER` for both", Value: ".posthorn-demo", TakesFile: true},
			&cli.IntFlag{Name: "base-port", Usage: "the `NUMBER` added to each protocol's port; the second server has 1000 more", Value: 2000},
			&cli.BoolFlag{Name: "trace", Usage: "print every session's lines, secrets masked"},
		},
		Action: demo,
	}
}

// demoServer is one of the demo's two.
type demoServer struct {
	domain, user string
	basePort     int
	password     string
	cfg          *config.Config
}

func (d *demoServer) address() string { return d.user + "@" + d.domain }

func demo(c *cli.Context) error {
	if _, err := arguments(c); err != nil {
		return err
	}
	base := c.Int("base-port")
	if base < 1 || base > 63500 {
		return usagef("demo: --base-port must be a number from 1 to 63500")
	}
	servers := []*demoServer{
		{domain: "crepes.fr", user: "alice", basePort: base},
		{domain: "hamburger.edu", user: "bob", basePort: base + 1000},
	}
	for i, d := range servers {
		if err := d.prepare(c.Context, c.String("dir"), servers[1-i]); err != nil {
			return err
		}
	}
	for _, d := range servers {
		fmt.Fprintf(c.App.Writer, "%s  password: %s\n", d.address(), d.password)
	}
	room := &classroom{room: class.NewRoom(class.Limits{}), servers: servers}
	defer func() {
		room.room.Close() // who watches would keep HTTP from ending
		for _, s := range room.running {
			s.stop(stopTime)
		}
	}()
	token := pronounceable(12)
	for i, d := range servers {
		// A class needs no more, and no word about how many files may be open.
		d.cfg.Limits.Connections = min(d.cfg.Limits.Connections, demoConnections)
		s := newServer(d.cfg, newLogger(c.App.ErrWriter, d.cfg))
		if i == 0 {
			s.pages = page.New(room.page(token))
		}
		room.prepare(d, s)
		if err := s.start(c.Context); err != nil {
			return err
		}
		defer room.join(d, s)()
		if c.Bool("trace") {
			defer trace(s.tap, c.App.ErrWriter)()
		}
	}
	printDemo(c.App.Writer, servers, fmt.Sprintf("http://localhost:%d/#%s", base+80, token))
	fmt.Fprintf(c.App.ErrWriter, "posthorn: ready\n")
	<-c.Context.Done()
	fmt.Fprintln(c.App.ErrWriter, "posthorn: stopping")
	return nil
}

// prepare sets the server up in its own folder: configuration (always written
// anew, it is the demo's), account, password and a first message.
func (d *demoServer) prepare(ctx context.Context, dir string, other *demoServer) error {
	dir = filepath.Join(dir, d.domain)
	if err := os.Remove(filepath.Join(dir, "posthorn.toml")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	s := setup{Dir: dir, Domains: []string{d.domain}, Template: config.Template{
		Hostname: d.domain, Local: true, BasePort: d.basePort, LogLevel: "warn",
		Routes: map[string]string{other.domain: fmt.Sprintf("127.0.0.1:%d", other.basePort+25)},
	}}
	var err error
	if d.cfg, err = s.run(ctx); err != nil {
		return err
	}
	d.cfg.SMTP.AnySender = false // as on the Internet: nobody writes as somebody else
	if d.password, err = demoPassword(filepath.Join(dir, "password")); err != nil {
		return err
	}
	st, err := store.Open(ctx, storeConfig(d.cfg))
	if err != nil {
		return err
	}
	return errors.Join(d.addUser(ctx, st, other), st.Close())
}

// addUser makes the account with its first message, unless it is there.
func (d *demoServer) addUser(ctx context.Context, st *store.Store, other *demoServer) error {
	addr, err := mail.ParseAddress(d.address())
	if err != nil {
		return err
	}
	cred, err := auth.MakeCredential(nil, "", d.password)
	if err != nil {
		return err
	}
	account, err := st.AddAccount(ctx, addr, []store.Credential{cred})
	if errors.Is(err, mail.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	body := st.NewBody(ctx)
	if _, err := io.WriteString(body, d.welcome(other)); err != nil {
		body.Abort()
		return err
	}
	_, err = st.Accept(ctx, store.Delivery{Body: body, Copies: []store.Copy{{Account: account.ID}}})
	return err
}

func (d *demoServer) welcome(other *demoServer) string {
	return strings.ReplaceAll(fmt.Sprintf(`From: Posthorn <postmaster@%[1]s>
To: %[2]s
Subject: Welcome to %[1]s
Date: %[5]s
Message-ID: <welcome@%[1]s>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

This is your mailbox on %[1]s. What you send to %[3]s goes into this
server's queue and from there, by SMTP, to %[4]s, the other server of
this demo.
`, d.domain, d.address(), other.address(), other.domain, time.Now().Format(time.RFC1123Z)), "\n", "\r\n")
}

// demoPassword reads the password's file, or makes one up and writes it.
func demoPassword(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	word := pronounceable(10)
	return word, writeNew(file, word+"\n")
}

// pronounceable makes up a word of n letters that can be said and typed.
func pronounceable(n int) string {
	var random [64]byte
	rand.Read(random[:])
	letters := [2]string{"bcdfghjkmnprstvwz", "aeiou"}
	word := make([]byte, 0, n)
	for i := range n {
		set := letters[i%2]
		word = append(word, set[int(random[i])%len(set)])
	}
	return string(word)
}

// printDemo says how to read and write on the two servers. What is needed first
// comes last: it is what a terminal of 24 lines still shows.
func printDemo(w io.Writer, servers []*demoServer, page string) {
	a, b := servers[0], servers[1]
	fmt.Fprintf(w, `
Type a message to %[2]s, by SMTP:

  telnet 127.0.0.1 %[4]d
    HELO %[5]s
    MAIL FROM:<%[1]s>
    RCPT TO:<%[2]s>
    DATA
    Do you like ketchup?
    How about pickles?
    .
    QUIT

Read it, by POP3:

  telnet 127.0.0.1 %[6]d
    USER %[2]s
    PASS %[3]s
    LIST
    RETR 2
    QUIT

And by IMAP, in TLS:

  openssl s_client -quiet -crlf -connect 127.0.0.1:%[7]d
    a LOGIN %[2]s %[3]s
    b SELECT INBOX
    c FETCH 2 BODY[]
    d LOGOUT

`, a.address(), b.address(), b.password, b.basePort+25, a.domain, b.basePort+110, b.basePort+993)
	fmt.Fprintln(w, "Or use a mail program. The server is 127.0.0.1; these are the ports:")
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  user name\t%s\t%s\n", a.address(), b.address())
	fmt.Fprintf(table, "  password\t%s\t%s\n", a.password, b.password)
	for _, row := range []struct {
		what string
		port int
	}{
		{"IMAP, in clear or STARTTLS", 143}, {"IMAP, SSL/TLS", 993},
		{"POP3, in clear or STARTTLS", 110}, {"POP3, SSL/TLS", 995},
		{"SMTP, in clear or STARTTLS", 587}, {"SMTP, SSL/TLS", 465},
	} {
		fmt.Fprintf(table, "  %s\t%d\t%d\n", row.what, a.basePort+row.port, b.basePort+row.port)
	}
	table.Flush()
	fmt.Fprintf(w, `
See everything that is said, in a browser:

  %s

Ctrl-C ends the demo; mail and passwords stay.
`, page)
}
