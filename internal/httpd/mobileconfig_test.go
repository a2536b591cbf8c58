package httpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/smallstep/pkcs7"

	"posthorn/auth"
	"posthorn/internal/mail"
	"posthorn/internal/maillog"
	"posthorn/store"
	"posthorn/tlsconf"
)

// office is a site with accounts: alice@example.org, whose password is
// "pencil", and the alias info@example.org.
type office struct {
	t   *testing.T
	cfg Config
	st  *store.Store
	id  store.AccountID
}

func openOffice(t *testing.T) *office {
	t.Helper()
	ctx := t.Context()
	st, err := store.Open(ctx, store.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if problems, err := st.Check(context.Background(), true); err != nil || len(problems) > 0 {
			t.Errorf("the store has problems: %v, %v", problems, err)
		}
		st.Close()
	})
	cred, err := auth.MakeCredential(nil, "", "pencil")
	if err != nil {
		t.Fatal(err)
	}
	if err := st.AddDomain(ctx, "example.org"); err != nil {
		t.Fatal(err)
	}
	alice := mail.Address{Local: "alice", Domain: "example.org"}
	account, err := st.AddAccount(ctx, alice, []store.Credential{cred})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.AddAlias(ctx, store.Alias{Address: mail.Address{Local: "info", Domain: "example.org"}, Targets: []mail.Address{alice}}); err != nil {
		t.Fatal(err)
	}
	cfg := site(t, "")
	cfg.IsDomain, cfg.Auth = st.IsDomain, auth.New(st, auth.Config{})
	cfg.ClearFrom = func(a netip.Addr) bool { return a.IsLoopback() }
	return &office{t, cfg, st, account.ID}
}

// post asks for a profile with a password in it.
func (o *office) post(from string, secure bool, address, password string) (int, string) {
	o.t.Helper()
	form := url.Values{"emailaddress": {address}, "password": {password}, "protocol": {"imap"}}
	r := httptest.NewRequest("POST", mobileconfigPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = from
	if secure {
		r.TLS = &tls.ConnectionState{}
	}
	w := httptest.NewRecorder()
	New(o.cfg).Handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

var incomingPassword = regexp.MustCompile(`<key>IncomingPassword</key>\s*<string>([^<]*)</string>`)

// TestMobileconfigPassword: an app password of its own, after the account's,
// over TLS or where passwords may come in clear.
func TestMobileconfigPassword(t *testing.T) {
	o := openOffice(t)
	const away = "192.0.2.7:4000"
	made := map[string]bool{}
	for _, tt := range []struct {
		from    string
		secure  bool
		address string
	}{{away, true, "alice@example.org"}, {away, true, "info@example.org"}, {"127.0.0.1:4000", false, "ALICE@example.org"}} {
		status, file := o.post(tt.from, tt.secure, tt.address, "pencil")
		m := incomingPassword.FindStringSubmatch(file)
		if status != 200 || m == nil {
			t.Fatalf("%+v: %d %s", tt, status, file)
		}
		made[m[1]] = true
		if err := xml.Unmarshal([]byte(file), new(struct{})); err != nil || !strings.Contains(file, "<string>"+tt.address+"</string>") {
			t.Errorf("%+v: %v\n%s", tt, err, file)
		}
		who, err := o.cfg.Auth.Password(t.Context(), netip.MustParseAddr("192.0.2.8"), tt.address, m[1])
		if err != nil || who.Account != o.id || !strings.HasPrefix(who.AppPassword, "Apple profile ") {
			t.Errorf("%+v: %+v, %v", tt, who, err)
		}
	}
	if len(made) != 3 {
		t.Errorf("%d app passwords in three profiles", len(made))
	}
	if status, body := o.post(away, false, "alice@example.org", "pencil"); status != http.StatusForbidden || !strings.Contains(body, "HTTPS") {
		t.Errorf("in clear: %d %s", status, body)
	}
	for word := range made { // an app password makes no others
		if status, body := o.post(away, true, "alice@example.org", word); status != http.StatusForbidden || body != errWrong.text+"\n" {
			t.Errorf("an app password: %d %s", status, body)
		}
	}
	list, err := o.cfg.Auth.AppPasswords(t.Context(), o.id)
	if err != nil || len(list) != 3 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestMobileconfigGuessing: the page is no better place to guess at than the
// other protocols, and counts with them.
func TestMobileconfigGuessing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // or guesses come back while they are made
		o := openOffice(t)
		var said bytes.Buffer
		o.cfg.Log = maillog.New(slog.New(slog.NewTextHandler(&said, nil)))
		const away = "192.0.2.7:4000"
		wrong := 0
		for i := range 12 {
			status, body := o.post(away, true, "alice@example.org", strings.Repeat("x", i+1))
			if status == http.StatusForbidden && body == errWrong.text+"\n" {
				wrong++
			} else if status != http.StatusTooManyRequests {
				t.Fatalf("%d %s", status, body)
			}
		}
		if wrong != 5 {
			t.Errorf("%d guesses", wrong)
		}
		if !strings.Contains(said.String(), "remote=192.0.2.7 ") { // as the other protocols have it
			t.Errorf("the log says\n%s", &said)
		}
		if _, err := o.cfg.Auth.Password(t.Context(), netip.MustParseAddr("192.0.2.9"), "alice@example.org", "pencil"); err == nil {
			t.Error("IMAP's guesses are others than the page's")
		}
		if status, body := o.post(away, true, "nobody@example.org", "pencil"); status != http.StatusForbidden || body != errWrong.text+"\n" {
			t.Errorf("nobody: %d %s", status, body)
		}
	})
}

// TestMobileconfigOneGuess: the connection of who gives a wrong password ends, as
// mail's do, and nobody else's.
func TestMobileconfigOneGuess(t *testing.T) {
	o := openOffice(t)
	server := httptest.NewUnstartedServer(New(o.cfg).Handler)
	server.StartTLS()
	defer server.Close()
	for password, ends := range map[string]bool{"pencil": false, "pencils": true} {
		resp, err := server.Client().PostForm(server.URL+mobileconfigPath, url.Values{"emailaddress": {"alice@example.org"}, "password": {password}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.Close != ends {
			t.Errorf("%s: %s, it ends: %v", password, resp.Status, resp.Close)
		}
	}
}

// TestMobileconfigIsStable: a profile replaces the same one, and no other's.
func TestMobileconfigIsStable(t *testing.T) {
	cfg := site(t, "")
	uuid := regexp.MustCompile(`[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}`)
	ids := func(query string) string {
		found := uuid.FindAllString(bodyOf(t, ask(t, cfg, "GET "+mobileconfigPath+"?emailaddress="+query, "")), -1)
		if len(found) != 4 {
			t.Fatalf("%s: %v", query, found)
		}
		return strings.Join(found, " ")
	}
	if ids("alice%40example.org") != ids("Alice%40EXAMPLE.org") {
		t.Error("the same account has two profiles")
	}
	seen := map[string]bool{}
	for _, query := range []string{"alice%40example.org", "bob%40example.org", "alice%40contoso.com", "alice%40example.org&protocol=pop3"} {
		seen[ids(query)] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d profiles for four accounts", len(seen))
	}
}

// TestSigned: a profile is signed by what is shown in TLS, and what is signed is
// the profile.
func TestSigned(t *testing.T) {
	dir := t.TempDir()
	source, err := tlsconf.LoadCA(dir, []string{"mail.example.org"})
	if err != nil {
		t.Fatal(err)
	}
	by := source.Certificate()
	const profile = "<plist>no matter what</plist>\n"
	der, err := sign([]byte(profile), by)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := pkcs7.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	if err := signed.VerifyWithChain(roots); err != nil || string(signed.Content) != profile {
		t.Errorf("%v; signed is %q", err, signed.Content)
	}
	if leaf := signed.GetOnlySigner(); leaf == nil || leaf.VerifyHostname("mail.example.org") != nil {
		t.Errorf("signed by %v", leaf)
	}
	if err := signed.VerifyWithChain(x509.NewCertPool()); err == nil {
		t.Error("verified without the CA")
	}
}
