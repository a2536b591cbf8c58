package smtpd

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"posthorn/internal/daemontest"
	"posthorn/internal/deliver"
	"posthorn/internal/explain"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/internal/stall"
	"posthorn/internal/wire"
)

const (
	canary = "VRFY bob\r\n"
	// text is a message as it is kept.
	text = "From: <bob@hamburger.edu>\r\nDate: Tue, 1 Sep 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n\r\n" + canary + "." + canary + canary
	// octetsOnly is one that only BINARYMIME may have.
	octetsOnly = text + "\x00\n.\n\r.\r\n.\r\n" + canary + "\r"
)

// exchanges are played up to each octet, in each way in which they can go wrong.
func exchanges() []stall.Exchange {
	type parts = []stall.Part
	const accepted = `^250 2\.0\.0 Message accepted`
	ehlo := stall.Part{Say: "EHLO a\r\n", Hear: "^250 HELP"}
	begin := parts{ehlo, {Say: "MAIL FROM:<bob@hamburger.edu>\r\n"}, {Say: "RCPT TO:<bob@hamburger.edu>\r\n"}}
	stuffed := strings.ReplaceAll(text, "\r\n.", "\r\n..") + ".\r\n"
	data := parts{{Say: "DATA\r\n", Hear: "^354 "}, {Say: stuffed, Text: true, Hear: accepted, Keeps: text}}
	message := append(begin[1:3:3], data...)
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + stall.Login + "\x00" + stall.Password))
	user, password := base64.StdEncoding.EncodeToString([]byte(stall.Login)), base64.StdEncoding.EncodeToString([]byte(stall.Password))
	first, final := stall.SCRAM()
	const done, more = "^235 ", "^334 "
	join := func(all ...parts) (joined parts) {
		for _, p := range all {
			joined = append(joined, p...)
		}
		return joined
	}
	chunk := func(octets, last, hear string) stall.Part {
		return stall.Part{Say: "BDAT %d" + last + "\r\n", Octets: octets, Hear: hear}
	}
	chunks := func(text, hear string) parts {
		i, j := strings.Index(text, canary), strings.LastIndex(text, canary)
		p := parts{chunk(text[:i], "", hear), {Say: "BDAT 0\r\n", Hear: hear}, chunk(text[i:j], "", hear), chunk(text[j:], " LAST", accepted)}
		p[3].Keeps = text
		return p
	}
	const got = `^250 2\.0\.0 \d+ octets received`
	binary := join(parts{ehlo, {Say: "MAIL FROM:<a@b.org> BODY=BINARYMIME\r\n"}, begin[2]}, chunks(octetsOnly, got))
	zero := join(begin, parts{chunk(text, "", got), {Say: "BDAT 0 LAST\r\n", Hear: accepted, Keeps: text}})
	clear := "submission clear"
	return []stall.Exchange{
		{Name: "DATA", Port: "mx", Parts: join(begin, data), Kept: accepted},
		{Name: "two messages", Port: "mx", Parts: join(begin, data, message), Kept: accepted},
		{Name: "BDAT", Port: "mx", Parts: join(begin, chunks(text, got)), Kept: accepted},
		{Name: "BDAT pipelined", Port: "mx", Parts: join(begin, chunks(text, "")), Kept: accepted},
		{Name: "BDAT binary", Port: "mx", Parts: binary, Kept: accepted},
		{Name: "BDAT 0 LAST", Port: "mx", Parts: zero, Kept: accepted},
		{Name: "BDAT for nobody", Port: "mx", Parts: parts{ehlo, chunk(text, "", "^503 "), chunk(text, " LAST", "^503 ")}},
		{Name: "AUTH PLAIN", Port: clear, Parts: parts{ehlo, {Say: "AUTH PLAIN\r\n", Hear: more}, {Say: secret + "\r\n", Hear: done}}, Secret: secret},
		{Name: "AUTH PLAIN initial", Port: clear, Parts: parts{ehlo, {Say: "AUTH PLAIN " + secret + "\r\n", Hear: done}}, Secret: secret},
		{Name: "AUTH LOGIN", Port: clear, Secret: password,
			Parts: parts{ehlo, {Say: "AUTH LOGIN\r\n", Hear: more}, {Say: user + "\r\n", Hear: more}, {Say: password + "\r\n", Hear: done}}},
		{Name: "AUTH LOGIN initial", Port: clear, Secret: password,
			Parts: parts{ehlo, {Say: "AUTH LOGIN " + user + "\r\n", Hear: more}, {Say: password + "\r\n", Hear: done}}},
		{Name: "AUTH SCRAM", Port: clear,
			Parts: parts{ehlo, {Say: "AUTH SCRAM-SHA-256\r\n", Hear: more}, {Say: first + "\r\n", Hear: more}, {Answer: final, Hear: more}, {Say: "\r\n", Hear: done}}},
		{Name: "AUTH SCRAM initial", Port: clear,
			Parts: parts{ehlo, {Say: "AUTH SCRAM-SHA-256 " + first + "\r\n", Hear: more}, {Answer: final, Hear: more}, {Say: "=\r\n", Hear: done}}},
		{Name: "AUTH cancelled", Port: clear,
			Parts: parts{ehlo, {Say: "AUTH LOGIN\r\n", Hear: more}, {Say: user + "\r\n", Hear: more}, {Say: "*\r\n", Hear: "^501 "}}},
		{Name: "AUTH with a command for an answer", Port: clear, Parts: parts{ehlo, {Say: "AUTH PLAIN\r\n", Hear: more}, {Say: canary, Hear: "^501 "}}},
		{Name: "AUTH and DATA", Port: clear,
			Parts: join(parts{ehlo, {Say: "AUTH PLAIN " + secret + "\r\n", Hear: done}}, message), Kept: accepted, Secret: secret},
		{Name: "STARTTLS", Port: "submission",
			Parts: join(parts{ehlo, {Say: "STARTTLS\r\n", Hear: "^220 2"}, {TLS: true}, ehlo, {Say: "AUTH PLAIN " + secret + "\r\n", Hear: done}}, message), Kept: accepted, Secret: secret},
		{Name: "implicit TLS", Port: "submissions",
			Parts: join(parts{{TLS: true}, ehlo, {Say: "AUTH PLAIN " + secret + "\r\n", Hear: done}}, message), Kept: accepted, Secret: secret},
	}
}

// TestEveryOctet: see package stall.
func TestEveryOctet(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	stall.Run(t, exchanges(), newStalled)
}

func newStalled(t *testing.T) *stall.Server {
	house := stall.NewHouse(t)
	log := &daemontest.Output{}
	events := maillog.New(slog.New(slog.NewTextHandler(log, nil)))
	backend := &refusing{Pipeline: &deliver.Pipeline{Store: house.Store, Hostname: "hamburger.edu"}}
	cfg := Config{
		Hostname: "hamburger.edu", Backend: backend, MaxMessage: 2000, Log: events,
		onReply: func(command string, code int) {
			if !explain.MayAnswer(command, code) {
				t.Errorf("%s answered with %d", command, code)
			}
		},
	}
	server := &stall.Server{
		Serve: func(port string, ln net.Listener) error {
			mine := cfg
			if mine.Submission = port != "mx"; mine.Submission {
				mine.Auth = house.Auth
			}
			if strings.Contains(port, "clear") {
				mine.PlainAuth = netip.Addr.IsLoopback
			}
			return New(mine).Serve(ln)
		},
		Wire: func(port string) *wire.Config {
			protocol := "submission"
			if port == "mx" {
				protocol = "smtp"
			}
			return &wire.Config{Protocol: protocol, Implicit: port == "submissions", TLS: daemontest.Localhost(t).Server("smtp"), Refusal: Refusal(cfg.Hostname), Log: events}
		},
		TLS: daemontest.Localhost(t).Client(), Take: house.Take, Log: log.Take,
		Refused: `^[45]\d\d `, Canary: canary, Ran: "^252 ", Probe: "HELP\r\n", Probed: `(?:214-.*\r\n)*214 .*\r\n`, Bye: "^(?:421|50[01]) .*losing|^421 ",
		MaxLine: maxLine, MaxMessage: 2000,
	}
	server.Refusals = map[string]func(bool){"quota": house.Full, "store broken": house.Broken}
	for name, r := range map[string]against{
		"before the body": {err: stall.ErrBroken}, "after the body": {err: mail.ErrNoSpace, late: true}, "read-only": {err: mail.ErrUnavailable}, "too large": {err: mail.ErrTooLarge},
	} {
		server.Refusals[name] = func(on bool) {
			if !on {
				backend.now.Store(nil)
				return
			}
			backend.now.Store(&r)
		}
	}
	return server
}

// against is what a refusing Backend has against every message: after it was
// read, or before.
type against struct {
	err  error
	late bool
}

// refusing is a Backend that may refuse from some moment on, also while it is
// being asked.
type refusing struct {
	*deliver.Pipeline
	now atomic.Pointer[against]
}

func (r *refusing) refuse() error {
	now := r.now.Load()
	if now == nil || now.late {
		return nil
	}
	return fmt.Errorf("refusing: %w", now.err)
}

func (r *refusing) Sender(ctx context.Context, c *deliver.Client, from mail.Address) error {
	if err := r.refuse(); err != nil {
		return err
	}
	return r.Pipeline.Sender(ctx, c, from)
}

func (r *refusing) Recipient(ctx context.Context, c *deliver.Client, env *mail.Envelope, to mail.Recipient) error {
	if err := r.refuse(); err != nil {
		return err
	}
	return r.Pipeline.Recipient(ctx, c, env, to)
}

func (r *refusing) Accept(ctx context.Context, c *deliver.Client, env *mail.Envelope, body io.Reader) (deliver.Outcome, error) {
	if err := r.refuse(); err != nil {
		return deliver.Outcome{}, err
	}
	if now := r.now.Load(); now != nil {
		if _, err := io.Copy(io.Discard, body); err != nil {
			return deliver.Outcome{}, err
		}
		return deliver.Outcome{}, now.err
	}
	return r.Pipeline.Accept(ctx, c, env, body)
}
