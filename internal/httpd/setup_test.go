package httpd

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"posthorn/internal/clientconf"
	"posthorn/internal/mail"
)

// TestCatalogue: both languages have every text, each used, and the same
// places to fill in.
func TestCatalogue(t *testing.T) {
	en, vi := english(), vietnamese()
	if a, b := slices.Sorted(maps.Keys(en)), slices.Sorted(maps.Keys(vi)); !slices.Equal(a, b) {
		t.Errorf("keys differ:\n%v\n%v", a, b)
	}
	var source strings.Builder
	for _, file := range []string{"programs.go", "setup.go", "texts.go", "assets/setup.html"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	place := regexp.MustCompile(`\{\w+\}`)
	for key, text := range en {
		used := strings.Contains(source.String(), "."+key) || strings.Count(source.String(), `"`+key+`"`) > 2 ||
			strings.HasPrefix(key, "steps.") || strings.HasPrefix(key, "for.")
		if text == "" || vi[key] == "" || !used {
			t.Errorf("%s: %q, %q, used: %v", key, text, vi[key], used)
		}
		a, b := place.FindAllString(text, -1), place.FindAllString(vi[key], -1)
		if slices.Sort(a); !slices.Equal(a, slices.Sorted(slices.Values(b))) {
			t.Errorf("%s: %v and %v", key, a, b)
		}
		if strings.Count(text, "\n") != strings.Count(vi[key], "\n") {
			t.Errorf("%s: the steps are not as many", key)
		}
	}
}

func TestSetupPage(t *testing.T) {
	cfg := site(t, "")
	for _, tt := range []struct {
		query, accept string
		status        int
		want, never   string
	}{
		{"", "", 200, `lang="en"`, "<table>"},
		{"", "vi-VN,vi;q=0.9,en;q=0.5", 200, `lang="vi"`, "<table>"},
		{"?lang=en", "vi", 200, `lang="en"`, "<table>"},
		{"?lang=tlh", "", 200, `lang="en"`, "<table>"},
		{"?emailaddress=alice@example.org", "", 200, `<span class="mono">993</span>`, `type="password"`},
		{"?emailaddress=alice@example.org", "", 200, `href="https://mail.example.org/setup?emailaddress=alice%40example.org`, "{in}"},
		{"?emailaddress=alice@foreign.example", "", 404, "not kept here", "<table>"},
		{"?emailaddress=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "", 400, `role="alert"`, "<script>alert"},
		{"?emailaddress=%22%3Cscript%3E%22@example.org", "", 200, `&lt;script&gt;`, "<script>\""},
	} {
		r := httptest.NewRequest("GET", "/setup"+tt.query, nil)
		r.Header.Set("Accept-Language", tt.accept)
		w := httptest.NewRecorder()
		New(cfg).Handler.ServeHTTP(w, r)
		page := w.Body.String()
		if w.Code != tt.status || !strings.Contains(page, tt.want) || strings.Contains(page, tt.never) {
			t.Errorf("%s: %d, wants %d, %q and not %q:\n%s", tt.query, w.Code, tt.status, tt.want, tt.never, page)
		}
		for _, inline := range []string{" style=", " onclick=", "<style", "javascript:"} { // which the policy forbids
			if strings.Contains(page, inline) {
				t.Errorf("%s: the page has %q", tt.query, inline)
			}
		}
		if p := w.Header().Get("Content-Security-Policy"); p != setupPolicy {
			t.Errorf("policy %q", p)
		}
	}
}

// TestSetupSecure: a password is asked for only where it may come.
func TestSetupSecure(t *testing.T) {
	o := openOffice(t)
	r := httptest.NewRequest("GET", "/setup?emailaddress=alice@example.org", nil)
	for from, asks := range map[string]bool{"127.0.0.1:1": true, "192.0.2.1:1": false} {
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		New(o.cfg).Handler.ServeHTTP(w, r)
		if got := strings.Contains(w.Body.String(), `type="password"`); got != asks {
			t.Errorf("from %s the page asks for a password: %v", from, got)
		}
		if !asks && !strings.Contains(w.Body.String(), `href="https://mail.example.org/setup?emailaddress=alice%40example.org`) {
			t.Error("no way leads to where a password may be given")
		}
	}
}

func TestSetupFiles(t *testing.T) {
	for file, kind := range map[string]string{"setup.css": "text/css", "setup.js": "text/javascript", "icon.svg": "image/svg+xml"} {
		r := ask(t, site(t, ""), "GET /setup/"+file, "")
		if r.StatusCode != http.StatusOK || !strings.HasPrefix(r.Header.Get("Content-Type"), kind) || bodyOf(t, r) == "" {
			t.Errorf("%s: %d %s", file, r.StatusCode, r.Header.Get("Content-Type"))
		}
	}
}

// TestPrograms: steps and drawings have the settings, for servers of any kind.
func TestPrograms(t *testing.T) {
	addr := mail.Address{Local: "a b", Domain: "example.org"}
	for config, want := range map[string]string{
		"":       `set smtp_url = "smtps://%22a%20b%22%40example.org@mail.example.org:465/"`,
		starttls: `set folder = "imap://%22a%20b%22%40example.org@mail.example.org:143/"`,
		clear:    `set smtp_url = "smtp://%22a%20b%22%40example.org@mail.example.org:587/"`,
	} {
		list := programs(site(t, config).Access, addr, english())
		if len(list) != 6 {
			t.Fatalf("%d programs", len(list))
		}
		for _, p := range list {
			if len(p.Steps) == 0 || len(p.Pictures) == 0 || strings.Contains(strings.Join(p.Steps, " "), "{") {
				t.Errorf("%s: %q, %d pictures", p.Name, p.Steps, len(p.Pictures))
			}
		}
		if got := list[5].File; !strings.Contains(got, want) || strings.Contains(got, "force_tls") == (config == clear) {
			t.Errorf("wants %s:\n%s", want, got)
		}
	}
	evil := programs(site(t, "").Access, mail.Address{Local: "a`b`$c", Domain: "example.org"}, english())[5].File
	if !strings.Contains(evil, "set from = \"a\\`b\\`\\$c@example.org\"\n") || !strings.Contains(evil, "://a%60b%60%24c%40example.org@") {
		t.Errorf("mutt would run what is in an address:\n%s", evil)
	}
	only := site(t, "[listen]\nimap = \"\"\nimaps = \"\"\n").Access
	if list := programs(only, addr, english()); !strings.Contains(strings.Join(list[1].Steps, " "), "POP3") || !strings.Contains(list[5].File, "pops://") {
		t.Errorf("a server without IMAP: %+v", list[1])
	}
	only.Services = nil
	if list := programs(only, addr, english()); list != nil {
		t.Errorf("a server without anything: %v", list)
	}
}

func TestQR(t *testing.T) {
	if q := drawQR("https://mail.example.org/setup"); q.Size < 29 || !strings.HasPrefix(q.Path, "M4 4h7v1h-7z") {
		t.Errorf("%+v", q)
	}
	if q := drawQR(strings.Repeat("long", 10_000)); q != (qrCode{}) {
		t.Errorf("a code of %d modules", q.Size)
	}
}

// FuzzSetup: whatever address is asked about, the page is well-formed, and what
// was typed stands in it as text only.
func FuzzSetup(f *testing.F) {
	f.Add("alice@example.org", "vi")
	f.Add(`"><svg onload=alert(1)>"@example.org`, "en")
	f.Add("\"\\\"\"@xn--bcher-kva.example", "tlh")
	cfg := Config{Access: &clientconf.Access{Host: "mail.example.org", HTTPS: "https://mail.example.org", Services: []clientconf.Service{
		{Protocol: clientconf.IMAP, Host: "mail.example.org", Port: 993, Security: clientconf.Implicit},
		{Protocol: clientconf.SMTP, Host: "mail.example.org", Port: 465, Security: clientconf.Implicit},
	}}, IsDomain: isDomain, Serve: []string{"setup", "mobileconfig", "autoconfig"}}
	h := New(cfg).Handler
	tag := regexp.MustCompile(`<[a-zA-Z!/][^<>]*>`)
	plain := httptest.NewRecorder()
	h.ServeHTTP(plain, httptest.NewRequest("GET", "/setup?emailaddress=x@example.org", nil))
	known := map[string]bool{}
	name := func(s string) string {
		return strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '>' })[0]
	}
	for _, s := range tag.FindAllString(plain.Body.String(), -1) {
		known[name(s)] = true
	}
	f.Fuzz(func(t *testing.T, address, lang string) {
		r := httptest.NewRequest("GET", "/setup", nil)
		q := r.URL.Query()
		q.Set("emailaddress", address)
		q.Set("lang", lang)
		r.URL.RawQuery = q.Encode()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 404 {
			t.Fatalf("%q: %d", address, w.Code)
		}
		for _, s := range tag.FindAllString(w.Body.String(), -1) {
			if n := name(s); w.Code == 200 && !known[n] {
				t.Fatalf("%q brings %q into the page", address, s)
			}
		}
		for _, path := range []string{"/mail/config-v1.1.xml", mobileconfigPath} {
			r.URL.Path = path
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code == 200 {
				wellFormed(t, w.Body.Bytes())
			}
		}
	})
}
