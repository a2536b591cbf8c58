package store

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
)

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// addAliases reads lines such as "sales@a.example: bob@a.example x@b.example".
func addAliases(t testing.TB, s *Store, lines ...string) {
	t.Helper()
	for _, line := range lines {
		name, targets, _ := strings.Cut(line, ":")
		a := Alias{Address: mail.Address{Domain: strings.TrimPrefix(name, "@")}}
		if name[0] != '@' {
			a.Address = address(t, name)
		}
		for _, target := range strings.Fields(targets) {
			a.Targets = append(a.Targets, address(t, target))
		}
		if err := s.AddAlias(t.Context(), a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

// resolved is where mail for an address goes, as one line.
func resolved(t testing.TB, s *Store, addr mail.Address) string {
	t.Helper()
	res, err := s.Resolve(t.Context(), addr)
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, a := range res.Local {
		words = append(words, a.Address.String())
	}
	for _, a := range res.Remote {
		words = append(words, "->"+a.String())
	}
	return strings.Join(words, " ")
}

func TestResolve(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "a.example", "b.example", "c.example", "bücher.example")
	ids := addAccounts(t, s, "alice@a.example", "bob@a.example", "off@a.example", "dora@b.example", "carl+x@a.example")
	if err := s.SetDisabled(t.Context(), ids[2], true); err != nil {
		t.Fatal(err)
	}
	addAliases(t, s,
		"sales@a.example: bob@a.example ALICE@a.example bob+sales@a.example",
		"out@a.example: x@far.example Y@FAR.example x@far.example",
		"both@a.example: alice@a.example x@far.example nobody@a.example off@a.example",
		"onlyoff@a.example: off@a.example",
		"nobody2@a.example: nobody@a.example",
		"nested@a.example: sales@a.example out@a.example",
		"loop1@a.example: loop2@a.example bob@a.example",
		"loop2@a.example: loop1@a.example",
		"self@a.example: self@a.example",
		"tagged@a.example: bob+tag@a.example",
		"list+en@a.example: dora@b.example",
		"@c.example: dora@b.example",
		"@b.example: catch@b.example",
		"cross@b.example: anything@c.example",
		"jürgen@bücher.example: alice@a.example")
	for _, tt := range []struct{ addr, want string }{
		{"alice@a.example", "alice@a.example"},
		{"ALICE@A.EXAMPLE", "alice@a.example"},
		{"alice+tag@a.example", "alice@a.example"},
		{"alice+a+b@a.example", "alice@a.example"},
		{"alice+@a.example", "alice@a.example"},
		{"+alice@a.example", "no such user"},
		{"carl+x@a.example", "carl+x@a.example"},
		{"carl+y@a.example", "no such user"},
		{"sales@a.example", "bob@a.example alice@a.example"},
		{"Sales+now@a.example", "bob@a.example alice@a.example"},
		{"out@a.example", "->x@far.example ->Y@far.example"},
		{"both@a.example", "alice@a.example ->x@far.example"},
		{"nested@a.example", "bob@a.example alice@a.example ->x@far.example ->Y@far.example"},
		{"loop1@a.example", "bob@a.example"},
		{"loop2@a.example", "bob@a.example"},
		{"self@a.example", "no such user"},
		{"tagged@a.example", "bob@a.example"},
		{"list+en@a.example", "dora@b.example"},
		{"list@a.example", "no such user"},
		{"nobody@a.example", "no such user"},
		{"nobody2@a.example", "no such user"},
		{"off@a.example", "account is disabled"},
		{"onlyoff@a.example", "account is disabled"},
		{"x@c.example", "dora@b.example"},
		{"dora@b.example", "dora@b.example"},
		{"x@b.example", "no such user"}, // a catch-all that leads to itself
		{"cross@b.example", "dora@b.example"},
		{"JÜRGEN@xn--bcher-kva.example", "alice@a.example"},
		{"x@far.example", "not a local domain"},
		{"alice@[127.0.0.1]", "not a local domain"},
		{"alice@a.example.far.example", "not a local domain"},
		{"postmaster@a.example", "alice@a.example"},
		{"PostMaster+x@a.example", "alice@a.example"},
		{"postmaster@b.example", "dora@b.example"}, // its catch-all leads nowhere
		{"postmaster@c.example", "dora@b.example"}, // the catch-all
		{"postmaster@bücher.example", "alice@a.example"},
		{"postmaster@far.example", "not a local domain"},
	} {
		for range 2 { // the second time as remembered
			if got := resolved(t, s, address(t, tt.addr)); got != tt.want {
				t.Errorf("%s goes to %s, want %s", tt.addr, got, tt.want)
			}
		}
	}
	if got := resolved(t, s, mail.Address{Local: "Postmaster"}); got != "alice@a.example" {
		t.Errorf("<Postmaster> goes to %s", got)
	}
	if got := resolved(t, s, mail.Address{}); got != "not a local domain" {
		t.Errorf("<> goes to %s", got)
	}
}

func TestPostmaster(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	bare := mail.Address{Local: "postMASTER"}
	at := address(t, "postmaster@a.example")
	expect := func(addr mail.Address, want string) {
		t.Helper()
		if got := resolved(t, s, addr); got != want {
			t.Errorf("%s goes to %s, want %s", addr, got, want)
		}
	}
	expect(bare, "no such user")
	addDomains(t, s, "a.example", "b.example")
	expect(at, "no such user")
	ids := addAccounts(t, s, "first@b.example", "second@a.example")
	expect(bare, "first@b.example")
	expect(at, "second@a.example")
	wants(t, s.SetDisabled(ctx, ids[1], true), nil)
	expect(at, "first@b.example")
	own := addAccounts(t, s, "postmaster@a.example")[0]
	expect(at, "postmaster@a.example")
	expect(bare, "postmaster@a.example")
	wants(t, s.SetDisabled(ctx, own, true), nil)
	expect(at, "first@b.example")
	wants(t, s.DeleteAccount(ctx, own), nil)
	addAliases(t, s, "postmaster@a.example: ops@far.example")
	expect(at, "->ops@far.example")
	expect(bare, "->ops@far.example")
}

// TestResolveFollowsChanges changes what a remembered resolution was made of.
func TestResolveFollowsChanges(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addr := address(t, "x@a.example")
	expect := func(want string) {
		t.Helper()
		for range 2 {
			if got := resolved(t, s, addr); got != want {
				t.Fatalf("goes to %s, want %s", got, want)
			}
		}
	}
	expect("not a local domain")
	addDomains(t, s, "a.example")
	expect("no such user")
	addAliases(t, s, "@a.example: out@far.example")
	expect("->out@far.example")
	addAliases(t, s, "x@a.example: y@a.example")
	expect("->out@far.example")
	y := addAccounts(t, s, "y@a.example")[0]
	expect("y@a.example")
	wants(t, s.SetDisabled(ctx, y, true), nil)
	expect("account is disabled")
	wants(t, s.SetDisabled(ctx, y, false), nil)
	expect("y@a.example")
	wants(t, s.DeleteAccount(ctx, y), nil)
	expect("->out@far.example")
	wants(t, s.DeleteAlias(ctx, addr), nil)
	wants(t, s.DeleteAlias(ctx, mail.Address{Domain: "a.example"}), nil)
	expect("no such user")
	wants(t, s.DeleteDomain(ctx, "a.example"), nil)
	expect("not a local domain")
}

// TestResolveNeverStale has readers that fill what is remembered, while
// aliases come and go: what a change's caller was told must hold at once.
func TestResolveNeverStale(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "a.example")
	addAccounts(t, s, "y@a.example")
	addr := address(t, "x@a.example")
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					s.Resolve(t.Context(), addr)
				}
			}
		})
	}
	for range 100 {
		addAliases(t, s, "x@a.example: y@a.example")
		if got := resolved(t, s, addr); got != "y@a.example" {
			t.Fatalf("with an alias: %s", got)
		}
		wants(t, s.DeleteAlias(t.Context(), addr), nil)
		if got := resolved(t, s, addr); got != "no such user" {
			t.Fatalf("without one: %s", got)
		}
	}
	close(stop)
	readers.Wait()
}

func TestResolveIsBounded(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "a.example")
	for i := range 15 {
		line := fmt.Sprintf("all%d@a.example:", i)
		for j := range maxTargets {
			line += fmt.Sprintf(" x%d@far%d.example", j, i)
		}
		addAliases(t, s, line)
	}
	addAliases(t, s,
		"some@a.example: all0@a.example all1@a.example all2@a.example",
		"all@a.example: all0@a.example all1@a.example all2@a.example all3@a.example all4@a.example all5@a.example all6@a.example all7@a.example all8@a.example all9@a.example all10@a.example")
	if res, err := s.Resolve(t.Context(), address(t, "some@a.example")); err != nil || len(res.Remote) != 300 {
		t.Errorf("%d, %v", len(res.Remote), err)
	}
	_, err := s.Resolve(t.Context(), address(t, "all@a.example"))
	if err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("got %v", err)
	}
	var d directory
	for i := range 3 * maxResolutions {
		d.remember(fmt.Sprint(i), Resolution{}, 0)
	}
	if len(d.known) > maxResolutions {
		t.Errorf("%d remembered", len(d.known))
	}
}

func TestMaySendAs(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "a.example", "b.example")
	ids := addAccounts(t, s, "alice@a.example", "bob@a.example")
	addAliases(t, s,
		"sales@a.example: bob@a.example x@far.example",
		"nested@a.example: sales@a.example",
		"@b.example: bob@a.example",
		"out@a.example: x@far.example")
	for _, tt := range []struct {
		addr       string
		alice, bob bool
	}{
		{"alice@a.example", true, false},
		{"Alice+x@A.example", true, false},
		{"bob@a.example", false, true},
		{"sales@a.example", false, true},
		{"nested+x@a.example", false, true},
		{"anything@b.example", false, true},
		{"out@a.example", false, false},
		{"nobody@a.example", false, false},
		{"alice@far.example", false, false},
		{"x@far.example", false, false},
		{"postmaster@a.example", true, false},
	} {
		for i, want := range []bool{tt.alice, tt.bob} {
			if got, err := s.MaySendAs(t.Context(), ids[i], address(t, tt.addr)); err != nil || got != want {
				t.Errorf("account %d as %s: %v, %v", i, tt.addr, got, err)
			}
		}
	}
	if got, err := s.MaySendAs(t.Context(), ids[0], mail.Address{}); err != nil || got {
		t.Errorf("as <>: %v, %v", got, err)
	}
}

func TestAliases(t *testing.T) {
	s := openTest(t)
	ctx := t.Context()
	addDomains(t, s, "a.example", "b.example")
	addAccounts(t, s, "alice@a.example")
	addAliases(t, s, "z@a.example: alice@a.example", "@a.example: x@far.example", "b@b.example: q@far.example p@far.example")
	to := []mail.Address{address(t, "x@far.example")}
	for _, tt := range []struct {
		alias Alias
		want  error
	}{
		{Alias{address(t, "ALICE@a.example"), to}, mail.ErrExists},
		{Alias{address(t, "Z@a.example"), to}, mail.ErrExists},
		{Alias{mail.Address{Domain: "a.example"}, to}, mail.ErrExists},
		{Alias{address(t, "x@far.example"), to}, mail.ErrNotLocal},
		{Alias{address(t, "x@a.example"), nil}, mail.ErrInvalid},
		{Alias{address(t, "x@a.example"), make([]mail.Address, maxTargets+1)}, mail.ErrInvalid},
		{Alias{address(t, "x@a.example"), []mail.Address{{Local: "a b\n", Domain: "c.example"}}}, mail.ErrInvalid},
		{Alias{mail.Address{}, to}, mail.ErrInvalid},
	} {
		wants(t, s.AddAlias(ctx, tt.alias), tt.want)
	}
	_, err := s.AddAccount(ctx, address(t, "z@a.example"), nil)
	wants(t, err, mail.ErrExists)
	wants(t, s.DeleteAlias(ctx, address(t, "alice@a.example")), mail.ErrNotFound)

	list, err := s.Aliases(ctx)
	want := []Alias{
		{mail.Address{Domain: "a.example"}, to},
		{address(t, "z@a.example"), []mail.Address{address(t, "alice@a.example")}},
		{address(t, "b@b.example"), []mail.Address{address(t, "q@far.example"), address(t, "p@far.example")}},
	}
	if diff := cmp.Diff(want, list); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func BenchmarkResolve(b *testing.B) {
	s := openTest(b)
	addDomains(b, s, "a.example")
	addAccounts(b, s, "alice@a.example")
	addr := address(b, "alice@a.example")
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			s.Resolve(b.Context(), addr)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			s.directory.forget()
			s.Resolve(b.Context(), addr)
		}
	})
	unknown := address(b, "nobody@a.example")
	b.Run("unknown", func(b *testing.B) {
		for b.Loop() {
			s.Resolve(b.Context(), unknown)
		}
	})
}

// TestLoginAccount: an account's own address, or an alias that leads to it
// alone of ours. (auth's TestAlias has the rest.)
func TestLoginAccount(t *testing.T) {
	s := openTest(t)
	addDomains(t, s, "a.example")
	ids := addAccounts(t, s, "alice@a.example", "bob@a.example")
	addAliases(t, s, "info@a.example: alice@a.example", "far@a.example: info@a.example x@b.example",
		"both@a.example: alice@a.example bob@a.example", "@a.example: bob@a.example")
	for name, want := range map[string]AccountID{
		"Alice@a.example": ids[0], "info@a.example": ids[0], "far@a.example": ids[0],
		"both@a.example": 0, "alice+tag@a.example": 0, "anybody@a.example": 0, "alice@b.example": 0,
	} {
		a, alias, err := s.LoginAccount(t.Context(), address(t, name))
		if a.ID != want || alias != (want != 0 && name != "Alice@a.example") || (err == nil) != (want != 0) {
			t.Errorf("%s: %d, %v, %v", name, a.ID, alias, err)
		}
	}
}

// TestIsDomain: what is remembered is forgotten with each change.
func TestIsDomain(t *testing.T) {
	s := openTest(t)
	is := func(domain string, want bool) {
		t.Helper()
		for range 2 {
			if got, err := s.IsDomain(t.Context(), domain); got != want || err != nil {
				t.Errorf("%s: %v, %v", domain, got, err)
			}
		}
	}
	is("bücher.example", false)
	addDomains(t, s, "bücher.example")
	is("BÜCHER.example", true)
	is("xn--bcher-kva.example", true)
	is("", false)
	if err := s.DeleteDomain(t.Context(), "bücher.example"); err != nil {
		t.Fatal(err)
	}
	is("bücher.example", false)
}
