// Package testserver runs the real binary for tests: in a folder and on ports
// of its own, started, watched, killed and started again. Only tests import it.
package testserver

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

const (
	// Domain is the domain whose mail is the server's.
	Domain = "posthorn.test"
	// Password is every account's.
	Password = "sesame street 7"
)

// Config says what server a test needs. The zero value is one without
// accounts, as "posthorn init --local" sets it up.
type Config struct {
	// Program is a binary in bin/, which make has built. Empty: what the
	// environment's POSTHORN names, or bin/posthorn.
	Program string
	// Dir is where the server's folder is made. Empty: a folder of the test's.
	Dir string
	// Users are the local parts of accounts.
	Users []string
	// Wrap is a program with arguments that starts the server, such as
	// {"prlimit", "--nofile=256"}. It must replace itself by the server (exec).
	Wrap []string
	// Profile has the server serve Go's profiles, which Figures needs to count
	// goroutines.
	Profile bool
}

// Server is a server set up in a folder: run once, several times, or not at
// all. Its methods end the test on errors that are the harness's own. They are
// for one goroutine, unless they say otherwise.
type Server struct {
	// Dir has the configuration, the certificates and the data folder.
	Dir string
	// File is the configuration's path.
	File string

	t       testing.TB
	program string
	wrap    []string
	base    int // what is added to the protocols' standard ports
	profile bool

	log     lockedBuffer
	mu      sync.Mutex
	process *process // the last one that was started
}

// New sets a server up. What runs of it at the test's end is killed.
func New(t testing.TB, c Config) *Server {
	t.Helper()
	s := Prepare(t, c)
	s.Must(s.InitArgs()...)
	for _, u := range c.Users {
		s.AddUser(u)
	}
	return s
}

// Prepare is New without running any command: the folder is empty.
func Prepare(t testing.TB, c Config) *Server {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	s := &Server{
		Dir: c.Dir, File: filepath.Join(c.Dir, "posthorn.toml"),
		t: t, program: binary(t, c.Program), wrap: c.Wrap, base: takePorts(t), profile: c.Profile,
	}
	t.Cleanup(s.Kill)
	return s
}

// InitArgs are the arguments of the command that sets the server up.
func (s *Server) InitArgs() []string {
	return []string{"init", "--dir", s.Dir, "--hostname", "localhost", "--domain", Domain, "--local", "--base-port", fmt.Sprint(s.base)}
}

// Clone copies a server that does not run into a folder of another test's. The
// two have the same ports: only one of them can run.
func (s *Server) Clone(t testing.TB) *Server {
	t.Helper()
	dir := t.TempDir()
	os.Remove(s.Data("control.sock")) // which cannot be copied
	if err := os.CopyFS(dir, os.DirFS(s.Dir)); err != nil {
		t.Fatal(err)
	}
	c := &Server{
		Dir: dir, File: filepath.Join(dir, filepath.Base(s.File)),
		t: t, program: s.program, wrap: s.wrap, base: s.base, profile: s.profile,
	}
	t.Cleanup(c.Kill)
	return c
}

// binary is the path of a program that make has built.
func binary(t testing.TB, name string) string {
	t.Helper()
	path := os.Getenv("POSTHORN")
	if name != "" || path == "" {
		if name == "" {
			name = "posthorn"
		}
		path = filepath.Join(root(t), "bin", name)
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		t.Fatalf("%v: the make target of this test builds it", err)
	}
	return path
}

// root is the folder of the module, of whose packages one is tested.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	for ; err == nil && dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatalf("no go.mod above the test's folder (%v)", err)
	return ""
}

// Data is the path of a file in the data folder.
func (s *Server) Data(name string) string { return filepath.Join(s.Dir, "data", name) }

// AddUser adds an account with the password Password.
func (s *Server) AddUser(local string) {
	s.t.Helper()
	out, errs, err := s.Command(nil, Password+"\n", "user", "add", "--password-stdin", local+"@"+Domain)
	if err != nil {
		s.t.Fatalf("adding %s: %v\n%s%s", local, err, out, errs)
	}
}

// Command runs a command of the binary's on the server's configuration, for at
// most five minutes; env is added to its environment. For any goroutine.
func (s *Server) Command(env []string, stdin string, args ...string) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	if args[0] != "init" {
		args = append(args, "--config", s.File)
	}
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// Must is Command where nothing may go wrong, and returns what was printed.
func (s *Server) Must(args ...string) string {
	s.t.Helper()
	out, errs, err := s.Command(nil, "", args...)
	if err != nil {
		s.t.Fatalf("posthorn %s: %v\n%s%s", strings.Join(args, " "), err, out, errs)
	}
	return out
}

// IMAP logs an account in, without TLS. The caller closes the connection.
func (s *Server) IMAP(local string) *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure(s.Address("imap"), nil)
	if err == nil {
		err = c.Login(local+"@"+Domain, Password).Wait()
	}
	if err != nil {
		s.t.Fatalf("logging %s in: %v\n%s", local, err, s.Log())
	}
	return c
}

// lockedBuffer collects a process's output.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
