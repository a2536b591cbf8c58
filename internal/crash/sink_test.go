//go:build crash || powercut

package crash

import (
	"bufio"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"
)

// sink is a next hop that counts what it takes.
type sink struct {
	ln     net.Listener
	refuse bool // every recipient, for good

	gate sync.RWMutex // held: nothing is taken

	mu    sync.Mutex
	taken map[string]int // by Message-ID
	total int
	at    int    // when so many were taken,
	then  func() // this is called, once
}

func newSink(t testing.TB) *sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &sink{ln: ln, taken: map[string]int{}}
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

func (k *sink) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Minute))
	in := bufio.NewReader(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 sink")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(4, len(line))]); verb {
		case "EHLO":
			say("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000")
		case "DATA":
			say("354 go on")
			id, ok := readData(in)
			if !ok {
				return
			}
			k.take(id)
			say("250 taken")
		case "RCPT":
			if k.refuse {
				say("550 5.1.1 nobody here")
			} else {
				say("250 ok")
			}
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (k *sink) take(id string) {
	k.gate.RLock()
	defer k.gate.RUnlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.taken[id]++
	if k.total++; k.total == k.at {
		go k.then()
	}
}

// after has then called when n more were taken.
func (k *sink) after(n int, then func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at, k.then = k.total+n, then
}

// readData reads a message to its end and returns its Message-ID.
func readData(in *bufio.Reader) (id string, ok bool) {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return "", false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	m, err := mail.ReadMessage(strings.NewReader(b.String()))
	if err != nil {
		return "", false
	}
	return m.Header.Get("Message-ID"), true
}

func (k *sink) lines() (lines []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, n := range k.taken {
		for range n {
			lines = append(lines, id+" - x@"+away)
		}
	}
	return lines
}

// tally is how many messages came, and how many came more than once.
func (k *sink) tally() (total, more int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.total, k.total - len(k.taken)
}
