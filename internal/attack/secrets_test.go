//go:build attack

package attack

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	xdg "github.com/xdg-go/scram"

	"posthorn/internal/testserver"
)

// secrets are texts that nobody may find written down, by what they are.
type secrets map[string]string

// password adds a password in the forms in which it may travel or be kept.
func (x secrets) password(name, account, password string) {
	x[name] = password
	x[name+" in a URL"] = url.QueryEscape(password)
	x[name+" in hex"] = hex.EncodeToString([]byte(password))
	for shift := range 3 { // wherever it stands in a longer text
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("_", shift) + password))
		x[fmt.Sprint(name, " in base64, ", shift)] = strings.TrimRight(whole[(shift*8+5)/6:], "=")[:len(password)*4/3-1]
	}
	x[name+" in PLAIN"] = plainResponse(account, password)
}

// found lists the secrets that a text has.
func (x secrets) found(text string) (names []string) {
	for name, secret := range x {
		for i := strings.Index(text, secret); i >= 0 && len(names) < 20; i = strings.Index(text, secret) {
			names = append(names, fmt.Sprintf("%s: …%q…", name, text[max(i-60, 0):min(i+len(secret)+20, len(text))]))
			text = text[i+len(secret):]
		}
	}
	return names
}

// TestSecrets runs the server for a day in a minute: as root with a user to
// become, with every session shown and every event logged. All ways to log in
// are gone, with good and bad passwords and every mistake that people make. No
// password and no key may be found in the log, the transcript, the process's
// environment or command line, or what the operator's commands print; its files
// are its own; and nothing of root is left.
func TestSecrets(t *testing.T) {
	t.Parallel()
	transcript := filepath.Join(t.TempDir(), "transcript")
	// A test's own folders are within one that only root enters.
	dir, err := os.MkdirTemp("", "posthorn-secrets-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := testserver.New(t, testserver.Config{Dir: dir, Wrap: []string{"sh", "-c", `exec "$@" --trace >` + transcript, "sh"}})
	hidden := secrets{}
	const good, bad, weak = "correct horse 7 battery", "wrong staple 8 battery", "hunter2hunter2"
	for _, name := range []string{"alice", "bob"} {
		if out, errs, err := s.Command(nil, good+"\n", "user", "add", "--password-stdin", name+"@"+testserver.Domain); err != nil {
			t.Fatalf("%v\n%s%s", err, out, errs)
		}
	}
	alice := "alice@" + testserver.Domain
	app := strings.TrimSpace(s.Must("user", "app-password", "add", alice, "phone"))
	app = app[strings.LastIndexAny(app, " \n\t")+1:]
	hidden.password("the password", alice, good)
	hidden.password("a wrong password", alice, bad)
	hidden.password("a weak password", alice, weak)
	hidden.password("the app password", alice, app)
	s.Set("log", "level", "debug")
	s.Set("auth", "channel_binding", true)
	uid := becomes(t, s)
	s.MustStart()

	for _, password := range []string{good, bad, app} {
		for _, e := range append(entries(), entry{"submission", false}, entry{"pop3", false}, entry{"imap", false}) {
			everyMechanism(t, s, e, alice, password, hidden)
		}
	}
	everyMistake(t, s, alice, weak)
	visitHTTP(s, weak)

	for _, dir := range []string{"environ", "cmdline"} {
		if names := hidden.found(string(read(t, fmt.Sprintf("/proc/%d/%s", s.PID(), dir)))); names != nil {
			t.Errorf("the process's %s has %s", dir, strings.Join(names, "\n"))
		}
	}
	for _, command := range []string{"user list --json", "user app-password list --json " + alice, "domain list --json", "alias list --json",
		"queue list --json", "mailbox list --json " + alice, "settings --json " + alice, "check --deep"} {
		if names := hidden.found(s.Must(strings.Fields(command)...)); names != nil {
			t.Errorf("%s prints %s", command, strings.Join(names, "\n"))
		}
	}
	wantNoRoot(t, s.PID(), uid)
	wantModes(t, s.Dir)
	s.Stop()
	shown := string(read(t, transcript))
	if !strings.Contains(shown, " C: ") || strings.Count(s.Log(), "logged in") < 30 || strings.Count(s.Log(), "login failed") < 15 {
		t.Fatalf("that was no day: %d octets of transcript\n%s", len(shown), tail(s))
	}
	for what, text := range map[string]string{"log": s.Log(), "transcript": shown} {
		if names := hidden.found(text); names != nil {
			t.Errorf("the %s has %s", what, strings.Join(names, "\n"))
		}
	}
}

// becomes has the server give up root, where it is started as root, and tells
// whose uid it must have then.
func becomes(t *testing.T, s *testserver.Server) int {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("not root: that root is given up is not tested")
		return os.Getuid()
	}
	who, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	s.Set("", "user", "nobody")
	err = filepath.WalkDir(s.Dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, uid, gid)
	})
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

// everyMechanism logs in by each mechanism of an entry, and notes the keys that
// SCRAM made of the password.
func everyMechanism(t *testing.T, s *testserver.Server, e entry, account, password string, hidden secrets) {
	t.Helper()
	do := func(mechanism string, step func(*client) func(string) (string, error)) {
		c, err := e.open(s, clientTLS())
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		defer c.Close()
		if _, err := e.authenticate(c, mechanism, step(c)); err != nil && !strings.Contains(err.Error(), "server") {
			t.Errorf("%s, %s: %v", e, mechanism, err)
		}
	}
	user, err := xdg.SHA256.NewClient(account, password, "")
	if err != nil {
		t.Fatal(err)
	}
	do("PLAIN", func(*client) func(string) (string, error) {
		return func(string) (string, error) { return "\x00" + account + "\x00" + password, nil }
	})
	do("LOGIN", func(*client) func(string) (string, error) {
		return func(prompt string) (string, error) {
			return map[string]string{"": account, "Username:": account, "Password:": password}[prompt], nil
		}
	})
	do("SCRAM-SHA-256", func(*client) func(string) (string, error) {
		conversation := user.NewConversation()
		return func(challenge string) (string, error) {
			noteKeys(user, challenge, hidden)
			answer, err := conversation.Step(challenge)
			if proof := strings.LastIndex(answer, ",p="); proof >= 0 {
				hidden["a proof of "+e.String()] = answer[proof+3:]
			}
			return answer, err
		}
	})
	do("SCRAM-SHA-256-PLUS", func(c *client) func(string) (string, error) {
		over, ok := c.Conn.(*tls.Conn)
		if !ok {
			return user.NewConversation().Step // refused
		}
		state := over.ConnectionState()
		b, err := xdg.NewTLSExporterBinding(&state)
		if err != nil {
			t.Fatal(err)
		}
		hidden["the exporter's key of "+e.String()] = string(b.Data)
		return user.NewConversationWithChannelBinding(b).Step
	})
}

// noteKeys adds the keys that server-first-message leads to, and the server's
// signature, from which passwords can be guessed at leisure.
func noteKeys(user *xdg.Client, challenge string, hidden secrets) {
	if signature, ok := strings.CutPrefix(challenge, "v="); ok {
		hidden["a server's signature"] = base64.StdEncoding.EncodeToString([]byte("v=" + signature))
		return
	}
	var salt string
	var rounds int
	for field := range strings.SplitSeq(challenge, ",") {
		switch {
		case strings.HasPrefix(field, "s="):
			raw, _ := base64.StdEncoding.DecodeString(field[2:])
			salt = string(raw)
		case strings.HasPrefix(field, "i="):
			rounds, _ = strconv.Atoi(field[2:])
		}
	}
	if rounds == 0 {
		return
	}
	keys, err := user.GetStoredCredentialsWithError(xdg.KeyFactors{Salt: salt, Iters: rounds})
	if err != nil {
		return
	}
	for name, key := range map[string][]byte{"stored key": keys.StoredKey, "server key": keys.ServerKey} {
		hidden[name] = string(key)
		hidden[name+" in base64"] = base64.StdEncoding.EncodeToString(key)
		hidden[name+" in hex"] = hex.EncodeToString(key)
	}
}

// everyMistake says passwords where they do not belong, as people at telnet and
// broken programs do.
func everyMistake(t *testing.T, s *testserver.Server, account, password string) {
	t.Helper()
	response := plainResponse(account, password)
	coded := base64.StdEncoding.EncodeToString([]byte(password))
	for service, scripts := range map[string][]string{
		"submission": {
			"EHLO a\nAUTH PLAIN " + response, "EHLO a\nauth plain " + response, "EHLO a\n AUTH  PLAIN  " + response, "AUTH PLAIN " + response,
			"EHLO a\nAUTH LOGIN\n" + base64.StdEncoding.EncodeToString([]byte(account)) + "\n" + coded, "EHLO a\nAUTH PLAIN\n" + response + "\n" + response,
			"EHLO a\nAUTH LOGIN " + coded + "\n*\n" + coded, "EHLO a\nAUTH XOAUTH2 " + response, "EHLO a\nAUTH PLAIN " + response + "!\n" + response,
			"EHLO a\nAUTH PLAIN " + strings.Repeat(response, 20), "EHLO a\nAUTH PLAIN\n" + strings.Repeat(response, 500), "EHLO a\nAUTH\tPLAIN\t" + response,
		},
		"pop3": {
			"USER " + account + "\nPASS " + password, "PASS " + password, "pass " + password, "USER " + account + "\nPASS  " + password,
			"USER " + account + "\nPASSWORD " + password, "USER " + account + "\n PASS " + password, "USER " + account + "\nPASS\t" + password,
			"AUTH PLAIN " + response, "AUTH PLAIN\n" + response + "\n" + response, "AUTH LOGIN\n" + coded + "\n" + coded, "AUTH XOAUTH2 " + response,
			"auth plain " + response, "USER " + account + "\nPASS " + strings.Repeat(password, 300), "AUTH PLAIN " + response + " " + response,
			"USER " + account + "\nPASS \x01" + password,
		},
		"imap": {
			"a LOGIN " + account + " " + password, "a LOGIN " + account + " \"" + password + "\"", "a login " + account + " \"" + password,
			fmt.Sprintf("a LOGIN {%d}\n%s {%d}\n%s", len(account), account, len(password), password),
			fmt.Sprintf("a LOGIN {%d+}\n%s {%d+}\n%s\nb NOOP", len(account), account, len(password), password),
			"a LOGIN " + password, "LOGIN " + account + " " + password, "a  LOGIN " + account + " " + password, "a LOGIN\t" + account + " " + password,
			"a AUTHENTICATE PLAIN " + response, "a AUTHENTICATE PLAIN\n" + response + "\nb NOOP", "a authenticate XOAUTH2 " + response,
			"a AUTHENTICATE LOGIN\n" + coded + "\n" + coded + "\nb NOOP", "a LOGIN " + account + " " + password + " more", "a AUTHENTICATE PLAIN " + response + "!",
			"AUTHENTICATE PLAIN " + response, "a LOGIN " + account + " {99999}\n" + password, "a LOGIN " + account + " " + strings.Repeat(password, 900),
			"a AUTHENTICATE PLAIN\n" + strings.Repeat(response, 900),
		},
	} {
		for _, script := range scripts {
			c, err := dial("127.0.0.1", s.Address(service))
			if err != nil {
				t.Fatal(err)
			}
			c.line()
			for line := range strings.SplitSeq(script, "\n") {
				c.say(line + "\r\n")
				c.SetReadDeadline(time.Now().Add(150 * time.Millisecond))
				c.r.ReadString('\n')
			}
			c.Close()
		}
	}
}

// visitHTTP asks with a password where nobody wants one.
func visitHTTP(s *testserver.Server, password string) {
	if c, err := dial("127.0.0.1", s.Address("http")); err == nil {
		c.say("GET /healthz?password=" + url.QueryEscape(password) + " HTTP/1.0\r\nAuthorization: Basic " + base64.StdEncoding.EncodeToString([]byte("alice:"+password)) + "\r\n\r\n")
		c.ended(time.Now().Add(2 * time.Second))
		c.Close()
	}
}

// wantNoRoot: neither uid, gid, group nor capability of root is left.
func wantNoRoot(t *testing.T, pid, uid int) {
	t.Helper()
	if uid == 0 {
		t.Fatal("nobody to become")
	}
	status := string(read(t, fmt.Sprintf("/proc/%d/status", pid)))
	for line := range strings.Lines(status) {
		name, values, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields := strings.Fields(values)
		for _, v := range fields {
			switch {
			case name == "Uid" && v != fmt.Sprint(uid), (name == "Gid" || name == "Groups") && v == "0",
				(name == "CapEff" || name == "CapPrm" || name == "CapAmb") && strings.Trim(v, "0") != "":
				t.Errorf("%s: %s", name, values)
			}
		}
	}
	if !strings.Contains(status, "Uid:") || !strings.Contains(status, "CapEff:") {
		t.Errorf("no status:\n%s", status)
	}
}

// wantModes: files are 0600, folders 0700.
func wantModes(t *testing.T, dir string) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir { // which the test has made
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o", path, got)
		}
		n++
		return nil
	})
	if err != nil || n < 9 {
		t.Errorf("%d files, %v", n, err)
	}
}
