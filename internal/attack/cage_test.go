//go:build attack

package attack

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// cage is a cgroup that bounds the memory of what runs in it.
type cage struct {
	// wrap starts a program inside (testserver.Config.Wrap).
	wrap []string
	// events is the file that counts those whom the kernel killed; empty where
	// it can't be told.
	events string
}

// newCage makes a cgroup of limit octets: in version 1 or 2 of the kernel's
// cgroups, else by systemd. Where none of them may be used there is no limit,
// and the test says so.
func newCage(t *testing.T, limit int64) cage {
	t.Helper()
	name := fmt.Sprintf("posthorn-attack-%d", os.Getpid())
	for _, v := range []struct{ dir, limit, events string }{
		{"/sys/fs/cgroup/memory/" + name, "memory.limit_in_bytes", "memory.oom_control"},
		{"/sys/fs/cgroup/" + name, "memory.max", "memory.events"},
	} {
		if os.Mkdir(v.dir, 0o755) != nil {
			continue
		}
		t.Cleanup(func() { // the processes in it have ended: a later clean-up is run earlier
			if err := os.Remove(v.dir); err != nil {
				t.Log(err)
			}
		})
		if os.WriteFile(filepath.Join(v.dir, v.limit), []byte(strconv.FormatInt(limit, 10)), 0) == nil {
			join := "echo $$ >" + filepath.Join(v.dir, "cgroup.procs") + ` && exec "$@"`
			return cage{[]string{"/bin/sh", "-c", join, "sh"}, filepath.Join(v.dir, v.events)}
		}
	}
	scope := []string{"systemd-run", "--quiet", "--scope", "-p", fmt.Sprintf("MemoryMax=%d", limit), "-p", "MemorySwapMax=0", "--"}
	if exec.Command(scope[0], append(scope[1:], "true")...).Run() == nil {
		return cage{wrap: scope}
	}
	t.Logf("NO CGROUP CAN BE MADE HERE: the server's memory is only watched, not bounded to %d octets", limit)
	return cage{}
}

// killed is how many processes the kernel has ended for want of memory.
func (c cage) killed(t *testing.T) int {
	t.Helper()
	if c.events == "" {
		return 0
	}
	b, err := os.ReadFile(c.events)
	if err != nil {
		t.Fatal(err)
	}
	_, n, found := strings.Cut(string(b), "oom_kill ")
	if !found {
		t.Fatalf("%s tells of no kills:\n%s", c.events, b)
	}
	killed, err := strconv.Atoi(strings.Fields(n)[0])
	if err != nil {
		t.Fatal(err)
	}
	return killed
}
