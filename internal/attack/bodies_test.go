//go:build attack

package attack

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// bodyPatience is how long a client waits for the answer to a large message,
// on a machine that is busy with many.
const bodyPatience = 5 * time.Minute

// largeMessage is a message of about size octets: text that compresses, and
// base64 that doesn't.
func largeMessage(size int) []byte {
	var b bytes.Buffer
	b.WriteString("From: <x@client.example>\r\nSubject: large\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n")
	for b.Len() < size/2 {
		fmt.Fprintf(&b, "Line %d of a text that has as many words as it takes.\r\n", b.Len())
	}
	b.WriteString("--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n")
	r, raw := rand.NewChaCha8([32]byte{}), make([]byte, 57)
	for b.Len() < size-6 {
		r.Read(raw)
		b.WriteString(base64.StdEncoding.EncodeToString(raw))
		b.WriteString("\r\n")
	}
	b.WriteString("--b--\r\n")
	return b.Bytes()
}

// TestLargeBodies has many clients send and fetch large messages at the same
// time, on every protocol, while the server may have 512 MiB.
func TestLargeBodies(t *testing.T) {
	const limit, most = 512 << 20, 300 << 20
	c := newCage(t, limit)
	s := testserver.New(t, testserver.Config{Users: []string{"alice", "bob", "carol"}, Wrap: c.wrap})
	s.MustStart()
	message := largeMessage(pick(10, 50) * 1_000_000)
	if err := sendData(s, "bob", message); err != nil {
		t.Fatal(err)
	}
	if err := sendAppend(s, "alice", message); err != nil {
		t.Fatal(err)
	}
	ways := []struct {
		what string
		run  func() error
	}{
		{"DATA", func() error { return sendData(s, "carol", message) }},
		{"BDAT", func() error { return sendChunks(s, "carol", message) }},
		{"APPEND", func() error { return sendAppend(s, "carol", message) }},
		{"FETCH", func() error { return fetchBody(s, "alice", message) }},
		{"FETCH in pieces", func() error { return fetchPieces(s, "bob", message) }},
	}
	n := pick(20, 50)
	began := time.Now()
	var clients sync.WaitGroup
	for i := range n {
		clients.Go(func() {
			w := ways[i%len(ways)]
			if err := w.run(); err != nil {
				t.Errorf("%s: %v", w.what, err)
			}
		})
	}
	clients.Go(func() { // a drop has one session at a time
		for range n / len(ways) {
			if err := retrieve(s, "bob", message); err != nil {
				t.Errorf("RETR: %v", err)
			}
		}
	})
	clients.Wait()
	f := figures(t, s)
	t.Logf("%d clients, %d octets each, in %v: %v", n, len(message), time.Since(began).Round(time.Second), f)
	if f.PeakRSS > most {
		t.Errorf("the server took %d MiB, most %d", f.PeakRSS>>20, most>>20)
	}
	if killed := c.killed(t); killed > 0 {
		t.Errorf("the kernel killed %d processes for want of memory", killed)
	}
	s.Stop()
}

// loggedIn connects to a service and talks.
func loggedIn(s *testserver.Server, service, greeting string, pairs ...string) (*client, error) {
	c, err := connect("127.0.0.1", service, s)
	if err != nil {
		return nil, err
	}
	if err := c.talk(greeting, pairs...); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func envelope(to string) []string {
	return []string{
		"EHLO client.example", "250", "MAIL FROM:<x@client.example>", "250",
		"RCPT TO:<" + to + "@" + testserver.Domain + ">", "250",
	}
}

// sayAll writes a body, and reads the reply to it.
func (c *client) sayAll(body []byte, end, prefix string) error {
	c.SetDeadline(time.Now().Add(bodyPatience))
	if _, err := c.Write(body); err != nil {
		return err
	}
	if _, err := io.WriteString(c, end); err != nil {
		return err
	}
	for {
		s, err := c.r.ReadString('\n')
		if err != nil || strings.HasPrefix(s, prefix) {
			return err
		}
		if refuses(s, prefix) {
			return fmt.Errorf("%w: %s", errRefused, s)
		}
	}
}

func sendData(s *testserver.Server, to string, message []byte) error {
	c, err := loggedIn(s, "smtp", "220", append(envelope(to), "DATA", "354")...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.sayAll(message, ".\r\n", "250")
}

func sendChunks(s *testserver.Server, to string, message []byte) error {
	const chunk = 1 << 20
	c, err := loggedIn(s, "smtp", "220", envelope(to)...)
	if err != nil {
		return err
	}
	defer c.Close()
	for len(message) > 0 {
		piece := message[:min(chunk, len(message))]
		message = message[len(piece):]
		last := ""
		if len(message) == 0 {
			last = " LAST"
		}
		if err := c.say(fmt.Sprintf("BDAT %d%s\r\n", len(piece), last)); err != nil {
			return err
		}
		if err := c.sayAll(piece, "", "250"); err != nil {
			return err
		}
	}
	return nil
}

func imapLogin(user string) []string {
	return []string{"a AUTHENTICATE PLAIN " + plainResponse(user+"@"+testserver.Domain, testserver.Password), "a OK"}
}

func sendAppend(s *testserver.Server, user string, message []byte) error {
	c, err := loggedIn(s, "imap", "* OK", append(imapLogin(user), fmt.Sprintf("b APPEND INBOX {%d}", len(message)), "+")...)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.sayAll(message, "\r\n", "b OK")
}

// wantOctets reads as many octets as want has, and demands that they end like
// it: what is before may be trace fields.
func (c *client) wantOctets(n int64, want []byte) error {
	c.SetReadDeadline(time.Now().Add(bodyPatience))
	if n < int64(len(want)) {
		return fmt.Errorf("%d octets came, want at least %d", n, len(want))
	}
	if _, err := io.CopyN(io.Discard, c.r, n-int64(len(want))); err != nil {
		return err
	}
	piece := make([]byte, 64<<10)
	for len(want) > 0 {
		k := min(len(want), len(piece))
		if _, err := io.ReadFull(c.r, piece[:k]); err != nil {
			return err
		}
		if !bytes.Equal(piece[:k], want[:k]) {
			return fmt.Errorf("%d octets before its end the message is another one", len(want))
		}
		want = want[k:]
	}
	return nil
}

// literalOctets reads lines up to one that ends in a literal's announcement.
func (c *client) literalOctets() (n int64, err error) {
	c.SetReadDeadline(time.Now().Add(bodyPatience))
	for {
		s, err := c.r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		s = strings.TrimRight(s, "\r\n")
		if i := strings.LastIndexByte(s, '{'); i >= 0 && strings.HasSuffix(s, "}") {
			_, err := fmt.Sscanf(s[i:], "{%d}", &n)
			return n, err
		}
		if refuses(s, "+") || strings.Contains(s[:min(8, len(s))], " OK ") {
			return 0, fmt.Errorf("%w: %s", errRefused, s)
		}
	}
}

func fetchBody(s *testserver.Server, user string, message []byte) error {
	c, err := loggedIn(s, "imap", "* OK", append(imapLogin(user), "b EXAMINE INBOX", "b OK")...)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.say("c FETCH 1 BODY.PEEK[]\r\n"); err != nil {
		return err
	}
	n, err := c.literalOctets()
	if err != nil {
		return err
	}
	if err := c.wantOctets(n, message); err != nil {
		return err
	}
	_, err = c.reply("c OK")
	return err
}

func fetchPieces(s *testserver.Server, user string, message []byte) error {
	const piece = 1 << 20
	c, err := loggedIn(s, "imap", "* OK", append(imapLogin(user), "b EXAMINE INBOX", "b OK")...)
	if err != nil {
		return err
	}
	defer c.Close()
	size := int64(0)
	for from := int64(0); ; from += piece {
		if err := c.say(fmt.Sprintf("c FETCH 1 BODY.PEEK[]<%d.%d>\r\n", from, piece)); err != nil {
			return err
		}
		n, err := c.literalOctets()
		if err != nil && from == 0 {
			return err
		}
		if err != nil { // past the end there is an empty string
			break
		}
		if err := c.wantOctets(n, nil); err != nil {
			return err
		}
		if size += n; n < piece {
			break
		}
		if _, err := c.reply("c OK"); err != nil {
			return err
		}
	}
	if size < int64(len(message)) {
		return fmt.Errorf("%d octets came in pieces, want at least %d", size, len(message))
	}
	return nil
}

func retrieve(s *testserver.Server, user string, message []byte) error {
	c, err := loggedIn(s, "pop3", "+OK", "USER "+user+"@"+testserver.Domain, "+OK", "PASS "+testserver.Password, "+OK", "RETR 1", "+OK")
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(bodyPatience))
	n := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if string(line) == ".\r\n" {
			break
		}
		n += len(line)
	}
	if n < len(message) {
		return fmt.Errorf("%d octets came, want at least %d", n, len(message))
	}
	_, err = c.ask("QUIT", "+OK")
	return err
}

// TestStalledBodies has hundreds of strangers send the better part of a
// megabyte of a message each, and then nothing: what the server holds of
// messages on their way in is bounded for all of them together.
func TestStalledBodies(t *testing.T) {
	const most = 300 << 20
	n := pick(300, 1000)
	message := largeMessage(1_900_000)
	for what, part := range map[string]string{
		"text":      "\r\n" + string(message[:len(message)/2]),
		"base64":    "Content-Transfer-Encoding: base64\r\n\r\n" + string(message[len(message)/2:]),
		"header":    strings.Repeat("X-Line: a line of a header that has no end\r\n", 20_000),
		"addresses": "To: " + strings.Repeat("<somebody@client.example>,\r\n ", 17_000),
	} {
		if !full() && what != "base64" {
			continue
		}
		t.Run(what, func(t *testing.T) {
			s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
			s.Set("limits", "loopback", true)
			s.MustStart()
			for _, c := range connectMany(t, s, n, func(s *testserver.Server, i int) (*client, error) {
				c, err := dial(source(i), s.Address("smtp"))
				if err != nil {
					return nil, err
				}
				if err := c.talk("220", append(envelope("alice"), "DATA", "354")...); err != nil {
					return nil, err
				}
				return c, c.say("Subject: stalled\r\n" + part)
			}) {
				defer c.Close()
			}
			f := figures(t, s)
			t.Logf("%d messages that stalled after %d octets: %v", n, len(part), f)
			if f.PeakRSS > most {
				t.Errorf("the server took %d MiB, most %d", f.PeakRSS>>20, most>>20)
			}
			if err := visit(s, "smtp"); err != nil {
				t.Errorf("a good client beside: %v", err)
			}
		})
	}
}
