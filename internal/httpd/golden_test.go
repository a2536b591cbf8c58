package httpd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/clientconf"
	"posthorn/internal/config"
	"posthorn/internal/golden"
	"posthorn/internal/mail"
)

// site is a server for mail.example.org with two domains and what config says
// beside its name.
func site(t testing.TB, text string) Config {
	t.Helper()
	cfg, err := config.Parse("posthorn.toml", []byte("hostname = \"mail.example.org\"\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return Config{Access: clientconf.New(cfg), IsDomain: isDomain, Serve: cfg.HTTP.Pages}
}

func isDomain(_ context.Context, domain string) (bool, error) {
	key := mail.DomainKey(domain)
	return key == "example.org" || key == "contoso.com" || key == "xn--bcher-kva.example", nil
}

// ask sends a request, of the form "GET /path" or "POST /path" with a body.
func ask(t testing.TB, cfg Config, request, body string) *http.Response {
	t.Helper()
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if method == "POST" && !strings.HasPrefix(body, "<") {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	New(cfg).Handler.ServeHTTP(w, r)
	return w.Result()
}

func bodyOf(t testing.TB, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const (
	starttls = "[listen]\nimaps = \"\"\npop3s = \"\"\nsubmissions = \"\"\nhttps = \"\"\n"
	clear    = starttls + "[tls]\ncert = \"\"\nkey = \"\"\n"
	routed   = "[clients]\nhost = \"in.example.org\"\nports = { imaps = 10993, submissions = 10465, https = 10443 }\n[listen]\npop3 = \"\"\npop3s = \"\"\n"
	local    = "[listen]\nimaps = [\"127.0.0.1:2993\", \"[::1]:2993\"]\nimap = \"\"\npop3 = \"\"\npop3s = \"127.0.0.1:2995\"\nsubmissions = \"127.0.0.1:2465\"\nsubmission = \"\"\n"
)

// TestGolden compares what is answered with testdata. The requests to
// Autodiscover in testdata/*.xml are those that Microsoft's documentation
// shows ("Autodiscover Request (POX)" and [MS-OXDSCLI] §4), in the forms in
// which Outlook sends them.
func TestGolden(t *testing.T) {
	for _, tt := range []struct{ name, config, request, file string }{
		{"autoconfig", "", "GET /mail/config-v1.1.xml?emailaddress=alice%40example.org", ""},
		{"autoconfig-nobody", "", "GET http://autoconfig.example.org/.well-known/autoconfig/mail/config-v1.1.xml", ""},
		{"autoconfig-any-host", "", "GET http://elsewhere.example/mail/config-v1.1.xml", ""},
		{"autoconfig-starttls", starttls, "GET /mail/config-v1.1.xml?emailaddress=alice%40example.org", ""},
		{"autoconfig-clear", clear, "GET /mail/config-v1.1.xml?emailaddress=alice%40example.org", ""},
		{"autoconfig-routed", routed, "GET /mail/config-v1.1.xml?emailaddress=alice%40contoso.com", ""},
		{"autoconfig-local", local, "GET /mail/config-v1.1.xml?emailaddress=alice%40example.org", ""},
		{"autoconfig-odd", "", "GET /mail/config-v1.1.xml?emailaddress=%22a%26b%3Cc%3E%22%40b%C3%BCcher.example", ""},
		{"autoconfig-foreign", "", "GET /mail/config-v1.1.xml?emailaddress=alice%40foreign.example", ""},
		{"autoconfig-malformed", "", "GET /mail/config-v1.1.xml?emailaddress=%3Cscript%3E", ""},
		{"autodiscover", "", "POST /autodiscover/autodiscover.xml", "request.xml"},
		{"autodiscover-https", "", "POST /Autodiscover/Autodiscover.xml", "request-https.xml"},
		{"autodiscover-cases", "", "POST /AutoDiscover/AutoDiscover.XML", "request-cases.xml"},
		{"autodiscover-starttls", starttls, "POST /autodiscover/autodiscover.xml", "request.xml"},
		{"autodiscover-clear", clear, "POST /autodiscover/autodiscover.xml", "request.xml"},
		{"autodiscover-routed", routed, "POST /autodiscover/autodiscover.xml", "request.xml"},
		{"autodiscover-mobilesync", "", "POST /autodiscover/autodiscover.xml", "request-mobilesync.xml"},
		{"autodiscover-legacydn", "", "POST /autodiscover/autodiscover.xml", "request-legacydn.xml"},
		{"autodiscover-get", "", "GET /autodiscover/autodiscover.xml", ""},
		{"autodiscover-json", "", "GET /autodiscover/autodiscover.json?Email=user%40contoso.com&Protocol=AutodiscoverV1&RedirectCount=1", ""},
		{"autodiscover-json-path", "", "GET /Autodiscover/Autodiscover.json/v1.0/user%40contoso.com?protocol=autodiscoverv1", ""},
		{"autodiscover-json-activesync", "", "GET /autodiscover/autodiscover.json?Email=user%40contoso.com&Protocol=ActiveSync", ""},
		{"autodiscover-json-nothing", "", "GET /autodiscover/autodiscover.json?Email=user%40contoso.com", ""},
		{"autodiscover-json-foreign", "", "GET /autodiscover/autodiscover.json?Email=user%40foreign.example&Protocol=AutodiscoverV1", ""},
		{"mobileconfig", "", "GET /setup/mail.mobileconfig?emailaddress=alice%40example.org", ""},
		{"mobileconfig-pop3", starttls, "GET /setup/mail.mobileconfig?emailaddress=alice%40example.org&protocol=pop3", ""},
		{"mobileconfig-odd", "", "GET /setup/mail.mobileconfig?emailaddress=%22a%26b%3Cc%3E%22%40example.org", ""},
		{"mobileconfig-no-pop3", routed, "GET /setup/mail.mobileconfig?emailaddress=alice%40example.org&protocol=pop3", ""},
		{"mobileconfig-smtp", "", "GET /setup/mail.mobileconfig?emailaddress=alice%40example.org&protocol=smtp", ""},
		{"pacc", "", "GET http://ua-auto-config.example.org/.well-known/user-agent-configuration.json", ""},
		{"pacc-routed", routed, "GET /.well-known/user-agent-configuration.json", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := ""
			if tt.file != "" {
				b, err := os.ReadFile(filepath.Join("testdata", tt.file))
				if err != nil {
					t.Fatal(err)
				}
				body = string(b)
			}
			r := ask(t, site(t, tt.config), tt.request, body)
			got := fmt.Sprintf("%d %s\n%s", r.StatusCode, r.Header.Get("Content-Type"), bodyOf(t, r))
			golden.Compare(t, filepath.Join("testdata", tt.name+".golden"), []byte(got))
		})
	}
}

// TestNoneIsTold: every page answers for a name that nobody has as for any
// other, and for another's domain not at all.
func TestNoneIsTold(t *testing.T) {
	cfg := site(t, "")
	request := func(way, address string) (string, string) {
		if way == "POST" {
			return "POST /autodiscover/autodiscover.xml", "<Autodiscover><Request><EMailAddress>" + address + "</EMailAddress></Request></Autodiscover>"
		}
		return "GET " + way + strings.ReplaceAll(address, "@", "%40"), ""
	}
	for _, way := range []string{"/mail/config-v1.1.xml?emailaddress=", "/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=",
		"/autodiscover/autodiscover.json?Protocol=AutodiscoverV1&Email=", "/setup?emailaddress=", "POST"} {
		answer := func(address string) (int, string) {
			line, body := request(way, address)
			r := ask(t, cfg, line, body)
			return r.StatusCode, strings.NewReplacer(address, "X", strings.ReplaceAll(address, "@", "%40"), "X").Replace(withoutQR(bodyOf(t, r)))
		}
		status, alice := answer("alice@example.org")
		_, other := answer("olive@example.org")
		if status != 200 || alice != other {
			t.Errorf("%s: %d, and two names of one domain are told apart:\n%s", way, status, cmp.Diff(alice, other))
		}
		if status, _ := answer("alice@foreign.example"); status != 404 {
			t.Errorf("%s: a foreign domain gives %d", way, status)
		}
		if status, body := answer("al@ice@example.org"); status != 400 && !strings.Contains(body, "600") {
			t.Errorf("%s: no address gives %d %s", way, status, body)
		}
	}
}

// withoutQR cuts the code out of a page: it differs with the address.
func withoutQR(page string) string {
	before, rest, _ := strings.Cut(page, `<path d="`)
	_, after, _ := strings.Cut(rest, `"`)
	return before + after
}

func TestOnlyWhatIsServed(t *testing.T) {
	cfg := site(t, "")
	cfg.Serve = []string{"pacc"}
	cfg.Pages = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "another's") })
	for _, path := range []string{"/mail/config-v1.1.xml", "/autodiscover/autodiscover.json", "/setup", "/setup/mail.mobileconfig", "/healthz", "/metrics", "/"} {
		if got := bodyOf(t, ask(t, cfg, "GET "+path, "")); got != "another's" {
			t.Errorf("%s gives %q", path, got)
		}
	}
	if r := ask(t, cfg, "GET "+clientconf.PACCPath, ""); r.StatusCode != 200 {
		t.Errorf("PACC gives %d", r.StatusCode)
	}
}
