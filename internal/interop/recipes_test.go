//go:build interop

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recipe is what docs/clients.md has for a program, with the test's server,
// account and home in it. Ports are added where the standard ones go unsaid.
func (s *server) recipe(program, home string) string {
	s.t.Helper()
	b, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(b), "\n**"+program+"**")
	if !found {
		s.t.Fatalf("there is nothing about %s", program)
	}
	rest, _, _ = strings.Cut(rest, "\n**")
	var lines []string
	for line := range strings.Lines(rest) {
		if text, ok := strings.CutPrefix(line, "    "); ok {
			lines = append(lines, text)
		} else if line == "\n" { // some programs need it
			lines = append(lines, line)
		}
	}
	imaps, pop3s, submissions := s.Port("imaps"), s.Port("pop3s"), s.Port("submissions")
	return strings.NewReplacer(
		"--user you@example.org", "--user 'alice@"+domain+":"+password+"'",
		"--auth-user you@example.org", "--auth-user alice@"+domain+" --auth-password '"+password+"'",
		"you@example.org", "alice@"+domain, "you%40example.org", "alice%40"+domain,
		"@mail.example.org:465/", "@localhost:"+submissions+"/", "@mail.example.org/", "@localhost:"+imaps+"/",
		"imaps://mail.example.org", "imaps://localhost:"+imaps, "pop3s://mail.example.org", "pop3s://localhost:"+pop3s,
		"smtps://mail.example.org", "smtps://localhost:"+submissions,
		"Host mail.example.org", "Host localhost\nPort "+imaps,
		"remotehost = mail.example.org", "remotehost = localhost\nremoteport = "+imaps,
		"server = mail.example.org", "server = localhost\nport = "+imaps,
		"mail.example.org protocol imap", "localhost protocol imap port "+imaps,
		"mail.example.org", "localhost", "port 465", "port "+submissions, "port 995", "port "+pop3s,
		"/home/you", home, "PASSWORD", password,
	).Replace(strings.Join(lines, ""))
}

// TestRecipes does with each program what docs/clients.md says, word for word
// but for what a test needs: other ports, another account, and where root may
// not, another place to deliver to.
func TestRecipes(t *testing.T) {
	s := start(t, "alice")
	home := t.TempDir()
	ca, err := os.ReadFile(s.Dir + "/ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	write(t, home+"/ca.pem", string(ca))
	write(t, home+"/letter.eml", letter("by curl", "Hello."))
	if err := os.Chmod(write(t, home+"/bin/pass", "#!/bin/sh\necho '"+password+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", home+"/bin:"+os.Getenv("PATH"))
	sent := 0
	wantSent := func(subject string) {
		t.Helper()
		sent++
		s.wantMessage("alice", "INBOX", sent, "Subject: "+subject)
	}

	write(t, home+"/.msmtprc", s.recipe("msmtp", home))
	runIn(t, home, letter("by msmtp", "Hello."), "msmtp", "alice@"+domain)
	wantSent("by msmtp")

	for _, command := range strings.Split(strings.TrimSpace(s.recipe("curl** and **swaks", home)), "\n") {
		out := runIn(t, home, "", "sh", "-c", command)
		switch {
		case strings.Contains(command, "smtps:"):
			wantSent("by curl")
		case strings.HasPrefix(command, "swaks"):
			wantSent("test ")
		case !strings.Contains(out, "Subject: by msmtp"):
			t.Errorf("%s: %s", command, out)
		}
	}

	for _, program := range []string{"mutt", neomutt()} {
		rc := write(t, home+"/.muttrc", s.recipe("mutt / neomutt", home)+"set imap_pass=\""+password+"\" smtp_pass=\""+password+"\"\n")
		runIn(t, home, "Hello.\n", program, "-F", rc, "-s", "by "+filepath.Base(program), "alice@"+domain)
		wantSent("by " + filepath.Base(program))
	}

	wantMail := func(program, dir string) {
		t.Helper()
		if n := len(maildir(t, dir)); n != sent {
			t.Errorf("%s has %d messages, want %d", program, n, sent)
		}
		if err := os.RemoveAll(home + "/Mail"); err != nil {
			t.Fatal(err)
		}
	}
	mbsyncrc := s.recipe("mbsync", home)
	if out := runIn(t, home, "", "mbsync", "--version"); strings.HasPrefix(out, "isync 1.4") {
		mbsyncrc = strings.Replace(mbsyncrc, "TLSType", "SSLType", 1)
	}
	write(t, home+"/.mbsyncrc", mbsyncrc)
	os.Mkdir(home+"/Mail", 0o700)
	runIn(t, home, "", "mbsync", "mail")
	wantMail("mbsync", home+"/Mail/INBOX")

	write(t, home+"/.offlineimaprc", s.recipe("offlineimap", home))
	runIn(t, home, "", "offlineimap", "-o", "-u", "basic")
	wantMail("offlineimap", home+"/Mail/INBOX")

	write(t, home+"/.config/getmail/getmailrc", strings.Replace(s.recipe("getmail", home), "type = Maildir\npath = ~/Mail/INBOX/\n", getmailDelivery(home+"/got"), 1))
	runIn(t, home, "", "getmail")
	write(t, home+"/.fetchmailrc", strings.Replace(s.recipe("fetchmail", home), "/usr/bin/procmail -d you", "cat >> "+home+"/fetched", 1))
	runIn(t, home, "", "fetchmail", "--nodetach", "--nosyslog")
	for file, want := range map[string]int{"/got": sent, "/fetched": sent - 1} { // what curl has read is not unread
		if b, err := os.ReadFile(home + file); err != nil || strings.Count(string(b), "\nMessage-I") != want {
			t.Errorf("%s does not have %d messages: %v\n%s", file, want, err, b)
		}
	}

	for _, dir := range []string{"cur", "new", "tmp"} {
		os.MkdirAll(home+"/Mail/INBOX/"+dir, 0o700)
	}
	write(t, home+"/.mpoprc", s.recipe("mpop", home))
	runIn(t, home, "", "mpop", "--keep=on")
	wantMail("mpop", home+"/Mail/INBOX")
}
