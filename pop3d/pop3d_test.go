package pop3d

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"posthorn/internal/daemontest"
	"posthorn/internal/maillog"
	"posthorn/internal/wire"
)

// client speaks POP3 as most programs do: a line ends at LF.
type client struct {
	t testing.TB
	net.Conn
	*bufio.Reader
}

func (f *fixture) client(args string) *client {
	f.t.Helper()
	conn, err := f.dial(args)
	check(f.t, err)
	return newClient(f.t, conn)
}

func newClient(t testing.TB, conn net.Conn) *client {
	t.Cleanup(func() { conn.Close() })
	c := &client{t, conn, bufio.NewReaderSize(conn, 64<<10)}
	conn.SetDeadline(time.Now().Add(time.Minute))
	c.ok()
	return c
}

func (c *client) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (c *client) line() string {
	c.t.Helper()
	line, err := c.ReadString('\n')
	check(c.t, err)
	return strings.TrimSuffix(line, "\r\n")
}

func (c *client) ok() string {
	c.t.Helper()
	line := c.line()
	if !strings.HasPrefix(line, "+OK") {
		c.t.Fatalf("got %s", line)
	}
	return line
}

func (c *client) do(format string, args ...any) string {
	c.t.Helper()
	fmt.Fprintf(c.Conn, format+"\r\n", args...)
	return c.ok()
}

func (c *client) login(name string) {
	c.t.Helper()
	c.do("USER %s@example.org", name)
	c.do("PASS %s", password)
}

// multiline reads a multi-line response's octets.
func (c *client) multiline(dst []byte) []byte {
	c.t.Helper()
	for begin := true; ; {
		piece, err := c.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			c.t.Fatal(err)
		}
		if begin && piece[0] == '.' {
			if string(piece) == ".\r\n" {
				return dst
			}
			piece = piece[1:]
		}
		dst = append(dst, piece...)
		begin = err == nil
	}
}

// What came in goes out with the same octets, behind its trace.
func TestCorpus(t *testing.T) {
	f := newFixture(t)
	var want [][]byte
	check(t, filepath.WalkDir("../internal/message/testdata/corpus", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		check(t, err)
		check(t, f.deliver("alice", string(b)))
		want = append(want, append([]byte(trace), b...))
		return nil
	}))
	big := bytes.Repeat([]byte("..dots and more dots, line after line.\r\n.\r\n"), 100_000)
	check(t, f.deliver("alice", string(big)))
	want = append(want, append([]byte(trace), big...))
	if len(want) < 200 {
		t.Fatalf("a corpus of %d", len(want))
	}
	c := f.client("")
	c.login("alice")
	for i, octets := range want {
		var n, size int
		fmt.Sscanf(c.do("LIST %d", i+1), "+OK %d %d", &n, &size)
		if size != len(octets) {
			t.Errorf("message %d: LIST says %d octets of %d", i+1, size, len(octets))
		}
		c.do("RETR %d", i+1)
		got := c.multiline(nil)
		if !bytes.HasSuffix(octets, []byte("\r\n")) {
			octets = append(octets, "\r\n"...)
		}
		if !bytes.Equal(got, octets) {
			t.Errorf("message %d is not what was delivered: %d octets of %d", i+1, len(got), len(octets))
		}
		c.do("TOP %d 1000000", i+1)
		if top := c.multiline(nil); !bytes.Equal(top, octets) {
			t.Errorf("TOP of message %d is not all of it: %d octets of %d", i+1, len(top), len(octets))
		}
	}
	c.do("QUIT")
}

func TestSCRAM(t *testing.T) {
	f := newFixture(t)
	for _, pass := range []string{password, "wrong"} {
		c := f.client("")
		sc, err := scram.SHA256.NewClient("alice@example.org", pass, "")
		check(t, err)
		conv := sc.WithMinIterations(1).NewConversation()
		first, err := conv.Step("")
		check(t, err)
		fmt.Fprintf(c, "AUTH SCRAM-SHA-256 %s\r\n", base64.StdEncoding.EncodeToString([]byte(first)))
		var line string
		for line = c.line(); strings.HasPrefix(line, "+ "); line = c.line() {
			challenge, err := base64.StdEncoding.DecodeString(line[2:])
			check(t, err)
			answer, err := conv.Step(string(challenge))
			check(t, err)
			fmt.Fprintf(c, "%s\r\n", base64.StdEncoding.EncodeToString([]byte(answer)))
		}
		if want := map[string]string{password: "+OK alice@", "wrong": "-ERR [AUTH]"}[pass]; !strings.HasPrefix(line, want) {
			t.Errorf("%s: %s", pass, line)
		}
		c.Close()
		f.sessions.Wait()
	}
}

// Whoever has heard the answer to QUIT may log in again.
func TestQuitFreesTheDropFirst(t *testing.T) {
	f := newFixture(t)
	for range 100 {
		c := f.client("")
		c.login("alice")
		c.do("QUIT")
	}
}

// The dots and the end are right wherever the octets are parted.
func TestStuffer(t *testing.T) {
	for in, want := range map[string]string{
		"":                  ".\r\n",
		".\r\n..\r\na.\r\n": "..\r\n...\r\na.\r\n.\r\n",
		"a\r\n.\r\n":        "a\r\n..\r\n.\r\n",
		"a\n.\n":            "a\n..\n\r\n.\r\n",
		"a":                 "a\r\n.\r\n",
		"a\r":               "a\r\r\n.\r\n",
		"\r\n\r\n.":         "\r\n\r\n..\r\n.\r\n",
		".":                 "..\r\n.\r\n",
	} {
		for i := range len(in) + 1 {
			for j := i; j <= len(in); j++ {
				a, b := net.Pipe()
				conn := wire.NewConn(a, &wire.Config{})
				got := make(chan string)
				go func() {
					text, _ := io.ReadAll(b)
					got <- string(text)
				}()
				w := newStuffer(conn, "+OK\r\n", []byte(in[:i]))
				for _, p := range []string{in[i:j], in[j:]} {
					_, err := io.WriteString(w, p)
					check(t, err)
				}
				check(t, w.end())
				conn.Close()
				if s := <-got; s != "+OK\r\n"+want {
					t.Errorf("%q parted at %d and %d: %q", in, i, j, s)
				}
			}
		}
	}
}

// A panic ends its connection alone, and gives the drop back.
func TestPanic(t *testing.T) {
	f := newFixture(t)
	var log bytes.Buffer
	f.wires.Log = maillog.New(slog.New(slog.NewTextHandler(&log, nil)))
	c := f.client("")
	c.login("alice")
	f.srv.cfg.PlainAuth = func(netip.Addr) bool { panic("a bug") }
	fmt.Fprint(c, "CAPA\r\n")
	if rest, _ := io.ReadAll(c); strings.Contains(string(rest), "TOP") {
		t.Errorf("goes on: %q", rest)
	}
	f.sessions.Wait()
	f.srv.cfg.PlainAuth = netip.Addr.IsLoopback
	f.client("").login("alice")
	if !strings.Contains(log.String(), "a bug") {
		t.Error("not logged")
	}
}

// What is damaged never looks whole: it is refused, or, when that shows too
// late, the connection ends without the final dot.
func TestDamaged(t *testing.T) {
	f := newFixture(t)
	f.damaged = true
	check(t, f.deliver("alice", "Subject: small\r\n\r\ntext\r\n"))
	check(t, f.deliver("alice", "Subject: large\r\n\r\n"+strings.Repeat("0123456789abcdef\r\n", 100_000)))
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(f.dir, "posthorn.db"))
	check(t, err)
	defer db.Close()
	// The first octet names the encoding: there is none of that number.
	_, err = db.Exec("UPDATE meta SET header = X'ff00' WHERE content = (SELECT min(content) FROM meta)")
	check(t, err)
	_, err = db.Exec("UPDATE chunks SET data = X'ff00' WHERE key = (SELECT max(key) FROM chunks)")
	check(t, err)
	c := f.client("")
	c.login("alice")
	fmt.Fprint(c, "RETR 1\r\n")
	if line := c.line(); line != "-ERR [SYS/PERM] The message is damaged" {
		t.Errorf("small: %s", line)
	}
	c.do("RETR 2")
	rest, err := io.ReadAll(c)
	if len(rest) < 100_000 || err != nil || bytes.HasSuffix(rest, []byte("\r\n.\r\n")) {
		t.Errorf("large: %d octets, the last %q, %v", len(rest), rest[max(0, len(rest)-10):], err)
	}
}

// Neither the transcript nor the log has a password in it, nor what SCRAM tells
// of its hash.
func TestSecrets(t *testing.T) {
	f := newFixture(t)
	var log bytes.Buffer
	f.srv.cfg.Log = maillog.New(slog.New(slog.NewTextHandler(&log, nil)))
	f.wires.Log = f.srv.cfg.Log
	sub := f.tap.Subscribe(1000)
	const secret = "vErYsEcReT"
	coded := base64.StdEncoding.EncodeToString([]byte("\x00alice@example.org\x00" + secret))
	for _, said := range []string{
		"PASS\r\nSECRET\r\nQUIT\r\n",
		"AUTH NONE\r\nSECRET\r\nQUIT\r\n",
		"AUTH SCRAM-SHA-256 biwsbj1hbGljZUBleGFtcGxlLm9yZyxyPWFiYw==\r\n*\r\nUSER alice@example.org\r\nPASS SECRET\r\nUSER alice@example.org\r\n  pass   SECRET\r\nPASS\tSECRET\r\n" +
			"AUTH PLAIN CODED\r\nauth plain\r\nCODED\r\nAUTH LOGIN\r\nYWxpY2U=\r\nCODED\r\nAUTH  PLAIN   CODED\r\nQUIT\r\n",
	} {
		c := f.client("")
		go io.WriteString(c, strings.NewReplacer("SECRET", secret, "CODED", coded).Replace(said))
		io.Copy(io.Discard, c)
	}
	f.sessions.Wait()
	sub.Close()
	seen := daemontest.Transcript(sub)
	for what, text := range map[string]string{"transcript": seen, "log": log.String()} {
		if strings.Contains(text, secret) || strings.Contains(text, coded) || strings.Contains(text, "cj1hYm") { // "r=ab"
			t.Errorf("%s: %s", what, text)
		}
		if !strings.Contains(text, "alice@example.org") {
			t.Errorf("%s: %s", what, text)
		}
	}
}

// listen runs the daemon on a loopback socket.
func (f *fixture) listen(ws *wire.Server) (addr string, served chan error) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	check(f.t, err)
	ln := ws.Listener(inner, &f.wires)
	served = make(chan error, 1)
	go func() { served <- f.srv.Serve(ln) }()
	return inner.Addr().String(), served
}

func dialTCP(t testing.TB, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	return newClient(t, conn)
}

func TestServe(t *testing.T) {
	f := newFixture(t)
	f.wires.Limits = wire.Limits{PerAddress: 2, PerAccount: 1, LoopbackToo: true}
	ws := wire.NewServer()
	addr, served := f.listen(ws)
	a, b := dialTCP(t, addr), dialTCP(t, addr)
	conn, err := net.Dial("tcp", addr)
	check(t, err)
	if line, _ := bufio.NewReader(conn).ReadString('\n'); line != "-ERR [SYS/TEMP] Too many connections from you: try again later\r\n" {
		t.Errorf("the third was told %q", line)
	}
	conn.Close()
	a.login("alice")
	b.do("USER alice@example.org")
	fmt.Fprintf(b, "PASS %s\r\n", password)
	if line := b.line(); line != "-ERR [SYS/TEMP] Too many connections of yours: try again later" {
		t.Errorf("the second of the account was told %q", line)
	}
	if _, err := b.ReadByte(); err != io.EOF {
		t.Error("and is still there")
	}
	go ws.Shutdown(nil)
	if line := a.line(); line != "-ERR [SYS/TEMP] The server is going down: try again later" {
		t.Errorf("at shutdown %q", line)
	}
	check(t, <-served)
}

// Serve takes nothing but a wire.Server's connections.
func TestServePlainListener(t *testing.T) {
	f := newFixture(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	conn, err := net.Dial("tcp", ln.Addr().String())
	check(t, err)
	defer conn.Close()
	if err := f.srv.Serve(ln); err == nil {
		t.Error("served")
	}
}

// Whatever a client sends, the session neither panics nor hangs, answers in
// POP3's form, and deletes nothing but by QUIT.
func FuzzSession(f *testing.F) {
	login := "USER alice@example.org\r\nPASS " + password + "\r\n"
	for _, s := range []string{
		"", "CAPA\r\nQUIT\r\n", login + "STAT\r\nLIST\r\nUIDL\r\nLIST 1\r\nDELE 1\r\nRSET\r\n", login + "RETR 1\r\nTOP 2 1\r\nDELE 2\r\n",
		"AUTH PLAIN\r\n*\r\nAUTH LOGIN =\r\n\r\n", "STLS\r\nUSER x\r\n", login + "DELE 1\r\nQUIT", "LANG\r\nUTF8\r\nUSER \xff\r\n", "GET / HTTP/1.1\r\n",
		"USER " + strings.Repeat("x", 5000) + "\r\nNOOP\r\n", login + "TOP 1 99999999999\r\nRETR -1\r\nLIST 1 1\r\n", "\x16\x03\x01\x00",
	} {
		f.Add([]byte(s))
	}
	fix := newFixture(f)
	var log daemontest.Output
	fix.srv.cfg.Log = maillog.New(slog.New(slog.NewTextHandler(&log, nil)))
	fix.wires.Log = fix.srv.cfg.Log
	for range 2 {
		check(f, fix.deliver("alice", "Subject: x\r\n\r\n.text\n.\r\n"))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		fix.t = t
		b, a := daemontest.Pipe("127.0.0.1:1000")
		conn := wire.NewConn(a, &fix.wires)
		var wg sync.WaitGroup
		wg.Go(func() { fix.srv.serveConn(context.Background(), conn) })
		var out []byte
		wg.Go(func() { out, _ = io.ReadAll(b) })
		b.SetDeadline(time.Now().Add(time.Minute))
		b.Write(in)
		quits := bytes.Contains(bytes.ToUpper(in), []byte("QUIT"))
		time.AfterFunc(time.Millisecond, func() { b.Close() })
		wg.Wait()
		if s := log.Take(); strings.Contains(s, "panic") {
			t.Fatal(s)
		}
		if !bytes.HasPrefix(out, []byte("+OK localhost")) {
			t.Fatalf("greeting: %q", out)
		}
		switch n := fix.inbox("alice").Messages; {
		case n < 2 && !quits:
			t.Fatal("deleted without QUIT")
		case n < 2:
			for ; n < 2; n++ {
				check(t, fix.deliver("alice", "Subject: x\r\n\r\n.text\n.\r\n"))
			}
		}
	})
}

// Whole sessions over eight connections: log in, list, fetch everything, quit.
func BenchmarkSessions(b *testing.B) {
	const accounts, each, size = 8, 250, 20_000
	f := newFixture(b)
	cred := daemontest.Credential(b, password)
	line := strings.Repeat("x", 76) + "\r\n"
	text := "Subject: benchmark\r\n\r\n" + strings.Repeat(line, size/len(line))
	for i := range accounts {
		_, err := f.store.AddAccount(context.Background(), address1(i), credentials(cred))
		check(b, err)
		for range each {
			check(b, f.deliver(fmt.Sprintf("user%d", i), text))
		}
	}
	ws := wire.NewServer()
	addr, served := f.listen(ws)
	b.SetBytes(size)
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range accounts {
		wg.Go(func() {
			var buf []byte
			for left := b.N / accounts; left >= 0; left -= each {
				c := dialTCP(b, addr)
				c.login(fmt.Sprintf("user%d", i))
				c.do("UIDL")
				buf = c.multiline(buf[:0])
				for n := range min(left, each) {
					c.do("RETR %d", n+1)
					buf = c.multiline(buf[:0])
				}
				c.do("QUIT")
				c.Close()
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
	ws.Shutdown(nil)
	check(b, <-served)
}
