//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestThunderbirdPair has two Thunderbirds on one account mark, tag, move and
// delete messages in turn; each must come to see what the other did, and the
// server must have it so.
func TestThunderbirdPair(t *testing.T) {
	s := start(t, "alice")
	for _, subject := range []string{"one", "two", "three", "four", "five"} {
		s.deliver("alice", letter(subject, subject))
	}
	c := s.IMAP("alice")
	if err := c.Create("Projects", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Subscribe("Projects").Wait(); err != nil { // Thunderbird shows no others
		t.Fatal(err)
	}
	capabilities, err := c.Capability().Wait()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()

	dir := t.TempDir()
	display := startX(t, dir)
	homes := []string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	args := []string{abs(t, "testdata/thunderbird_pair.py")}
	for _, home := range homes {
		profile := startThunderbird(t, home, display, "", "MOZ_LOG=IMAP:4,sync", "MOZ_LOG_FILE="+filepath.Join(home, "imap.log"))
		args = append(args, profile, home)
	}
	cmd := exec.Command("python3", append(args, "127.0.0.1", fmt.Sprint(s.Base()), "alice@"+domain, password)...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		for _, home := range homes {
			t.Logf("%s said:\n%s", filepath.Base(home), imapLog(t, home))
		}
		t.Fatalf("%v\n%s", err, s.Log())
	}

	for mailbox, want := range map[string]string{
		"INBOX":    "map[one:[]]",
		"Projects": `map[three:[$label1] two:[\Flagged]]`,
		"Trash":    "map[five:[] four:[]]",
	} {
		if got := fmt.Sprint(s.flags("alice", mailbox)); got != want {
			t.Errorf("%s has %s, want %s", mailbox, got, want)
		}
	}
	for _, home := range homes {
		dialog := imapLog(t, home)
		used := map[string]bool{"(CHANGEDSINCE ": true, "ENABLE UTF8=ACCEPT": true, "IDLE": true}
		if capabilities.Has("COMPRESS=DEFLATE") {
			used["COMPRESS DEFLATE"] = true
		}
		for word := range used {
			if !strings.Contains(strings.ToUpper(dialog), word) {
				t.Errorf("%s: %s was not used", filepath.Base(home), word)
			}
		}
	}
}

// imapLog is what a Thunderbird said to its IMAP server.
func imapLog(t *testing.T, home string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(home, "imap.log*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no log of IMAP in %s: %v", home, err)
	}
	var said strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if strings.Contains(line, "SendData") {
				said.WriteString(line)
			}
		}
	}
	return said.String()
}
