package clientconf

import (
	"crypto/sha256"
	"encoding/base64"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"posthorn/internal/config"
	"posthorn/internal/golden"
	"posthorn/internal/mail"
)

func access(t testing.TB, hostname, text string) *Access {
	t.Helper()
	cfg, err := config.Parse("posthorn.toml", []byte("hostname = \""+hostname+"\"\n"+text))
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg)
}

func TestRows(t *testing.T) {
	addr := mail.Address{Local: "Alice", Domain: "example.net"}
	for _, tt := range []struct {
		what, hostname, config, rows, https string
	}{
		{"the defaults", "mail.example.org", "",
			"imap mail.example.org:993 SSL/TLS, imap mail.example.org:143 STARTTLS, pop3 mail.example.org:995 SSL/TLS, pop3 mail.example.org:110 STARTTLS, smtp mail.example.org:465 SSL/TLS, smtp mail.example.org:587 STARTTLS",
			"https://mail.example.org"},
		{"one public address", "mail.example.org", "[listen]\nimaps = \"192.0.2.1:993\"\nimap = \"\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"\nhttps = \"192.0.2.1:8443\"",
			"imap mail.example.org:993 SSL/TLS, smtp mail.example.org:465 SSL/TLS", "https://mail.example.org:8443"},
		{"no certificate", "mail.example.org", "[tls]\ncert = \"\"\nkey = \"\"\n",
			"imap mail.example.org:143 none, pop3 mail.example.org:110 none, smtp mail.example.org:587 none", ""},
		{"loopback", "mail.example.org", "[listen]\nimaps = [\"[::1]:2993\", \"127.0.0.1:2993\"]\nimap = \"\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"\nsubmissions = \"127.0.0.1:2465\"\nhttps = \"[::1]:443\"",
			"imap ::1:2993 SSL/TLS, smtp 127.0.0.1:2465 SSL/TLS", "https://[::1]"},
		{"loopback's own name", "localhost", "[listen]\nimaps = \"127.0.0.1:2993\"\nimap = \"\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"\nhttps = \"\"",
			"imap localhost:2993 SSL/TLS, smtp localhost:465 SSL/TLS", ""},
		{"behind a router", "box.home", "[clients]\nhost = \"mail.example.org\"\nports = { imaps = 993, submissions = 465, https = 443 }\n[listen]\nimaps = \"127.0.0.1:2993\"\nimap = \"\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"\nsubmissions = \"127.0.0.1:2465\"\nhttps = \"127.0.0.1:2443\"",
			"imap mail.example.org:993 SSL/TLS, smtp mail.example.org:465 SSL/TLS", "https://mail.example.org"},
		{"a port that nobody knows", "mail.example.org", "[listen]\nimaps = \":0\"\nimap = \":0\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"",
			"smtp mail.example.org:465 SSL/TLS", "https://mail.example.org"},
	} {
		a := access(t, tt.hostname, tt.config)
		var got []string
		for _, r := range a.Rows(addr) {
			got = append(got, r.Protocol+" "+r.Server+":"+r.Port+" "+r.Security)
			if r.User != "Alice@example.net" {
				t.Errorf("%s: user %s", tt.what, r.User)
			}
		}
		if diff := cmp.Diff(tt.rows, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s: %s", tt.what, diff)
		}
		if a.HTTPS != tt.https {
			t.Errorf("%s: pages at %s", tt.what, a.HTTPS)
		}
	}
}

func TestDNS(t *testing.T) {
	for name, text := range map[string]string{
		"dns":          "",
		"dns-few":      "[listen]\nimap = \"\"\npop3 = \"\"\npop3s = \"\"\nsubmission = \"\"\nhttp = \"\"\nhttps = \"\"\n[relay.smarthost]\naddress = \"smtp.provider.example:587\"\n",
		"dns-routed":   "[clients]\nhost = \"in.example.org\"\nports = { imaps = 10993, https = 10443, http = 8080 }\n",
		"dns-pages":    "[http]\npages = [\"setup\"]\n",
		"dns-loopback": "[listen]\nimaps = \"127.0.0.1:2993\"\nhttps = \"127.0.0.1:2443\"\n",
	} {
		a := access(t, "mail.example.org", text)
		var b strings.Builder
		WriteZone(&b, a.Host, a.DNS("BÜCHER.example"))
		golden.Compare(t, filepath.Join("testdata", name+".golden"), []byte(b.String()))
	}
}

// TestPACC: the digest in DNS is that of the octets that are served, and only
// what the format can say is said.
func TestPACC(t *testing.T) {
	a := access(t, "mail.example.org", "")
	sum := sha256.Sum256(a.PACC())
	found := false
	for _, r := range a.DNS("example.org") {
		found = found || r.Value == `"v=UAAC1; a=sha256; d=`+base64.StdEncoding.EncodeToString(sum[:])+`"`
	}
	if !found {
		t.Errorf("no record has the digest: %v", a.DNS("example.org"))
	}
	few := access(t, "mail.example.org", "[listen]\nimaps = \"\"\npop3s = \":1995\"\n")
	if got := string(few.PACC()); !strings.Contains(got, `{"protocols":{"submit":{"host":"mail.example.org"}}`) {
		t.Errorf("%s", got)
	}
}
