//go:build crash

package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An fsync that fails with EIO: who waits is told 451, nothing more is
// acknowledged, the process says why and ends; what was acknowledged is there.
func TestFsyncFails(t *testing.T) {
	shim := filepath.Join(t.TempDir(), "eio.so")
	if out, err := exec.Command("gcc", "-shared", "-fPIC", "-O1", "-o", shim, "testdata/eio.c", "-ldl").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for range pick(2, 20) {
		s := newServer(t, t.TempDir(), plain, "alice", "bob")
		s.route("127.0.0.1:1")
		l := &acks{dir: s.Dir}
		trigger := filepath.Join(s.Dir, "trigger")
		s.MustStart("LD_PRELOAD="+shim, "EIO_TRIGGER="+trigger)
		idle := s.IMAP("alice")
		defer idle.Close()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.load(t.Context(), l, 8, 0, mixed)
		}()
		for l.count() < 50 {
			time.Sleep(time.Millisecond)
		}
		if err := os.WriteFile(trigger, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if !s.Ended(10 * time.Second) {
			t.Fatalf("the server goes on\n%s", s.Log())
		}
		end := time.Now()
		<-ended
		info, err := os.Stat(trigger + ".fired")
		if err != nil {
			t.Fatalf("no fsync failed: %v", err)
		}
		fired := info.ModTime()
		if took := end.Sub(fired); took > 5*time.Second {
			t.Errorf("the process ended %v after the failure", took)
		} else {
			t.Logf("%d acknowledged, then %q; ended after %v with %v", l.count(), l.refused, took.Round(time.Millisecond), s.Err())
		}
		if s.State().ExitCode() != 1 || !strings.Contains(s.Log(), "the disk refused a write; nothing more is taken") {
			t.Errorf("exit status %d\n%s", s.State().ExitCode(), s.Log())
		}
		refused := l.takeRefused()
		for _, r := range refused {
			if !strings.HasPrefix(r, "451 4.3.0") {
				t.Errorf("a client was told %q", r)
			}
		}
		if len(refused) == 0 {
			t.Error("nobody was told 451")
		}
		// What was answered just before may be read a moment later.
		if late := l.lastAck.Sub(fired); late > 100*time.Millisecond {
			t.Errorf("a message was acknowledged %v after the failure", late)
		}
		s.verify(l)
	}
}
