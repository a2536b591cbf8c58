package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/wire"
)

// FuzzSession sends anything to a session, logged in with a mailbox selected
// or not: it must come to its end, log no fault of ours, and answer only what
// is IMAP.
func FuzzSession(f *testing.F) {
	fix := newFixture(f)
	addr, _ := fix.startTCP(wire.Limits{})
	mixed, err := os.ReadFile("testdata/messages/mixed.eml")
	check(f, err)
	for range 3 {
		check(f, fix.deliver("alice", "INBOX", mixed))
	}
	for _, dialog := range transcriptInputs(f) {
		f.Add(true, dialog)
	}
	for _, dialog := range literalDialogs() {
		if len(dialog) < 10000 {
			f.Add(strings.HasPrefix(dialog, "in "), []byte(dialog))
		}
	}
	for _, s := range []string{
		"a NOOP\r\n", "a FETCH 1:* (FLAGS UID BODY[]<0.10> BODYSTRUCTURE ENVELOPE BINARY.SIZE[1])\r\na LOGOUT\r\n",
		"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (MESSAGES))\r\na LSUB \"\" %\r\n",
		"a APPEND INBOX (\\Seen) {5+}\r\nabc\r\n\r\nb STORE * +FLAGS (x)\r\nc EXPUNGE\r\n",
		"a APPEND {5}\r\nINBOX {3}\r\nabc\r\na IDLE\r\nDONE\r\n", "a SELECT {5+}\r\nINBOX\r\n\r\n",
		"a ENABLE IMAP4rev2 UTF8=ACCEPT\r\na CREATE \"\xc3\xa9&\"\r\na RENAME \xc3 x\r\na SELECT \"\xc3\xa9&\"\r\n",
		"a COPY 1 Junk\r\na UID MOVE 1:* Trash\r\na SEARCH RETURN (SAVE) ALL\r\na CLOSE\r\na UNSELECT\r\n",
		"a ENABLE QRESYNC\r\na SELECT INBOX (QRESYNC (946684800 7 1:3 (1,2 1,2)) CONDSTORE)\r\na UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)\r\na EXPUNGE\r\n",
		"a UID STORE 1 -FLAGS.SILENT \\Deleted\r\na UID EXPUNGE 1:*\r\na STATUS INBOX (SIZE UIDNEXT)\r\na ID (\"a\" NIL)\r\n",
	} {
		f.Add(true, []byte(s))
	}
	login := []byte(`login LOGIN alice@example.org "` + password + "\"\r\nselect SELECT INBOX\r\n")
	f.Fuzz(func(t *testing.T, in bool, input []byte) {
		fix.t = t
		conn, err := net.Dial("tcp", addr)
		check(t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		go func() {
			if in {
				conn.Write(login)
			}
			conn.Write(input)
			conn.(*net.TCPConn).CloseWrite()
		}()
		if bytes.Contains(bytes.ToUpper(input), []byte("STARTTLS")) {
			return // what the server says then is no IMAP
		}
		if err := readAnswers(conn); err != nil {
			t.Error(err)
		}
	})
}

// transcriptInputs is what the clients of the transcripts say.
func transcriptInputs(t testing.TB) (inputs [][]byte) {
	files, err := filepath.Glob("testdata/*.txt")
	check(t, err)
	says := regexp.MustCompile(`(?m)^1 -> (.*)$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		check(t, err)
		var dialog []byte
		for _, m := range says.FindAllSubmatch(text, -1) {
			dialog = append(append(dialog, m[1]...), "\r\n"...)
		}
		inputs = append(inputs, dialog)
	}
	return inputs
}

var announced = regexp.MustCompile(`~?\{(\d+)\}\r\n$`)

// readAnswers reads a server's answers to the end and checks their form.
func readAnswers(r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		var answer []byte
		for {
			line, err := in.ReadBytes('\n')
			if err != nil {
				return ended(err)
			}
			answer = append(answer, line...)
			if !bytes.HasSuffix(line, []byte("\r\n")) || bytes.ContainsAny(line[:len(line)-2], "\r\x00") {
				return fmt.Errorf("a line that isn't one: %q", answer)
			}
			m := announced.FindSubmatch(line)
			if m == nil {
				break
			}
			n, err := strconv.Atoi(string(m[1]))
			if err != nil || n > 60<<20 {
				return fmt.Errorf("a literal of %s octets", m[1])
			}
			octets := make([]byte, n)
			if _, err := io.ReadFull(in, octets); err != nil {
				return ended(err)
			}
			answer = append(answer, []byte("L")...) // its octets have no say in the form
		}
		if err := wellFormed(string(answer)); err != nil {
			return err
		}
	}
}

// ended: the connection may end anywhere.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return nil
	}
	return err
}

var (
	statusLine = regexp.MustCompile(`^(\S+) (OK|NO|BAD|BYE)( |$)`)
	dataLine   = regexp.MustCompile(`^\* (\d+ (EXISTS|RECENT|EXPUNGE|FETCH |UIDFETCH )|(FLAGS|LIST|LSUB|STATUS|SEARCH|ESEARCH|SORT|THREAD|CAPABILITY|NAMESPACE|ENABLED|ID|VANISHED|QUOTA|QUOTAROOT|METADATA|XLIST)( |$))`)
)

// wellFormed checks one answer, in whose place of literals stands L.
func wellFormed(answer string) error {
	answer = strings.TrimSuffix(answer, "\r\n")
	switch {
	case strings.HasPrefix(answer, "+ "):
		return nil
	case statusLine.MatchString(answer):
		if strings.Contains(answer, "SERVERBUG") {
			return fmt.Errorf("a fault of the server: %q", answer)
		}
		return nil
	case !dataLine.MatchString(answer):
		return fmt.Errorf("an answer of no kind: %q", answer)
	}
	depth, quoted := 0, false
	for i := 0; i < len(answer); i++ {
		switch c := answer[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ' ' && i > 0 && answer[i-1] == ' ':
			return fmt.Errorf("two spaces: %q", answer)
		}
		if depth < 0 {
			break
		}
	}
	if depth != 0 || quoted {
		return fmt.Errorf("parentheses or quotes don't pair: %q", answer)
	}
	return nil
}
