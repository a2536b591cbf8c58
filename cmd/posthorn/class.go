package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"posthorn/internal/class"
	"posthorn/internal/class/page"
	"posthorn/internal/config"
	"posthorn/internal/fault"
	"posthorn/internal/show"
)

const (
	// demoRetry is how long a message waits in the demo for its next attempt: a
	// class looks on.
	demoRetry = 5 * time.Second
	// showPause is waited before each line of a script, so that people can read.
	showPause = 700 * time.Millisecond
)

// classroom is the room of the demo's servers with its page.
type classroom struct {
	room    *class.Room
	servers []*demoServer
	running []*server
}

// page is the page of a class of these servers, for whoever has the token.
func (c *classroom) page(token string) page.Config {
	return page.Config{Room: c.room, Token: token, From: config.Default().Class.From, Mode: "demo", Version: version(), CanReveal: true, Stage: c.stage()}
}

// prepare makes a server ready to be seen, before it starts.
func (c *classroom) prepare(d *demoServer, s *server) {
	d.cfg.Queue.Retry = []config.Duration{config.Duration(demoRetry)}
	s.faults = &fault.Set{Spent: func(f fault.Fault) { c.room.Spent(d.domain, f) }}
	s.tried = c.room.Tried
}

// join shows a server that has started.
func (c *classroom) join(d *demoServer, s *server) (leave func()) {
	c.running = append(c.running, s)
	return c.room.Join(class.Joining{
		Name: d.domain, Tap: s.tap, Store: s.store, Ports: s.ports(), Certificate: s.certificate,
		Faults: s.faults, Switch: func(up bool) error { return s.switchListener("smtp", up) },
	})
}

// openClass prepares the class page of a server, where it is configured. join is
// called when the server has started; its result before the server stops.
func openClass(s *server, w io.Writer) (join func() (leave func())) {
	cfg := s.cfg.Class
	if !cfg.Page {
		return func() func() { return func() {} }
	}
	room, token := class.NewRoom(class.Limits{}), strings.ToLower(rand.Text())
	name := s.cfg.Hostname // in the room, whatever a reload makes of it
	if cfg.Faults {
		s.faults = &fault.Set{Spent: func(f fault.Fault) { room.Spent(name, f) }}
	}
	s.tried = room.Tried
	s.pages = page.New(page.Config{Room: room, Token: token, Hosts: cfg.Hosts, From: cfg.From, Mode: "serve", Version: version()})
	return func() func() {
		leave := room.Join(class.Joining{
			Name: name, Tap: s.tap, Store: s.store, Ports: s.ports(), Certificate: s.certificate, Faults: s.faults,
		})
		fmt.Fprintf(w, "posthorn: the class page is at /#%s of HTTP\n", token)
		return func() { room.Close(); leave() }
	}
}

// ports are the ports that the server listens on, by key of [listen].
func (s *server) ports() map[string]int {
	ports := map[string]int{}
	for _, t := range s.turnstiles {
		if a, ok := t.Addr().(*net.TCPAddr); ok {
			ports[t.key] = a.Port
		}
	}
	return ports
}

// stage is where scripts are played: "alice" is the first server, "bob" the
// second.
func (c *classroom) stage() *show.Stage {
	index := func(name string) (int, error) {
		for i, d := range c.servers {
			if d.user == name {
				return i, nil
			}
		}
		return 0, fmt.Errorf("no server of %q", name)
	}
	person := func(i int) show.Person {
		return show.Person{Address: c.servers[i].address(), Password: c.servers[i].password}
	}
	return &show.Stage{
		Alice: person(0), Bob: person(1), Pause: showPause,
		Dial: func(ctx context.Context, server, port string) (net.Conn, error) {
			i, err := index(server)
			if err != nil {
				return nil, err
			}
			for _, t := range c.running[i].turnstiles {
				if t.key == port {
					return (&net.Dialer{}).DialContext(ctx, "tcp", t.Addr().String())
				}
			}
			return nil, fmt.Errorf("%s has no %s", server, port)
		},
		Arm: func(_ context.Context, server string, f fault.Fault) error {
			i, err := index(server)
			if err != nil {
				return err
			}
			f.Server = c.servers[i].domain
			_, err = c.room.Arm(f)
			return err
		},
		Switch: func(_ context.Context, server string, up bool) error {
			i, err := index(server)
			if err != nil {
				return err
			}
			return c.room.Switch(c.servers[i].domain, up)
		},
		Queue: func(ctx context.Context, server string) ([]string, error) {
			i, err := index(server)
			if err != nil {
				return nil, err
			}
			entries, err := c.running[i].store.QueueEntries(ctx, 0)
			var last []string
			for j := range entries {
				last = append(last, entries[j].LastError)
			}
			return last, err
		},
	}
}
