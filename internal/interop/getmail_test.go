//go:build interop

package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// getmail runs getmail with the getmailrc that is in its folder in home. It
// delivers to a maildir there, which it does for nobody who is root: so root runs
// it as nobody. (Its other way, to a command, may stand still for minutes: it
// misses the end of a command that ends before getmail waits for it.)
func getmail(t *testing.T, home string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "getmail")
	cmd.Dir = home
	cmd.Env = append(os.Environ(), "HOME="+home, "LC_ALL=C.UTF-8")
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		err := filepath.WalkDir(home, func(path string, _ os.DirEntry, err error) error {
			if err == nil {
				err = os.Chown(path, nobody, nobody)
			}
			return err
		})
		if err == nil {
			err = os.Chmod(filepath.Dir(home), 0o711)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("getmail: %v\n%s", err, out)
	}
}

// getmailHome is a home with an empty maildir, and what getmail needs to trust
// the server.
func (s *server) getmailHome() (home, mail string) {
	s.t.Helper()
	home = s.t.TempDir()
	ca, err := os.ReadFile(s.Dir + "/ca.pem")
	if err != nil {
		s.t.Fatal(err)
	}
	write(s.t, home+"/ca.pem", string(ca))
	mail = home + "/Mail/INBOX"
	makeMaildir(s.t, mail)
	return home, mail
}

// TestGetmail has getmail leave the messages and come again, when it must know
// them by their UIDL or UID, and then take them away.
func TestGetmail(t *testing.T) {
	for kind, service := range map[string]string{"SimplePOP3SSLRetriever": "pop3s", "SimpleIMAPSSLRetriever": "imaps"} {
		t.Run(kind, func(t *testing.T) {
			s := start(t, "bob")
			s.deliver("bob", letter("one", "first"), letter("two", "second"))
			home, mail := s.getmailHome()
			fetch := func(options string) {
				t.Helper()
				write(t, home+"/.config/getmail/getmailrc", fmt.Sprintf("[retriever]\ntype = %s\nserver = localhost\nport = %s\nusername = bob@%s\npassword = %s\nca_certs = ~/ca.pem\n\n[destination]\ntype = Maildir\npath = ~/Mail/INBOX/\n\n[options]\n%s",
					kind, s.Port(service), domain, password, options))
				getmail(t, home)
			}
			for range 2 { // the second time there is nothing new
				fetch("delete = false\nread_all = false\n")
				if n := len(maildir(t, mail)); n != 2 {
					t.Errorf("%d messages are fetched, want 2", n)
				}
			}
			fileOf(t, mail, "one")
			fileOf(t, mail, "two")
			s.wantMessage("bob", "INBOX", 2)
			s.deliver("bob", letter("three", "third"))
			fetch("delete = true\nread_all = true\n")
			fileOf(t, mail, "three")
			if n := len(maildir(t, mail)); n != 5 {
				t.Errorf("%d messages are fetched, want 2 and then 3", n)
			}
			s.wantEmpty("bob")
		})
	}
}
