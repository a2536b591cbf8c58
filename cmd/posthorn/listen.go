package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"

	"posthorn/internal/config"
)

// socket is a bound listener with the key of [listen] that it serves.
type socket struct {
	key string
	net.Listener
}

// bind opens every listener of the configuration. Sockets that systemd hands
// over (FileDescriptorName= is the key in [listen]) stand in for the
// addresses of that key.
func bind(cfg *config.Config) (sockets []socket, err error) {
	defer func() {
		if err != nil {
			closeAll(sockets)
		}
	}()
	given, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("sockets from systemd: %w", err)
	}
	for key, addresses := range cfg.Listen.All() {
		if from := given[key]; len(from) > 0 {
			for _, ln := range from {
				if ln == nil {
					return sockets, fmt.Errorf("systemd's socket %q is not a stream", key)
				}
				sockets = append(sockets, socket{key, ln})
			}
			continue
		}
		for _, a := range addresses {
			ln, err := net.Listen("tcp", a)
			if err != nil {
				if skipIPv6(a, err) {
					continue
				}
				return sockets, fmt.Errorf("listen.%s: %w%s", key, err, listenHint(a, err))
			}
			sockets = append(sockets, socket{key, ln})
		}
	}
	if len(sockets) == 0 {
		return nil, errors.New("every listener in [listen] is off: there is nothing to serve")
	}
	return sockets, nil
}

// skipIPv6 lets a server that is configured for [::1] run on a machine
// without IPv6.
func skipIPv6(address string, err error) bool {
	return strings.HasPrefix(address, "[::1]:") && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT))
}

func listenHint(address string, err error) string {
	switch {
	case errors.Is(err, syscall.EACCES):
		return "; ports below 1024 need root (set user = \"posthorn\" to drop it), systemd's sockets or CAP_NET_BIND_SERVICE"
	case errors.Is(err, syscall.EADDRINUSE):
		return "; another program has that port: stop it, or choose another in [listen] (" + address + ")"
	}
	return ""
}

func closeAll(sockets []socket) {
	for _, s := range sockets {
		s.Close()
	}
}

func lookupUser(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("user = %q: %w", name, err)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(err1, err2)
}

// dropRoot becomes the configured user, if this is root.
func dropRoot(name string) error {
	if name == "" || os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := lookupUser(name)
	if err != nil {
		return err
	}
	// groups first: afterwards there is no right to
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("dropping root: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("dropping root: %w", err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("dropping root: %w", err)
	}
	if syscall.Setuid(0) == nil {
		return errors.New("dropping root: it could be taken back")
	}
	return nil
}
