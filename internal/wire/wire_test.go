package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"

	"posthorn/internal/maillog"
)

// pipe makes a Conn over a pipe, and the client's end of it.
func pipe(t testing.TB, cfg *Config) (*Conn, net.Conn) {
	t.Helper()
	a, b := net.Pipe()
	t.Cleanup(func() { a.Close(); b.Close() })
	return NewConn(a, cfg), b
}

// socket makes a Conn over a loopback socket, and the client's end of it.
func socket(t testing.TB, cfg *Config) (*Conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sock, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); sock.Close() })
	return NewConn(sock, cfg), client
}

// each runs a test over a pipe, a socket, and TLS on a socket.
func each(t *testing.T, cfg Config, test func(t *testing.T, c *Conn, client net.Conn)) {
	t.Run("pipe", func(t *testing.T) {
		c, client := pipe(t, &cfg)
		test(t, c, client)
	})
	t.Run("socket", func(t *testing.T) {
		c, client := socket(t, &cfg)
		test(t, c, client)
	})
	t.Run("tls", func(t *testing.T) {
		server, roots := testTLS(t)
		cfg.TLS, cfg.Implicit = server, true
		c, client := socket(t, &cfg)
		test(t, c, roots.client(client))
	})
}

// logged is a log that can be read.
type logged struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.String()
}

func newLog() (*maillog.Log, *logged) {
	l := &logged{}
	return maillog.New(slog.New(slog.NewTextHandler(l, nil))), l
}

func TestReadLine(t *testing.T) {
	each(t, Config{Protocol: "pop3"}, func(t *testing.T, c *Conn, client net.Conn) {
		go func() {
			io.WriteString(client, "NOOP\r\nlone\n\r\n"+strings.Repeat("x", 20)+"\r\nafter\r\nexactly-10\r\na\rb\r\nhalf")
			client.Close()
		}()
		steps := []struct {
			line string
			lf   bool
			err  error
		}{
			{"NOOP", false, nil}, {"lone", true, nil}, {"", false, nil},
			{"xxxxxxxxxx", false, ErrLineTooLong}, {"xxxxxxxxxx", false, ErrLineTooLong},
			{"discard", false, nil},
			{"after", false, nil}, {"exactly-10", false, nil}, {"a\rb", false, nil},
			{"", false, io.ErrUnexpectedEOF}, {"", false, io.ErrUnexpectedEOF},
		}
		for _, want := range steps {
			if want.line == "discard" {
				if err := c.DiscardLine(100); err != nil {
					t.Fatal(err)
				}
				continue
			}
			line, lf, err := c.ReadLine(10)
			if string(line) != want.line || lf != want.lf || err != want.err {
				t.Errorf("got %q %v %v, want %+v", line, lf, err, want)
			}
		}
	})
}

// Lines of every length round the sizes of the buffers, in pieces.
func TestReadLineLengths(t *testing.T) {
	each(t, Config{Protocol: "smtp"}, func(t *testing.T, c *Conn, client net.Conn) {
		var lengths []int
		for _, n := range []int{0, smallBuffer, lineBuffer, dataBuffer, 2 * dataBuffer} {
			for d := -3; d <= 3; d++ {
				lengths = append(lengths, max(n+d, 0))
			}
		}
		go func() {
			for _, n := range lengths {
				io.WriteString(client, strings.Repeat("y", n))
				io.WriteString(client, "\r\n")
			}
			client.Close()
		}()
		for _, n := range lengths {
			line, _, err := c.ReadLine(3 * dataBuffer)
			if err != nil || len(line) != n || strings.Trim(string(line), "y") != "" {
				t.Fatalf("length %d: got %d octets, %v", n, len(line), err)
			}
		}
		if _, _, err := c.ReadLine(10); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

func TestDiscardLineBound(t *testing.T) {
	c, client := pipe(t, &Config{Protocol: "pop3"})
	go io.WriteString(client, strings.Repeat("x", 1000)+"\r\n")
	if _, _, err := c.ReadLine(10); err != ErrLineTooLong {
		t.Fatal(err)
	}
	if err := c.DiscardLine(500); err != ErrLineTooLong {
		t.Errorf("a line longer than the bound: %v", err)
	}
}

func TestFill(t *testing.T) {
	each(t, Config{Protocol: "imap"}, func(t *testing.T, c *Conn, client net.Conn) {
		literal := strings.Repeat("0123456789", 10000)
		go func() {
			io.WriteString(client, "a APPEND {100000}\r\n"+literal+" ()\r\nb\r\nDATA")
			client.Close()
		}()
		line, _, err := c.ReadLine(100)
		if err != nil || string(line) != "a APPEND {100000}" {
			t.Fatalf("%q %v", line, err)
		}
		c.SetPhase(Data)
		var got []byte
		for len(got) < 60000 {
			p, err := c.Fill()
			if err != nil {
				t.Fatal(err)
			}
			n := min(len(p), 60000-len(got), 777)
			got = append(got, p[:n]...)
			c.Consume(n)
		}
		if string(got) != literal[:60000] {
			t.Error("the literal has changed")
		}
		if err := c.Discard(40000); err != nil {
			t.Fatal(err)
		}
		c.SetPhase(Login)
		for _, want := range []string{" ()", "b"} {
			if line, _, err := c.ReadLine(100); string(line) != want || err != nil {
				t.Errorf("got %q %v", line, err)
			}
		}
		c.SetPhase(Data)
		if err := c.Discard(5); err != io.ErrUnexpectedEOF {
			t.Errorf("an incomplete body: %v", err)
		}
		if _, err := c.Fill(); err != io.ErrUnexpectedEOF {
			t.Errorf("a body without its end looks complete: %v", err)
		}
	})
}

// countWrites counts what goes to the socket.
type countWrites struct {
	net.Conn
	n int
}

func (c *countWrites) Write(p []byte) (int, error) {
	c.n++
	return c.Conn.Write(p)
}

func TestWritesGather(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	count := &countWrites{Conn: a}
	c := NewConn(count, &Config{Protocol: "imap"})
	got := make(chan string)
	go func() {
		io.WriteString(b, "one\r\ntwo\r\nthree\r\n")
		r := bufio.NewReader(b)
		s, _ := r.ReadString('!')
		io.WriteString(b, "go\r\n")
		rest, _ := io.ReadAll(r)
		got <- s + string(rest)
	}()
	for range 3 {
		if _, _, err := c.ReadLine(100); err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "answer\r\n")
	}
	if count.n != 0 {
		t.Errorf("%d writes while commands were waiting", count.n)
	}
	io.WriteString(c, "!")
	c.ReadLine(100) // must flush, or the client never goes on
	if count.n != 1 {
		t.Errorf("%d writes before the read", count.n)
	}
	big := strings.Repeat("z", 3*dataBuffer)
	io.WriteString(c, "left")
	io.WriteString(c, big)
	c.Close()
	if s := <-got; s != "answer\r\nanswer\r\nanswer\r\n!left"+big {
		t.Errorf("got %d octets", len(s))
	}
	if _, err := io.WriteString(c, "x"); err == nil {
		t.Error("wrote to a closed connection")
	}
}

func TestWriteErrorEndsReads(t *testing.T) {
	c, client := pipe(t, &Config{Protocol: "imap"})
	go func() {
		io.WriteString(client, "a\r\n")
		client.Close()
	}()
	if _, _, err := c.ReadLine(10); err != nil {
		t.Fatal(err)
	}
	io.WriteString(c, "into the void\r\n")
	_, _, err := c.ReadLine(10)
	if err == nil || err == io.EOF {
		t.Errorf("the lost answer was not noticed: %v", err)
	}
	if _, _, again := c.ReadLine(10); again != err {
		t.Errorf("not latched: %v", again)
	}
}

// A client that closes its half after a last command still gets the answer.
func TestHalfClose(t *testing.T) {
	c, client := socket(t, &Config{Protocol: "pop3"})
	io.WriteString(client, "QUIT\r\n")
	client.(*net.TCPConn).CloseWrite()
	if _, _, err := c.ReadLine(10); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadLine(10); err != io.EOF {
		t.Fatal(err)
	}
	c.Hangup("+OK bye")
	if s, _ := io.ReadAll(client); string(s) != "+OK bye\r\n" {
		t.Errorf("got %q", s)
	}
}

// Unread octets must not turn the last words into a reset.
func TestHangupLingers(t *testing.T) {
	c, client := socket(t, &Config{Protocol: "smtp"})
	sent := make(chan bool)
	go func() {
		io.WriteString(client, strings.Repeat("x", 200<<10)+"\r\n")
		close(sent)
	}()
	if _, _, err := c.ReadLine(1000); err != ErrLineTooLong {
		t.Fatal(err)
	}
	go c.Hangup("500 Line too long")
	<-sent
	if s, err := io.ReadAll(client); string(s) != "500 Line too long\r\n" || err != nil {
		t.Errorf("got %q, %v", s, err)
	}
}

func TestRecover(t *testing.T) {
	log, text := newLog()
	c, client := pipe(t, &Config{Protocol: "imap", Log: log})
	serve := func() (err error) {
		defer c.Recover(&err)
		io.WriteString(c, "* half an ans")
		panic("a bug")
	}
	if err := serve(); err != net.ErrClosed {
		t.Errorf("got %v", err)
	}
	if s, _ := io.ReadAll(client); len(s) > 0 {
		t.Errorf("said %q", s)
	}
	if _, _, err := c.ReadLine(10); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the connection lives on: %v", err)
	}
	if s := text.String(); !strings.Contains(s, "a bug") || !strings.Contains(s, "TestRecover") || !strings.Contains(s, c.ID()) {
		t.Errorf("log: %s", s)
	}
}

func TestForeignProtocol(t *testing.T) {
	for _, c := range []struct {
		line    string
		foreign bool
	}{
		{"GET / HTTP/1.1", true}, {"get /index.html", true}, {"POST /x HTTP/1.0", true}, {"CONNECT mail:25 HTTP/1.1", true},
		{"OPTIONS * HTTP/1.1", true}, {"PRI * HTTP/2.0", true}, {"PUT http://a/ HTTP/1.1", true},
		{"PROPFIND / HTTP/1.1", true}, {"ehlo / http/1.0", true}, {"a LOGIN b HTTP/1.1", true}, {"a HTTP/", false}, {"MAIL FROM:<a@HTTP/1>", false},
		{"SSH-2.0-OpenSSH_9", true}, {"\x16\x03\x01\x02\x00\x01", true},
		{"EHLO x", false}, {"USER GET", false}, {"GET LOGIN a b", false}, {"PUT NOOP", false}, {"", false}, {"GET", false},
		{"DELETE 1", false}, {"\x16", false}, {"HEAD ", false},
	} {
		if got := ForeignProtocol([]byte(c.line)); got != c.foreign {
			t.Errorf("%q: %v", c.line, got)
		}
	}
}

// A TLS client on a port that speaks clear text waits for an answer without
// ever sending a line: it must be noticed at once.
func TestHandshakeInClear(t *testing.T) {
	server, roots := testTLS(t)
	c, client := socket(t, &Config{Protocol: "imap", TLS: server})
	go roots.client(client).Handshake()
	line, _, err := c.ReadLine(1000)
	if err != nil || !ForeignProtocol(line) {
		t.Errorf("%q %v", line, err)
	}
	c.Hangup("")
}

func FuzzReadLine(f *testing.F) {
	f.Add([]byte("NOOP\r\nQUIT\n"), uint8(10), uint8(3))
	f.Add(bytes.Repeat([]byte("x"), 200), uint8(50), uint8(64))
	f.Add([]byte("a\r\r\nb\n\r\n\x16\x03"), uint8(2), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, limit, piece uint8) {
		c, client := pipe(t, &Config{Protocol: "pop3"})
		go func() {
			for p := range bytesIn(in, int(piece)+1) {
				client.Write(p)
			}
			client.Close()
		}()
		want := in
		for {
			line, lf, err := c.ReadLine(int(limit))
			if bytes.HasPrefix(want, line) == false {
				t.Fatalf("%q is not at the beginning of %q", line, want)
			}
			switch {
			case err == ErrLineTooLong:
				if len(line) != int(limit) {
					t.Fatalf("%d octets of a line of more than %d", len(line), limit)
				}
				i := bytes.IndexByte(want, '\n')
				if err := c.DiscardLine(1 << 20); (err == nil) != (i >= 0) {
					t.Fatalf("discard: %v", err)
				}
				want = want[i+1:]
				if i < 0 {
					return
				}
				continue
			case err == io.EOF && len(want) != 0, err == io.ErrUnexpectedEOF && (len(want) == 0 || bytes.Contains(want, []byte("\n"))):
				t.Fatalf("%v with %q left", err, want)
			case err != nil:
				return
			case len(in) == len(want) && ForeignProtocol(line) && line[0] == 0x16:
				return
			case lf:
				want = bytes.TrimPrefix(want[len(line):], []byte("\n"))
			default:
				want = bytes.TrimPrefix(want[len(line):], []byte("\r\n"))
			}
			if len(line) > int(limit) {
				t.Fatalf("line of %d octets, not %d", len(line), limit)
			}
		}
	})
}

// bytesIn yields b in pieces.
func bytesIn(b []byte, size int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}
