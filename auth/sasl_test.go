package auth

import (
	"crypto/tls"
	"errors"
	"strings"
	"testing"
)

// converse plays a client's responses ("-" for none) against a mechanism, and
// returns the challenges and how it ended.
func converse(t testing.TB, a *Authenticator, mechanism string, responses ...string) (challenges []string, who Identity, err error) {
	t.Helper()
	x, err := a.Start(t.Context(), home, nil, mechanism)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range responses {
		response := []byte(r)
		if r == "-" {
			response = nil
		}
		challenge, done, err := x.Next(response)
		if done || err != nil {
			if done != (err == nil) || done != (x.Identity() != Identity{}) {
				t.Errorf("%s %q: done %v, %v, %+v", mechanism, responses, done, err, x.Identity())
			}
			if _, _, again := x.Next([]byte("more")); !errors.Is(again, ErrMalformed) {
				t.Errorf("%s went on after its end: %v", mechanism, again)
			}
			return challenges, x.Identity(), err
		}
		challenges = append(challenges, string(challenge))
	}
	t.Fatalf("%s %q has no end", mechanism, responses)
	return nil, Identity{}, nil
}

func TestPlain(t *testing.T) {
	st := open(t)
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil", "caf\u00e9")
	long := strings.Repeat("x", 255)
	longer := addUser(t, st, cheap(), strings.Repeat("l", 64)+"@example.org", long)
	for _, tt := range []struct {
		response string
		want     error
		id       Identity
	}{
		{"\x00alice@example.org\x00pencil", nil, Identity{Account: alice.ID, Address: alice.Address}},
		{"alice@example.org\x00alice@example.org\x00pencil", nil, Identity{Account: alice.ID, Address: alice.Address}},
		{"ALICE@example.org\x00alice@EXAMPLE.org\x00pencil", nil, Identity{Account: alice.ID, Address: alice.Address}},
		{"\x00alice@example.org\x00caf\u00e9", nil, Identity{Account: alice.ID, Address: alice.Address, AppPassword: "caf\u00e9"}},
		{"\x00" + longer.Address.String() + "\x00" + long, nil, Identity{Account: longer.ID, Address: longer.Address}},
		{"bob@example.org\x00alice@example.org\x00pencil", ErrFailed, Identity{}},
		{"root\x00alice@example.org\x00pencil", ErrFailed, Identity{}},
		{"\x00alice@example.org\x00pencil\x00", ErrMalformed, Identity{}},
		{"\x00alice@example.org\x00", ErrMalformed, Identity{}},
		{"\x00\x00pencil", ErrMalformed, Identity{}},
		{"alice@example.org\x00pencil", ErrMalformed, Identity{}},
		{"alice@example.org pencil", ErrMalformed, Identity{}},
		{"", ErrMalformed, Identity{}},
		{"\x00", ErrMalformed, Identity{}},
		{"\x00alice@example.org\x00caf\xe9", ErrMalformed, Identity{}},
		{"\x00alice@example.org\x00" + strings.Repeat("x", maxResponse), ErrMalformed, Identity{}},
		{"\x00alice@example.org\x00Pencil", ErrFailed, Identity{}},
	} {
		a := New(st, Config{})
		for _, responses := range [][]string{{tt.response}, {"-", tt.response}} {
			challenges, who, err := converse(t, a, "PLAIN", responses...)
			who.proof = checksum{}
			if !errors.Is(err, tt.want) || who != tt.id {
				t.Errorf("%.60q: %+v, %v", tt.response, who, err)
			}
			if strings.Join(challenges, "") != "" {
				t.Errorf("challenges %q", challenges)
			}
		}
	}
}

func TestLogin(t *testing.T) {
	st := open(t)
	alice := addUser(t, st, cheap(), "alice@example.org", "pencil")
	for _, tt := range []struct {
		responses []string
		want      error
		prompts   string
	}{
		{[]string{"-", "alice@example.org", "pencil"}, nil, "Username:|Password:"},
		{[]string{"Alice@Example.org", "pencil"}, nil, "Password:"},
		{[]string{"-", "alice@example.org", "Pencil"}, ErrFailed, "Username:|Password:"},
		{[]string{"-", "", "pencil"}, ErrFailed, "Username:|Password:"},
		{[]string{"-", "alice@example.org", ""}, ErrFailed, "Username:|Password:"},
		{[]string{"-", "alice@example.org", "caf\xe9"}, ErrFailed, "Username:|Password:"},
		{[]string{"-", "-", "alice@example.org", "pencil"}, nil, "Username:|Username:|Password:"},
		{[]string{"alice@example.org", "-"}, ErrMalformed, "Password:"},
		{[]string{strings.Repeat("x", maxResponse+1)}, ErrMalformed, ""},
	} {
		challenges, who, err := converse(t, New(st, Config{}), "LOGIN", tt.responses...)
		if !errors.Is(err, tt.want) || (who.Account == alice.ID) != (tt.want == nil) {
			t.Errorf("%.60q: %+v, %v", tt.responses, who, err)
		}
		if got := strings.Join(challenges, "|"); got != tt.prompts {
			t.Errorf("%.60q is asked %s", tt.responses, got)
		}
	}
}

// TestUser: who failed is told for the log, at a bounded length.
func TestUser(t *testing.T) {
	st := open(t)
	a := New(st, Config{})
	long := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		mechanism string
		responses []string
		want      string
	}{
		{"LOGIN", []string{"bob", "wrong"}, "bob"},
		{"LOGIN", []string{long, "wrong"}, long[:maxLogin]},
		{"PLAIN", []string{"\x00bob@example.org\x00wrong"}, "bob@example.org"},
		{"PLAIN", []string{"nonsense"}, ""},
		{"SCRAM-SHA-256", []string{"n,,n=b=2Cob,r=abc"}, "b,ob"},
	} {
		x, err := a.Start(t.Context(), home, nil, tt.mechanism)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range tt.responses {
			x.Next([]byte(r))
		}
		if got := x.User(); got != tt.want {
			t.Errorf("%s %.40q: the user is %.40q", tt.mechanism, tt.responses, got)
		}
	}
}

// FuzzExchange plays any responses, parted by "|", against each mechanism:
// nobody may get in who doesn't know a password, and no response may do worse
// than fail.
func FuzzExchange(f *testing.F) {
	st := open(f)
	addUser(f, st, cheap(), "alice@example.org", "pencil", "phone")
	a := New(st, Config{NoLockout: true, ChannelBinding: true})
	over, _ := handshake(f, tls.VersionTLS13)
	for _, seed := range []string{
		"\x00alice@example.org\x00wrong",
		"-|\x00alice@example.org\x00pencil",
		"alice@example.org|wrong",
		"-|alice@example.org|wrong",
		"n,,n=alice@example.org,r=abc|c=biws,r=abc,p=AAAA|",
		"y,a=alice@example.org,n=alice@example.org,r=abc,x=1|c=biws,r=abc,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"p=tls-exporter,,n==2C=3D,r=\x7f|-|-",
		"p=tls-exporter,,n=alice@example.org,r=abc|c=cD10bHMtZXhwb3J0ZXIsLA==,r=abc,p=AAAA|",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, script string) {
		if strings.Contains(script, "pencil") || strings.Contains(script, "phone") {
			return
		}
		for _, mechanism := range a.Mechanisms(&over) {
			x, err := a.Start(t.Context(), localhost, &over, mechanism)
			if err != nil {
				t.Fatal(err)
			}
			for r := range strings.SplitSeq(script, "|") {
				response := []byte(r)
				if r == "-" {
					response = nil
				}
				_, done, err := x.Next(response)
				if done || x.Identity() != (Identity{}) {
					t.Fatalf("%s let %q in as %+v", mechanism, script, x.Identity())
				}
				if err != nil {
					if !errors.Is(err, ErrFailed) && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrThrottled) {
						t.Fatalf("%s %q: %v", mechanism, script, err)
					}
					break
				}
			}
		}
	})
}
