package imapd

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"posthorn/internal/wire"
)

// dialTCP connects over a real socket.
func (f *fixture) dialTCP() *net.TCPConn {
	f.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(f.t, err)
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	check(f.t, err)
	server, err := ln.Accept()
	check(f.t, err)
	f.ln.give(wire.NewConn(server, &f.wires))
	return client.(*net.TCPConn)
}

// TestLeaving: a command whose client goes away is interrupted; one that only
// has no more to say is told that the work goes on, and gets its answer.
func TestLeaving(t *testing.T) {
	f := newFixture(t)
	began, asked, ended := make(chan bool), make(chan bool), make(chan error, 2)
	slow := func(wait func(ctx context.Context)) command {
		return command{in: selected, run: func(s *session, d *decoder) error {
			_, done := s.working(1)
			began <- true
			wait(s.ctx)
			done()
			ended <- s.lost
			return s.ctx.Err()
		}}
	}
	f.srv.commands["ENDLESS"] = slow(func(ctx context.Context) { <-ctx.Done() })
	f.srv.commands["SLOW"] = slow(func(context.Context) { <-asked })
	const login = `a LOGIN alice@example.org "` + password + "\"\r\nb SELECT INBOX\r\n"

	gone := f.dialTCP()
	io.WriteString(gone, login+"c ENDLESS\r\nd CREATE later\r\n")
	<-began
	gone.Close()
	if err := <-ended; err != errGone {
		t.Errorf("where the client is gone: %v", err)
	}

	silent := f.dialTCP()
	defer silent.Close()
	io.WriteString(silent, login+"c SLOW\r\nd CREATE later\r\n")
	<-began
	check(t, silent.CloseWrite())
	r := bufio.NewReader(silent)
	for line := ""; !strings.HasPrefix(line, "d OK"); {
		var err error
		line, err = r.ReadString('\n')
		check(t, err)
		if strings.Contains(line, "* OK [INPROGRESS") {
			close(asked)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("where it is silent: %v", err)
	}
	if line, err := r.ReadString('\n'); err != io.EOF {
		t.Errorf("after the end: %q, %v", line, err)
	}
}
