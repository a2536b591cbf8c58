package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/store"
)

// operations is every operation by name.
func operations() map[string]handler {
	return map[string]handler{
		"domain add":               changing(domainAdd),
		"domain list":              reading(domainList),
		"domain delete":            changing(domainDelete),
		"user add":                 changing(userAdd),
		"user list":                reading(userList),
		"user passwd":              changing(userPasswd),
		"user disable":             changing(userDisable),
		"user enable":              changing(userEnable),
		"user quota":               changing(userQuota),
		"user delete":              changing(userDelete),
		"user app-password add":    changing(appPasswordAdd),
		"user app-password list":   reading(appPasswordList),
		"user app-password revoke": changing(appPasswordRevoke),
		"alias add":                changing(aliasAdd),
		"alias list":               reading(aliasList),
		"alias delete":             changing(aliasDelete),
		"mailbox list":             reading(mailboxList),
		"mailbox create":           changing(mailboxCreate),
		"mailbox delete":           changing(mailboxDelete),
		"queue page":               reading(queuePage),
		"queue retry":              changing(queueRetry),
		"queue delete":             changing(queueDelete),
		"check":                    reading(check),
		"check ledger":             reading(ledger),
	}
}

// None is the input or output of operations that have none.
type None struct{}

// Domain is a local domain.
type Domain struct {
	Domain string `json:"domain"`
}

func (in Domain) subject() string { return in.Domain }

func domainAdd(ctx context.Context, o *Operator, in Domain) (None, error) {
	if !mail.ValidDomain(in.Domain) || strings.HasPrefix(in.Domain, "[") {
		return None{}, fmt.Errorf("%w: %q is no domain", mail.ErrInvalid, in.Domain)
	}
	return None{}, o.Store.AddDomain(ctx, in.Domain)
}

func domainList(ctx context.Context, o *Operator, _ None) ([]Domain, error) {
	names, err := o.Store.Domains(ctx)
	out := make([]Domain, 0, len(names))
	for _, n := range names {
		out = append(out, Domain{n})
	}
	return out, err
}

func domainDelete(ctx context.Context, o *Operator, in Domain) (None, error) {
	return None{}, o.Store.DeleteDomain(ctx, in.Domain)
}

// User is an account.
type User struct {
	Address       string    `json:"address"`
	Disabled      bool      `json:"disabled"`
	Created       time.Time `json:"created"`
	Bytes         int64     `json:"bytes"`
	Messages      int64     `json:"messages"`
	QuotaBytes    int64     `json:"quota_bytes,omitempty"`
	QuotaMessages int64     `json:"quota_messages,omitempty"`
}

// UserChange is what is asked of an account. Password is needed by add and
// passwd. A quota that is not there stays what it is.
type UserChange struct {
	Address       string `json:"address"`
	Password      string `json:"password,omitempty"`
	QuotaBytes    *int64 `json:"quota_bytes,omitempty"`
	QuotaMessages *int64 `json:"quota_messages,omitempty"`
}

func (in UserChange) subject() string { return in.Address }

// notLocal says how a domain becomes one of ours.
func notLocal(err error, domain string) error {
	return fmt.Errorf("%w; \"posthorn domain add %s\" makes it one", err, domain)
}

func userAdd(ctx context.Context, o *Operator, in UserChange) (None, error) {
	addr, err := mail.ParseAddress(in.Address)
	if err != nil {
		return None{}, fmt.Errorf("address %q: %w", in.Address, err)
	}
	cred, err := auth.MakeCredential(nil, "", in.Password)
	if err != nil {
		return None{}, err
	}
	account, err := o.Store.AddAccount(ctx, addr, []store.Credential{cred})
	if errors.Is(err, mail.ErrNotLocal) {
		return None{}, notLocal(err, addr.Domain)
	}
	if err != nil || in.QuotaBytes == nil && in.QuotaMessages == nil {
		return None{}, err
	}
	return None{}, o.Store.SetQuota(ctx, account.ID, in.quota(account.Quota))
}

func userList(ctx context.Context, o *Operator, _ None) ([]User, error) {
	accounts, err := o.Store.Accounts(ctx)
	out := make([]User, 0, len(accounts))
	for _, a := range accounts {
		out = append(out, User{
			Address: a.Address.String(), Disabled: a.Disabled, Created: a.Created,
			Bytes: a.Usage.Bytes, Messages: a.Usage.Messages, QuotaBytes: a.Quota.Bytes, QuotaMessages: a.Quota.Messages,
		})
	}
	return out, err
}

// account finds the account that an operator named.
func (o *Operator) account(ctx context.Context, address string) (store.Account, error) {
	addr, err := mail.ParseAddress(address)
	if err != nil {
		return store.Account{}, err
	}
	a, err := o.Store.Account(ctx, addr)
	if err != nil {
		return store.Account{}, fmt.Errorf("%s: %w", addr, err)
	}
	return a, nil
}

func userPasswd(ctx context.Context, o *Operator, in UserChange) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, o.Auth.SetPassword(ctx, a.ID, in.Password)
}

func userDisable(ctx context.Context, o *Operator, in UserChange) (None, error) {
	return None{}, o.setDisabled(ctx, in.Address, true)
}

func userEnable(ctx context.Context, o *Operator, in UserChange) (None, error) {
	return None{}, o.setDisabled(ctx, in.Address, false)
}

func (o *Operator) setDisabled(ctx context.Context, address string, disabled bool) error {
	a, err := o.account(ctx, address)
	if err != nil {
		return err
	}
	return o.Store.SetDisabled(ctx, a.ID, disabled)
}

// quota is the one that there is, changed.
func (in *UserChange) quota(q store.Quota) store.Quota {
	if in.QuotaBytes != nil {
		q.Bytes = *in.QuotaBytes
	}
	if in.QuotaMessages != nil {
		q.Messages = *in.QuotaMessages
	}
	return q
}

func userQuota(ctx context.Context, o *Operator, in UserChange) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, o.Store.SetQuota(ctx, a.ID, in.quota(a.Quota))
}

func userDelete(ctx context.Context, o *Operator, in UserChange) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, o.Store.DeleteAccount(ctx, a.ID)
}

// AppPassword is an app password; Password is told once, when it is made.
type AppPassword struct {
	Address  string    `json:"address"`
	Name     string    `json:"name"`
	Password string    `json:"password,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

func (in AppPassword) subject() string { return in.Address + " " + in.Name }

func appPasswordAdd(ctx context.Context, o *Operator, in AppPassword) (AppPassword, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return AppPassword{}, err
	}
	in.Address = a.Address.String()
	in.Password, err = o.Auth.AddAppPassword(ctx, a.ID, in.Name)
	return in, err
}

func appPasswordList(ctx context.Context, o *Operator, in AppPassword) ([]AppPassword, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return nil, err
	}
	list, err := o.Auth.AppPasswords(ctx, a.ID)
	out := []AppPassword{}
	for _, c := range list {
		out = append(out, AppPassword{Address: a.Address.String(), Name: c.Name, Created: c.Created, LastUsed: c.LastUsed})
	}
	return out, err
}

func appPasswordRevoke(ctx context.Context, o *Operator, in AppPassword) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, o.Auth.RevokeAppPassword(ctx, a.ID, in.Name)
}

// Alias leads an address, or with "@domain" all of a domain's other
// addresses, to Targets.
type Alias struct {
	Address string   `json:"address"`
	Targets []string `json:"targets,omitempty"`
}

func (in Alias) subject() string { return in.Address }

// aliasAddress reads local@domain, or @domain for a catch-all.
func aliasAddress(s string) (mail.Address, error) {
	if domain, ok := strings.CutPrefix(s, "@"); ok {
		if !mail.ValidDomain(domain) {
			return mail.Address{}, fmt.Errorf("%w: %q is no domain", mail.ErrInvalid, domain)
		}
		return mail.Address{Domain: mail.DomainKey(domain)}, nil
	}
	return mail.ParseAddress(s)
}

func aliasAdd(ctx context.Context, o *Operator, in Alias) (None, error) {
	addr, err := aliasAddress(in.Address)
	if err != nil {
		return None{}, err
	}
	a := store.Alias{Address: addr}
	for _, t := range in.Targets {
		target, err := mail.ParseAddress(t)
		if err != nil {
			return None{}, fmt.Errorf("target %q: %w", t, err)
		}
		a.Targets = append(a.Targets, target)
	}
	err = o.Store.AddAlias(ctx, a)
	if errors.Is(err, mail.ErrNotLocal) {
		return None{}, notLocal(err, addr.Domain)
	}
	return None{}, err
}

func aliasList(ctx context.Context, o *Operator, _ None) ([]Alias, error) {
	aliases, err := o.Store.Aliases(ctx)
	out := make([]Alias, 0, len(aliases))
	for _, a := range aliases {
		address := a.Address.String()
		if a.Address.Local == "" {
			address = "@" + a.Address.Domain
		}
		shown := Alias{Address: address}
		for _, t := range a.Targets {
			shown.Targets = append(shown.Targets, t.String())
		}
		out = append(out, shown)
	}
	return out, err
}

func aliasDelete(ctx context.Context, o *Operator, in Alias) (None, error) {
	addr, err := aliasAddress(in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, o.Store.DeleteAlias(ctx, addr)
}

// Mailbox is one mailbox of an account.
type Mailbox struct {
	Address    string `json:"address"`
	Name       string `json:"name"`
	SpecialUse string `json:"special_use,omitempty"`
	Messages   uint32 `json:"messages"`
	Unseen     uint32 `json:"unseen"`
	Bytes      int64  `json:"bytes"`
}

func (in Mailbox) subject() string { return in.Address + " " + in.Name }

func mailboxList(ctx context.Context, o *Operator, in Mailbox) ([]Mailbox, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return nil, err
	}
	boxes, err := o.Store.Mailboxes(ctx, a.ID)
	out := make([]Mailbox, 0, len(boxes))
	for _, m := range boxes {
		out = append(out, Mailbox{a.Address.String(), m.Name, m.SpecialUse, m.Messages, m.Unseen, m.Bytes})
	}
	return out, err
}

func mailboxCreate(ctx context.Context, o *Operator, in Mailbox) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	_, err = o.Store.CreateMailbox(ctx, a.ID, in.Name, in.SpecialUse)
	if err == nil {
		err = o.Store.SetSubscribed(ctx, a.ID, in.Name, true)
	}
	return None{}, ofMailbox(in.Name, err)
}

// ofMailbox says what mailbox an error is about.
func ofMailbox(name string, err error) error {
	if err != nil {
		return fmt.Errorf("mailbox %s: %w", name, err)
	}
	return nil
}

func mailboxDelete(ctx context.Context, o *Operator, in Mailbox) (None, error) {
	a, err := o.account(ctx, in.Address)
	if err != nil {
		return None{}, err
	}
	return None{}, ofMailbox(in.Name, o.Store.DeleteMailbox(ctx, a.ID, in.Name))
}

// QueueRequest names a queued message; 0 is all of them.
type QueueRequest struct {
	ID int64 `json:"id"`
}

func (in QueueRequest) subject() string {
	if in.ID == 0 {
		return "all"
	}
	return strconv.FormatInt(in.ID, 10)
}

// queuePlace asks for the entries behind one.
type queuePlace struct {
	QueueRequest
	Last      int64 `json:"last"`
	Recipient int   `json:"recipient"`
}

// QueueEntry is one recipient of a queued message; Recipient numbers it within.
type QueueEntry struct {
	ID         int64     `json:"id"`
	Recipient  int       `json:"recipient"`
	From       string    `json:"from"`
	To         string    `json:"to"`
	Size       int64     `json:"size"`
	Queued     time.Time `json:"queued"`
	Attempts   int       `json:"attempts"`
	LastTry    time.Time `json:"last_try,omitzero"`
	NextTry    time.Time `json:"next_try"`
	LastError  string    `json:"last_error,omitempty"`
	RequireTLS bool      `json:"require_tls,omitempty"`
	UTF8       bool      `json:"smtputf8,omitempty"`
	Notify     string    `json:"notify,omitempty"`
	EnvelopeID string    `json:"envelope_id,omitempty"`
}

// Queue lists the queue, oldest first, or the one message that req names, and
// ends at an error of fn. mail.ErrNotFound when that isn't there. However long
// the queue is, the server has little of it in memory at a time.
func Queue(ctx context.Context, c Caller, req QueueRequest, fn func(*QueueEntry) error) error {
	for place := (queuePlace{QueueRequest: req}); ; {
		var page []QueueEntry
		err := c.Call(ctx, "queue page", place, &page)
		if err != nil || len(page) == 0 {
			return err
		}
		for i := range page {
			if err := fn(&page[i]); err != nil {
				return err
			}
		}
		last := &page[len(page)-1]
		place.Last, place.Recipient = last.ID, last.Recipient
	}
}

func queuePage(ctx context.Context, o *Operator, in queuePlace) ([]QueueEntry, error) {
	entries, err := o.Store.QueuePage(ctx, store.QueueID(in.ID), store.QueueID(in.Last), in.Recipient)
	out := make([]QueueEntry, 0, len(entries))
	for _, e := range entries {
		out = append(out, QueueEntry{
			ID: int64(e.ID), Recipient: e.Recipient, From: e.Envelope.From.String(), To: e.To.Address.String(), Size: e.Size, Queued: e.Queued,
			Attempts: e.Attempts, LastTry: e.LastTry, NextTry: e.NextTry, LastError: e.LastError,
			RequireTLS: e.Envelope.RequireTLS, UTF8: e.Envelope.UTF8, Notify: e.To.Notify.String(), EnvelopeID: e.Envelope.EnvelopeID,
		})
	}
	if err == nil && in.ID != 0 && in.Last == 0 && len(out) == 0 {
		err = fmt.Errorf("message %d in the queue: %w", in.ID, mail.ErrNotFound)
	}
	return out, err
}

// Count is a number of things done.
type Count struct {
	Count int `json:"count"`
}

func queueRetry(ctx context.Context, o *Operator, in QueueRequest) (Count, error) {
	n, err := o.Store.RetryQueue(ctx, store.QueueID(in.ID))
	if err == nil && in.ID != 0 && n == 0 {
		err = fmt.Errorf("message %d in the queue: %w", in.ID, mail.ErrNotFound)
	}
	return Count{n}, err
}

func queueDelete(ctx context.Context, o *Operator, in QueueRequest) (None, error) {
	return None{}, o.Store.DeleteQueue(ctx, store.QueueID(in.ID))
}

// CheckRequest asks for a check; Deep reads every body too.
type CheckRequest struct {
	Deep bool `json:"deep"`
}

func check(ctx context.Context, o *Operator, in CheckRequest) ([]store.Problem, error) {
	problems, err := o.Store.Check(ctx, in.Deep)
	if problems == nil {
		problems = []store.Problem{}
	}
	return problems, err
}
