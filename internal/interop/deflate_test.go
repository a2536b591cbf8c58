//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNeomuttDeflate has NeoMutt compress what it says and hears: it lists,
// flags, copies and deletes, and uploads a message from a file.
func TestNeomuttDeflate(t *testing.T) {
	s := start(t, "alice")
	dir := t.TempDir()
	debug := filepath.Join(dir, "debug")
	rc := write(t, filepath.Join(dir, "rc"), fmt.Sprintf(`set imap_user="alice@%[1]s"
set imap_pass="%[2]s"
set folder="imaps://localhost:%[3]s/"
set certificate_file="%[4]s/ca.pem"
set ssl_force_tls=yes imap_deflate=yes
set mail_check=1 timeout=1 quit=yes delete=yes confirmappend=no confirmcreate=no copy=yes sort=mailbox-order record=""
`, domain, password, s.Port("imaps"), s.Dir))
	visit := func(folder, keys string) {
		tmuxRun(t, dir, fmt.Sprintf("neomutt -d 3 -l %s -F %s -f %s -e 'push %s'", debug, rc, folder, keys))
	}
	s.deliver("alice", letter("one", "first"), letter("two", "second"), letter("three", strings.Repeat("all sorts of things, ", 10_000)))
	visit("imaps://localhost:"+s.Port("imaps")+"/INBOX",
		"<last-entry><display-message><exit><copy-message>=Archive<enter><first-entry><flag-message><first-entry><next-entry><delete-message><sync-mailbox><exit>")
	dialog, err := os.ReadFile(debug + "0")
	if err != nil {
		t.Fatal(err)
	}
	wantAll(t, string(dialog), "COMPRESS DEFLATE", " OK DEFLATE active")
	wantAll(t, s.Log(), "msg=compressed")
	if got := s.flags("alice", "INBOX"); len(got) != 2 || !strings.Contains(got["one"], `\Flagged`) || !strings.Contains(got["three"], `\Seen`) {
		t.Errorf("it left %v", got)
	}
	s.wantMessage("alice", "Archive", 1, "Subject: three")

	long := strings.Repeat("a line of a long letter\n", 10_000)
	box := write(t, filepath.Join(dir, "box"), "From bob@example.net Thu Jan  1 00:00:00 2026\nFrom: bob@example.net\nSubject: from a file\n\n"+long+"\n")
	visit(box, "<first-entry><copy-message>=Archive<enter><exit>")
	s.wantMessage("alice", "Archive", 2, "Subject: from a file", strings.ReplaceAll(long, "\n", "\r\n"))
}
