package auth

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/mail"
	"posthorn/store"
)

var exposed = cmp.AllowUnexported(verifier{}, parameters{})

// TestArgon2id compares with the reference program of RFC 9106's authors
// (its README: "password" with the salt "somesalt", two passes of 64 MiB).
func TestArgon2id(t *testing.T) {
	p := parameters{memory: 1 << 16, passes: 2, lanes: 1, salt: "somesalt"}
	if got := hex.EncodeToString(p.hash("password")); got != "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7" {
		t.Errorf("got %s", got)
	}
}

func TestMakeCredential(t *testing.T) {
	first, err := MakeCredential(nil, "", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	second, err := MakeCredential([]store.Credential{first}, "phone", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	other, err := MakeCredential(nil, "", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := parseVerifier(first)
	b, _ := parseVerifier(second)
	c, _ := parseVerifier(other)
	if a.parameters != (parameters{memory: 19 << 10, passes: 2, lanes: 1, rounds: 65536, salt: a.salt}) {
		t.Errorf("parameters %+v", a.parameters)
	}
	if a.parameters != b.parameters || !bytes.Equal(a.hash, b.hash) {
		t.Error("the credentials of one account differ in their parameters")
	}
	if a.salt == c.salt || bytes.Equal(a.hash, c.hash) || bytes.Equal(a.storedKey, c.storedKey) || len(a.salt) != saltSize {
		t.Error("the credentials of two accounts share a salt")
	}
	if !a.matches(a.parameters.hash("pencil")) || a.matches(a.parameters.hash("Pencil")) {
		t.Error("the verifier does not verify")
	}
	for _, c := range []store.Credential{first, second, other} {
		if bytes.Contains(c.Verifier, []byte("pencil")) || c.Created.IsZero() {
			t.Errorf("bad credential %+v", c)
		}
	}
	_, err = MakeCredential([]store.Credential{{Verifier: []byte("x")}}, "phone", "pencil")
	if err == nil {
		t.Error("parameters came out of nothing")
	}
}

// TestVerifierStays: what was once stored is read for ever.
func TestVerifierStays(t *testing.T) {
	const text = "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$TNXVaepwoQBOVs70Xg+kbVgzd21gRaq+ul2VEICRv7g" +
		"$scram-sha-256$i=16$j5baxYnYIG9NH96gtxGdFE58m4H4f3D/dsTbbQI8L4I$oRW4bBOrpjjRUoy5EAvQXSZ269bGhKz8rab0IGwu4yY"
	v, err := makeVerifier(cheap(), "pencil")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(v.marshal()); got != text {
		t.Errorf("written as\n%s, not\n%s", got, text)
	}
	got, err := parseVerifier(store.Credential{Verifier: []byte(text)})
	v.sum = sumOf(store.Credential{Verifier: []byte(text)})
	if diff := cmp.Diff(v, got, exposed); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func FuzzParseVerifier(f *testing.F) {
	v, err := makeVerifier(cheap(), "pencil")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(v.marshal())
	f.Add([]byte("$argon2id$v=19$m=99999999999,t=1,p=1$a$b$scram-sha-256$i=-1$c$d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := parseVerifier(store.Credential{Verifier: b})
		if err != nil {
			return
		}
		again, err := parseVerifier(store.Credential{Verifier: v.marshal()})
		if diff := cmp.Diff(v, again, exposed); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", b, err, diff)
		}
		if v.memory > 1<<20 || v.rounds < 1 || v.passes < 1 || v.lanes < 1 {
			t.Errorf("%q gives %+v", b, v)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	for in, want := range map[string]string{
		"pencil":                  "pencil",
		" two words ":             " two words ",
		strings.Repeat("x", 1024): strings.Repeat("x", 1024),
		"I\u00adX":                "IX", // RFC 4013 §3's examples
		"\u00aa":                  "a",
		"\u2168":                  "IX",
		"m\u1eadt kh\u1ea9u":      "m\u1eadt kh\u1ea9u",
		"ma\u0302\u0323t":         "m\u1eadt",
		"\U0001f418":              "\U0001f418", // not in Unicode 3.2
		"\u05d0\u05d1":            "\u05d0\u05d1",
		"":                        "",
		strings.Repeat("x", 1025): "",
		"a\x00b":                  "",
		"a\tb":                    "",
		"a\r\n":                   "",
		"\x07":                    "",
		"a\xff":                   "",
		"\u0085":                  "",
		"\u00ad":                  "",
		"\u0627\u0031":            "", // RFC 4013 §3: the bidirectional check
		"\ue000":                  "", // private use
		"\u2028":                  "",
	} {
		got, err := checkPassword(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.40q becomes %.40q, %v", in, got, err)
		}
		if err != nil {
			wants(t, err, mail.ErrInvalid)
			if in != "" && strings.Contains(err.Error(), in) {
				t.Errorf("the error shows the password: %v", err)
			}
		}
	}
}

func FuzzPrepare(f *testing.F) {
	f.Add("I\u00adX")
	f.Add("\u0627\u0031")
	f.Add("caf\u00e9 \U0001f418")
	f.Fuzz(func(t *testing.T, s string) {
		once, ok := prepare(s)
		if !ok {
			return
		}
		if once == "" {
			t.Fatalf("%q is prepared to nothing", s)
		}
		if _, err := checkPassword(s); err != nil {
			return
		}
		// What one program prepares and another does not must be the same.
		if twice, ok := prepare(once); ok && twice != once {
			t.Errorf("%q is prepared to %q and then %q", s, once, twice)
		}
	})
}

func BenchmarkArgon2id(b *testing.B) {
	p := newParameters([]byte("0123456789abcdef"))
	for b.Loop() {
		p.hash("pencil")
	}
}

func BenchmarkMakeCredential(b *testing.B) {
	for b.Loop() {
		MakeCredential(nil, "", "pencil")
	}
}
