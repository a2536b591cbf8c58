//go:build interop

package interop

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
)

// TestNeomuttResync has NeoMutt keep headers and flags between two visits,
// while another client flags, expunges and adds messages. With QRESYNC, with
// CONDSTORE alone and with neither it must come to the same, and compressed too
// where NeoMutt can.
func TestNeomuttResync(t *testing.T) {
	compress := compression(t, neomutt())
	for _, with := range []struct{ name, condstore, qresync string }{{"qresync", "yes", "yes"}, {"condstore", "yes", "no"}, {"neither", "no", "no"}} {
		t.Run(with.name, func(t *testing.T) {
			s := start(t, "alice")
			dir := t.TempDir()
			debug := filepath.Join(dir, "debug")
			rc := write(t, filepath.Join(dir, "rc"), fmt.Sprintf(`set imap_user="alice@%[1]s"
set imap_pass="%[2]s"
set folder="imaps://localhost:%[3]s/"
set certificate_file="%[4]s/ca.pem"
set ssl_force_tls=yes
set imap_condstore=%[5]s imap_qresync=%[6]s
set mail_check=1 timeout=1 quit=yes delete=yes confirmappend=no confirmcreate=no copy=yes sort=mailbox-order record=""
set header_cache="%[7]s/cache"
%[8]s
`, domain, password, s.Port("imaps"), s.Dir, with.condstore, with.qresync, dir, compress))
			visit := func(keys string) {
				tmuxRun(t, dir, fmt.Sprintf("%s -d 3 -l %s -F %s -f imaps://localhost:%s/INBOX -e 'push %s'", neomutt(), debug, rc, s.Port("imaps"), keys))
			}
			for _, subject := range []string{"one", "two", "three", "four", "five"} {
				s.deliver("alice", letter(subject, subject))
			}
			visit("<first-entry><flag-message><sync-mailbox><exit>")

			s.expunge("alice", "INBOX", 2)
			c := s.IMAP("alice")
			_, err := c.Select("INBOX", nil).Wait()
			for _, change := range []struct {
				uid imap.UID
				op  imap.StoreFlagsOp
			}{{1, imap.StoreFlagsDel}, {3, imap.StoreFlagsAdd}} {
				if err == nil {
					err = c.Store(imap.UIDSetNum(change.uid), &imap.StoreFlags{Op: change.op, Flags: []imap.Flag{imap.FlagFlagged}, Silent: true}, nil).Close()
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			s.deliver("alice", letter("six", "six"))

			// All that it sees goes to Archive, and what it sees flagged is deleted.
			visit("<tag-pattern>~A<enter><tag-prefix><copy-message>=Archive<enter><untag-pattern>~A<enter><delete-pattern>~F<enter><sync-mailbox><exit>")
			dialog, err := os.ReadFile(debug + "0")
			for word, want := range map[string]string{"(CHANGEDSINCE ": with.condstore, " VANISHED)": with.qresync} {
				if used := strings.Contains(string(dialog), word); err != nil || used != (want == "yes") {
					t.Errorf("%s used: %v, %v", word, used, err)
				}
			}
			seen := slices.Sorted(maps.Keys(s.flags("alice", "Archive")))
			left := slices.Sorted(maps.Keys(s.flags("alice", "INBOX")))
			if got := strings.Join(seen, " ") + "; " + strings.Join(left, " "); got != "five four one six three; five four one six" {
				t.Errorf("it saw and left: %s", got)
			}
			if n := strings.Count(s.Log(), "msg=compressed"); (n >= 2) != (compress != "") {
				t.Errorf("%d connections were compressed", n)
			}
		})
	}
}

// neomutt is the NeoMutt to run: Debian 12's own is built without zlib, so the
// environment's NEOMUTT may name another.
func neomutt() string { return cmp.Or(os.Getenv("NEOMUTT"), "neomutt") }

// compression is the line that makes a mutt of either kind compress; empty where
// it cannot.
func compression(t *testing.T, mutt string) string {
	t.Helper()
	said, _ := tryIn(t.TempDir(), "", mutt, "-n", "-F", "/dev/null", "-Q", "imap_deflate") // NeoMutt's status tells nothing
	if strings.Contains(said, "imap_deflate is ") || strings.Contains(said, "set imap_deflate ") {
		return "set imap_deflate=yes"
	}
	return ""
}
