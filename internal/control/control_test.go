package control

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"posthorn/auth"
	"posthorn/internal/mail"
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

func testOperations(t *testing.T, c Caller) {
	t.Helper()
	var domains []Domain
	if err := c.Call(t.Context(), "domain list", None{}, &domains); err != nil || len(domains) != 1 || domains[0].Domain != "example.org" {
		t.Errorf("domains %v, %v", domains, err)
	}
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
