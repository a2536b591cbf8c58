package deliver

import (
	"bytes"
	"context"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

var now = time.Date(2020, 11, 30, 20, 27, 32, 0, time.FixedZone("", -8*3600))

// office is a store with some accounts, and the pipeline into it.
type office struct {
	*Pipeline
	t        testing.TB
	accounts map[string]store.Account
}

// newOffice makes an office: alice, bob and carol @crepes.fr. At the end the
// store is checked.
func newOffice(t testing.TB) *office {
	t.Helper()
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{Dir: t.TempDir(), Report: func(msg string, args ...any) { t.Error(msg, args) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		problems, err := s.Check(context.Background(), true)
		if err != nil || len(problems) > 0 {
			t.Errorf("check: %v %v", problems, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	o := &office{&Pipeline{Store: s, Hostname: "mail.crepes.fr", Now: func() time.Time { return now }}, t, make(map[string]store.Account)}
	if err := s.AddDomain(ctx, "crepes.fr"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob", "carol"} {
		a, err := s.AddAccount(ctx, addr(name+"@crepes.fr"), nil)
		if err != nil {
			t.Fatal(err)
		}
		o.accounts[name] = a
	}
	return o
}

func (o *office) alias(from string, to ...string) {
	o.t.Helper()
	a := store.Alias{Address: addr(from)}
	for _, target := range to {
		a.Targets = append(a.Targets, addr(target))
	}
	if err := o.Store.AddAlias(o.t.Context(), a); err != nil {
		o.t.Fatal(err)
	}
}

// inbox is what an account has in INBOX, each message with its trace.
func (o *office) inbox(name string) (list []string) {
	o.t.Helper()
	ctx := o.t.Context()
	mb, err := o.Store.MailboxByName(ctx, o.accounts[name].ID, "INBOX")
	if err != nil {
		o.t.Fatal(err)
	}
	var all mail.UIDSet
	all.AddRange(1, 1<<31)
	for m, err := range o.Store.Messages(ctx, mb.ID, all, 0) {
		if err != nil {
			o.t.Fatal(err)
		}
		list = append(list, string(m.Trace)+o.octets(m.Content))
	}
	return list
}

func (o *office) octets(id store.ContentID) string {
	o.t.Helper()
	c, err := o.Store.Content(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.WriteRange(&b, 0, c.Size()); err != nil {
		o.t.Fatal(err)
	}
	return b.String()
}

func (o *office) queued() []store.QueueEntry {
	o.t.Helper()
	entries, err := o.Store.QueueEntries(o.t.Context(), 0)
	if err != nil {
		o.t.Fatal(err)
	}
	return entries
}

func (o *office) accept(c *Client, env *mail.Envelope, body string) string {
	o.t.Helper()
	out, err := o.Accept(o.t.Context(), c, env, iotest.OneByteReader(strings.NewReader(body)))
	if err != nil {
		o.t.Fatal(err)
	}
	return out.ID
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

func envelope(from string, to ...string) *mail.Envelope {
	env := &mail.Envelope{}
	if from != "" {
		env.From = addr(from)
	}
	for _, a := range to {
		env.To = append(env.To, mail.Recipient{Address: addr(a)})
	}
	return env
}

// stranger is a client on port 25.
func stranger() *Client {
	return &Client{Remote: netip.MustParseAddr("192.0.2.9"), Helo: "mx.example.com", Protocol: "ESMTP"}
}

// submitter is alice's program on port 587.
func (o *office) submitter() *Client {
	a := o.accounts["alice"]
	return &Client{Remote: netip.MustParseAddr("14.226.229.50"), Helo: "ComputerNetwork", Protocol: "ESMTPSA",
		TLS: "TLS1.3 TLS_AES_256_GCM_SHA384", Account: a.ID, Login: a.Address, Submission: true}
}
