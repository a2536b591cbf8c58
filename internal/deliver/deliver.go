// Package deliver is what happens between the final dot and the 250.
//
// A message becomes one transaction of the store: a copy for each local
// recipient and, where recipients are elsewhere, one message in the outbound
// queue. Aliases are followed here, and whoever is reached on several ways
// gets one copy. The content is shared and begins with the Received field that
// this server adds; what differs from copy to copy (Return-Path, Delivered-To)
// is the copy's own.
//
// Nothing else is changed, with one exception, a submission (RFC 6409 §8): a
// missing Date, Message-ID or From is put in front. (Its bare line ends are
// repaired already where it is read, in smtpd.) A Bcc field stays: RFC 5322
// §3.6.3 leaves it to the sender's program what it says to whom, and one that
// wants it hidden does not write it.
package deliver

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/internal/queue"
	"posthorn/store"
)

// maxHops is how many Received fields a message may have, this server's among
// them: RFC 5321 §6.3 asks for at least 100.
const maxHops = 100

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
	// Submission: RFC 6409's repairs are made (Date, Message-ID, From); never
	// on port 25.
	Submission bool
}

// Pipeline takes messages from the SMTP daemon into the store.
type Pipeline struct {
	Store    *store.Store
	Hostname string
	Now      func() time.Time // nil: time.Now
	// AnySender lets an account use any sender address: for a class or a test.
	AnySender bool
}

// Sender checks a reverse-path. mail.ErrNotPermitted when it is not the
// account's (553). Whoever logged in may use <> too: a receipt (RFC 8098 §3)
// must be sent so.
func (p *Pipeline) Sender(ctx context.Context, c *Client, from mail.Address) error {
	if c.Account == 0 || from.IsNull() || p.AnySender {
		return nil
	}
	may, err := p.Store.MaySendAs(ctx, c.Account, from)
	if err != nil {
		return fmt.Errorf("check sender: %w", err)
	}
	if !may {
		return fmt.Errorf("%w: %s is not an address of %s", mail.ErrNotPermitted, from, c.Login)
	}
	return nil
}

// Recipient checks a forward-path: nil when mail for it is taken, here or for
// relaying. mail.ErrNoSuchUser (550 5.1.1), mail.ErrNotLocal (550 5.7.1: no
// relaying), mail.ErrDisabled, mail.ErrOverQuota (452 4.2.2).
func (p *Pipeline) Recipient(ctx context.Context, c *Client, env *mail.Envelope, to mail.Recipient) error {
	res, err := p.resolve(ctx, to.Address)
	if errors.Is(err, mail.ErrNotLocal) && c.Account != 0 {
		return nil
	}
	if err != nil {
		return err
	}
	// One target with room is enough: Accept takes care of the others.
	var full error
	for _, a := range res.Local {
		if a.Quota == (store.Quota{}) {
			return nil
		}
		if full = p.Store.CheckQuota(ctx, a.ID, max(env.Size, 1), 1); full == nil {
			return nil
		}
	}
	if len(res.Remote) > 0 {
		return nil
	}
	return full
}

// Accept takes a message. It reads body to its io.EOF, and stores nothing
// unless it got there. On success the message is on stable storage, where
// Outcome says. mail.ErrLoop, mail.ErrTooLarge,
// mail.ErrOverQuota, mail.ErrNoSpace, mail.ErrUnavailable, and whatever error
// body ended with.
func (p *Pipeline) Accept(ctx context.Context, c *Client, env *mail.Envelope, body io.Reader) (Outcome, error) {
	routes, err := p.expand(ctx, c, env)
	if err != nil {
		return Outcome{}, err
	}
	now := p.now()
	id := newID()
	b := p.Store.NewBody(ctx)
	defer b.Abort()

	if _, err := b.Write(received(p.Hostname, c, env, id, now)); err != nil {
		return Outcome{}, err
	}
	var missing func(*head) []byte
	if c.Submission {
		missing = func(h *head) []byte { return h.missingFields(sender(c, env), id+"@"+p.Hostname, now) }
	}
	header, err := passOn(b, body, missing, len(routes.reports) > 0)
	if err != nil {
		return Outcome{}, err
	}
	parsed, err := b.Finish()
	if err != nil {
		return Outcome{}, err
	}
	if parsed.Received > maxHops {
		return Outcome{}, fmt.Errorf("%w: %d Received fields", mail.ErrLoop, parsed.Received)
	}
	delivery := store.Delivery{Body: b, Copies: routes.copies(env), Queue: routes.outbound(c, env, parsed)}
	if err := p.settleQuota(ctx, routes.local, delivery.Copies, parsed.Size); err != nil {
		return Outcome{}, err
	}
	reports, err := p.reports(ctx, routes.successReports(p.Hostname, env, header, parsed.HeaderUTF8, now))
	for _, d := range reports {
		defer d.Body.Abort()
	}
	if err != nil {
		return Outcome{}, err
	}
	accepted, err := p.Store.Accept(ctx, append([]store.Delivery{delivery}, reports...)...)
	if err != nil {
		return Outcome{}, err
	}
	return routes.outcome(id, &accepted[0]), nil
}

// reports writes down reports of success. The caller aborts the bodies of what it
// gets, also with an error.
func (p *Pipeline) reports(ctx context.Context, list []*dsn.Report) (written []store.Delivery, err error) {
	for _, r := range list {
		d, err := queue.Report(ctx, p.Store, r)
		if errors.Is(err, mail.ErrNoSuchUser) || errors.Is(err, mail.ErrDisabled) {
			continue // a sender that cannot be told is no reason to refuse
		}
		if err != nil {
			return written, err
		}
		written = append(written, d)
	}
	return written, nil
}

// passOn streams body to b, behind what missing says that its head lacks, and
// returns the message's header when the caller needs it. Where missing is nil
// (port 25) nothing is added, but to a text without any header, such as a person
// types at telnet, the blank line that ends the trace fields in front of it: else
// no mail program would show it.
func passOn(b io.Writer, body io.Reader, missing func(*head) []byte, needHeader bool) ([]byte, error) {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	n, err := body.Read(*buf)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	first := (*buf)[:n]
	if beginsHeader(first) && missing == nil && !needHeader {
		if _, err := b.Write(first); err != nil {
			return nil, err
		}
		_, err := io.CopyBuffer(writerOnly{b}, readerOnly{body}, *buf)
		return nil, err
	}
	body = io.MultiReader(bytes.NewReader(bytes.Clone(first)), body)
	head, err := readHead(body, maxHeader)
	if err != nil {
		return nil, err
	}
	var header []byte
	switch {
	case missing != nil:
		header = missing(head)
	case !head.hasFields() && len(head.data) > 0:
		header = []byte("\r\n")
	}
	if _, err := b.Write(header); err != nil {
		return nil, err
	}
	header = append(header, head.header()...)
	_, err = io.CopyBuffer(writerOnly{b}, readerOnly{head.rest(body)}, *buf)
	return header, err
}

// sender is what a message without From is said to be from: the reverse-path,
// which is known to be the account's, or else the account itself.
func sender(c *Client, env *mail.Envelope) mail.Address {
	if !env.From.IsNull() {
		return env.From
	}
	return c.Login
}

// settleQuota decides about local copies that do not fit, once the message's
// size is known. When there is room for none the message is refused. When
// there is for some, everybody gets it: the transaction has one answer for all
// of them, an account that had room at RCPT ends up over its quota by one
// message at most, and nobody is sent a bounce for what could be refused.
func (p *Pipeline) settleQuota(ctx context.Context, local []localRoute, copies []store.Copy, size int64) error {
	if len(copies) < 2 {
		return nil // the store itself refuses
	}
	var full error
	room := 0
	for i := range copies {
		var err error
		if local[i].limited {
			err = p.Store.CheckQuota(ctx, copies[i].Account, size, 1)
		}
		switch {
		case err == nil:
			room++
		case errors.Is(err, mail.ErrOverQuota):
			full = err
		default:
			return err
		}
		copies[i].IgnoreQuota = true
	}
	if room == 0 {
		return full
	}
	return nil
}

func (p *Pipeline) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// outbound is the queue's part of the message, nil when nobody is elsewhere.
func (r *routes) outbound(c *Client, env *mail.Envelope, parsed *message.Parsed) *store.Outbound {
	if len(r.remote) == 0 {
		return nil
	}
	return &store.Outbound{
		From:       env.From,
		Account:    c.Account,
		Body:       bodyType(env, parsed),
		UTF8:       env.UTF8 && parsed.HeaderUTF8,
		RequireTLS: env.RequireTLS,
		Return:     env.Return,
		EnvelopeID: env.EnvelopeID,
		Recipients: r.remote,
	}
}

// bodyType is what the content is, whatever the client declared: the relay
// converts by it. Lines over 998 octets alone do not make a message binary;
// they go on as they came, as every relay passes them.
func bodyType(env *mail.Envelope, parsed *message.Parsed) mail.BodyType {
	switch {
	case parsed.Binary && env.Body == mail.BodyBinaryMIME:
		return mail.BodyBinaryMIME
	case parsed.EightBit:
		return mail.Body8BitMIME
	}
	return mail.Body7Bit
}

// newID names a message in its Received field, the reply and the log.
func newID() string { return strings.ToLower(rand.Text()[:16]) }

var buffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// writerOnly and readerOnly hide ReaderFrom and WriterTo from io.CopyBuffer,
// which would not use the buffer then.
type (
	writerOnly struct{ io.Writer }
	readerOnly struct{ io.Reader }
)
