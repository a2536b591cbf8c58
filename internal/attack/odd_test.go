//go:build attack

package attack

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestOddMessages sends messages that are odd in every way, by DATA, BDAT and
// APPEND in turn, and reads them by POP3 and IMAP, whole and in pieces: each time
// it must be what was sent, octet for octet.
func TestOddMessages(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"odd"}})
	s.MustStart()
	odd := newOddities(t)
	n := pick(400, 10_000)
	sender := &oddSender{t: t, s: s, rnd: odd.rnd}
	var err error
	sender.smtp, err = testserver.DialSMTP(s.Address("smtp"))
	must(t, err)
	sender.imap = dialRaw(t, s)
	ways := map[string]int{}
	sent := make([][]byte, n)
	for i := range sent {
		var way string
		sent[i], way = sender.send(i, odd.next())
		ways[way]++
	}
	must(t, sender.smtp.Conn.Close())
	t.Logf("%d messages: %v", n, ways)

	imap := dialRaw(t, s)
	imap.command("s SELECT INBOX")
	pop, err := testserver.DialPOP3(s.Address("pop3"), "odd@"+testserver.Domain)
	must(t, err)
	pieces, differ := 0, 0
	for i, want := range sent {
		whole := imap.fetch(i+1, "RFC822.SIZE", "BODY.PEEK[]")
		got := whole[1]
		if !isWhatWasSent(got, want) || string(whole[0]) != fmt.Sprint(len(got)) {
			differ++
			t.Errorf("message %d: BODY[] is %.300q, of %s octets, for %.300q", i+1, got, whole[0], want)
		}
		k, err := checkPieces(imap, odd.rnd, i+1, got)
		pieces += k
		if err == nil {
			err = checkRetr(pop, i+1, got)
		}
		if err != nil {
			differ++
			t.Errorf("message %d (%.200q): %v", i+1, want, err)
		}
		if differ > 10 {
			t.Fatal("too many differ")
		}
	}
	t.Logf("%d read by BODY[], RETR, HEADER and TEXT, BINARY[], and in %d pieces: %d differ", n, pieces, differ)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// traces are the fields that delivery puts in front, and the blank line behind
// them where the message has no header.
var traces = regexp.MustCompile(`\A(?:(?:Return-Path|Delivered-To|Received): [^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*)*(?:\r\n)?\z`)

func isWhatWasSent(got, sent []byte) bool {
	front, ok := bytes.CutSuffix(got, sent)
	return ok && sha256.Sum256(got[len(front):]) == sha256.Sum256(sent) && traces.Match(front)
}

// checkPieces reads a message in pieces of many sizes, and in other ways.
func checkPieces(c *rawIMAP, rnd *rand.Rand, n int, want []byte) (pieces int, err error) {
	items := []string{"BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BINARY.PEEK[]", "BINARY.SIZE[]"}
	for off := 0; off <= len(want); {
		size := 1 + rnd.IntN(len(want)/8+100)
		items = append(items, fmt.Sprintf("BODY.PEEK[]<%d.%d>", off, size))
		off += size
	}
	values := c.fetch(n, items...)
	if len(values) != len(items) {
		return 0, fmt.Errorf("%d values for %d items: %.300q", len(values), len(items), values)
	}
	for what, got := range map[string][]byte{
		"HEADER and TEXT": append(bytes.Clone(values[0]), values[1]...),
		"BINARY[]":        values[2],
		"the pieces":      bytes.Join(values[4:], nil),
	} {
		if !bytes.Equal(got, want) {
			return 0, fmt.Errorf("%s: %.300q", what, got)
		}
	}
	if string(values[3]) != fmt.Sprint(len(want)) {
		return 0, fmt.Errorf("BINARY.SIZE[]: %s of %d", values[3], len(want))
	}
	return len(items) - 4, nil
}

// checkRetr reads a message by POP3, as a client for which a line ends at LF
// (see package pop3d).
func checkRetr(c *testserver.Client, n int, want []byte) error {
	if line, err := c.Say(fmt.Sprintf("LIST %d\r\n", n), 1, fmt.Sprintf("+OK %d %d", n, len(want))); err != nil {
		return fmt.Errorf("%s: %w", line, err)
	}
	if _, err := c.Say(fmt.Sprintf("RETR %d\r\n", n), 1, "+OK"); err != nil {
		return err
	}
	got, err := c.Multi()
	if !bytes.HasSuffix(want, []byte("\r\n")) {
		got = strings.TrimSuffix(got, "\r\n") // without which the end could not be told
	}
	if err == nil && got != string(want) {
		err = fmt.Errorf("RETR: %.300q", got)
	}
	return err
}

// oddities makes odd messages out of ordinary ones, always the same.
type oddities struct {
	rnd    *rand.Rand
	corpus [][]byte
}

func newOddities(t *testing.T) *oddities {
	o := &oddities{rnd: rand.New(rand.NewPCG(28, 28))}
	must(t, filepath.WalkDir("../message/testdata/corpus", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) == ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if len(text) < 100_000 {
			o.corpus = append(o.corpus, text)
		}
		return err
	}))
	if len(o.corpus) < 100 {
		t.Fatalf("only %d messages to begin with", len(o.corpus))
	}
	return o
}

// tokens are what parsers stumble over.
var tokens = []string{
	"\x00", "\r", "\n", "\r\n", "\r\n.\r\n", "\n.\n", "\n.\r\n", "\r\n.", "\r\n\r\n", ".", "..", "\r\n..\r\n", "\r\r\n", "\xff\xfe", "\xc3", "é", "\x1a", "\x7f", "\t",
	"--", "\r\n--\r\n", "--=_x\r\n", ":", "\r\nSubject", "\r\n :", "\r\nContent-Type: multipart/mixed; boundary=\"\"\r\n", "\r\nContent-Type: message/rfc822\r\n\r\n",
	"\r\nContent-Transfer-Encoding: base64\r\n", "\r\nContent-Transfer-Encoding: binary\r\n", "=?utf-8?q?", "?=", "(", "\"", "{5}\r\n", "~{5+}\r\n", "\r\n* 1 EXISTS\r\n",
	"\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n--b--\r\n", strings.Repeat("x", 1500), strings.Repeat("\r\n", 300), "",
}

// next is one more odd message, of at least an octet.
func (o *oddities) next() []byte {
	m := bytes.Clone(o.corpus[o.rnd.IntN(len(o.corpus))])
	for range 1 + o.rnd.IntN(6) {
		m = o.mutate(m)
	}
	if len(m) == 0 {
		m = []byte(".")
	}
	return m[:min(len(m), 200_000)]
}

func (o *oddities) mutate(m []byte) []byte {
	a, b := o.rnd.IntN(len(m)+1), o.rnd.IntN(len(m)+1)
	a, b = min(a, b), max(a, b)
	switch o.rnd.IntN(10) {
	case 0: // another octet
		if a < len(m) {
			m[a] = byte(o.rnd.IntN(256))
		}
	case 1: // cut out
		return append(m[:a:a], m[b:]...)
	case 2: // say twice
		return append(m[:b:b], m[a:]...)
	case 3: // cut off
		return m[:b]
	case 4: // go on with another
		other := o.corpus[o.rnd.IntN(len(o.corpus))]
		return append(m[:a:a], other[o.rnd.IntN(len(other)+1):]...)
	case 5: // other line ends
		ends := []string{"\n", "\r", "\r\r\n", "\n\r", "\r\n\r\n"}
		return bytes.ReplaceAll(m, []byte("\r\n"), []byte(ends[o.rnd.IntN(len(ends))]))
	case 6: // no header
		_, after, _ := bytes.Cut(m, []byte("\r\n\r\n"))
		return after
	}
	token := tokens[o.rnd.IntN(len(tokens))]
	return append(append(m[:a:a], token...), m[a:]...)
}

// oddSender sends messages, one after the other, so that they are numbered as
// they were sent.
type oddSender struct {
	t    *testing.T
	s    *testserver.Server
	rnd  *rand.Rand
	smtp *testserver.Client
	imap *rawIMAP
}

// send sends a message in one of the ways, and returns it as it was sent.
func (o *oddSender) send(i int, m []byte) (sent []byte, way string) {
	const to = "RCPT TO:<odd@" + testserver.Domain + ">\r\n"
	var err error
	switch way = []string{"DATA", "BDAT", "APPEND"}[i%3]; way {
	case "DATA": // which has lines of text
		m = bytes.ReplaceAll(m, []byte{0}, nil)
		m = regexp.MustCompile(`\r\n|\r|\n`).ReplaceAllLiteral(m, []byte("\r\n"))
		if !bytes.HasSuffix(m, []byte("\r\n")) {
			m = append(m, "\r\n"...)
		}
		_, err = o.smtp.Say("MAIL FROM:<> BODY=8BITMIME SMTPUTF8\r\n"+to+"DATA\r\n", 3, "354")
		if err == nil {
			stuffed := bytes.ReplaceAll(append([]byte("\r\n"), m...), []byte("\r\n."), []byte("\r\n.."))
			_, err = o.smtp.Say(string(stuffed[2:])+".\r\n", 1, "250")
		}
	case "BDAT":
		var b strings.Builder
		b.WriteString("MAIL FROM:<> BODY=BINARYMIME SMTPUTF8\r\n" + to)
		chunks := 0
		for left := m; len(left) > 0; chunks++ {
			n := min(len(left), o.rnd.IntN(len(m)/2+50))
			fmt.Fprintf(&b, "BDAT %d\r\n%s", n, left[:n])
			left = left[n:]
		}
		b.WriteString("BDAT 0 LAST\r\n")
		_, err = o.smtp.Say(b.String(), 2+chunks+1, "250")
	default:
		form := "~{%d+}"
		if i%2 == 0 && bytes.IndexByte(m, 0) < 0 {
			form = "{%d+}"
		}
		o.imap.command(fmt.Sprintf("a APPEND INBOX "+form+"\r\n%s", len(m), m))
	}
	if err != nil {
		o.t.Fatalf("message %d by %s, %.300q: %v", i+1, way, m, err)
	}
	return m, way
}

// rawIMAP is a client that sees octets.
type rawIMAP struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialRaw(t *testing.T, s *testserver.Server) *rawIMAP {
	conn, err := net.Dial("tcp", s.Address("imap"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	c := &rawIMAP{t, conn, bufio.NewReaderSize(conn, 64<<10)}
	_, err = c.in.ReadString('\n')
	must(t, err)
	c.command(`l LOGIN odd@` + testserver.Domain + ` "` + testserver.Password + `"`)
	return c
}

// command sends a command, and returns what came before its OK: lines, and the
// octets of literals in brackets' place.
func (c *rawIMAP) command(text string) (values [][]byte) {
	c.t.Helper()
	c.conn.SetDeadline(time.Now().Add(patience))
	_, err := c.conn.Write([]byte(text + "\r\n"))
	must(c.t, err)
	for {
		line, err := c.in.ReadBytes('\n')
		must(c.t, err)
		if line[0] != '*' {
			if !bytes.Contains(line, []byte(" OK ")) {
				c.t.Fatalf("%.300q: %s", text, line)
			}
			return values
		}
		if bytes.Contains(line, []byte(" FETCH (")) {
			values = append(values, c.values(line)...)
		}
	}
}

// fetch returns the values of the items, in their order.
func (c *rawIMAP) fetch(n int, items ...string) [][]byte {
	c.t.Helper()
	values := c.command(fmt.Sprintf("f FETCH %d (%s)", n, strings.Join(items, " ")))
	if len(values) != len(items) {
		c.t.Fatalf("%d values for %q: %.300q", len(values), items, values)
	}
	return values
}

var announcement = regexp.MustCompile(`^~?\{(\d+)\}\r\n$`)

// values reads the values of a FETCH response that begins with line. (No name of
// an item has a space in it.)
func (c *rawIMAP) values(line []byte) (all [][]byte) {
	_, rest, _ := bytes.Cut(line, []byte("("))
	for {
		_, after, ok := bytes.Cut(rest, []byte(" ")) // the item's name
		if !ok {
			c.t.Fatalf("no value in %.300q", rest)
		}
		switch m := announcement.FindSubmatch(after); {
		case m != nil:
			n, err := strconv.Atoi(string(m[1]))
			must(c.t, err)
			octets := make([]byte, n)
			_, err = io.ReadFull(c.in, octets)
			must(c.t, err)
			all = append(all, octets)
			rest, err = c.in.ReadBytes('\n')
			must(c.t, err)
		case after[0] == '"':
			i := 1
			var text []byte
			for ; after[i] != '"'; i++ {
				if after[i] == '\\' {
					i++
				}
				text = append(text, after[i])
			}
			all, rest = append(all, text), after[i+1:]
		default:
			n := bytes.IndexAny(after, " )")
			value := after[:n]
			if string(value) == "NIL" {
				value = nil
			}
			all, rest = append(all, value), after[n:]
		}
		if rest[0] == ')' {
			return all
		}
		rest = rest[1:]
	}
}
