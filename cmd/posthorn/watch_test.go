package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"

	"posthorn/internal/class"
)

// watcher is posthorn watch, run in this process.
type watcher struct {
	t      *testing.T
	out    *bufio.Scanner
	cancel context.CancelFunc
	status chan int
}

// startWatch runs posthorn watch and waits until it sees what the server does.
func startWatch(t *testing.T, config string, args ...string) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, toOut := io.Pipe()
	errs, toErrs := io.Pipe()
	w := &watcher{t, bufio.NewScanner(out), cancel, make(chan int, 1)}
	go func() {
		w.status <- run(ctx, append([]string{"posthorn", "watch", "-c", config}, args...), strings.NewReader(""), toOut, toErrs)
		toOut.Close()
		toErrs.Close()
	}()
	said := bufio.NewScanner(errs)
	if !said.Scan() || !strings.HasPrefix(said.Text(), "posthorn: watching ") {
		t.Fatalf("watch says %q", said.Text())
	}
	go io.Copy(io.Discard, errs)
	return w
}

// until returns what is printed up to the line that holds the words.
func (w *watcher) until(words string) string {
	w.t.Helper()
	var b strings.Builder
	for w.out.Scan() {
		fmt.Fprintln(&b, w.out.Text())
		if strings.Contains(w.out.Text(), words) {
			return b.String()
		}
	}
	w.t.Fatalf("no %q in\n%s", words, b.String())
	return ""
}

func (w *watcher) stop() {
	w.t.Helper()
	w.cancel()
	for w.out.Scan() { // what it still has to say
	}
	if status := <-w.status; status != exitOK {
		w.t.Errorf("watch ends with status %d", status)
	}
}

// say holds a session with a listener of a demo server.
func say(t *testing.T, s *server, key string, lines ...string) {
	t.Helper()
	for _, turnstile := range s.turnstiles {
		if turnstile.key != key {
			continue
		}
		conn, err := net.Dial("tcp", turnstile.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for _, line := range append([]string{""}, lines...) {
			if line != "" {
				fmt.Fprintf(conn, "%s\r\n", line)
			}
			if _, err := in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	t.Fatalf("no %s", key)
}

func TestWatch(t *testing.T) {
	room := startDemo(t)
	alice, bob := room.servers[0], room.servers[1]
	config := bob.cfg.File()
	plain, raw := startWatch(t, config, "--protocol", "pop3"), startWatch(t, config, "--user", "BOB@hamburger.edu", "--json")
	say(t, room.running[1], "smtp", "HELO crepes.fr", "QUIT")
	say(t, room.running[1], "pop3", "USER "+alice.address(), "PASS wrong", "QUIT")
	say(t, room.running[1], "pop3", "USER "+bob.address(), "PASS "+bob.password, "STAT", "QUIT")
	got := plain.until("closed")
	got += plain.until("closed")
	if strings.Contains(got, "HELO") || strings.Contains(got, bob.password) || strings.Contains(got, "\x1b") {
		t.Errorf("watch --protocol pop3 prints\n%s", got)
	}
	for _, want := range []string{` C: PASS \*+\n`, ` -- logged in as bob@hamburger.edu\n`, ` -- the mailbox of bob@hamburger.edu is this session's: 1 messages, \d+ octets\n`, ` S: \+OK 1 \d+\n`} {
		if !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	lines := raw.until(`"kind":"close"`)
	for line := range strings.Lines(lines) {
		var e class.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Server != "hamburger.edu" {
			t.Errorf("%q: %v", line, err)
		}
	}
	if strings.Contains(lines, "alice") || !strings.Contains(lines, `"kind":"open"`) || !strings.Contains(lines, `"kind":"note"`) {
		t.Errorf("watch --user prints\n%s", lines)
	}
	plain.stop()
	raw.stop()
}

func TestWatchRefuses(t *testing.T) {
	room := startDemo(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--protocol", "ftp"}, "no protocol"},
		{[]string{"more"}, "unexpected"},
	} {
		var said bytes.Buffer
		status := run(t.Context(), append([]string{"posthorn", "watch", "-c", room.servers[0].cfg.File()}, c.args...), nil, io.Discard, &said)
		if status != exitUsage || !strings.Contains(said.String(), c.says) {
			t.Errorf("%q: %d, %s", c.args, status, said.String())
		}
	}
	var watching []*watcher
	for range 8 {
		watching = append(watching, startWatch(t, room.servers[0].cfg.File()))
	}
	var said bytes.Buffer
	if status := run(t.Context(), []string{"posthorn", "watch", "-c", room.servers[0].cfg.File()}, nil, io.Discard, &said); status != exitFailed {
		t.Errorf("one too many watches: %d, %s", status, said.String())
	}
	for _, w := range watching {
		w.stop()
	}
}
