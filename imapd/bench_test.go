package imapd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"iter"
	"net"
	"strings"
	"testing"

	"posthorn/internal/mail"
	"posthorn/internal/wire"
	"posthorn/store"
)

// benchSession is a client that has alice's INBOX of n messages selected, over
// a socket.
func benchSession(b *testing.B, n int) *benchClient {
	f := newFixture(b)
	a := f.account("alice")
	mb, err := f.store.MailboxByName(context.Background(), a.ID, "INBOX")
	check(b, err)
	for i := 0; i < min(n, 10000); {
		var ds []store.Delivery
		for range min(200, min(n, 10000)-i) {
			body := f.store.NewBody(context.Background())
			fmt.Fprintf(body, "Date: Mon, 02 Jan 2006 15:04:05 +0000\r\nFrom: Alice Example <alice%d@example.org>\r\nTo: Bob <bob@example.com>, Carol <carol@example.com>\r\nCc: dave@example.net\r\nSubject: Message number %d about something\r\nMessage-ID: <msg-%d@example.org>\r\nIn-Reply-To: <msg-%d@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s", i, i, i, i-1, strings.Repeat("Hello body, this is a line of text.\r\n", 100))
			ds = append(ds, store.Delivery{Body: body, Copies: []store.Copy{{Account: a.ID, Mailbox: mb.ID}}})
			i++
		}
		_, err := f.store.Accept(context.Background(), ds...)
		check(b, err)
	}
	for have := 10000; have < n; have += 10000 { // the others are copies
		_, err := f.store.CopyMessages(context.Background(), mb.ID, mail.UIDSet{{From: 1, To: 10000}}, mb.ID)
		check(b, err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	cfg := f.wires
	server := wire.NewServer()
	wl := server.Listener(ln, &cfg)
	go f.srv.Serve(wl)
	conn, err := net.Dial("tcp", ln.Addr().String())
	check(b, err)
	c := &benchClient{b, conn, bufio.NewReaderSize(conn, 256<<10)}
	b.Cleanup(func() {
		conn.Close()
		ln.Close()
	})
	c.run("login LOGIN alice@example.org \"" + password + "\"")
	c.run("select SELECT INBOX")
	return c
}

type benchClient struct {
	b    *testing.B
	conn net.Conn
	r    *bufio.Reader
}

// run sends a command and reads to its tagged answer.
func (c *benchClient) run(command string) (octets int) {
	tag, _, _ := strings.Cut(command, " ")
	if _, err := c.conn.Write([]byte(command + "\r\n")); err != nil {
		c.b.Fatal(err)
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			c.b.Fatal(err)
		}
		octets += len(line)
		if bytes.HasPrefix(line, []byte(tag+" ")) {
			if !bytes.HasPrefix(line[len(tag):], []byte(" OK")) {
				c.b.Fatalf("%s: %s", command, line)
			}
			return octets
		}
	}
}

func benchmarkFetch(b *testing.B, items string) {
	const n = 10000
	c := benchSession(b, n)
	c.run("flags FETCH 1:* (FLAGS)")
	c.run("warm FETCH 1:* " + items)
	b.ResetTimer()
	octets := 0
	for b.Loop() {
		octets = c.run("a FETCH 1:* " + items)
	}
	b.SetBytes(int64(octets))
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

func BenchmarkFetchFlags(b *testing.B) { benchmarkFetch(b, "(UID FLAGS)") }

func BenchmarkFetchListing(b *testing.B) {
	benchmarkFetch(b, "(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE)")
}

func BenchmarkFetchThunderbird(b *testing.B) {
	benchmarkFetch(b, "(UID RFC822.SIZE FLAGS BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type Reply-To)])")
}

func BenchmarkFetchBody(b *testing.B) { benchmarkFetch(b, "(UID BODY.PEEK[])") }

func BenchmarkNoop(b *testing.B) {
	c := benchSession(b, 100)
	for b.Loop() {
		c.run("a NOOP")
	}
}

func BenchmarkStore(b *testing.B) {
	c := benchSession(b, 1000)
	for b.Loop() {
		c.run("a STORE 1:* +FLAGS.SILENT (\\Flagged)")
		c.run("b STORE 1:* -FLAGS.SILENT (\\Flagged)")
	}
}

func BenchmarkSelect(b *testing.B) {
	c := benchSession(b, 100000)
	for b.Loop() {
		c.run("a SELECT INBOX")
	}
}

// BenchmarkResync is a client that comes back to 100,000 messages, of which 50
// have other flags and 50 were expunged meanwhile.
func BenchmarkResync(b *testing.B) {
	c := benchSession(b, 100000)
	c.run("a ENABLE QRESYNC")
	var validity, modSeq string
	for line := range c.lines("a SELECT INBOX") {
		if m := saysUIDs.FindStringSubmatch(line); m != nil {
			validity = m[1]
		}
		if m := saysModSeq.FindStringSubmatch(line); m != nil {
			modSeq = m[1]
		}
	}
	for i := range 50 {
		c.run(fmt.Sprintf("a UID STORE %d +FLAGS.SILENT (\\Flagged)", 1+i*1000))
		c.run(fmt.Sprintf("a UID STORE %d +FLAGS.SILENT (\\Deleted)", 500+i*1000))
	}
	c.run("a EXPUNGE")
	for b.Loop() {
		c.run("a SELECT INBOX (QRESYNC (" + validity + " " + modSeq + " 1:100000))")
	}
}

// lines is run with what came, line by line.
func (c *benchClient) lines(command string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if _, err := c.conn.Write([]byte(command + "\r\n")); err != nil {
			c.b.Fatal(err)
		}
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				c.b.Fatal(err)
			}
			if !yield(line) || strings.HasPrefix(line, "a ") {
				return
			}
		}
	}
}

// BenchmarkList lists 1,000 mailboxes, alone and with what stands beside them.
func BenchmarkList(b *testing.B) {
	c := benchSession(b, 1)
	for i := range 1000 {
		c.run(fmt.Sprintf("c CREATE folder%d/of/%d", i/100, i))
	}
	for _, returned := range []string{"SUBSCRIBED", "STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY HIGHESTMODSEQ)", "METADATA (/private/comment)"} {
		name, _, _ := strings.Cut(returned, " ")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(int64(c.run(`l LIST "" * RETURN (` + returned + `)`)))
			}
		})
	}
}
