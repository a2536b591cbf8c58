package wire

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// flateClient speaks compressed, with the standard library's encoder.
type flateClient struct {
	net.Conn
	mu sync.Mutex // held while w writes
	w  *flate.Writer
	r  io.Reader
}

func newFlateClient(c net.Conn) *flateClient {
	w, _ := flate.NewWriter(c, flate.BestSpeed)
	return &flateClient{Conn: c, w: w, r: flate.NewReader(c)}
}

func (c *flateClient) say(text string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := io.WriteString(c.w, text); err != nil {
		return err
	}
	return c.w.Flush()
}

// deflatedPair is a compressed connection and its client.
func deflatedPair(t testing.TB, times Timeouts) (*Conn, *flateClient) {
	t.Helper()
	client, server := net.Pipe()
	c := NewConn(server, &Config{Protocol: "imap", Timeouts: times})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := c.Authenticated("alice"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartDeflate(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		client.Close()
	})
	return c, newFlateClient(client)
}

// TestDeflate: lines of all lengths go both ways, however they are cut.
func TestDeflate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := deflatedPair(t, Timeouts{})
		r := rand.New(rand.NewPCG(1, 2))
		for n := range 200 {
			line := strings.Repeat(fmt.Sprint("line ", n, " "), 1+r.IntN(20))
			if n%20 == 19 { // around the decoder's window, and beyond
				line = strings.Repeat("x", 1<<15+r.IntN(5)-2) + line
			}
			if n%33 == 0 { // what does not compress
				b := make([]byte, r.IntN(70_000))
				for i := range b {
					b[i] = byte('!' + r.IntN(90))
				}
				line += string(b)
			}
			sent := make(chan error, 1)
			go func() { sent <- client.say(line + "\r\n") }()
			got, _, err := c.ReadLine(1 << 20)
			if err != nil || string(got) != line {
				t.Fatalf("line %d: %d octets of %d, %v", n, len(got), len(line), err)
			}
			if c.Buffered() != 0 {
				t.Errorf("%d octets too many", c.Buffered())
			}
			back := make([]byte, len(line))
			heard := make(chan error, 1)
			go func() {
				_, err := io.ReadFull(client.r, back)
				heard <- err
			}()
			io.WriteString(c, line)
			// The client's last flush is read meanwhile, and nothing else comes.
			time.AfterFunc(time.Second, c.Interrupt)
			if _, _, err := c.ReadLine(100); err != ErrInterrupted {
				t.Fatalf("interrupted: %v", err)
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			if err := <-heard; err != nil || string(back) != line {
				t.Fatalf("answer %d: %v", n, err)
			}
		}
	})
}

// TestDeflateIdle: a compressed connection that waits is woken, also when the
// end of the client's flush is still to be decoded.
func TestDeflateIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := deflatedPair(t, Timeouts{})
		go client.say("a IDLE\r\n")
		if _, _, err := c.ReadLine(100); err != nil {
			t.Fatal(err)
		}
		c.SetPhase(Idle)
		for range 3 {
			time.AfterFunc(time.Minute, c.Interrupt)
			if _, _, err := c.ReadLine(100); err != ErrInterrupted {
				t.Fatal(err)
			}
		}
		go client.say("DONE\r\n")
		if line, _, err := c.ReadLine(100); err != nil || string(line) != "DONE" {
			t.Fatal(string(line), err)
		}
		start := time.Now()
		if _, _, err := c.ReadLine(100); err != ErrTimeout || time.Since(start) != 35*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// TestDeflateBomb: what a few octets become is bounded by the same limits as if
// it had come as it is, and nothing of it piles up.
func TestDeflateBomb(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := deflatedPair(t, Timeouts{})
		go client.say(strings.Repeat("x", 64<<20))
		if _, _, err := c.ReadLine(1 << 16); err != ErrLineTooLong {
			t.Fatal(err)
		}
		if len(c.buf) > 1<<18 {
			t.Errorf("%d octets were decoded ahead", len(c.buf))
		}
		c.Hangup("")
	})
	synctest.Test(t, func(t *testing.T) {
		c, client := deflatedPair(t, Timeouts{})
		c.SetPhase(Data)
		go func() { // blocks of nothing, for ever
			for {
				if _, err := client.Write([]byte{0, 0, 0, 0xff, 0xff}); err != nil {
					return
				}
				time.Sleep(30 * time.Second)
			}
		}()
		start := time.Now()
		if _, err := c.Fill(); err != ErrTimeout || time.Since(start) > 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		time.Sleep(time.Minute)
	})
}

// TestDeflateWrong: what is no deflated data ends the connection, as does the
// end of the stream.
func TestDeflateWrong(t *testing.T) {
	for _, sent := range []string{"a NOOP\r\n", "\x07", "\x00\x01\x00\x00\x00x", "\x03\x00", ""} {
		synctest.Test(t, func(t *testing.T) {
			c, client := deflatedPair(t, Timeouts{})
			go func() {
				client.Write([]byte(sent))
				client.Conn.Close()
			}()
			line, _, err := c.ReadLine(100)
			if err == nil {
				t.Errorf("%q was read as %q", sent, line)
			}
			if _, _, again := c.ReadLine(100); again == nil {
				t.Error("it can be read on")
			}
			c.Close()
		})
	}
}

// TestDeflateMemory: what a connection that waits holds because it is compressed.
func TestDeflateMemory(t *testing.T) {
	const n, most = 100, 20 << 10 // it is about 10, stacks included
	clear, compressed := waiting(t, n, false), waiting(t, n, true)
	t.Logf("%d octets each, %d in clear, with the clients", compressed, clear)
	if compressed > clear+most {
		t.Errorf("compression costs a connection %d octets", compressed-clear)
	}
}

// waiting is how many octets of memory n connections hold, each, that wait for a
// command after one.
func waiting(t *testing.T, n int, compressed bool) (each int) {
	command := bytes.NewBufferString("a NOOP\r\n")
	if compressed {
		command.Reset()
		w, _ := flate.NewWriter(command, flate.BestSpeed)
		io.WriteString(w, "a NOOP\r\n")
		w.Flush()
	}
	synctest.Test(t, func(t *testing.T) {
		used := func() int {
			var m runtime.MemStats
			runtime.GC()
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc + m.StackInuse)
		}
		before := used()
		var conns []*Conn
		for range n {
			client, server := net.Pipe()
			c := NewConn(server, &Config{Protocol: "imap"})
			conns = append(conns, c)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			c.Authenticated("alice")
			go client.Write(command.Bytes())
			go func() {
				for b := make([]byte, 64); ; {
					if _, err := client.Read(b); err != nil {
						return
					}
				}
			}()
			if compressed {
				if err := c.StartDeflate(); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := c.ReadLine(100); err != nil {
				t.Fatal(err)
			}
			io.WriteString(c, "a OK NOOP completed\r\n")
			go c.ReadLine(100)
		}
		synctest.Wait()
		each = (used() - before) / n
		for _, c := range conns {
			c.Close()
		}
	})
	return each
}

// zlibFlush is "a NOOP\r\n", as zlib ends it with Z_PARTIAL_FLUSH and with
// Z_SYNC_FLUSH.
var zlibFlush = map[string]string{
	"partial": "\x4a\x54\xf0\xf3\xf7\x0f\xe0\xe5\x02\x08",
	"sync":    "\x4a\x54\xf0\xf3\xf7\x0f\xe0\xe5\x02\x00\x00\x00\xff\xff",
}

// TestDeflateEnd: behind the end of a flush all is in clear, wherever that flush
// was cut, and whatever came with it.
func TestDeflateEnd(t *testing.T) {
	const clear = "b CAPABILITY\r\n"
	for kind, flush := range zlibFlush {
		for cut := 1; cut < len(flush)+len(clear); cut++ {
			synctest.Test(t, func(t *testing.T) {
				c, client := deflatedPair(t, Timeouts{})
				all, sent := flush+clear, make(chan struct{})
				go func() {
					io.WriteString(client.Conn, all[:cut])
					time.Sleep(time.Second)
					io.WriteString(client.Conn, all[cut:])
					close(sent)
				}()
				if line, _, err := c.ReadLine(100); err != nil || string(line) != "a NOOP" {
					t.Fatalf("%s, cut at %d: %q, %v", kind, cut, line, err)
				}
				heard := make(chan error, 1)
				var back [6]byte
				go func() {
					_, err := io.ReadFull(client.r, back[:])
					heard <- err
				}()
				io.WriteString(c, "a OK\r\n")
				if err := c.EndDeflate(); err != nil || c.Deflated() {
					t.Fatalf("%s, cut at %d: %v", kind, cut, err)
				}
				if err := <-heard; err != nil || string(back[:]) != "a OK\r\n" {
					t.Errorf("%s, cut at %d: %q, %v", kind, cut, back, err)
				}
				if line, _, err := c.ReadLine(100); err != nil || string(line) != "b CAPABILITY" {
					t.Errorf("%s, cut at %d: %q, %v", kind, cut, line, err)
				}
				go func() {
					io.WriteString(c, "b OK\r\n")
					c.Flush()
				}()
				if _, err := io.ReadFull(client.Conn, back[:]); err != nil || string(back[:]) != "b OK\r\n" {
					t.Errorf("%s, cut at %d: %q, %v", kind, cut, back, err)
				}
				<-sent
			})
		}
	}
}

// TestDeflatePartial: a command is there when its flush is, as short as zlib can
// make it.
func TestDeflatePartial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, client := deflatedPair(t, Timeouts{})
		go io.WriteString(client.Conn, zlibFlush["partial"])
		if line, _, err := c.ReadLine(100); err != nil || string(line) != "a NOOP" {
			t.Errorf("%q, %v", line, err)
		}
	})
}

// TestDeflateNews: who reads only as many octets as came compressed has all of a
// small answer.
func TestDeflateNews(t *testing.T) {
	d := &deflated{}
	for n := range asTheyAre + 1 {
		var out bytes.Buffer
		if err := d.deflate(&out, bytes.Repeat([]byte{'x'}, n)); err != nil || out.Len() < n {
			t.Errorf("%d octets came as %d, %v", n, out.Len(), err)
		}
	}
}
