package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"posthorn/internal/deliver"
	"posthorn/internal/mail"
)

// memory is a Backend that keeps its messages in memory. Some addresses have a
// meaning: the local part is what goes wrong.
type memory struct {
	mu       sync.Mutex
	messages []taken
	partial  int // messages of which only a part was read
}

type taken struct {
	client   deliver.Client
	envelope mail.Envelope
	body     string
}

var errSecret = errors.New("open /var/lib/secret/path: I/O error")

// kinds are the errors of package mail by the local parts that provoke them.
func kinds(local string) error {
	return map[string]error{
		"nobody": mail.ErrNoSuchUser, "off": mail.ErrDisabled, "full": mail.ErrOverQuota, "large": mail.ErrTooLarge,
		"disk": mail.ErrNoSpace, "down": mail.ErrUnavailable, "denied": mail.ErrNotPermitted, "odd": mail.ErrInvalid,
		"secret": errSecret,
	}[local]
}

func (m *memory) Sender(_ context.Context, c *deliver.Client, from mail.Address) error {
	if from.Local == "panic" {
		panic("in Sender")
	}
	if err := kinds(from.Local); err != nil {
		return fmt.Errorf("memory: %s: %w", from, err)
	}
	return nil
}

func (m *memory) Recipient(_ context.Context, c *deliver.Client, env *mail.Envelope, to mail.Recipient) error {
	a := to.Address
	if a.Local == "panic" {
		panic("in Recipient")
	}
	if a.Domain != "" && a.Domain != "hamburger.edu" && c.Account == 0 {
		return fmt.Errorf("memory: %s: %w", a, mail.ErrNotLocal)
	}
	if err := kinds(a.Local); err != nil {
		return fmt.Errorf("memory: %s: %w", a, err)
	}
	return nil
}

// Accept goes by the first recipient: "at-KIND" fails with that kind after
// reading, "early-KIND" before it; "liar" accepts what it has not read;
// "ignorant" goes on after an error of the body.
func (m *memory) Accept(_ context.Context, c *deliver.Client, env *mail.Envelope, body io.Reader) (out deliver.Outcome, err error) {
	to := env.To[0].Address.Local
	if kind, ok := strings.CutPrefix(to, "early-"); ok {
		return out, kinds(kind)
	}
	if to == "liar" {
		return deliver.Outcome{ID: "lie"}, nil
	}
	if to == "panic-later" {
		io.ReadFull(body, make([]byte, 4))
		panic("in Accept")
	}
	b, err := io.ReadAll(body)
	if err != nil && to != "ignorant" {
		m.mu.Lock()
		m.partial++
		m.mu.Unlock()
		return out, fmt.Errorf("memory: %w", err)
	}
	if kind, ok := strings.CutPrefix(to, "at-"); ok {
		return out, kinds(kind)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.messages = append(m.messages, taken{*c, *env, string(b)})
	}
	return deliver.Outcome{ID: fmt.Sprintf("m%d", len(m.messages))}, nil
}

// take returns the messages and forgets them.
func (m *memory) take() []taken {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := m.messages
	m.messages = nil
	return all
}

// String shows a message for the transcripts.
func (t taken) String() string {
	var b strings.Builder
	e := t.envelope
	fmt.Fprintf(&b, "with %s helo=%s", t.client.Protocol, t.client.Helo)
	if t.client.TLS != "" {
		fmt.Fprintf(&b, " tls=%s", t.client.TLS)
	}
	if t.client.Account != 0 {
		fmt.Fprintf(&b, " login=%s", t.client.Login)
	}
	fmt.Fprintf(&b, "\nfrom <%s>", e.From)
	for _, v := range []struct{ name, value string }{
		{"body", string(e.Body)}, {"ret", string(e.Return)}, {"envid", e.EnvelopeID},
	} {
		if v.value != "" {
			fmt.Fprintf(&b, " %s=%s", v.name, v.value)
		}
	}
	if e.Size != 0 {
		fmt.Fprintf(&b, " size=%d", e.Size)
	}
	if e.UTF8 {
		b.WriteString(" utf8")
	}
	if e.RequireTLS {
		b.WriteString(" requiretls")
	}
	for _, r := range e.To {
		fmt.Fprintf(&b, "\nto <%s>", r.Address)
		if r.Notify != 0 {
			fmt.Fprintf(&b, " notify=%s", r.Notify)
		}
		if r.OriginalType != "" {
			fmt.Fprintf(&b, " orcpt=%s;%s", r.OriginalType, r.Original)
		}
	}
	fmt.Fprintf(&b, "\n%q\n", t.body)
	return b.String()
}
