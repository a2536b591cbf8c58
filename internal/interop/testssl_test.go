//go:build interop

package interop

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// finding is one of testssl.sh's, as its JSON file has it.
type finding struct{ ID, Severity, Finding string }

// TestTestssl has testssl.sh look at every port that speaks TLS: protocols,
// kinds of cipher suites, and the holes that a server can have whatever its
// suites are. It finds nothing, from LOW on; there is TLS 1.2 and 1.3 and
// nothing older, and no suite but the strong ones.
func TestTestssl(t *testing.T) {
	s := start(t)
	for _, port := range []struct{ service, starttls string }{
		{"smtp", "smtp"}, {"submission", "smtp"}, {"submissions", ""}, {"pop3", "pop3"}, {"pop3s", ""},
		{"imap", "imap"}, {"imaps", ""}, {"https", ""},
	} {
		t.Run(port.service, func(t *testing.T) {
			t.Parallel()
			out := filepath.Join(t.TempDir(), "findings.json")
			args := []string{"--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--jsonfile", out,
				"--protocols", "--standard", "--heartbleed", "--ccs-injection", "--robot", "--renegotiation", "--compression"}
			if port.starttls != "" {
				args = append(args, "--starttls", port.starttls)
			}
			testssl := exec.CommandContext(t.Context(), "testssl", append(args, "127.0.0.1:"+s.Port(port.service))...)
			if said, err := testssl.CombinedOutput(); err != nil {
				t.Fatalf("testssl: %v\n%s", err, said)
			}
			text, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			var findings []finding
			if err := json.Unmarshal(text, &findings); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			judge(t, findings)
		})
	}
}

// judge demands what must be found, and that nothing else is wrong.
func judge(t *testing.T, findings []finding) {
	t.Helper()
	found := map[string]string{}
	for _, f := range findings {
		found[f.ID] = f.Finding
		weak := strings.HasPrefix(f.ID, "cipherlist_") && !strings.Contains(f.ID, "STRONG") && !strings.HasPrefix(f.Finding, "not offered")
		if weak || slices.Contains([]string{"LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"}, f.Severity) {
			t.Errorf("%s %s: %s", f.Severity, f.ID, f.Finding)
		}
	}
	for id, want := range map[string]string{
		"SSLv2": "not offered", "SSLv3": "not offered", "TLS1": "not offered", "TLS1_1": "not offered",
		"TLS1_2": "offered", "TLS1_3": "offered",
		"cipherlist_NULL": "not offered", "cipherlist_aNULL": "not offered", "cipherlist_EXPORT": "not offered", "cipherlist_LOW": "not offered",
		"heartbleed": "not vulnerable", "CCS": "not vulnerable", "ROBOT": "not vulnerable",
		"secure_renego": "supported", "secure_client_renego": "not vulnerable", "CRIME_TLS": "not vulnerable",
	} {
		if got, ok := found[id]; !ok || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}
