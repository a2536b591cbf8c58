//go:build powercut

package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// disk is a file system of its own, on a loop device.
type disk struct {
	t          testing.TB
	loop, root string
}

// newDisk makes an ext4 file system and mounts it.
func newDisk(t testing.TB, megabytes int) *disk {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	d := &disk{t: t, root: filepath.Join(dir, "root")}
	if err := os.Mkdir(d.root, 0o700); err != nil {
		t.Fatal(err)
	}
	sh(t, "truncate", "-s", fmt.Sprintf("%dM", megabytes), image)
	sh(t, "mkfs.ext4", "-q", "-F", image)
	d.loop = sh(t, "losetup", "--find", "--show", image)
	t.Cleanup(func() { sh(t, "losetup", "--detach", d.loop) })
	d.mount()
	t.Cleanup(d.unmount)
	return d
}

func (d *disk) mount() {
	d.t.Helper()
	sh(d.t, "mount", d.loop, d.root)
}

func (d *disk) unmount() {
	d.t.Helper()
	sh(d.t, "umount", d.root)
}

// sync puts on stable storage what is there.
func (d *disk) sync() {
	d.t.Helper()
	sh(d.t, "sync", "-f", d.root)
}

// cut is a power cut as the file system sees it: EXT4_IOC_SHUTDOWN without a
// flush of its journal. All that was not synced is gone when it is mounted
// again.
func (d *disk) cut() {
	d.t.Helper()
	f, err := os.Open(d.root)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	const shutdown = 0x8004587d // _IOR('X', 125, __u32)
	noFlush := uint32(2)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdown, uintptr(unsafe.Pointer(&noFlush))); errno != 0 {
		d.t.Fatal(errno)
	}
}

// sh runs a program and returns what it printed.
func sh(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
