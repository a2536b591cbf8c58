package imapd

import (
	"context"
	"errors"
	"math"
	"slices"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// quotaRoot is the name of the own account's one quota root (RFC 9208 §3.2): all
// of its mailboxes, there or to come, share its limits. Who sets limits calls
// each account's root by its address. Where nothing is limited there is no root:
// a QUOTA response names a resource at least (§7; Thunderbird takes an empty list
// for a fault).
const quotaRoot = ""

// cmdGetQuota is GETQUOTA (RFC 9208 §4.1.1).
func (s *session) cmdGetQuota(d *decoder) error {
	root := d.quotaRootArg()
	if err := d.end(); err != nil {
		return err
	}
	a, err := s.quotaAccount(root)
	if err != nil {
		return err
	}
	if !limited(&a) {
		return no("NONEXISTENT", "Nothing is limited there")
	}
	s.writeQuota(root, &a)
	return nil
}

var errNoQuotaRoot = no("NONEXISTENT", "No such quota root")

// quotaAdmin: this account sets limits.
func (s *session) quotaAdmin() bool {
	return slices.ContainsFunc(s.srv.cfg.QuotaAdmins, func(a mail.Address) bool { return a.Key() == s.who.Address.Key() })
}

// quotaAccount finds the account that a root is of: the own one or, for who
// sets limits, the one whose address it is. To others there are no others (RFC
// 9208 §8).
func (s *session) quotaAccount(root string) (store.Account, error) {
	if root == quotaRoot {
		return s.srv.store.AccountByID(s.ctx, s.account())
	}
	addr, err := mail.ParseAddress(root)
	if err != nil || !s.quotaAdmin() {
		return store.Account{}, errNoQuotaRoot
	}
	a, err := s.srv.store.Account(s.ctx, addr)
	if errors.Is(err, mail.ErrNoSuchUser) {
		err = errNoQuotaRoot
	}
	return a, err
}

// limited: the account has a quota root.
func limited(a *store.Account) bool { return a.Quota.Bytes > 0 || a.Quota.Messages > 0 }

// cmdGetQuotaRoot is GETQUOTAROOT (RFC 9208 §4.1.2). The mailbox need not be
// there.
func (s *session) cmdGetQuotaRoot(d *decoder) error {
	name := d.mailboxArg()
	if err := d.end(); err != nil {
		return err
	}
	a, err := s.srv.store.AccountByID(s.ctx, s.account())
	if err != nil {
		return err
	}
	w := s.out
	w.raw("* QUOTAROOT ")
	w.mailbox(name)
	if !limited(&a) {
		w.end()
		return nil
	}
	w.raw(" ")
	w.astring(quotaRoot)
	w.end()
	s.writeQuota(quotaRoot, &a)
	return nil
}

// cmdSetQuota is SETQUOTA (RFC 9208 §4.1.3). Clients of RFC 2087 take QUOTA for
// the permission to try, and are told who may.
func (s *session) cmdSetQuota(d *decoder) error {
	args := d.setQuotaArgs()
	if err := d.end(); err != nil {
		return err
	}
	a, err := s.quotaAccount(args.root)
	if err != nil {
		return err
	}
	if !s.quotaAdmin() {
		return no("NOPERM", "The operator sets quotas")
	}
	if a.Quota, err = args.quota(); err != nil {
		return err
	}
	if err := s.srv.store.SetQuota(s.ctx, a.ID, a.Quota); err != nil {
		return err
	}
	s.srv.cfg.Log.QuotaSet(s.conn.ID(), s.who.Address.String(), a.Address.String(), a.Quota.Bytes, a.Quota.Messages)
	s.note(wire.Note{Kind: "quota", To: a.Address.Key(), Octets: a.Quota.Bytes, Count: int(a.Quota.Messages)})
	if limited(&a) {
		s.writeQuota(args.root, &a)
	}
	return nil
}

// quota is what the store keeps of the limits: any that isn't listed is gone. To
// the store 0 is no limit.
func (args *setQuota) quota() (q store.Quota, err error) {
	for resource, limit := range args.limits {
		switch {
		case resource != "STORAGE" && resource != "MESSAGE":
			return q, no("CANNOT", "Only STORAGE and MESSAGE can be limited")
		case limit == 0:
			return q, no("CANNOT", "0 would be no limit: name only what is to be limited")
		case resource == "STORAGE":
			q.Bytes = min(limit, math.MaxInt64/1024) * 1024
		default:
			q.Messages = limit
		}
	}
	return q, nil
}

// writeQuota sends the QUOTA response: the resources that are limited (RFC 9208
// §4.2.1).
func (s *session) writeQuota(root string, a *store.Account) {
	w := s.out
	w.raw("* QUOTA ")
	w.astring(root)
	w.raw(" (")
	before := ""
	resource := func(name string, used, limit int64) {
		if limit > 0 {
			w.raw(before, name, " ")
			w.num(uint64(used))
			w.raw(" ")
			w.num(uint64(limit))
			before = " "
		}
	}
	resource("STORAGE", kibibytes(a.Usage.Bytes), kibibytes(a.Quota.Bytes))
	resource("MESSAGE", a.Usage.Messages, a.Quota.Messages)
	w.raw(")")
	w.end()
}

// kibibytes is an amount in STORAGE's unit (RFC 9208 §5.1), rounded up, so that
// a limit never looks like 0, by which nothing would be allowed.
func kibibytes(octets int64) int64 { return octets/1024 + min(octets%1024, 1) }

// deletedOctets is STATUS's DELETED-STORAGE (RFC 9208 §4.1.4): the sizes of the
// messages that EXPUNGE would remove. Where there are none it asks nobody.
func (s *session) deletedOctets(ctx context.Context, mb store.Mailbox) (int64, error) {
	if mb.Deleted == 0 {
		return 0, nil
	}
	return s.srv.store.DeletedBytes(ctx, mb.ID)
}
