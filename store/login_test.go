package store

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestLoginAddresses(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	alice, bob := addUser(t, s, "Alice@crepes.fr"), addUser(t, s, "bob@crepes.fr")
	start := time.Now().Truncate(time.Millisecond)
	for i := range 2 * maxLoginAddresses {
		s.NoteLogin(alice, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), start.Add(time.Duration(i)*time.Second), start.Add(-time.Hour))
	}
	s.NoteLogin(bob, netip.MustParseAddr("2001:db8::1"), start.Add(-2*time.Hour), start.Add(-3*time.Hour))
	s.NoteLogin(bob, netip.Addr{}, start, start.Add(-time.Hour))
	s.NoteLogin(bob, netip.MustParseAddr("2001:db8::1"), start.Add(time.Hour), start) // within a day: not written
	s.NoteLogin(12345, netip.MustParseAddr("2001:db8::1"), start, start.Add(-time.Hour))
	wants(t, s.SetSubscribed(ctx, bob, "x", true), nil) // after what is written later
	list, err := s.LoginAddresses(ctx, time.Time{}, 1000)
	if err != nil || len(list) != maxLoginAddresses+1 {
		t.Fatalf("%d addresses, %v", len(list), err)
	}
	if want := (LoginAddress{"bob@crepes.fr", netip.MustParseAddr("2001:db8::1"), start.Add(-2 * time.Hour).UTC()}); list[0] != want {
		t.Errorf("%+v, not %+v", list[0], want)
	}
	last := list[maxLoginAddresses]
	if last.Account != "alice@crepes.fr" || last.From.String() != fmt.Sprintf("10.0.0.%d", 2*maxLoginAddresses-1) {
		t.Errorf("%+v", last)
	}
	if list, err = s.LoginAddresses(ctx, start, 3); err != nil || len(list) != 3 || list[2] != last {
		t.Errorf("%+v, %v", list, err)
	}
	// Old ones go when a new one comes; all go with the account.
	s.NoteLogin(bob, netip.MustParseAddr("192.0.2.1"), start, start.Add(-time.Hour))
	wants(t, s.DeleteAccount(ctx, alice), nil)
	if list, err = s.LoginAddresses(ctx, time.Time{}, 10); err != nil || len(list) != 1 || list[0].From.String() != "192.0.2.1" {
		t.Errorf("%+v, %v", list, err)
	}
}
