//go:build interop

package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestThunderbirdSetsItselfUp lets Thunderbird's own dialog find all settings
// from the address alone, for IMAP and for POP3, and then send and read.
//
// autoconfig.posthorn.test must lead to the server. There is no DNS here, and
// no port 80: so the server's HTTP port is Thunderbird's HTTP proxy, and is
// asked for http://autoconfig.posthorn.test/mail/config-v1.1.xml as a proxy is.
// Nothing else goes that way.
func TestThunderbirdSetsItselfUp(t *testing.T) {
	s := start(t, "alice", "bob")
	dir := t.TempDir()
	shots := os.Getenv("SCREENSHOTS")
	if shots == "" {
		shots = dir
	}
	display := startX(t, dir)
	profile := startThunderbird(t, dir, display, strings.ReplaceAll(proxyPrefs, "PROXY", s.Port("http")))

	cmd := exec.Command("python3", abs(t, "testdata/thunderbird_setup.py"), profile, filepath.Join(s.Dir, "ca.pem"), "alice@"+domain, "bob@"+domain, password, shots)
	cmd.Env = append(os.Environ(), "DISPLAY="+display, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.Log())
	}
	type server struct {
		Type, Host, User string
		Port, TLS        int
	}
	type account struct{ Incoming, Outgoing server }
	const implicit = 3 // nsMsgSocketType.SSL
	at := func(service string) int { n, _ := strconv.Atoi(s.Port(service)); return n }
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, kind := range []string{"imap", "pop3"} {
		user := []string{"alice", "bob"}[i] + "@" + domain
		want := account{server{kind, "localhost", user, at(kind + "s"), implicit}, server{"smtp", "localhost", user, at("submissions"), implicit}}
		var got struct {
			Address        string
			Found, Account account
		}
		if len(lines) != 2 || json.Unmarshal([]byte(lines[i]), &got) != nil {
			t.Fatalf("%s", out)
		}
		if diff := cmp.Diff(want, got.Found); diff != "" || got.Address != user {
			t.Errorf("found for %s: %s", user, diff)
		}
		if diff := cmp.Diff(want, got.Account); diff != "" {
			t.Errorf("the account of %s: %s", user, diff)
		}
	}
	s.wantMessage("alice", "INBOX", 1, "Subject: From the one that POP3 reads")
	s.wantMessage("bob", "INBOX", 1, "Subject: From the one that IMAP reads")
}

// proxyPrefs lead what Thunderbird asks by HTTP to the server; https as well,
// which it refuses at once.
const proxyPrefs = `user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", PROXY);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", PROXY);
user_pref("mail.server.default.leave_on_server", true);
user_pref("mail.biff.show_alert", false);
`
