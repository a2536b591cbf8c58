package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	xdg "github.com/xdg-go/scram"

	"posthorn/store"
)

// scramLogin leads a whole exchange with xdg-go/scram's client, as a daemon
// does, and returns the server's error.
func scramLogin(t testing.TB, a *Authenticator, user, password, authzid string) (Identity, error) {
	t.Helper()
	client, err := xdg.SHA256.NewClientUnprepped(user, password, authzid)
	if err != nil {
		t.Fatal(err)
	}
	conversation := client.WithMinIterations(1).NewConversation()
	x, err := a.Start(t.Context(), home, nil, "scram-sha-256")
	if err != nil {
		t.Fatal(err)
	}
	return scramTalk(t, x, conversation)
}

// scramTalk leads the client's half of an exchange to its end.
func scramTalk(t testing.TB, x Exchange, client *xdg.ClientConversation) (Identity, error) {
	t.Helper()
	challenge, done, err := x.Next(nil)
	if err != nil || done || challenge == nil || len(challenge) > 0 {
		t.Fatalf("the first challenge is %q, %v, %v", challenge, done, err)
	}
	for !done {
		response, err := client.Step(string(challenge))
		if err != nil {
			t.Fatalf("the client does not like %q: %v", challenge, err)
		}
		if challenge, done, err = x.Next([]byte(response)); err != nil {
			if x.Identity() != (Identity{}) {
				t.Errorf("after %v it is %+v", err, x.Identity())
			}
			return Identity{}, err
		}
	}
	if !client.Valid() {
		t.Error("the client does not believe the server")
	}
	return x.Identity(), nil
}

func TestSCRAM(t *testing.T) {
	st := open(t)
	a := New(st, Config{})
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil", "phone", "caf\u00e9 1\u20442")
	odd := addUser(t, st, cheap(), `"a,b=c"@example.org`, "x")
	addUser(t, st, cheap(), "bare@example.org")
	off := addUser(t, st, cheap(), "off@example.org", "pencil")
	wants(t, st.SetDisabled(t.Context(), off.ID, true), nil)
	for _, tt := range []struct {
		user, password, authzid string
		id                      store.AccountID // 0: ErrFailed
		app                     string
	}{
		{"alice@example.org", "pencil", "", alice.ID, ""},
		{"ALICE@Example.Org", "pencil", "", alice.ID, ""},
		{"alice@example.org", "phone", "", alice.ID, "phone"},
		{"alice@example.org", "caf\u00e9 1\u20442", "", alice.ID, "caf\u00e9 1\u20442"},
		{"alice@example.org", "pencil", "alice@example.org", alice.ID, ""},
		{"alice@example.org", "pencil", "Alice@example.org", alice.ID, ""},
		{"alice@example.org", "pencil", "bob@example.org", 0, ""},
		{"alice@example.org", "Pencil", "", 0, ""},
		{"alice@example.org", "", "", 0, ""},
		{"nobody@example.org", "pencil", "", 0, ""},
		{"bare@example.org", "pencil", "", 0, ""},
		{"off@example.org", "pencil", "", 0, ""},
		{"no address", "pencil", "", 0, ""},
		{`"a,b=c"@example.org`, "x", `"a,b=c"@example.org`, odd.ID, ""},
	} {
		who, err := scramLogin(t, a, tt.user, tt.password, tt.authzid)
		if tt.id == 0 {
			wants(t, err, ErrFailed)
		} else if err != nil || who.Account != tt.id || who.AppPassword != tt.app {
			t.Errorf("%s with %q: %+v, %v", tt.user, tt.password, who, err)
		}
	}
}

// TestSCRAMExample is RFC 7677 §3's, but for the server's nonce.
func TestSCRAMExample(t *testing.T) {
	playExample(t, &scram{}, []exampleStep{
		{"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
			"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"},
		{"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
			"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
	})
}

// exampleStep is what both say in one step of an example.
type exampleStep struct{ client, server string }

// playExample plays an exchange with the verifier and the server's nonce of RFC
// 7677 §3.
func playExample(t *testing.T, s *scram, steps []exampleStep) {
	t.Helper()
	salt, _ := base64.StdEncoding.DecodeString("W22ZaJ0SNY7soEsUEjb6gQ==")
	p := cheap()
	p.salt, p.rounds = string(salt), 4096
	v, err := makeVerifier(p, "pencil")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.conversation(&v, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		if got, err := c.Step(step.client); err != nil || got != step.server {
			t.Errorf("got %s, %v", got, err)
		}
	}
}

// TestSCRAMMessages sends what a client should not.
func TestSCRAMMessages(t *testing.T) {
	st := open(t)
	a := New(st, Config{})
	addUser(t, st, cheap(), "alice@example.org", "pencil")
	const good = "n,,n=alice@example.org,r=abc"
	for _, tt := range []struct {
		first string
		want  error // of the first message
	}{
		{good, nil},
		{"y,,n=alice@example.org,r=abc", nil},
		{good + ",x=unknown extension", nil},
		{"p=tls-unique,,n=alice@example.org,r=abc", ErrFailed},
		{"p=tls-exporter,,n=alice@example.org,r=abc", ErrFailed},
		{"p=tls-nonsense,,n=alice@example.org,r=abc", ErrFailed},
		{"p=tls_unique,,n=alice@example.org,r=abc", ErrMalformed},
		{"p=,,n=alice@example.org,r=abc", ErrMalformed},
		{"p,,n=alice@example.org,r=abc", ErrMalformed},
		{"", ErrMalformed},
		{"n", ErrMalformed},
		{"x,,n=alice@example.org,r=abc", ErrMalformed},
		{"n,,r=abc,n=alice@example.org", ErrMalformed},
		{"n,,m=must,n=alice@example.org,r=abc", ErrMalformed},
		{"n,b=alice,n=alice@example.org,r=abc", ErrMalformed},
		{"n,a=alice=,n=alice@example.org,r=abc", ErrMalformed},
		{"n,,n=,r=abc", ErrMalformed},
		{"n,,n=alice=40example.org,r=abc", ErrMalformed},
		{"n,,n=alice@example.org,r=", ErrMalformed},
		{"n,,n=alice@example.org,r=a\x00b", ErrMalformed},
		{"n,,n=alice\xff@example.org,r=abc", ErrMalformed},
		{"n,,n=alice@example.org,r=" + strings.Repeat("x", maxResponse), ErrMalformed},
	} {
		x, _ := a.Start(t.Context(), home, nil, "SCRAM-SHA-256")
		_, done, err := x.Next([]byte(tt.first))
		if done || !errors.Is(err, tt.want) {
			t.Errorf("%.60q: %v, %v", tt.first, done, err)
		}
		if err != nil {
			_, _, err = x.Next([]byte(good))
			wants(t, err, ErrMalformed)
		}
	}
	for _, tt := range []struct {
		final string // NONCE stands for the server's
		want  error
	}{
		{"c=biws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ErrFailed},
		{"c=biws,r=NONCE,p=AAAA", ErrFailed},
		{"c=biws,r=other,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ErrFailed},
		{"c=eSws,r=NONCE,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", ErrFailed},
		{"c=biws,r=NONCE,p=?", ErrMalformed},
		{"c=biws,r=NONCE", ErrMalformed},
		{"", ErrMalformed},
		{"\xff", ErrMalformed},
	} {
		b := New(st, Config{})
		x, _ := b.Start(t.Context(), home, nil, "SCRAM-SHA-256")
		challenge, _, err := x.Next([]byte(good))
		wants(t, err, nil)
		nonce, _, _ := strings.Cut(strings.TrimPrefix(string(challenge), "r="), ",")
		_, done, err := x.Next([]byte(strings.ReplaceAll(tt.final, "NONCE", nonce)))
		if done || !errors.Is(err, tt.want) || x.Identity() != (Identity{}) {
			t.Errorf("%q: %v, %v", tt.final, done, err)
		}
	}
}

// TestSCRAMStandIn: an unknown name's salt looks like an account's, and stays.
func TestSCRAMStandIn(t *testing.T) {
	st := open(t)
	c, err := MakeCredential(nil, "", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.AddAccount(t.Context(), parse(t, "alice@example.org"), []store.Credential{c}); err != nil {
		t.Fatal(err)
	}
	ask := func(name string) (salt, rounds string) {
		x, _ := New(st, Config{}).Start(t.Context(), home, nil, "SCRAM-SHA-256")
		challenge, _, err := x.Next([]byte("n,,n=" + name + ",r=abc"))
		field := strings.Split(string(challenge), ",")
		if err != nil || len(field) != 3 {
			t.Fatalf("%s: %q, %v", name, challenge, err)
		}
		return field[1], field[2]
	}
	realSalt, realRounds := ask("alice@example.org")
	seen := map[string]bool{realSalt: true}
	for _, name := range []string{"nobody@example.org", "someone@elsewhere.example", "no address"} {
		salt, rounds := ask(name)
		again, _ := ask(strings.ToUpper(name))
		if salt != again {
			t.Errorf("%s has another salt each time", name)
		}
		if seen[salt] || len(salt) != len(realSalt) || rounds != realRounds {
			t.Errorf("%s: %s,%s beside %s,%s", name, salt, rounds, realSalt, realRounds)
		}
		seen[salt] = true
	}
}

func TestSCRAMLockout(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, a *Authenticator) {
		for i := range 3 * perAccountAndNetwork {
			_, err := scramLogin(t, a, "alice@example.org", fmt.Sprint("wrong", i), "")
			if want := []error{ErrFailed, ErrThrottled}[min(i/perAccountAndNetwork, 1)]; !errors.Is(err, want) {
				t.Errorf("guess %d: %v", i, err)
			}
		}
		// The same guesses count for passwords in clear.
		wants(t, logIn(t, a, nextTo, "alice@example.org", "pencil"), ErrThrottled)
		time.Sleep(time.Minute)
		for range 50 {
			_, err := scramLogin(t, a, "alice@example.org", "pencil", "")
			wants(t, err, nil)
		}
		// Exchanges that were begun together are counted one by one.
		var open []Exchange
		for range 3 * perAccountAndNetwork {
			x, _ := a.Start(t.Context(), away, nil, "SCRAM-SHA-256")
			_, _, err := x.Next([]byte("n,,n=bob@example.org,r=abc"))
			wants(t, err, nil)
			open = append(open, x)
		}
		failed := 0
		for _, x := range open {
			if _, _, err := x.Next([]byte("c=biws,r=abc,p=AAAA")); errors.Is(err, ErrFailed) {
				failed++
			}
		}
		if failed != perAccountAndNetwork {
			t.Errorf("%d of them were looked at", failed)
		}
	})
}

func TestMechanisms(t *testing.T) {
	st := open(t)
	a := New(st, Config{})
	for _, name := range append(a.Mechanisms(nil), "plain", "Login") {
		if _, err := a.Start(t.Context(), home, nil, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := strings.Join(a.Mechanisms(nil), " "); got != "SCRAM-SHA-256 PLAIN LOGIN" {
		t.Errorf("in clear it offers %s", got)
	}
	for _, name := range []string{"", "CRAM-MD5", "SCRAM-SHA-256-PLUS", "PLAIN "} {
		_, err := a.Start(t.Context(), home, nil, name)
		wants(t, err, ErrUnknownMechanism)
	}
}
