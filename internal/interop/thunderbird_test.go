//go:build interop

package interop

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"
)

// TestThunderbird sets Thunderbird up in a real window (Xvfb), lets it send a
// message with a 10 MB attachment and a Vietnamese subject and read it back
// over IMAP, and compares that with what Python's poplib reads.
func TestThunderbird(t *testing.T) {
	s := start(t, "alice")
	dir := t.TempDir()
	shots := os.Getenv("SCREENSHOTS")
	if shots == "" {
		shots = dir
	}
	blob := make([]byte, 10<<20)
	rand.Read(blob)
	file := write(t, filepath.Join(dir, "tệp lớn.bin"), string(blob))

	display := startX(t, dir)
	profile := startThunderbird(t, filepath.Join(dir, "home"), display, "")

	cmd := exec.Command("python3", abs(t, "testdata/thunderbird.py"), profile, "127.0.0.1", fmt.Sprint(s.Base()), "alice@"+domain, password, file, shots)
	cmd.Env = append(os.Environ(), "DISPLAY="+display, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, s.Log())
	}
	wantAll(t, s.Log(), "msg=compressed")
	read, err := os.ReadFile(file + ".read")
	if err != nil {
		t.Fatal(err)
	}
	byPOP := run(t, "", "python3", "-c", `
import poplib, sys
p = poplib.POP3(sys.argv[1], int(sys.argv[2])); p.user(sys.argv[3]); p.pass_(sys.argv[4])
for i in range(1, p.stat()[0] + 1):
    m = b"\r\n".join(p.retr(i)[1]) + b"\r\n"
    if len(m) > 1 << 20: sys.stdout.buffer.write(m)
p.quit()`, "127.0.0.1", s.Port("pop3"), "alice@"+domain, password)
	if !sameMessage(read, []byte(byPOP)) {
		t.Errorf("Thunderbird read %d octets, poplib %d, and they differ", len(read), len(byPOP))
	}
	r, err := mail.CreateReader(strings.NewReader(byPOP))
	if err != nil {
		t.Fatal(err)
	}
	if subject, _ := r.Header.Subject(); subject != "Thư có tệp đính kèm: mười megabyte" {
		t.Errorf("subject %q", subject)
	}
	found := false
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h, ok := part.Header.(*mail.AttachmentHeader); ok {
			got, err := io.ReadAll(part.Body)
			name, _ := h.Filename()
			found = err == nil && bytes.Equal(got, blob) && name == "tệp lớn.bin"
		}
	}
	if !found {
		t.Error("the attachment did not come back with the same name and bytes")
	}
}

// startThunderbird starts a Thunderbird with a new profile in home, until the
// test ends, and returns the profile, where it writes by which port it is driven
// (one that was free before may not be when it is ready).
func startThunderbird(t *testing.T, home, display, prefs string, environment ...string) (profile string) {
	t.Helper()
	profile = filepath.Join(home, "profile")
	write(t, filepath.Join(profile, "user.js"), thunderbirdPrefs+prefs)
	said, err := os.Create(filepath.Join(home, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	tb := exec.Command("thunderbird", "--profile", profile, "--marionette", "--remote-allow-system-access", "--no-remote")
	tb.Env = append(os.Environ(), "DISPLAY="+display, "HOME="+home, "LC_ALL=C.UTF-8", "MOZ_DISABLE_CONTENT_SANDBOX=1")
	tb.Env = append(tb.Env, environment...)
	tb.Stdout, tb.Stderr = said, said
	startUntilEnd(t, tb)
	t.Cleanup(func() {
		if b, err := os.ReadFile(said.Name()); t.Failed() {
			t.Logf("Thunderbird said: %s (%v)", b, err)
		}
	})
	return profile
}

// sameMessage compares what a program saved to disk (it may put its own
// X-Mozilla fields on top, and end lines its own way) with what was stored.
func sameMessage(saved, stored []byte) bool {
	saved = bytes.ReplaceAll(saved, []byte("\r\n"), []byte("\n"))
	stored = bytes.ReplaceAll(stored, []byte("\r\n"), []byte("\n"))
	for {
		line, rest, _ := bytes.Cut(saved, []byte("\n"))
		if !bytes.HasPrefix(line, []byte("From ")) && !bytes.HasPrefix(line, []byte("X-Mozilla-")) && !bytes.HasPrefix(line, []byte("X-Account-Key:")) && !bytes.HasPrefix(line, []byte("X-UIDL:")) {
			break
		}
		saved = rest
	}
	return bytes.Equal(bytes.TrimRight(saved, "\n"), bytes.TrimRight(stored, "\n"))
}

// startX starts an X server without a screen and returns its display.
func startX(t *testing.T, dir string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	x := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	x.ExtraFiles = []*os.File{w}
	startUntilEnd(t, x)
	w.Close()
	r.SetReadDeadline(time.Now().Add(30 * time.Second))
	b := make([]byte, 16)
	n, err := r.Read(b)
	if err != nil {
		t.Fatalf("Xvfb: %v", err)
	}
	return ":" + strings.TrimSpace(string(b[:n]))
}

// startUntilEnd starts a program that the end of the test ends.
func startUntilEnd(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

const thunderbirdPrefs = `user_pref("marionette.port", 0);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mail.rights.version", 1);
user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mailnews.start_page.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.donation.eoy.version.viewed", 999);
user_pref("extensions.update.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("mail.server.default.use_condstore", true);
user_pref("mail.server.default.allow_utf8_accept", true);
user_pref("mail.compose.attachment_reminder", false);
user_pref("mail.compose.big_attachments.notify", false);
user_pref("mail.server.default.use_compress_deflate", true);
`
