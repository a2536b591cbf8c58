package queue

import (
	"context"
	"errors"
	"fmt"

	"posthorn/internal/dsn"
	"posthorn/internal/mail"
	"posthorn/store"
)

// Report turns a notification into a delivery to the one whom it is for: into
// mailboxes here, or into the queue with an empty reverse-path and NOTIFY=NEVER
// (RFC 3461 §6.1), so that nothing can come of it in turn. The caller hands it
// to the store, or aborts its Body. mail.ErrNoSuchUser and mail.ErrDisabled
// when nobody is there to be told, as where a message came from <>.
func Report(ctx context.Context, st *store.Store, r *dsn.Report) (store.Delivery, error) {
	if r.To.IsNull() {
		return store.Delivery{}, fmt.Errorf("report to <>: %w", mail.ErrNoSuchUser)
	}
	res, err := st.Resolve(ctx, r.To)
	if errors.Is(err, mail.ErrNotLocal) {
		res, err = store.Resolution{Remote: []mail.Address{r.To}}, nil
	}
	if err != nil {
		return store.Delivery{}, fmt.Errorf("report to %s: %w", r.To, err)
	}
	d := store.Delivery{Body: st.NewBody(ctx)}
	if _, err := r.WriteTo(d.Body); err != nil {
		d.Body.Abort()
		return store.Delivery{}, fmt.Errorf("write report: %w", err)
	}
	for _, a := range res.Local {
		d.Copies = append(d.Copies, store.Copy{
			Account:     a.ID,
			Trace:       []byte("Return-Path: <>\r\nDelivered-To: " + r.To.String() + "\r\n"),
			IgnoreQuota: true, // a full mailbox must not hide that mail was lost
		})
	}
	if len(res.Remote) > 0 {
		d.Queue = &store.Outbound{Body: r.BodyType(), UTF8: r.NeedsUTF8(), RequireTLS: r.RequireTLS}
		for _, to := range res.Remote {
			d.Queue.Recipients = append(d.Queue.Recipients, mail.Recipient{Address: to, Notify: mail.NotifyNever})
		}
	}
	return d, nil
}
