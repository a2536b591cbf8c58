//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestSetupFiles asks for all set-up files as programs do, and logs in with
// what they say, as an account and as an alias.
func TestSetupFiles(t *testing.T) {
	s := start(t, "alice")
	s.Must("alias", "add", "info@"+domain, "alice@"+domain)
	out := run(t, "", "python3", abs(t, "testdata/setup_files.py"), fmt.Sprint(s.Base()), filepath.Join(s.Dir, "ca.pem"), "alice@"+domain, "info@"+domain, password)
	if !strings.Contains(out, "all as it should be") {
		t.Error(out)
	}
	s.wantMessage("alice", "INBOX", 6, "Subject: by info@"+domain)
}
