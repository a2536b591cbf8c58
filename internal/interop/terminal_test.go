//go:build interop

package interop

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// tmuxRun runs a command on a terminal of its own until it ends.
func tmuxRun(t *testing.T, dir, command string) {
	t.Helper()
	socket := dir + "/tmux"
	tmux := func(args ...string) (string, error) {
		cmd := exec.Command("tmux", append([]string{"-S", socket}, args...)...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", fmt.Sprintf("env HOME=%s LC_ALL=C.UTF-8 TERM=screen %s", dir, command)); err != nil {
		t.Fatalf("tmux: %v %s", err, out)
	}
	defer tmux("kill-server")
	screen := ""
	for range 150 {
		if _, err := tmux("has-session"); err != nil {
			return
		}
		if s, err := tmux("capture-pane", "-p"); err == nil && strings.TrimSpace(s) != "" {
			screen = s
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("%s does not end; its screen:\n%s", command, screen)
}
