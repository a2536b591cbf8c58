package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

func address(t testing.TB, s string) mail.Address {
	t.Helper()
	a, err := mail.ParseAddress(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// addDomains and addAccounts set the scene.
func addDomains(t testing.TB, s *Store, domains ...string) {
	t.Helper()
	for _, d := range domains {
		if err := s.AddDomain(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
}

func addAccounts(t testing.TB, s *Store, addrs ...string) (ids []AccountID) {
	t.Helper()
	for _, addr := range addrs {
		a, err := s.AddAccount(t.Context(), address(t, addr), nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.ID)
	}
	return ids
}

// wants fails the test when err is not of the given kind.
func wants(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got error %v, want %v", err, kind)
	}
}

func TestDomains(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "Example.ORG", "bücher.example", "[192.0.2.1]")
	wants(t, s.AddDomain(ctx, "example.org"), mail.ErrExists)
	wants(t, s.AddDomain(ctx, "xn--bcher-kva.example"), mail.ErrExists)
	for _, bad := range []string{"", "a b", "example.org.", "a..b", "-a.example", "a\xff.example"} {
		wants(t, s.AddDomain(ctx, bad), mail.ErrInvalid)
	}
	got, err := s.Domains(ctx)
	if diff := cmp.Diff([]string{"[192.0.2.1]", "example.org", "xn--bcher-kva.example"}, sorted(got)); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}

	id := addAccounts(t, s, "alice@example.org")[0]
	wants(t, s.DeleteDomain(ctx, "EXAMPLE.org"), mail.ErrInUse)
	addDomains(t, s, "ample.org") // the end of another's name
	wants(t, s.DeleteDomain(ctx, "ample.org"), nil)
	wants(t, s.DeleteAccount(ctx, id), nil)
	wants(t, s.AddAlias(ctx, Alias{mail.Address{Domain: "example.org"}, []mail.Address{address(t, "a@elsewhere.example")}}), nil)
	wants(t, s.DeleteDomain(ctx, "example.org"), mail.ErrInUse)
	wants(t, s.DeleteAlias(ctx, mail.Address{Domain: "example.org"}), nil)
	wants(t, s.DeleteDomain(ctx, "example.org"), nil)
	wants(t, s.DeleteDomain(ctx, "example.org"), mail.ErrNotLocal)
	wants(t, s.DeleteDomain(ctx, "BÜCHER.example"), nil)
}

func TestAddAccount(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "example.org", "xn--bcher-kva.example")
	creds := []Credential{{Name: "", Verifier: []byte("v1")}, {Name: "phone", Verifier: []byte("v2")}}
	a, err := s.AddAccount(ctx, address(t, "Alice.Smith@example.org"), creds)
	if err != nil {
		t.Fatal(err)
	}
	if a.ID == 0 || a.Address != address(t, "Alice.Smith@example.org") || a.Disabled || time.Since(a.Created) > time.Minute {
		t.Errorf("got %+v", a)
	}
	for _, same := range []string{"alice.smith@EXAMPLE.org", "ALICE.SMITH@example.org", `"alice.smith"@example.org`} {
		got, err := s.Account(ctx, address(t, same))
		if diff := cmp.Diff(a, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", same, err, diff)
		}
		_, err = s.AddAccount(ctx, address(t, same), nil)
		wants(t, err, mail.ErrExists)
	}
	if got, err := s.AccountByID(ctx, a.ID); err != nil || got != a {
		t.Errorf("%+v, %v", got, err)
	}
	got, err := s.Credentials(ctx, a.ID)
	if err != nil || len(got) != 2 || got[0].Name != "" || got[1].Name != "phone" || string(got[1].Verifier) != "v2" ||
		!got[0].LastUsed.IsZero() || got[0].Created.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}

	_, err = s.AddAccount(ctx, address(t, "alice@elsewhere.example"), nil)
	wants(t, err, mail.ErrNotLocal)
	_, err = s.AddAccount(ctx, mail.Address{Local: "a\r\nb", Domain: "example.org"}, nil)
	wants(t, err, mail.ErrInvalid)
	_, err = s.AddAccount(ctx, mail.Address{Domain: "example.org"}, nil)
	wants(t, err, mail.ErrInvalid)
	_, err = s.AddAccount(ctx, address(t, "bob@example.org"), []Credential{{Name: "x", Verifier: []byte("v")}, {Name: "x", Verifier: []byte("v")}})
	wants(t, err, mail.ErrInvalid)
	_, err = s.Account(ctx, address(t, "bob@example.org"))
	wants(t, err, mail.ErrNoSuchUser) // nothing is left of the one that failed
	_, err = s.AccountByID(ctx, a.ID+1)
	wants(t, err, mail.ErrNoSuchUser)

	b, err := s.AddAccount(ctx, address(t, "jürgen@bücher.example"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Account(ctx, address(t, "JÜRGEN@xn--bcher-kva.example")); err != nil || got != b {
		t.Errorf("%+v, %v", got, err)
	}
	list, err := s.Accounts(ctx)
	if diff := cmp.Diff([]Account{b, a}, list); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestDisableAndQuota(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "example.org")
	id := addAccounts(t, s, "alice@example.org")[0]
	wants(t, s.SetDisabled(ctx, id, true), nil)
	wants(t, s.SetQuota(ctx, id, Quota{Bytes: 1000, Messages: 10}), nil)
	wants(t, s.SetQuota(ctx, id, Quota{Bytes: -1}), mail.ErrInvalid)
	a, err := s.AccountByID(ctx, id)
	if err != nil || !a.Disabled || a.Quota != (Quota{1000, 10}) || a.Usage != (Quota{}) {
		t.Errorf("%+v, %v", a, err)
	}
	wants(t, s.SetDisabled(ctx, id, false), nil)
	if a, err = s.AccountByID(ctx, id); err != nil || a.Disabled {
		t.Errorf("%+v, %v", a, err)
	}
	wants(t, s.SetDisabled(ctx, id+1, true), mail.ErrNoSuchUser)
	wants(t, s.SetQuota(ctx, id+1, Quota{}), mail.ErrNoSuchUser)
}

func TestCredentials(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "example.org")
	id := addAccounts(t, s, "alice@example.org")[0]
	if got, err := s.Credentials(ctx, id); err != nil || len(got) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	made := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	want := []Credential{
		{Name: "", Verifier: []byte{0, 1, 2}, Created: made},
		{Name: "Téléphone", Verifier: []byte("x"), Created: made, LastUsed: made.Add(time.Hour)},
	}
	wants(t, s.SetCredentials(ctx, id, want), nil)
	got, err := s.Credentials(ctx, id)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	wants(t, s.SetCredentials(ctx, id, []Credential{{Name: "a", Verifier: []byte("v")}, {Name: "a", Verifier: []byte("v")}}), mail.ErrInvalid)
	if got, _ := s.Credentials(ctx, id); len(got) != 2 {
		t.Errorf("a change that failed left %+v", got)
	}
	wants(t, s.SetCredentials(ctx, id+1, want), mail.ErrNoSuchUser)

	// Uses within a minute are one.
	used := made.Add(time.Hour)
	for i := range 5 {
		s.TouchCredential(id, "", used.Add(time.Duration(i)*20*time.Second))
	}
	s.TouchCredential(id, "unknown", used)
	flush(t, s)
	got, _ = s.Credentials(ctx, id)
	if !got[0].LastUsed.Equal(used.Add(time.Minute)) || !got[1].LastUsed.Equal(used) {
		t.Errorf("%+v", got)
	}
	wants(t, s.SetCredentials(ctx, id, nil), nil)
	if got, _ := s.Credentials(ctx, id); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// flush waits until the writer has done what it was given.
func flush(t testing.TB, s *Store) {
	t.Helper()
	if err := s.write(t.Context(), 0, func(*writeTx) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

func TestTouchesAreBounded(t *testing.T) {
	var touches touches
	now := time.Now()
	for i := range 3 * maxTouches {
		touches.due(touchKey{AccountID(i), ""}, now, touchEvery)
	}
	if len(touches.last) > maxTouches {
		t.Errorf("%d remembered", len(touches.last))
	}
}

func TestSecret(t *testing.T) {
	dir := t.TempDir()
	s := openTestIn(t, Config{Dir: dir})
	ctx := context.Background()
	var secrets [8][]byte
	done := make(chan struct{})
	for i := range secrets {
		go func() {
			defer func() { done <- struct{}{} }()
			secrets[i], _ = s.Secret(ctx, "one")
		}()
	}
	for range secrets {
		<-done
	}
	for _, secret := range secrets {
		if len(secret) != 32 || string(secret) != string(secrets[0]) {
			t.Fatalf("%x, %x", secret, secrets[0])
		}
	}
	other, err := s.Secret(ctx, "other")
	if err != nil || string(other) == string(secrets[0]) {
		t.Errorf("%x, %v", other, err)
	}
	closeChecked(t, s)
	s = openTestIn(t, Config{Dir: dir})
	if again, err := s.Secret(ctx, "one"); err != nil || string(again) != string(secrets[0]) {
		t.Errorf("%x, %v", again, err)
	}
}

func TestDefaultMailboxes(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "example.org")
	id := addAccounts(t, s, "alice@example.org")[0]
	list, err := s.Mailboxes(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range list {
		got = append(got, fmt.Sprint(m.Name, " ", m.SpecialUse, " ", m.Subscribed))
	}
	want := []string{"INBOX  true", `Archive \Archive true`, `Drafts \Drafts true`, `Junk \Junk true`, `Sent \Sent true`, `Trash \Trash true`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDeleteAccount(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "example.org")
	ids := addAccounts(t, s, "alice@example.org", "bob@example.org")
	wants(t, s.SetCredentials(ctx, ids[0], []Credential{{Verifier: []byte("v")}}), nil)
	w := s.Watch(ids[0], 0)
	defer w.Close()
	wants(t, s.DeleteAccount(ctx, ids[0]), nil)
	select {
	case <-w.C:
	default:
		t.Error("who watches the account was not woken")
	}
	_, err := s.AccountByID(ctx, ids[0])
	wants(t, err, mail.ErrNoSuchUser)
	if list, err := s.Mailboxes(ctx, ids[0]); err != nil || len(list) != 0 {
		t.Errorf("mailboxes %v, %v", list, err)
	}
	if creds, err := s.Credentials(ctx, ids[0]); err != nil || len(creds) != 0 {
		t.Errorf("credentials %v, %v", creds, err)
	}
	wants(t, s.DeleteAccount(ctx, ids[0]), mail.ErrNoSuchUser)
	again := addAccounts(t, s, "alice@example.org")[0]
	if again == ids[0] {
		t.Error("the number of a deleted account was given again")
	}
}

// TestDeleteAccountBesideDeliveries deletes accounts that mail is just coming
// in for: what was accepted goes with the account, and the rest is refused.
func TestDeleteAccountBesideDeliveries(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	other := addUser(t, s, "other@example.org")
	for range 5 {
		id := addAccounts(t, s, "alice@example.org")[0]
		var refused sync.WaitGroup
		for range 4 {
			refused.Go(func() {
				for range 1000 {
					_, err := s.Accept(ctx, Delivery{Body: writeBody(t, s, someMessage), Copies: []Copy{{Account: other}, {Account: id}}})
					if err != nil {
						wants(t, err, mail.ErrNoSuchUser)
						return
					}
				}
				t.Error("mail is taken for an account that was deleted")
			})
		}
		deliver(t, s, someMessage, Copy{Account: id})
		wants(t, s.DeleteAccount(ctx, id), nil)
		if _, err := s.AccountByID(ctx, id); err == nil {
			t.Error("it is still there")
		}
		refused.Wait()
	}
	sweepTest(t, s)
	var mailboxes int
	err := s.read(ctx, func(tx *readTx) error {
		return tx.row("SELECT count(*) FROM mailboxes").Scan(&mailboxes)
	})
	if err != nil || mailboxes != 6 {
		t.Errorf("%d mailboxes are left, %v", mailboxes, err)
	}
}
