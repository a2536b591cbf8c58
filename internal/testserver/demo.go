package testserver

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Demo is "posthorn demo", running.
type Demo struct {
	// Page is the address of the class page; Token opens its switches.
	Page, Token string
	// Passwords by the users' addresses.
	Passwords map[string]string

	base int
	said lockedBuffer
}

var (
	demoPassword = regexp.MustCompile(`(?m)^(\S+@\S+)\s+password: (\S+)`)
	demoPage     = regexp.MustCompile(`(http://\S+?/)#(?:token=)?(\S+)`)
)

// StartDemo starts the demo in a folder and on ports of the test's own, and ends
// it with the test.
func StartDemo(t testing.TB) *Demo {
	t.Helper()
	base, release, err := LockPorts(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	d := &Demo{base: base, Passwords: map[string]string{}}
	cmd := exec.Command(binary(t, ""), "demo", "--dir", t.TempDir(), "--base-port", fmt.Sprint(d.base))
	out, in := io.Pipe()
	cmd.Stdout, cmd.Stderr = in, in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done, ready := make(chan struct{}), make(chan struct{})
	go func() {
		cmd.Wait()
		in.Close()
		close(done)
	}()
	go func() {
		lines := bufio.NewReader(io.TeeReader(out, &d.said))
		for err := error(nil); err == nil; {
			var line string
			if line, err = lines.ReadString('\n'); strings.HasPrefix(line, "posthorn: ready") {
				close(ready)
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			cmd.Process.Kill()
			t.Errorf("the demo did not end:\n%s", d.said.String())
		}
	})
	select {
	case <-ready:
	case <-done:
		t.Fatalf("the demo ended:\n%s", d.said.String())
	case <-time.After(time.Minute):
		t.Fatalf("the demo is not ready after a minute:\n%s", d.said.String())
	}
	for _, m := range demoPassword.FindAllStringSubmatch(d.said.String(), -1) {
		d.Passwords[m[1]] = m[2]
	}
	page := demoPage.FindStringSubmatch(d.said.String())
	if page == nil || len(d.Passwords) != 2 {
		t.Fatalf("the demo does not print what it should:\n%s", d.said.String())
	}
	d.Page, d.Token = page[1], page[2]
	return d
}

// Address is the address of a service, by its name in [listen], of the first
// server (0) or the second (1).
func (d *Demo) Address(server int, service string) string {
	return fmt.Sprintf("127.0.0.1:%d", d.base+1000*server+standardPorts[service])
}
