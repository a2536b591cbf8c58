package imapd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzSession sends what a client might, after it logged in and selected a
// mailbox, and reads the answers as a strict client would. Whatever is sent,
// each answer is well formed, and nothing panics.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"a NOOP\r\n", "a FETCH 1:* (FLAGS UID BODY[]<0.10> BODYSTRUCTURE ENVELOPE BINARY.SIZE[1])\r\na LOGOUT\r\n",
		"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (% *) RETURN (STATUS (MESSAGES))\r\na LSUB \"\" %\r\n",
		"a APPEND INBOX (\\Seen) {5+}\r\nabc\r\n\r\nb STORE * +FLAGS (x)\r\nc EXPUNGE\r\n",
		"a APPEND {5}\r\nINBOX {3}\r\nabc\r\na IDLE\r\nDONE\r\n", "a SELECT {5+}\r\nINBOX\r\n\r\n",
		"a ENABLE IMAP4rev2 UTF8=ACCEPT\r\na CREATE \"\xc3\xa9&\"\r\na RENAME \xc3 x\r\na SELECT \"\xc3\xa9&\"\r\n",
		"a COPY 1 Junk\r\na UID MOVE 1:* Trash\r\na SEARCH RETURN (SAVE) ALL\r\na CLOSE\r\na UNSELECT\r\n",
		"a UID STORE 1 -FLAGS.SILENT \\Deleted\r\na UID EXPUNGE 1:*\r\na STATUS INBOX (SIZE UIDNEXT)\r\na ID (\"a\" NIL)\r\n",
	} {
		f.Add([]byte(s))
	}
	fx := newFixture(f)
	message := []byte("Subject: a\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nb\r\n--x--\r\n")
	f.Fuzz(func(t *testing.T, script []byte) {
		fx.t = t
		inbox, err := fx.store.MailboxByName(t.Context(), fx.account("alice").ID, "INBOX")
		check(t, err)
		if inbox.Messages < 20 {
			check(t, fx.deliver("alice", "INBOX", message))
		}
		conn, err := fx.dial("")
		check(t, err)
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			fmt.Fprintf(conn, "x1 LOGIN alice@example.org \"%s\"\r\nx2 SELECT INBOX\r\n%s\r\nDONE\r\nx3 LOGOUT\r\n", password, script)
			// A literal that the script left open has swallowed the LOGOUT.
			conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		}()
		if err := readAnswers(conn); err != nil {
			t.Error(err)
		}
	})
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
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}

var (
	statusLine = regexp.MustCompile(`^(\S+) (OK|NO|BAD|BYE)( |$)`)
	dataLine   = regexp.MustCompile(`^\* (\d+ (EXISTS|RECENT|EXPUNGE|FETCH )|(FLAGS|LIST|LSUB|STATUS|SEARCH|ESEARCH|CAPABILITY|NAMESPACE|ENABLED|ID)( |$))`)
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
