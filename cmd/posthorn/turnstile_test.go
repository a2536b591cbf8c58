package main

import (
	"io"
	"net"
	"sync"
	"testing"
)

// TestTurnstile changes generations under a stream of connections: each is
// served by one of them, none is lost.
func TestTurnstile(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ts := newTurnstile(socket{"smtp", ln}, newRoom(), nil)
	serve := func(g *gate) {
		for {
			c, err := g.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "hello\n")
			c.Close()
		}
	}
	old := ts.open()
	go serve(old)
	go ts.run()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 50 {
				c, err := net.Dial("tcp", ln.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				if b, err := io.ReadAll(c); string(b) != "hello\n" {
					t.Errorf("got %q, %v", b, err)
				}
				c.Close()
			}
		})
	}
	for range 20 {
		g := ts.open()
		go serve(g)
		old.Close()
		old = g
	}
	clients.Wait()
	ts.close()
	old.Close()
}
