// Package deliver is what happens between the final dot and the 250.
package deliver

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"

	"posthorn/internal/mail"
	"posthorn/store"
)

// Client is what is known of the client that hands a message over: it is what
// the Received field says (RFC 5321 §4.4).
type Client struct {
	ConnID string
	Remote netip.Addr
	Helo   string
	// Protocol is RFC 3848's "with" word: SMTP, ESMTP, ESMTPS, ESMTPA,
	// ESMTPSA, UTF8SMTPSA …
	Protocol string
	// TLS describes version and cipher, such as "TLS1.3
	// TLS_AES_128_GCM_SHA256"; empty in clear.
	TLS string
	// Account is who logged in; 0 on port 25.
	Account store.AccountID
	Login   mail.Address
	// Submission: RFC 6409's repairs are made (Date, Message-ID, From, line
	// ends); never on port 25.
	Submission bool
}

// Pipeline takes messages from the SMTP daemon into the store.
type Pipeline struct {
	Store    *store.Store
	Hostname string
	Now      func() time.Time // nil: time.Now
}

var errNotBuilt = errors.New("deliver: not built yet")

// Sender checks a reverse-path. mail.ErrNotPermitted when it is not the
// account's (553).
func (p *Pipeline) Sender(ctx context.Context, c *Client, from mail.Address) error {
	return errNotBuilt
}

// Recipient checks a forward-path: nil when mail for it is taken, here or for
// relaying. mail.ErrNoSuchUser (550 5.1.1), mail.ErrNotLocal (550 5.7.1: no
// relaying), mail.ErrDisabled, mail.ErrOverQuota (452 4.2.2).
func (p *Pipeline) Recipient(ctx context.Context, c *Client, env *mail.Envelope, to mail.Recipient) error {
	return errNotBuilt
}

// Accept takes a message. It reads body to its io.EOF, and stores nothing
// unless it got there. On success the message is on stable storage and id
// names it for the reply and the log.
func (p *Pipeline) Accept(ctx context.Context, c *Client, env *mail.Envelope, body io.Reader) (id string, err error) {
	return "", errNotBuilt
}
