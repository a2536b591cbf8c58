package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
)

// TestBothWays carries out the same operations over a socket and on the store
// itself: the answers and the kinds of error are the same.
func TestBothWays(t *testing.T) {
	ctx := t.Context()
	// longer than a socket's address can be
	cfg := store.Config{Dir: filepath.Join(t.TempDir(), strings.Repeat("long", 30))}
	if _, err := Reach(ctx, cfg); err == nil {
		t.Fatal("a folder that isn't there was reached")
	}
	st, err := store.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(cfg.Dir, socketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	go Serve(context.Background(), ln, &Operator{Store: st, Auth: auth.New(st, auth.Config{})})

	online, err := Reach(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := online.(*client); !ok {
		t.Fatalf("with a server running, Reach gave a %T", online)
	}
	if err := online.Call(ctx, "domain add", Domain{"example.org"}, nil); err != nil {
		t.Fatal(err)
	}
	fillQueue(t, st)
	testOperations(t, online)
	online.Close()
	ln.Close()
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	offline, err := Reach(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := offline.(*local); !ok {
		t.Fatalf("without a server, Reach gave a %T", offline)
	}
	testOperations(t, offline)
	if _, err := Reach(ctx, cfg); !errors.Is(err, mail.ErrInUse) {
		t.Errorf("a store that is open was opened again: %v", err)
	}
	if err := offline.Close(); err != nil {
		t.Error(err)
	}
}

// TestLogged changes things: the log says what and of whom, and nothing else of it.
func TestLogged(t *testing.T) {
	st, err := store.Open(t.Context(), store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var out bytes.Buffer
	timeless := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	o := &Operator{Store: st, Auth: auth.New(st, auth.Config{}),
		Log: maillog.New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: timeless})))}
	fillQueue(t, st)
	alice := UserChange{Address: "alice@example.org", Password: "some password"}
	for _, op := range []struct {
		name string
		in   any
		ok   bool
		line string
	}{
		{"domain add", Domain{"example.org"}, true, "subject=example.org"},
		{"domain add", Domain{"example.org"}, false, ""},
		{"domain list", None{}, true, ""},
		{"user add", alice, true, "subject=alice@example.org"},
		{"user passwd", alice, true, "subject=alice@example.org"},
		{"user disable", alice, true, "subject=alice@example.org"},
		{"user enable", alice, true, "subject=alice@example.org"},
		{"user app-password add", AppPassword{Address: "alice@example.org", Name: "phone"}, true, `subject="alice@example.org phone"`},
		{"alias add", Alias{"info@example.org", []string{"alice@example.org"}}, true, "subject=info@example.org"},
		{"mailbox create", Mailbox{Address: "alice@example.org", Name: "Old mail"}, true, `subject="alice@example.org Old mail"`},
		{"queue retry", QueueRequest{}, true, "subject=all"},
		{"queue delete", QueueRequest{ID: 1}, true, "subject=1"},
		{"queue delete", QueueRequest{ID: 1}, false, ""},
		{"check", CheckRequest{}, true, ""},
	} {
		out.Reset()
		if err := o.Call(t.Context(), op.name, op.in, nil); (err == nil) != op.ok {
			t.Errorf("%s: %v", op.name, err)
		}
		want := op.line
		if want != "" {
			want = fmt.Sprintf("level=INFO msg=commanded command=%q %s\n", op.name, op.line)
		}
		if got := out.String(); got != want {
			t.Errorf("%s: the log says %q, not %q", op.name, got, want)
		}
	}
}

// manyQueued is more recipients of a message than a page has entries.
const manyQueued = 600

// fillQueue queues a message to one and another to many.
func fillQueue(t *testing.T, st *store.Store) {
	t.Helper()
	for _, n := range []int{1, manyQueued} {
		body := st.NewBody(t.Context())
		io.WriteString(body, "Subject: x\r\n\r\nx\r\n")
		out := &store.Outbound{From: mail.Address{Local: "a", Domain: "b.example"}}
		for i := range n {
			out.Recipients = append(out.Recipients, mail.Recipient{Address: mail.Address{Local: fmt.Sprint("c", i), Domain: "d.example"}})
		}
		if _, err := st.Accept(t.Context(), store.Delivery{Body: body, Queue: out}); err != nil {
			t.Fatal(err)
		}
	}
}

// testQueue lists the queue, which is longer than a page.
func testQueue(t *testing.T, c Caller) {
	t.Helper()
	list := func(id int64) (to []string, err error) {
		err = Queue(t.Context(), c, QueueRequest{ID: id}, func(e *QueueEntry) error {
			to = append(to, e.To)
			return nil
		})
		return to, err
	}
	if to, err := list(0); err != nil || len(to) != manyQueued+1 || to[0] != "c0@d.example" || to[1] != to[0] || to[manyQueued] != "c599@d.example" {
		t.Errorf("the queue: %d entries, %v", len(to), err)
	}
	if to, err := list(1); err != nil || len(to) != 1 {
		t.Errorf("one of the queue: %v, %v", to, err)
	}
	if to, err := list(2); err != nil || len(to) != manyQueued {
		t.Errorf("one to many: %d, %v", len(to), err)
	}
	if to, err := list(3); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("one that isn't there: %v, %v", to, err)
	}
	n, enough := 0, errors.New("enough")
	if err := Queue(t.Context(), c, QueueRequest{}, func(*QueueEntry) error { n++; return enough }); err != enough || n != 1 {
		t.Errorf("whoever had enough was given %d: %v", n, err)
	}
}

func testOperations(t *testing.T, c Caller) {
	t.Helper()
	var domains []Domain
	if err := c.Call(t.Context(), "domain list", None{}, &domains); err != nil || len(domains) != 1 || domains[0].Domain != "example.org" {
		t.Errorf("domains %v, %v", domains, err)
	}
	testQueue(t, c)
	for _, bad := range []struct {
		operation string
		in        any
		kind      error
	}{
		{"domain add", Domain{"example.org"}, mail.ErrExists},
		{"domain add", Domain{"no domain"}, mail.ErrInvalid},
		{"user passwd", UserChange{Address: "nobody@example.org", Password: "some password"}, mail.ErrNoSuchUser},
		{"user add", UserChange{Address: "a@elsewhere.example", Password: "some password"}, mail.ErrNotLocal},
		{"user add", UserChange{Address: "a", Password: "some password"}, mail.ErrInvalid},
		{"queue retry", QueueRequest{ID: 7}, mail.ErrNotFound},
		{"no such operation", None{}, mail.ErrInvalid},
	} {
		err := c.Call(t.Context(), bad.operation, bad.in, nil)
		if !errors.Is(err, bad.kind) {
			t.Errorf("%s %v: %v, want %v", bad.operation, bad.in, err, bad.kind)
		}
	}
}
