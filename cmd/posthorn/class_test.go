package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"posthorn/internal/class"
)

// TestClassOfOneServer: serve shows the page where that is configured, and
// only there; nothing that is masked, and faults only if they are allowed.
func TestClassOfOneServer(t *testing.T) {
	d := oneServer(t)
	for _, c := range []struct{ page, faults bool }{{false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprintf("page %v faults %v", c.page, c.faults), func(t *testing.T) {
			d.cfg.Class.Page, d.cfg.Class.Faults = c.page, c.faults
			s := newServer(d.cfg, newLogger(io.Discard, d.cfg))
			var said bytes.Buffer
			join := openClass(s, &said)
			if err := s.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer s.stop(stopTime)
			leave := join()
			defer leave()
			address := ""
			for _, turnstile := range s.turnstiles {
				if turnstile.key == "http" && turnstile.Addr().(*net.TCPAddr).IP.To4() != nil {
					address = turnstile.Addr().String()
				}
			}
			resp, err := http.Get("http://" + address + "/state")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if !c.page {
				if resp.StatusCode != http.StatusNotFound || s.faults != nil || said.Len() > 0 {
					t.Errorf("the page is there: %d, %v, %q", resp.StatusCode, s.faults, said.String())
				}
				return
			}
			var state class.State
			if err := json.NewDecoder(resp.Body).Decode(&state); err != nil {
				t.Fatal(err)
			}
			if state.Mode != "serve" || state.CanReveal || (len(state.FaultKinds) > 0) != c.faults || len(state.Servers) != 1 {
				t.Errorf("%+v", state)
			}
			token := regexp.MustCompile(`#(\S+) `).FindStringSubmatch(said.String())
			for path, want := range map[string]int{
				"reveal {\"on\":true}": 403, "server {\"server\":\"crepes.fr\",\"up\":false}": 403,
				"fault {\"arm\":{\"protocol\":\"imap\",\"kind\":\"bye\"}}": map[bool]int{true: 200, false: 403}[c.faults],
			} {
				path, body, _ := strings.Cut(path, " ")
				r, _ := http.NewRequest("POST", "http://"+address+"/"+path, strings.NewReader(body))
				r.Header.Set("X-Posthorn-Token", token[1])
				r.Header.Set("Content-Type", "application/json")
				resp, err := http.DefaultClient.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				if resp.Body.Close(); resp.StatusCode != want {
					t.Errorf("POST %s: %d, want %d", path, resp.StatusCode, want)
				}
			}
		})
	}
}

// TestServerDown: a server that is switched off refuses; the mail for it waits,
// with the attempts and why they failed, and arrives when it is back.
func TestServerDown(t *testing.T) {
	room := startDemo(t)
	if err := room.room.Switch("hamburger.edu", false); err != nil {
		t.Fatal(err)
	}
	var address string
	for _, turnstile := range room.running[1].turnstiles {
		if turnstile.key == "smtp" {
			address = turnstile.Addr().String()
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				t.Errorf("%s takes connections", address)
			}
		}
	}
	var said bytes.Buffer
	status := run(t.Context(), []string{"posthorn", "send", "-c", room.servers[0].cfg.File(), "--from", "alice@crepes.fr",
		"--password-file", strings.TrimSuffix(room.servers[0].cfg.File(), "posthorn.toml") + "password", "--subject", "Lunch", "bob@hamburger.edu"},
		strings.NewReader("Do you like ketchup?\n"), io.Discard, &said)
	if status != exitOK {
		t.Fatal(said.String())
	}
	event := func(wanted func(e *class.Event) bool) {
		t.Helper()
		found := io.EOF
		err := room.room.Lines(t.Context(), 0, func(lines []byte) error {
			for line := range bytes.Lines(lines) {
				var e class.Event
				if err := json.Unmarshal(line, &e); err != nil {
					return err
				}
				if wanted(&e) {
					return found
				}
			}
			return nil
		})
		if err != found {
			t.Fatal(err)
		}
	}
	event(func(e *class.Event) bool {
		return e.Queue != nil && e.Queue.Attempt.Result == "later" && strings.Contains(e.Queue.Attempt.Text, "refused")
	})
	state, err := room.room.State(t.Context())
	if err != nil || state.Servers[1].Up || len(state.Servers[0].Queue) != 1 || len(state.Servers[0].Queue[0].History) == 0 {
		t.Errorf("%+v, %v", state.Servers, err)
	}
	if err := room.room.Switch("hamburger.edu", true); err != nil {
		t.Fatal(err)
	}
	event(func(e *class.Event) bool { return e.Queue != nil && e.Queue.Attempt.Result == "relayed" })
	event(func(e *class.Event) bool {
		return e.Note != nil && e.Note.Kind == "delivered" && e.Note.Account == "bob@hamburger.edu"
	})
}
