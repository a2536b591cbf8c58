//go:build attack

package attack

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a next hop that takes everything, and keeps the envelopes.
type sink struct {
	ln net.Listener

	mu    sync.Mutex
	taken []string // "from -> to" for each recipient
	lines []string // that are no commands of SMTP
}

func newSink(t *testing.T) *sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &sink{ln: ln}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go k.serve(conn)
		}
	}()
	t.Cleanup(func() { ln.Close() })
	return k
}

func (k *sink) address() string { return k.ln.Addr().String() }

func (k *sink) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	in := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 sink\r\n")
	from, to := "", []string(nil)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, ":")
		switch strings.ToUpper(strings.Fields(verb + " x")[0]) {
		case "EHLO":
			fmt.Fprint(conn, "250-sink\r\n250-DSN\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n")
			continue
		case "MAIL":
			from, to = rest, nil
		case "RCPT":
			to = append(to, rest)
		case "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
			}
			k.take(from, to)
		case "RSET", "NOOP":
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			k.mu.Lock()
			k.lines = append(k.lines, line)
			k.mu.Unlock()
		}
		fmt.Fprint(conn, "250 ok\r\n")
	}
}

func (k *sink) take(from string, to []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range to {
		k.taken = append(k.taken, from+" -> "+one)
	}
}

// envelopes are those that were taken so far.
func (k *sink) envelopes() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]string{}, k.taken...)
}
