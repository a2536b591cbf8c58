//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"testing"
)

// getmailDelivery is where getmail delivers to: a file. As root it delivers to a
// command only. Each of its ways of delivery forks, and stands still for minutes
// where the child ends before it has begun to wait: so the command looks that
// getmail sleeps before it ends.
func getmailDelivery(file string) string {
	return fmt.Sprintf("type = MDA_external\npath = /bin/sh\narguments = (\"-c\", \"cat >> %s; until grep -q ^State:.S /proc/$PPID/status; do :; done\")\nallow_root_commands = true\n", file)
}

// TestGetmail has getmail leave the messages and come again, when it must know
// them by their UIDL or UID, and then take them away.
func TestGetmail(t *testing.T) {
	for kind, service := range map[string]string{"SimplePOP3SSLRetriever": "pop3s", "SimpleIMAPSSLRetriever": "imaps"} {
		t.Run(kind, func(t *testing.T) {
			s := start(t, "bob")
			s.deliver("bob", letter("one", "first"), letter("two", "second"))
			dir := t.TempDir()
			fetch := func(options string) {
				t.Helper()
				write(t, filepath.Join(dir, "rc"), fmt.Sprintf("[retriever]\ntype = %s\nserver = localhost\nport = %s\nusername = bob@%s\npassword = %s\nca_certs = %s/ca.pem\n\n[destination]\n%s\n[options]\n%s",
					kind, s.Port(service), domain, password, s.Dir, getmailDelivery(dir+"/out"), options))
				runIn(t, dir, "", "getmail", "--getmaildir", dir, "--rcfile", "rc")
			}
			fetch("delete = false\nread_all = false\n")
			wantFetched(t, dir+"/out", "one", "two")
			fetch("delete = false\nread_all = false\n")
			wantFetched(t, dir+"/out", "one", "two")
			s.wantMessage("bob", "INBOX", 2)
			s.deliver("bob", letter("three", "third"))
			fetch("delete = true\nread_all = true\n")
			wantFetched(t, dir+"/out", "one", "two", "one", "two", "three")
			s.wantEmpty("bob")
		})
	}
}
