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
	"strconv"
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
	imap    string   // where it speaks IMAP
	pop3    string   // of ours, where it speaks POP3
	owner   string   // the account of the driver's mailboxes, the last of all
	page    string   // of ours, where the class page is if there is one
	kept    bool     // its folder was there before
	data    []string // its data folders
	start   func(context.Context) error
	stop    func() error

	// Of ours: how many accounts there are, and how many messages the owner's
	// INBOX is to have.
	accounts, messages int
}

// ownerFile is for the driver, a list of the one account.
func (s *server) ownerFile() string { return filepath.Join(filepath.Dir(s.profile), "owner") }

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
	page        bool // it shows the class page
}

// newPosthorn is the binary with a fresh data folder and n accounts.
func newPosthorn(binary, dir string, base, n int) *server {
	return (&posthorn{binary: binary, dir: dir, base: base, accounts: n}).server()
}

func (p *posthorn) server() *server {
	return &server{
		name: "posthorn", profile: p.file("profile.json"), data: []string{p.file("data")},
		imap: p.port(143), pop3: p.port(110), owner: address(p.accounts - 1), accounts: p.accounts, page: "http://" + p.port(80) + "/", start: p.start, stop: p.stop,
	}
}

func (p *posthorn) file(name string) string { return filepath.Join(p.dir, name) }

func (p *posthorn) port(n int) string { return fmt.Sprintf("127.0.0.1:%d", p.base+n) }

func (p *posthorn) start(ctx context.Context) (err error) {
	if _, err := os.Stat(p.file("profile.json")); err != nil {
		if err := p.setUp(ctx); err != nil {
			return err
		}
	}
	pid, err := serve(p.binary, p.file("posthorn.toml"))
	if err != nil {
		return err
	}
	return os.WriteFile(p.file("pid"), fmt.Append(nil, pid), 0o644)
}

// stop ends the process that the pid file names: the driver may have restarted
// it.
func (p *posthorn) stop() error {
	text, err := os.ReadFile(p.file("pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("posthorn is gone: %w", err)
	}
	for began := time.Now(); syscall.Kill(pid, 0) == nil; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			return errors.New("posthorn did not stop")
		}
	}
	return os.Remove(p.file("pid"))
}

// restartCommand is for the driver, which waits until the server answers.
const restartCommand = `kill $(cat %[1]s); while kill -0 $(cat %[1]s) 2>/dev/null; do sleep 0.02; done
%[2]s serve --config %[3]s >/dev/null 2>&1 </dev/null & echo $! >%[1]s`

// setUp makes the folder, the accounts, and the driver's profile.
func (p *posthorn) setUp(ctx context.Context) error {
	if err := command(ctx, "", p.binary, "init", "--dir", p.dir, "--hostname", "mail."+domain, "--domain", domain,
		"--local", "--base-port", fmt.Sprint(p.base)); err != nil {
		return err
	}
	if p.page {
		if err := showPage(p.file("posthorn.toml")); err != nil {
			return err
		}
	}
	for i := range p.accounts {
		if err := command(ctx, password+"\n", p.binary, "user", "add", "--config", p.file("posthorn.toml"),
			"--password-stdin", address(i)); err != nil {
			return err
		}
	}
	profile, err := json.Marshal(map[string]any{
		"label": "posthorn", "domain": domain, "users": p.accounts, "password": password,
		"smtp": p.port(25), "imap": p.port(143), "imaps": p.port(993), "pop3": p.port(110), "pop3s": p.port(995),
		"pids": []string{p.file("pid")}, "data_dirs": []string{p.file("data")},
		"restart_cmd": fmt.Sprintf(restartCommand, p.file("pid"), p.binary, p.file("posthorn.toml")),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(p.file("profile.json"), profile, 0o644)
}

// serve starts posthorn, waits until it is ready, and returns its process id.
func serve(binary, config string) (pid int, err error) {
	cmd := exec.Command(binary, "serve", "--config", config)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "posthorn: ready") {
			go func() {
				for lines.Scan() { // its log, which a full pipe would stop
				}
				cmd.Wait()
			}()
			return cmd.Process.Pid, nil
		}
	}
	return 0, fmt.Errorf("posthorn did not start: %w", cmd.Wait())
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
	_, kept := os.Stat(filepath.Join(dir, "mail"))
	call := func(ctx context.Context, verb string) error {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		return command(ctx, "", "env", "MAILBENCH="+driver, "POSTFIX_ROOT="+root, "bash", script, verb, dir, "maildir", fmt.Sprint(base))
	}
	return &server{
		name:    "Dovecot + Postfix",
		profile: filepath.Join(dir, "profile.json"),
		imap:    fmt.Sprintf("127.0.0.1:%d", base+143),
		owner:   address(accounts - 1),
		kept:    kept == nil,
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
