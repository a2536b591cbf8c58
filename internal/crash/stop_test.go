//go:build crash

package crash

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// SIGTERM under load: what is under way is answered and kept, clients that
// wait are told, and the process ends in time and well.
func TestStopUnderLoad(t *testing.T) {
	var longest time.Duration
	acked := 0
	for range pick(2, 20) {
		s := newServer(t, t.TempDir(), plain, "alice", "bob")
		s.route("127.0.0.1:1")
		l := &acks{dir: s.Dir}
		s.MustStart()
		smtp := s.waits("smtp", "EHLO client.example", "250 ")
		imap := s.waits("imap", "a LOGIN alice@"+domain+" \""+testserver.Password+"\"", "a OK", "b SELECT INBOX", "b OK", "c IDLE", "+ ")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			s.load(ctx, l, 8, 0, mixed)
		}()
		for l.count() < 50 {
			time.Sleep(time.Millisecond)
		}
		begin := time.Now()
		s.Signal(syscall.SIGTERM)
		if !s.Ended(30*time.Second) || s.Err() != nil {
			t.Fatalf("after %v: %v\n%s", time.Since(begin), s.Err(), s.Log())
		}
		longest = max(longest, time.Since(begin))
		cancel()
		<-ended
		if said := <-smtp; !strings.Contains(said, "421 ") {
			t.Errorf("a waiting SMTP client was told %q", said)
		}
		if said := <-imap; !strings.Contains(said, "* BYE") {
			t.Errorf("an idling IMAP client was told %q", said)
		}
		s.verify(l)
		acked += l.count()
	}
	t.Logf("%d messages acknowledged, 0 lost, the longest stop took %v", acked, longest)
}

// waits connects, talks (lines sent, and beginnings of lines to wait for), and
// then collects what the server says of itself until it closes.
func (s *server) waits(service string, talk ...string) <-chan string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Address(service))
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for i := 0; i < len(talk); i += 2 {
		fmt.Fprintf(conn, "%s\r\n", talk[i])
		for line := ""; !strings.HasPrefix(line, talk[i+1]); {
			if line, err = in.ReadString('\n'); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	said := make(chan string, 1)
	go func() {
		defer conn.Close()
		var b strings.Builder
		in.WriteTo(&b)
		said <- b.String()
	}()
	return said
}
