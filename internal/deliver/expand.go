package deliver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// routes is where a message goes once its aliases are followed.
type routes struct {
	local   []localRoute
	remote  []mail.Recipient
	reports []success
}

// localRoute is one copy: whose, and as whom the sender addressed them.
type localRoute struct {
	account store.AccountID
	to      mail.Address
	limited bool // it has a quota
}

// success is a recipient whose sender asked to be told of success, and whose
// fate is known with the message's acceptance.
type success struct {
	to     mail.Recipient
	action dsn.Action
}

// expand finds where the message goes. Whoever is reached on several ways is
// there once, with what was asked for on the first. An alias keeps the
// reverse-path; what becomes of NOTIFY and ORCPT is RFC 3461 §5.2.7.2 and
// §5.2.7.3(c).
func (p *Pipeline) expand(ctx context.Context, c *Client, env *mail.Envelope) (*routes, error) {
	r := &routes{}
	locals := make(map[store.AccountID]bool, len(env.To))
	remotes := make(map[mail.Address]bool)
	addRemote := func(to mail.Recipient) {
		key := mail.Address{Local: to.Address.Local, Domain: mail.DomainKey(to.Address.Domain)}
		if !remotes[key] {
			remotes[key] = true
			r.remote = append(r.remote, to)
		}
	}
	for _, to := range env.To {
		res, err := p.resolve(ctx, to.Address)
		if errors.Is(err, mail.ErrNotLocal) && c.Account != 0 {
			addRemote(to)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("recipient %s: %w", to.Address, err)
		}
		several := len(res.Local)+len(res.Remote) > 1
		for _, a := range res.Local {
			if !locals[a.ID] {
				locals[a.ID] = true
				r.local = append(r.local, localRoute{a.ID, to.Address, a.Quota != store.Quota{}})
			}
		}
		for _, target := range res.Remote {
			onward := to
			onward.Address = target
			if several {
				onward.Notify = withoutSuccess(to.Notify)
			}
			addRemote(onward)
		}
		switch {
		case !to.Notify.Success():
		case several:
			r.reports = append(r.reports, success{to, dsn.Expanded})
		case len(res.Local) > 0:
			r.reports = append(r.reports, success{to, dsn.Delivered})
		}
	}
	return r, nil
}

// resolve is the store's Resolve, but for those at the server's own name who
// keep the mail system: postmaster, and MAILER-DAEMON, from whom reports come
// and who gets what people answer to them (RFC 3464 §2).
func (p *Pipeline) resolve(ctx context.Context, to mail.Address) (store.Resolution, error) {
	res, err := p.Store.Resolve(ctx, to)
	if !strings.EqualFold(to.Local, "postmaster") && !strings.EqualFold(to.Local, "mailer-daemon") ||
		mail.DomainKey(to.Domain) != mail.DomainKey(p.Hostname) {
		return res, err
	}
	switch keeper := (mail.Address{Local: "postmaster"}); {
	case errors.Is(err, mail.ErrNotLocal):
		return p.Store.Resolve(ctx, keeper)
	case errors.Is(err, mail.ErrNoSuchUser): // the server's name is a domain, too
		keeper.Domain = to.Domain
		return p.Store.Resolve(ctx, keeper)
	}
	return res, err
}

// withoutSuccess is what an alias's targets inherit. Nothing left means that
// nothing is to be reported, which is NEVER; it does not mean the default.
func withoutSuccess(n mail.Notify) mail.Notify {
	if n == 0 {
		return 0
	}
	if n &^= mail.NotifySuccess; n != 0 {
		return n
	}
	return mail.NotifyNever
}

// copies are the local copies, each with its own trace fields.
func (r *routes) copies(env *mail.Envelope) []store.Copy {
	copies := make([]store.Copy, 0, len(r.local))
	for _, l := range r.local {
		copies = append(copies, store.Copy{Account: l.account, Trace: trace(env.From, l.to)})
	}
	return copies
}

// trace is what is put before one recipient's copy: Return-Path (RFC 5321
// §4.4), and Delivered-To with the address that the sender used, so that a
// filter sees the +tag.
func trace(from, to mail.Address) []byte {
	b := make([]byte, 0, 128)
	b = append(b, "Return-Path: <"...)
	b = append(b, from.String()...)
	b = append(b, ">\r\nDelivered-To: "...)
	b = append(b, to.String()...)
	return append(b, "\r\n"...)
}

// successReports are the reports that NOTIFY=SUCCESS asked for (RFC 3461
// §5.2.3), one for each kind of success.
func (r *routes) successReports(hostname string, env *mail.Envelope, header []byte, utf8 bool, now time.Time) []*dsn.Report {
	var reports []*dsn.Report
	for _, action := range []dsn.Action{dsn.Delivered, dsn.Expanded} {
		var about []dsn.Recipient
		for _, s := range r.reports {
			if s.action == action {
				about = append(about, dsn.Recipient{
					Recipient: s.to,
					Result:    mail.Result{Status: "2.1.5"},
				})
			}
		}
		if len(about) == 0 {
			continue
		}
		reports = append(reports, &dsn.Report{
			Hostname:   hostname,
			ID:         newID(),
			Now:        now,
			To:         env.From,
			Arrived:    now,
			EnvelopeID: env.EnvelopeID,
			Action:     action,
			Recipients: about,
			Header:     header,
			UTF8:       utf8,
			RequireTLS: env.RequireTLS,
		})
	}
	return reports
}
