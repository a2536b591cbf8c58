//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/google/go-cmp/cmp"
)

// write puts a file into a folder of the test's.
func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSwaks(t *testing.T) {
	s := start(t, "alice", "bob")
	for i, args := range []string{"-tls --auth PLAIN --port " + s.Port("submission"), "-tls --auth LOGIN --port " + s.Port("submission"), "-tlsc --auth PLAIN --port " + s.Port("submissions"), "--auth LOGIN --port " + s.Port("submission")} {
		all := append([]string{"--server", "127.0.0.1", "--from", "alice@" + domain, "--to", "bob@" + domain, "--header", fmt.Sprintf("Subject: swaks %d", i),
			"--auth-user", "alice@" + domain, "--auth-password", password}, strings.Fields(args)...)
		run(t, "", "swaks", all...)
		s.wantMessage("bob", "INBOX", i+1, fmt.Sprintf("Subject: swaks %d", i))
	}
	out, err := tryIn(t.TempDir(), "", "swaks", "--server", "127.0.0.1", "--port", s.Port("smtp"), "--from", "x@elsewhere.example", "--to", "y@elsewhere.example")
	if err == nil || !strings.Contains(out, "550 5.7.1") {
		t.Errorf("relaying: %v\n%s", err, out)
	}
	out, err = tryIn(t.TempDir(), "", "swaks", "--server", "127.0.0.1", "--port", s.Port("submission"), "-tls", "--auth", "PLAIN", "--auth-user", "alice@"+domain, "--auth-password", "wrong", "--to", "bob@"+domain)
	if err == nil || !strings.Contains(out, "535 5.7.8") {
		t.Errorf("a wrong password: %v\n%s", err, out)
	}
}

func TestCurl(t *testing.T) {
	s := start(t, "alice", "bob")
	m := letter("by curl", "Hello from curl.")
	user := "alice@" + domain + ":" + password
	run(t, m, "curl", "-sS", "--ssl-reqd", "--cacert", s.Dir+"/ca.pem", "--url", "smtp://localhost:"+s.Port("submission"), "--user", user,
		"--mail-from", "alice@"+domain, "--mail-rcpt", "bob@"+domain, "-T", "-")
	s.wantMessage("bob", "INBOX", 1, m[strings.Index(m, "Subject"):])
	user = "bob@" + domain + ":" + password
	for _, url := range []string{"imaps://localhost:" + s.Port("imaps") + "/INBOX;UID=1", "pop3s://localhost:" + s.Port("pop3s") + "/1"} {
		out := run(t, "", "curl", "-sS", "--cacert", s.Dir+"/ca.pem", "--user", user, "--url", url)
		if !strings.HasSuffix(out, m) {
			t.Errorf("%s gives %q", url, out)
		}
	}
	out := run(t, "", "curl", "-sS", "--ssl-reqd", "--cacert", s.Dir+"/ca.pem", "--user", user, "--login-options", "AUTH=LOGIN",
		"--url", "imap://localhost:"+s.Port("imap")+"/", "-X", "STATUS INBOX (MESSAGES)")
	wantAll(t, out, "MESSAGES 1")
	s.deliver("bob", letter("answer", "Hello again."))
	for command, want := range map[string]string{
		"SORT (SUBJECT) UTF-8 ALL":                             "* SORT 2 1",
		"UID SORT RETURN (COUNT PARTIAL 1:1) (SIZE) UTF-8 ALL": "COUNT 2",
		"THREAD REFERENCES US-ASCII ALL":                       "* THREAD (1)(2)",
	} {
		out := run(t, "", "curl", "-sS", "--cacert", s.Dir+"/ca.pem", "--user", user, "--url", "imaps://localhost:"+s.Port("imaps")+"/INBOX", "-X", command)
		wantAll(t, out, want)
	}
}

func TestMsmtp(t *testing.T) {
	s := start(t, "alice", "bob")
	for i, auth := range []string{"plain", "login", "scram-sha-256"} {
		rc := write(t, filepath.Join(t.TempDir(), "msmtprc"), fmt.Sprintf("account default\nhost localhost\nport %s\ntls on\ntls_starttls on\ntls_trust_file %s/ca.pem\nauth %s\nuser alice@%s\npassword %s\nfrom alice@%s\n",
			s.Port("submission"), s.Dir, auth, domain, password, domain))
		run(t, letter("by msmtp "+auth, "Hello."), "msmtp", "-C", rc, "bob@"+domain)
		s.wantMessage("bob", "INBOX", i+1, "Subject: by msmtp "+auth)
	}
}

// TestFetchmail has fetchmail leave the messages and come again, when it must
// know them (by UIDL, or by \Seen), and then take them away.
func TestFetchmail(t *testing.T) {
	for _, protocol := range []string{"pop3", "imap"} {
		t.Run(protocol, func(t *testing.T) {
			s := start(t, "bob")
			s.deliver("bob", letter("one", "first"), letter("two", "second"))
			dir := t.TempDir()
			uidl := map[string]string{"pop3": "uidl"}[protocol]
			fetch := func(how string) (string, error) {
				rc := write(t, filepath.Join(dir, "rc"), fmt.Sprintf("poll localhost protocol %s port %s %s user \"bob@%s\" password \"%s\" ssl sslproto TLS1.2+ sslcertck sslcertfile %s/ca.pem %s mda \"cat >> %s/out\"\n",
					protocol, s.Port(protocol+"s"), uidl, domain, password, s.Dir, how, dir))
				return tryIn(dir, "", "fetchmail", "-f", rc, "--nodetach", "--nosyslog", "-v")
			}
			if out, err := fetch("keep"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wantFetched(t, dir+"/out", "one", "two")
			s.wantMessage("bob", "INBOX", 2)
			if out, err := fetch("keep"); err == nil || !strings.Contains(out, "(no new mail)") && !strings.Contains(out, "(2 seen)") {
				t.Errorf("the second time: %v\n%s", err, out)
			}
			s.deliver("bob", letter("three", "third"))
			if out, err := fetch("fetchall nokeep"); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			wantFetched(t, dir+"/out", "one", "two", "one", "two", "three")
			s.wantEmpty("bob")
		})
	}
}

// wantFetched demands that a file holds messages with these subjects, one after
// the other.
func wantFetched(t *testing.T, file string, subjects ...string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(b)) {
		if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
			got = append(got, strings.TrimSpace(subject))
		}
	}
	if !slices.Equal(got, subjects) {
		t.Errorf("fetched %q, want %q", got, subjects)
	}
}

func (s *server) wantEmpty(user string) {
	s.t.Helper()
	if n := len(s.messages(user, "INBOX")); n != 0 {
		s.t.Errorf("%d messages are left on the server", n)
	}
}

// maildir lists the message files of a maildir.
func maildir(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	for _, sub := range []string{"new", "cur"} {
		files, err := filepath.Glob(filepath.Join(dir, sub, "*"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, files...)
	}
	return out
}

// TestMbsync synchronises 500 messages two ways, with flags and deletions,
// compressed (mbsync's flushes are Z_PARTIAL_FLUSH) and not.
func TestMbsync(t *testing.T) {
	for _, compress := range []bool{true, false} {
		t.Run(fmt.Sprint("compress ", compress), func(t *testing.T) { mbsync(t, compress) })
	}
}

func mbsync(t *testing.T, compress bool) {
	s := start(t, "bob")
	disable := ""
	if !compress {
		disable = "DisableExtension COMPRESS=DEFLATE\n"
	}
	c := s.IMAP("bob")
	for i := range 500 {
		m := letter(fmt.Sprintf("number %d", i), "text")
		a := c.Append("INBOX", int64(len(m)), nil)
		a.Write([]byte(m))
		a.Close()
		if _, err := a.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	rc := write(t, filepath.Join(dir, "mbsyncrc"), fmt.Sprintf(`IMAPAccount p
Host localhost
Port %s
User bob@%s
Pass "%s"
SSLType IMAPS
CertificateFile %s/ca.pem
%s
IMAPStore far
Account p

MaildirStore near
Path %s/mail/
Inbox %s/mail/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`, s.Port("imaps"), domain, password, s.Dir, disable, dir, dir))
	sync := func() { t.Helper(); runIn(t, dir, "", "mbsync", "-c", rc, "-a") }
	os.MkdirAll(dir+"/mail", 0o700)
	sync()
	files := maildir(t, dir+"/mail/INBOX")
	if len(files) != 500 {
		t.Fatalf("mbsync has %d messages", len(files))
	}
	// here: one read, one deleted, one new; there: one starred, one deleted, one new
	write(t, filepath.Join(dir, "mail/INBOX/new/1.new.here"), strings.ReplaceAll(letter("made here", "near"), "\r\n", "\n"))
	rename(t, fileOf(t, dir+"/mail/INBOX", "number 7"), "S")
	rename(t, fileOf(t, dir+"/mail/INBOX", "number 8"), "T")
	s.expunge("bob", "INBOX", 11)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(imap.UIDSetNum(10), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	c.Close()
	s.deliver("bob", letter("made there", "far"))
	sync()
	sync()
	want := map[string]string{"made here": "[]", "made there": "[]"}
	for i := range 500 {
		want[fmt.Sprintf("number %d", i)] = "[]"
	}
	want["number 7"], want["number 9"] = `[\Seen]`, `[\Flagged]`
	delete(want, "number 8")
	delete(want, "number 10")
	if diff := cmp.Diff(want, s.flags("bob", "INBOX")); diff != "" {
		t.Errorf("on the server: %s", diff)
	}
	near := map[string]string{}
	for subject := range want {
		_, flags, _ := strings.Cut(fileOf(t, dir+"/mail/INBOX", subject), ":2,")
		near[subject] = map[string]string{"": "[]", "S": `[\Seen]`, "F": `[\Flagged]`}[flags]
	}
	if diff := cmp.Diff(want, near); diff != "" || len(maildir(t, dir+"/mail/INBOX")) != len(want) {
		t.Errorf("in the maildir, of %d: %s", len(maildir(t, dir+"/mail/INBOX")), diff)
	}
	if n := strings.Count(s.Log(), "msg=compressed"); (n >= 3) != compress || !compress && n > 0 {
		t.Errorf("%d connections were compressed", n)
	}
}

// fileOf is the one file of a maildir whose message has a subject.
func fileOf(t *testing.T, dir, subject string) string {
	t.Helper()
	for _, file := range maildir(t, dir) {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nSubject: "+subject+"\n") {
			return file
		}
	}
	t.Fatalf("%s has no message %q", dir, subject)
	return ""
}

// rename gives a maildir file flags.
func rename(t *testing.T, file, flags string) {
	t.Helper()
	base, _, _ := strings.Cut(filepath.Base(file), ":")
	to := filepath.Join(filepath.Dir(filepath.Dir(file)), "cur", base+":2,"+flags)
	if err := os.Rename(file, to); err != nil {
		t.Fatal(err)
	}
}

func TestOfflineIMAP(t *testing.T) {
	s := start(t, "bob")
	for _, subject := range []string{"one", "two", "three", "four"} {
		s.deliver("bob", letter(subject, subject))
	}
	dir := t.TempDir()
	rc := write(t, filepath.Join(dir, "offlineimaprc"), fmt.Sprintf(`[general]
accounts = p
metadata = %s/meta
ui = basic
[Account p]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = %s/mail
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %s
remoteuser = bob@%s
remotepass = %s
ssl = yes
sslcacertfile = %s/ca.pem
`, dir, dir, s.Port("imaps"), domain, password, s.Dir))
	sync := func() { t.Helper(); runIn(t, dir, "", "offlineimap", "-c", rc, "-o") }
	sync()
	if n := len(maildir(t, dir+"/mail/INBOX")); n != 4 {
		t.Fatalf("offlineimap has %d messages", n)
	}
	// here: one starred and read, one deleted, one new; there: one deleted, one new
	rename(t, fileOf(t, dir+"/mail/INBOX", "one"), "FS")
	if err := os.Remove(fileOf(t, dir+"/mail/INBOX", "two")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "mail/INBOX/cur/9.here:2,S"), strings.ReplaceAll(letter("made here", "near"), "\r\n", "\n"))
	s.expunge("bob", "INBOX", 3)
	s.deliver("bob", letter("made there", "far"))
	sync()
	sync()
	want := map[string]string{"one": `[\Flagged \Seen]`, "four": "[]", "made here": `[\Seen]`, "made there": "[]"}
	if diff := cmp.Diff(want, s.flags("bob", "INBOX")); diff != "" {
		t.Errorf("on the server: %s", diff)
	}
	for subject := range want {
		fileOf(t, dir+"/mail/INBOX", subject)
	}
	if n := len(maildir(t, dir+"/mail/INBOX")); n != len(want) {
		t.Errorf("offlineimap has %d messages at last", n)
	}
}

func TestMutt(t *testing.T) {
	for name, program := range map[string]string{"mutt": "mutt", "neomutt": neomutt()} {
		t.Run(name, func(t *testing.T) {
			compress := compression(t, program)
			if name == "mutt" && compress == "" {
				t.Error("this mutt cannot compress")
			}
			s := start(t, "alice", "bob")
			dir := t.TempDir()
			rc := write(t, filepath.Join(dir, "rc"), fmt.Sprintf(`set from="alice@%[1]s"
set smtp_url="smtp://alice%%40%[1]s@localhost:%[2]s/"
set smtp_pass="%[3]s"
set imap_user="alice@%[1]s"
set imap_pass="%[3]s"
set folder="imaps://localhost:%[4]s/"
set record="+Sent"
set certificate_file="%[5]s/ca.pem"
set ssl_starttls=yes ssl_force_tls=yes
set mail_check=1 timeout=1 quit=yes delete=yes confirmappend=no sort=mailbox-order
set header_cache="%[6]s/cache"
set copy=yes
%[7]s
`, domain, s.Port("submission"), password, s.Port("imaps"), s.Dir, dir, compress))
			runIn(t, dir, "Xin chào.\n", program, "-F", rc, "-s", "Chào từ "+name, "bob@"+domain)
			s.wantMessage("bob", "INBOX", 1, "From: ", "alice@"+domain)
			if name == "mutt" { // neomutt keeps no copy on the server when it runs without a screen
				s.wantMessage("alice", "Sent", 1, "bob@"+domain)
			}

			s.deliver("alice", letter("one", "first"), letter("two", "second"))
			// open, flag the first, delete the second, leave
			script := "<first-entry><flag-message><first-entry><next-entry><delete-message><sync-mailbox><exit>"
			tmuxRun(t, dir, fmt.Sprintf("%s -F %s -f imaps://localhost:%s/INBOX -e 'push %s'", program, rc, s.Port("imaps"), script))
			got := s.flags("alice", "INBOX")
			if len(got) != 1 || !strings.Contains(got["one"], `\Flagged`) {
				t.Errorf("%s left %v", program, got)
			}
			if n := strings.Count(s.Log(), "msg=compressed"); (n > 0) != (compress != "") {
				t.Errorf("%d connections were compressed", n)
			}
		})
	}
}

// TestGsasl logs in with channel binding (SCRAM-SHA-256-PLUS, tls-exporter),
// which gsasl takes by itself where it is offered, and without.
func TestGsasl(t *testing.T) {
	s := prepare(t, "alice")
	s.Set("auth", "channel_binding", true)
	s.serve()
	for i, protocol := range []string{"--imap", "--smtp"} {
		port := s.Port([]string{"imap", "submission"}[i])
		gsasl := func(password string, args ...string) (string, error) {
			return tryIn(t.TempDir(), "", "gsasl", append([]string{protocol, "--connect", "localhost:" + port, "--x509-ca-file", s.Dir + "/ca.pem", "--verbose",
				"--authentication-id", "alice@" + domain, "--authorization-id", "alice@" + domain, "--password", password}, args...)...)
		}
		if out, err := gsasl(password); err != nil {
			t.Errorf("gsasl %s: %v\n%s", protocol, err, out)
		} else {
			wantAll(t, out, " SCRAM-SHA-256-PLUS\n", "server trusted")
		}
		if out, err := gsasl(password, "--mechanism", "SCRAM-SHA-256", "--no-cb"); err != nil {
			t.Errorf("gsasl %s without channel binding: %v\n%s", protocol, err, out)
		}
		if out, err := gsasl("wrong"); err == nil || strings.Contains(out, "server trusted") {
			t.Errorf("gsasl %s with a wrong password: %v\n%s", protocol, err, out)
		}
	}
	wantAll(t, s.Log(), "mechanism=SCRAM-SHA-256-PLUS", "mechanism=SCRAM-SHA-256\n")
}
