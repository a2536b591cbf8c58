package testserver

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

// Hangup is a reply of Sink.Reply's that closes the connection instead.
const Hangup = "hang up"

// Sink is a next hop that counts what it takes. Its fields must be set before
// the first connection.
type Sink struct {
	// Reply, when set, is asked what to answer to a line; empty: as usual. A
	// message's end is the line ".".
	Reply func(line string) string
	// Taken, when set, is called for each message before it is answered.
	Taken func(id string)

	ln    net.Listener
	mu    sync.Mutex
	taken map[string]int // by Message-ID and recipient, as a line of "check --relayed"
	total int
	ids   map[string]bool
}

// NewSink listens on a port of IPv4's loopback until the test's end.
func NewSink(t testing.TB) *Sink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Sink{ln: ln, taken: map[string]int{}, ids: map[string]bool{}}
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

// Address is host:port.
func (k *Sink) Address() string { return k.ln.Addr().String() }

func (k *Sink) serve(conn net.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Minute))
	in := bufio.NewReader(conn)
	var to []string
	fmt.Fprint(conn, "220 sink\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		reply := k.reply(line)
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case verb == "RCPT" && strings.HasPrefix(reply, "250"):
			to = append(to, strings.Trim(strings.Fields(line[len("RCPT TO:"):])[0], "<>"))
		case verb == "MAIL" || verb == "RSET":
			to = nil
		case verb == "DATA" && len(to) == 0:
			reply = "554 5.5.1 no recipients"
		case verb == "DATA" && strings.HasPrefix(reply, "354"):
			fmt.Fprintf(conn, "%s\r\n", reply)
			id, ok := readData(in)
			if !ok {
				return
			}
			if reply = k.reply("."); strings.HasPrefix(reply, "250") {
				k.take(id, to)
			}
			to = nil
		}
		if reply == Hangup {
			return
		}
		fmt.Fprintf(conn, "%s\r\n", reply)
		if verb == "QUIT" {
			return
		}
	}
}

func (k *Sink) reply(line string) string {
	if k.Reply != nil {
		if reply := k.Reply(line); reply != "" {
			return reply
		}
	}
	switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
	case "EHLO":
		return "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000"
	case "DATA":
		return "354 go on"
	case "QUIT":
		return "221 bye"
	}
	return "250 ok"
}

func (k *Sink) take(id string, to []string) {
	if k.Taken != nil {
		k.Taken(id)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.total++
	k.ids[id] = true
	for _, recipient := range to {
		k.taken[id+" - "+recipient]++
	}
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

// Lines are what was taken, for "posthorn check --relayed".
func (k *Sink) Lines() (lines []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for line, n := range k.taken {
		for range n {
			lines = append(lines, line)
		}
	}
	return lines
}

// Tally is how many messages were taken, and how many of them were there
// already.
func (k *Sink) Tally() (total, more int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.total, k.total - len(k.ids)
}
