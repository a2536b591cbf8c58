package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/urfave/cli/v2"

	"posthorn/tlsconf"
)

func sendCommand() *cli.Command {
	return &cli.Command{
		Name: "send", Usage: "hand a message to a server by submission", ArgsUsage: "RECIPIENT [RECIPIENT …]",
		Description: "The text is read from standard input. The server is the configuration's, unless\n" +
			"named; without a password nobody logs in.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "the `ADDRESS` of the sender, also the user name"},
			&cli.StringFlag{Name: "subject", Aliases: []string{"s"}, Usage: "the `TEXT` of the subject"},
			&cli.StringSliceFlag{Name: "attach", Aliases: []string{"a"}, Usage: "a `FILE` to attach; may be given several times", TakesFile: true},
			&cli.BoolFlag{Name: "raw", Usage: "standard input is a whole message, sent as it is"},
			&cli.StringFlag{Name: "server", Usage: "`HOST:PORT` of the submission port (default: the configuration's)"},
			&cli.StringFlag{Name: "tls", Usage: "the `KIND` of TLS: starttls, implicit or none", Value: "starttls"},
			&cli.StringFlag{Name: "ca", Usage: "a PEM `FILE` to verify the server by (default: of the configuration's server the CA of its own, else the system's)", TakesFile: true},
			&cli.StringFlag{Name: "password-file", Usage: "a `FILE` that holds the password, for logging in", TakesFile: true},
		},
		Action: send,
	}
}

func send(c *cli.Context) error {
	recipients := c.Args().Slice()
	if len(recipients) == 0 {
		return usagef("send: missing RECIPIENT; \"%s --help\" says more", c.Command.HelpName)
	}
	if c.String("from") == "" {
		return usagef("send: missing --from; \"%s --help\" says more", c.Command.HelpName)
	}
	if c.Bool("raw") && (c.IsSet("subject") || c.IsSet("attach")) {
		return usagef("send: --subject and --attach don't go with --raw, which sends a message as it is")
	}
	sub, err := submissionTarget(c)
	if err != nil {
		return err
	}
	message, err := compose(c, recipients)
	if err != nil {
		return err
	}
	client, err := sub.dial()
	if err != nil {
		return fmt.Errorf("%s: %w", sub.address, err)
	}
	defer client.Close()
	if sub.password != "" {
		if err := client.Auth(sasl.NewPlainClient("", c.String("from"), sub.password)); err != nil {
			return fmt.Errorf("%s: logging in: %w", sub.address, err)
		}
	}
	if err := client.SendMail(c.String("from"), recipients, bytes.NewReader(message)); err != nil {
		return fmt.Errorf("%s: %w", sub.address, err)
	}
	return client.Quit()
}

// target is the submission port to use.
type target struct {
	address, security, password string
	tls                         *tls.Config
}

func submissionTarget(c *cli.Context) (target, error) {
	t := target{address: c.String("server"), security: c.String("tls")}
	if t.security != "starttls" && t.security != "implicit" && t.security != "none" {
		return t, usagef("send: --tls is starttls, implicit or none")
	}
	ca, name := c.String("ca"), ""
	if t.address == "" {
		cfg, err := loadConfig(c)
		if err != nil {
			return t, err
		}
		addresses := cfg.Listen.Submission
		if t.security == "implicit" {
			addresses = cfg.Listen.Submissions
		}
		if len(addresses) == 0 {
			return t, errors.New("the configuration has no such listener; name a --server")
		}
		t.address, name = addresses[0], cfg.Hostname
		if strings.HasPrefix(t.address, ":") {
			t.address = "localhost" + t.address
		}
		if dir, own := ownCA(cfg); ca == "" && own {
			ca = filepath.Join(dir, "ca.pem")
		}
	}
	host, _, err := net.SplitHostPort(t.address)
	if err != nil {
		return t, usagef("send: --server: %q is no HOST:PORT", t.address)
	}
	if name == "" {
		name = host
	}
	roots, err := readRoots(ca)
	if err != nil {
		return t, err
	}
	t.tls = tlsconf.Client(name, roots)
	if f := c.String("password-file"); f != "" {
		b, err := os.ReadFile(f)
		if err != nil {
			return t, err
		}
		t.password = strings.TrimRight(string(b), "\r\n")
	}
	return t, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

// readRoots reads a PEM file of CAs; of no file, the system's (nil).
func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}

func (t target) dial() (*smtp.Client, error) {
	switch t.security {
	case "implicit":
		return smtp.DialTLS(t.address, t.tls)
	case "none":
		return smtp.Dial(t.address)
	}
	return smtp.DialStartTLS(t.address, t.tls)
}

// maxText is the most octets of a text that standard input may hold.
const maxText = 1 << 30

// compose makes the message: standard input as it is, or a text with attachments.
func compose(c *cli.Context, recipients []string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(c.App.Reader, maxText))
	if err != nil || c.Bool("raw") {
		return text, err
	}
	var h mail.Header
	h.SetDate(time.Now())
	h.SetSubject(c.String("subject"))
	h.SetAddressList("From", []*mail.Address{{Address: c.String("from")}})
	var to []*mail.Address
	for _, r := range recipients {
		to = append(to, &mail.Address{Address: r})
	}
	h.SetAddressList("To", to)
	if err := h.GenerateMessageID(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w, err := mail.CreateWriter(&out, h)
	if err != nil {
		return nil, err
	}
	if err := writeText(w, text); err != nil {
		return nil, err
	}
	for _, file := range c.StringSlice("attach") {
		if err := attach(w, file); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func writeText(w *mail.Writer, text []byte) error {
	var h mail.InlineHeader
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	part, err := w.CreateSingleInline(h)
	if err != nil {
		return err
	}
	if _, err := part.Write(text); err != nil {
		return err
	}
	return part.Close()
}

func attach(w *mail.Writer, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var h mail.AttachmentHeader
	h.SetFilename(filepath.Base(file))
	kind := mime.TypeByExtension(filepath.Ext(file))
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.Set("Content-Type", kind)
	part, err := w.CreateAttachment(h)
	if err != nil {
		return err
	}
	if _, err := part.Write(content); err != nil {
		return err
	}
	return part.Close()
}
