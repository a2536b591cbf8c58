package main

import (
	"io"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/internal/class"
	"posthorn/internal/config"
	"posthorn/internal/explain"
	"posthorn/internal/testserver"
)

// TestShows plays every script of the catalogue on the demo's two servers, as
// the page does: what is shown to a class happens, and every reply code that
// this server can give is provoked.
func TestShows(t *testing.T) {
	room := startDemo(t)
	stage := room.stage()
	stage.Pause = 0
	// Here alice's server takes no password without TLS.
	stage.Offers = func(need string) bool { return need == "tls-only" }
	heard := map[string]bool{}
	for _, c := range explain.Codes() {
		for i := range c.Shows {
			show := &c.Shows[i]
			t.Run(show.ID, func(t *testing.T) {
				said, err := stage.Play(t.Context(), show)
				if err != nil {
					t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
				}
				for _, line := range said {
					if reply, ok := strings.CutPrefix(line, "S: "); ok && len(reply) > 3 {
						heard[reply[:3]] = true
					}
				}
			})
		}
	}
	for _, c := range explain.Codes() {
		if c.Given && !heard[strconv.Itoa(c.Code)] {
			t.Errorf("no script provokes %d", c.Code)
		}
		if len(c.Shows) == 0 && (c.Given || !c.Standard) {
			t.Errorf("%d is not shown", c.Code)
		}
	}
}

// startDemo runs the demo's servers in this process, on ports of their own.
func startDemo(t *testing.T) *classroom {
	base, release, err := testserver.LockPorts(2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	servers := []*demoServer{
		{domain: "crepes.fr", user: "alice", basePort: base},
		{domain: "hamburger.edu", user: "bob", basePort: base + 1000},
	}
	dir := t.TempDir()
	room := &classroom{room: class.NewRoom(class.Limits{}), servers: servers}
	t.Cleanup(room.room.Close)
	for i, d := range servers {
		if err := d.prepare(t.Context(), dir, servers[1-i]); err != nil {
			t.Fatal(err)
		}
	}
	servers[0].cfg.Auth.ClearFrom = nil
	for _, d := range servers {
		s := newServer(d.cfg, newLogger(io.Discard, d.cfg))
		room.prepare(d, s)
		d.cfg.Queue.Retry = []config.Duration{config.Duration(100 * time.Millisecond)}
		if err := s.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.stop(stopTime) })
		t.Cleanup(room.join(d, s))
	}
	return room
}
