// Package control has the operator's commands, and the socket over which they
// reach a running server. A command is the same whether a server runs or not:
// Reach finds the server's socket, or else opens the store itself.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
)

// A Caller carries out operations by name (see operations.go). in and out are
// the operation's own types.
type Caller interface {
	Call(ctx context.Context, operation string, in, out any) error
	Close() error
}

// Operator carries out operations on a store that this process has open.
type Operator struct {
	Store *store.Store
	Auth  *auth.Authenticator
	// Log is told what changes.
	Log *maillog.Log
	// Watched is what "watch" shows; nil: nothing.
	Watched *Watched
}

// Call implements Caller.
func (o *Operator) Call(ctx context.Context, operation string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	result, err := o.run(ctx, operation, raw)
	if err != nil {
		return err
	}
	raw, err = json.Marshal(result)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

// Close does nothing: the store is its opener's to close.
func (o *Operator) Close() error { return nil }

func (o *Operator) run(ctx context.Context, operation string, in json.RawMessage) (any, error) {
	h, ok := operations()[operation]
	if !ok {
		return nil, fmt.Errorf("%w: this server has no operation %q; is it of another version?", mail.ErrInvalid, operation)
	}
	result, subject, err := h(ctx, o, in)
	if err == nil && subject != "" {
		o.Log.Commanded(operation, subject)
	}
	return result, err
}

// handler is one operation with its types taken away. subject is what it changed,
// in a word, or empty.
type handler func(ctx context.Context, o *Operator, in json.RawMessage) (out any, subject string, err error)

// reading is an operation that changes nothing.
func reading[In, Out any](f func(context.Context, *Operator, In) (Out, error)) handler {
	return func(ctx context.Context, o *Operator, raw json.RawMessage) (any, string, error) {
		out, _, err := carryOut(ctx, o, raw, f)
		return out, "", err
	}
}

// changing is an operation that the log has a line of.
func changing[In interface{ subject() string }, Out any](f func(context.Context, *Operator, In) (Out, error)) handler {
	return func(ctx context.Context, o *Operator, raw json.RawMessage) (any, string, error) {
		out, in, err := carryOut(ctx, o, raw, f)
		return out, in.subject(), err
	}
}

func carryOut[In, Out any](ctx context.Context, o *Operator, raw json.RawMessage, f func(context.Context, *Operator, In) (Out, error)) (out Out, in In, err error) {
	if err := json.Unmarshal(raw, &in); err != nil {
		return out, in, fmt.Errorf("%w: %v", mail.ErrInvalid, err)
	}
	out, err = f(ctx, o, in)
	return out, in, err
}

// kinds are the error kinds that survive the way over the socket.
var kinds = map[string]error{
	"invalid":         mail.ErrInvalid,
	"not permitted":   mail.ErrNotPermitted,
	"exists":          mail.ErrExists,
	"not local":       mail.ErrNotLocal,
	"no such user":    mail.ErrNoSuchUser,
	"no such mailbox": mail.ErrNoSuchMailbox,
	"not found":       mail.ErrNotFound,
	"in use":          mail.ErrInUse,
	"no space":        mail.ErrNoSpace,
	"unavailable":     mail.ErrUnavailable,
}

// remoteError is an error that a server told.
type remoteError struct {
	text string
	kind error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.kind }

func kindOf(err error) string {
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			return name
		}
	}
	return ""
}
