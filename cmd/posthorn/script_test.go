package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"posthorn/internal/config"
	"posthorn/internal/testserver"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"posthorn": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
		},
	})
}

// TestScripts runs the command line as a person would (testdata/script).
// Beyond testscript's own commands there are
//
//	status N posthorn ARGS…   runs posthorn and demands exit status N
//	running posthorn ARGS…    starts it and waits until it says that it is ready
//	stopped                   ends the one started last with SIGTERM; it must end with status 0
//	hangup                    sends it SIGHUP, and waits until it says what came of it; the file logged has its log
//	arrives ADDRESS N         waits until the account has N messages
//	tells WORDS posthorn …    runs posthorn until it prints the words
//	talk PORT LINE…           connects to $BASE+PORT, sends each line, reads a line after each
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			base, release, err := testserver.LockPorts(2) // demo has two servers
			if err != nil {
				return err
			}
			env.Defer(release)
			env.Setenv("BASE", strconv.Itoa(base))
			env.Setenv("POSTHORN_CONFIG", "mail/posthorn.toml")
			env.Values[processKey{}] = map[string][]*process{}
			return nil
		},
		Condition: configured,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "running": running, "stopped": stopped, "hangup": hangup, "talk": talk, "arrives": arrives, "tells": tells,
		},
	})
}

// configured is the condition [configured]: this machine has a Posthorn of its
// own, which commands find where they are told of none.
func configured(condition string) (bool, error) {
	if condition != "configured" {
		return false, fmt.Errorf("no condition %q", condition)
	}
	_, err := config.Find()
	return err == nil, nil
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if (got == want) == neg {
		ts.Fatalf("exit status %d", got)
	}
}

// process is the server that a script runs.
type process struct {
	*exec.Cmd
	reloads chan string // one for each SIGHUP that it has dealt with
	done    chan error
}

type processKey struct{}

func running(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(lookPath(ts, args[0]), args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "POSTHORN_CONFIG="+ts.Getenv("POSTHORN_CONFIG"))
	out, err := os.CreateTemp("", "posthorn")
	ts.Check(err)
	cmd.Stdout = out
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	p := &process{cmd, make(chan string, 1), make(chan error, 1)}
	ready := make(chan bool, 1)
	var log strings.Builder
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			fmt.Fprintln(&log, lines.Text())
			switch line := lines.Text(); {
			case strings.HasPrefix(line, "posthorn: ready"):
				ready <- true
			case strings.Contains(line, "configuration and certificates read again"), strings.Contains(line, "reload failed"):
				p.reloads <- log.String()
			}
		}
		close(ready)
		p.done <- cmd.Wait()
	}()
	ts.Defer(func() { cmd.Process.Kill(); os.Remove(out.Name()) })
	select {
	case ok := <-ready:
		if !ok {
			ts.Fatalf("the server ended: %s", log.String())
		}
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server does not get ready")
	}
	b, err := os.ReadFile(out.Name())
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("printed"), b, 0o600))
	processes(ts)[ts.Name()] = append(processes(ts)[ts.Name()], p)
}

func lookPath(ts *testscript.TestScript, name string) string {
	for _, dir := range strings.Split(ts.Getenv("PATH"), ":") {
		if _, err := os.Stat(dir + "/" + name); err == nil {
			return dir + "/" + name
		}
	}
	ts.Fatalf("no %s in PATH", name)
	return ""
}

func processes(ts *testscript.TestScript) map[string][]*process {
	m, _ := ts.Value(processKey{}).(map[string][]*process)
	return m
}

func stopped(ts *testscript.TestScript, neg bool, args []string) {
	p := last(ts)
	ts.Check(p.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-p.done:
		ts.Check(err)
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server does not stop")
	}
	all := processes(ts)
	all[ts.Name()] = all[ts.Name()][:len(all[ts.Name()])-1]
}

// last is the process that was started last of those that still run.
func last(ts *testscript.TestScript) *process {
	all := processes(ts)[ts.Name()]
	if len(all) == 0 {
		ts.Fatalf("nothing runs")
	}
	return all[len(all)-1]
}

func hangup(ts *testscript.TestScript, neg bool, args []string) {
	p := last(ts)
	ts.Check(p.Process.Signal(syscall.SIGHUP))
	select {
	case logged := <-p.reloads:
		ts.Check(os.WriteFile(ts.MkAbs("logged"), []byte(logged), 0o600))
	case <-time.After(30 * time.Second):
		ts.Fatalf("the server does not say what came of SIGHUP")
	}
}

// talk is a person at telnet.
func talk(ts *testscript.TestScript, neg bool, args []string) {
	base, _ := strconv.Atoi(ts.Getenv("BASE"))
	offset, err := strconv.Atoi(args[0])
	ts.Check(err)
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", base+offset), 5*time.Second)
	if neg && err != nil {
		return
	}
	ts.Check(err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(conn)
	read := func() string {
		line, err := in.ReadString('\n')
		ts.Check(err)
		return line
	}
	said := read()
	for _, line := range args[1:] {
		fmt.Fprintf(conn, "%s\r\n", line)
		if !strings.HasSuffix(line, "…") {
			said += read()
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs("said"), []byte(said), 0o600))
}

func arrives(ts *testscript.TestScript, neg bool, args []string) {
	until(ts, fmt.Sprintf(`"messages": %s,`, args[1]), "posthorn", "mailbox", "list", "--json", args[0])
}

// tells runs a command until it prints what the first argument says.
func tells(ts *testscript.TestScript, neg bool, args []string) {
	until(ts, args[0], args[1], args[2:]...)
}

func until(ts *testscript.TestScript, want, command string, args ...string) {
	for range 300 {
		ts.Check(ts.Exec(command, args...))
		if strings.Contains(ts.ReadFile("stdout"), want) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("no %q: %s", want, ts.ReadFile("stdout"))
}
