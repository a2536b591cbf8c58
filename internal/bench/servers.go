package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// accounts is how many accounts a server under load has; the driver's first
// is u000.
const accounts = 60

// domain and password are those of the peer's script.
const domain, password = "bench.test", "benchpass"

// server is one under load. profile is the file that tells the driver of it;
// start and stop may be called again and again.
type server struct {
	name    string
	profile string
	data    []string // its data folders
	start   func(context.Context) error
	stop    func() error
}

// restart stops and starts the server: its logs are folded into its data, and
// its memory is that of a new process.
func (s *server) restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	return s.start(ctx)
}

// disk is the octets that the server's files take on disk.
func (s *server) disk() (n int64, err error) {
	for _, dir := range s.data {
		err = errors.Join(err, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // gone meanwhile
			} else if err != nil {
				return err
			}
			info, err := e.Info()
			if err == nil {
				n += info.Sys().(*syscall.Stat_t).Blocks * 512
			}
			return nil
		}))
	}
	return n, err
}

// writeQuiet writes a list of accounts to which no measure delivers: the last
// but the very last, which owns the driver's mailboxes.
func writeQuiet(path string) error {
	var list strings.Builder
	for i := accounts - 21; i < accounts-1; i++ {
		fmt.Fprintf(&list, "%s %s\n", address(i), password)
	}
	return os.WriteFile(path, []byte(list.String()), 0o644)
}

func address(i int) string { return fmt.Sprintf("u%03d@%s", i, domain) }

// posthorn is the binary with a folder of its own.
type posthorn struct {
	binary, dir string
	base        int // added to the ports
	accounts    int
	process     *exec.Cmd
}

// newPosthorn is the binary with a fresh data folder and n accounts.
func newPosthorn(binary, dir string, base, n int) *server {
	p := &posthorn{binary: binary, dir: dir, base: base, accounts: n}
	return &server{
		name: "posthorn", profile: filepath.Join(dir, "profile.json"), data: []string{filepath.Join(dir, "data")},
		start: p.start, stop: p.stop,
	}
}

func (p *posthorn) file(name string) string { return filepath.Join(p.dir, name) }

func (p *posthorn) start(ctx context.Context) (err error) {
	if _, err := os.Stat(p.file("profile.json")); err != nil {
		if err := p.setUp(ctx); err != nil {
			return err
		}
	}
	if p.process, err = serve(p.binary, p.file("posthorn.toml")); err != nil {
		return err
	}
	return os.WriteFile(p.file("pid"), fmt.Append(nil, p.process.Process.Pid), 0o644)
}

func (p *posthorn) stop() error {
	if p.process == nil {
		return nil
	}
	p.process.Process.Signal(syscall.SIGTERM)
	err := p.process.Wait()
	p.process = nil
	return err
}

// setUp makes the folder, the accounts, and the driver's profile.
func (p *posthorn) setUp(ctx context.Context) error {
	if err := command(ctx, "", p.binary, "init", "--dir", p.dir, "--hostname", "mail."+domain, "--domain", domain,
		"--local", "--base-port", fmt.Sprint(p.base)); err != nil {
		return err
	}
	for i := range p.accounts {
		if err := command(ctx, password+"\n", p.binary, "user", "add", "--config", p.file("posthorn.toml"),
			"--password-stdin", address(i)); err != nil {
			return err
		}
	}
	port := func(n int) string { return fmt.Sprintf("127.0.0.1:%d", p.base+n) }
	profile, err := json.Marshal(map[string]any{
		"label": "posthorn", "domain": domain, "users": p.accounts, "password": password,
		"smtp": port(25), "imap": port(143), "imaps": port(993), "pop3": port(110), "pop3s": port(995),
		"pids": []string{p.file("pid")}, "data_dirs": []string{p.file("data")},
	})
	if err != nil {
		return err
	}
	return os.WriteFile(p.file("profile.json"), profile, 0o644)
}

// serve starts posthorn and waits until it is ready.
func serve(binary, config string) (*exec.Cmd, error) {
	cmd := exec.Command(binary, "serve", "--config", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "posthorn: ready") {
			go func() {
				for lines.Scan() { // its log, which a full pipe would stop
				}
			}()
			return cmd, nil
		}
	}
	return nil, fmt.Errorf("posthorn did not start: %w", cmd.Wait())
}

// newPeer is Dovecot (maildir) behind Postfix as the driver's script sets them
// up. An error says why they cannot run here.
func newPeer(folder, driver, dir string, base int) (*server, error) {
	script := filepath.Join(folder, "peers", "dovecot-postfix.sh")
	root := filepath.Join(os.TempDir(), "postfix-root")
	for _, needed := range []string{script, "/usr/sbin/dovecot", root} {
		if _, err := os.Stat(needed); err != nil {
			return nil, fmt.Errorf("%w; as root, %s install", err, script)
		}
	}
	if os.Getuid() != 0 {
		return nil, errors.New("it needs root")
	}
	call := func(ctx context.Context, verb string) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return command(ctx, "", "env", "MAILBENCH="+driver, "POSTFIX_ROOT="+root, "bash", script, verb, dir, "maildir", fmt.Sprint(base))
	}
	return &server{
		name:    "Dovecot + Postfix",
		profile: filepath.Join(dir, "profile.json"),
		data:    []string{filepath.Join(dir, "mail"), filepath.Join(dir, "pf", "spool")},
		start:   func(ctx context.Context) error { return call(ctx, "start") },
		stop:    func() error { return call(context.Background(), "stop") },
	}, nil
}

// command runs a program that says nothing when all is well. Its output goes
// to a file: a daemon that it leaves behind would keep a pipe open.
func command(ctx context.Context, stdin, name string, args ...string) error {
	out, err := os.CreateTemp("", "posthorn-bench-output-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, said)
	}
	return nil
}
