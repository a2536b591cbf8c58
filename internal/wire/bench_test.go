package wire

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
)

// Commands come and answers go, pipelined as far as the sockets take them.
func BenchmarkCommands(b *testing.B) {
	for _, secure := range []bool{false, true} {
		b.Run(fmt.Sprintf("tls=%v", secure), func(b *testing.B) {
			cfg := &Config{Protocol: "imap"}
			var roots roots
			if secure {
				cfg.TLS, roots = testTLS(b)
				cfg.Implicit = true
			}
			c, client := socket(b, cfg)
			if secure {
				client = roots.client(client)
			}
			c.phase = Commands
			go func() {
				batch := strings.Repeat("a123 UID FETCH 17 (FLAGS)\r\n", 100)
				for i := 0; i < b.N; i += 100 {
					io.WriteString(client, batch)
				}
			}()
			go io.Copy(io.Discard, client)
			b.ReportAllocs()
			b.ResetTimer()
			answer := []byte("* 17 FETCH (UID 17 FLAGS (\\Seen))\r\na123 OK done\r\n")
			for range b.N {
				if _, _, err := c.ReadLine(1000); err != nil {
					b.Fatal(err)
				}
				c.Write(answer)
			}
			c.Flush()
		})
	}
}

// One command, one answer: what a lock-step client costs.
func BenchmarkLockStep(b *testing.B) {
	c, client := socket(b, &Config{Protocol: "imap"})
	c.phase = Commands
	go func() {
		buf := make([]byte, 100)
		for {
			if _, err := io.WriteString(client, "a123 NOOP\r\n"); err != nil {
				return
			}
			if _, err := client.Read(buf); err != nil {
				return
			}
		}
	}()
	b.ReportAllocs()
	for range b.N {
		if _, _, err := c.ReadLine(1000); err != nil {
			b.Fatal(err)
		}
		io.WriteString(c, "a123 OK NOOP completed\r\n")
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, secure := range []bool{false, true} {
		b.Run(fmt.Sprintf("tls=%v", secure), func(b *testing.B) {
			cfg := &Config{Protocol: "imap"}
			var roots roots
			if secure {
				cfg.TLS, roots = testTLS(b)
				cfg.Implicit = true
			}
			c, client := socket(b, cfg)
			if secure {
				client = roots.client(client)
			}
			go io.Copy(io.Discard, client)
			line := []byte("* 17 FETCH (UID 17 FLAGS (\\Seen))\r\n")
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for range b.N {
				c.Write(line)
			}
			c.Flush()
		})
	}
}

// idleBytes measures what a connection costs that waits for its client.
func idleBytes(t *testing.T, n int, wait func(net.Conn), client func(net.Conn)) int {
	used := func() int {
		runtime.GC()
		runtime.GC() // what the pools held
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc + m.StackInuse)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	before := used()
	var ends []net.Conn
	for range n {
		a, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		b, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, a, b)
		go wait(b)
		client(a)
	}
	after := used()
	for _, c := range ends {
		c.Close()
	}
	return (after - before) / n
}

// An idle connection holds no buffers: the goal is 25 kB for a whole IMAP
// session in clear, and 40 kB beyond what TLS itself takes.
func TestIdleMemory(t *testing.T) {
	const n = 300
	serve := func(cfg *Config) func(net.Conn) {
		return func(sock net.Conn) {
			c := NewConn(sock, cfg)
			io.WriteString(c, "* OK hello\r\n")
			for {
				if _, _, err := c.ReadLine(8000); err != nil {
					return
				}
				io.WriteString(c, "a OK done\r\n")
			}
		}
	}
	talk := func(c net.Conn) {
		b := make([]byte, 100)
		c.Read(b)
		io.WriteString(c, "a LOGIN "+strings.Repeat("x", 3000)+"\r\n")
		c.Read(b)
	}
	plain := idleBytes(t, n, serve(&Config{Protocol: "imap"}), talk)
	server, roots := testTLS(t)
	talkTLS := func(c net.Conn) { talk(roots.client(c)) }
	secure := idleBytes(t, n, serve(&Config{Protocol: "imap", TLS: server, Implicit: true}), talkTLS)
	bare := idleBytes(t, n, func(c net.Conn) {
		s := tls.Server(c, server)
		io.WriteString(s, "* OK hello\r\n")
		b := make([]byte, 10000)
		for answered := false; ; {
			n, err := s.Read(b)
			if err != nil {
				return
			}
			if b[n-1] == '\n' && !answered {
				io.WriteString(s, "a OK done\r\n")
				answered = true
			}
		}
	}, talkTLS)
	t.Logf("plain %d, TLS %d, of which crypto/tls (and a buffer of 10,000) %d", plain, secure, bare)
	if plain > 12<<10 {
		t.Errorf("%d octets in clear", plain)
	}
	if d := secure - (bare - 10000); d > 12<<10 {
		t.Errorf("%d octets beyond TLS", d)
	}
}

// What a compressed listing costs beside one that goes as it is, and how small
// it becomes.
func BenchmarkDeflate(b *testing.B) {
	var text strings.Builder
	for i := range 600 {
		fmt.Fprintf(&text, "* %d FETCH (UID %d FLAGS (\\Seen) INTERNALDATE \" 7-Feb-1994 21:52:%02d -0800\" RFC822.SIZE %d)\r\n", i, i*3, i%60, i*7919%100_000)
	}
	listing := []byte(text.String())
	for _, compress := range []bool{false, true} {
		b.Run(fmt.Sprintf("deflate=%v", compress), func(b *testing.B) {
			c, client := socket(b, &Config{Protocol: "imap"})
			c.phase = Commands
			if compress {
				if err := c.StartDeflate(); err != nil {
					b.Fatal(err)
				}
			}
			counted := make(chan int64, 1)
			go func() {
				n, _ := io.Copy(io.Discard, client)
				counted <- n
			}()
			b.SetBytes(int64(len(listing)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c.Write(listing)
			}
			c.Flush()
			b.StopTimer()
			c.Close()
			b.ReportMetric(float64(<-counted)/float64(b.N)/float64(len(listing)), "octets/octet")
		})
	}
}
