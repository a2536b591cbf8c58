package imapd

import (
	"context"

	"posthorn/store"
)

// quotaRoot is the name of an account's one quota root (RFC 9208 §3.2): all of
// its mailboxes, there or to come, share its limits. Where nothing is limited
// there is no root: a QUOTA response names a resource at least (§7; Thunderbird
// takes an empty list for a fault).
const quotaRoot = ""

// cmdGetQuota is GETQUOTA (RFC 9208 §4.1.1).
func (s *session) cmdGetQuota(d *decoder) error {
	root := d.quotaRootArg()
	if err := d.end(); err != nil {
		return err
	}
	a, err := s.srv.store.AccountByID(s.ctx, s.account())
	if err != nil {
		return err
	}
	if root != quotaRoot || !limited(&a) {
		return errNoQuotaRoot
	}
	s.writeQuota(&a)
	return nil
}

var errNoQuotaRoot = no("NONEXISTENT", "No such quota root")

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
	s.writeQuota(&a)
	return nil
}

// cmdSetQuota is SETQUOTA. Users don't change their limits, so QUOTASET is not
// offered (RFC 9208 §4.1.3); but clients of RFC 2087 take QUOTA for the
// permission to try, and are told who may.
func (s *session) cmdSetQuota(d *decoder) error {
	root := d.setQuotaArgs()
	if err := d.end(); err != nil {
		return err
	}
	if root != quotaRoot {
		return errNoQuotaRoot
	}
	return no("NOPERM", "The operator sets quotas")
}

// writeQuota sends the QUOTA response: the resources that are limited (RFC 9208
// §4.2.1).
func (s *session) writeQuota(a *store.Account) {
	w := s.out
	w.raw("* QUOTA ")
	w.astring(quotaRoot)
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
