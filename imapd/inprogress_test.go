package imapd

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/daemontest"
	"posthorn/internal/mail"
	"posthorn/store"
)

// TestInProgress: a client is told every ten seconds how far a command is, and
// nothing more once that is done. The command works for 25 seconds, in which
// it searches 3 messages.
func TestInProgress(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	for _, c := range []struct {
		tag  string
		goal int
		want string
	}{
		{"A1", 30, `* OK [INPROGRESS ("A1" 0 30)] Still at work|* OK [INPROGRESS ("A1" 3 30)] Still at work|A1 OK SLOW completed`},
		{"A1", 2, `* OK [INPROGRESS ("A1" 0 2)] Still at work|* OK [INPROGRESS ("A1" 1 2)] Still at work|A1 OK SLOW completed`},
		{"A1", 0, `* OK [INPROGRESS ("A1" NIL NIL)] Still at work|* OK [INPROGRESS ("A1" NIL NIL)] Still at work|A1 OK SLOW completed`},
		{"A]", 5, `* OK [INPROGRESS (NIL 0 5)] Still at work|* OK [INPROGRESS (NIL 3 5)] Still at work|A] OK SLOW completed`},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			for range 3 {
				check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\n")))
			}
			f.srv.commands["SLOW"] = command{in: selected, run: func(s *session, d *decoder) error {
				p, done := s.working(c.goal)
				defer done()
				time.Sleep(progressEvery + progressEvery/2)
				hits, err := f.store.SearchCounted(s.ctx, s.box.id, store.InSet{Set: mail.UIDs(1, 2, 3)}, p)
				if len(hits) != 3 {
					t.Errorf("found %d", len(hits))
				}
				time.Sleep(progressEvery)
				return err
			}}
			conn, err := f.dial("")
			check(t, err)
			defer conn.Close()
			go io.WriteString(conn, `a LOGIN alice@example.org "`+password+"\"\r\nb SELECT INBOX\r\n"+c.tag+" SLOW\r\n")
			r := bufio.NewReader(conn)
			var said []string
			for selected := false; ; {
				line, err := r.ReadString('\n')
				check(t, err)
				if selected {
					said = append(said, strings.TrimSuffix(line, "\r\n"))
				}
				selected = selected || strings.HasPrefix(line, "b OK")
				if strings.HasPrefix(line, c.tag+" ") {
					break
				}
			}
			if got := strings.Join(said, "|"); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			go func() {
				time.Sleep(time.Minute)
				conn.Close()
			}()
			if line, err := r.ReadString('\n'); err == nil {
				t.Errorf("after the end: %s", line)
			}
		})
	}
}

// TestInProgressWriting: who changes many messages at once hears that the work
// goes on, while the disk is slow.
func TestInProgressWriting(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		for range 9 {
			check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\n")))
		}
		conn, err := f.dial("")
		check(t, err)
		defer conn.Close()
		r := bufio.NewReader(conn)
		ask := func(tag, command string) (said []string) {
			go io.WriteString(conn, tag+" "+command+"\r\n")
			for {
				line, err := r.ReadString('\n')
				check(t, err)
				if said = append(said, line); strings.HasPrefix(line, tag+" ") {
					return said
				}
			}
		}
		ask("a", `LOGIN alice@example.org "`+password+`"`)
		ask("b", "SELECT INBOX")
		f.slow.Store(true)
		for i, command := range []string{
			`STORE 1 +FLAGS (\Deleted)`, `STORE 2:3 +FLAGS.SILENT (\Deleted)`, "UID EXPUNGE 1:2", "EXPUNGE", "COPY 1 Archive", "MOVE 2 Archive",
			"APPEND INBOX {9+}\r\nA: b\r\n\r\nc", "REPLACE 1 INBOX {9+}\r\nA: b\r\n\r\nc",
			"RENAME INBOX old", "CLOSE",
		} {
			tag := fmt.Sprint("t", i)
			want := fmt.Sprintf("* OK [INPROGRESS (%q NIL NIL)] Still at work\r\n", tag)
			if said := ask(tag, command); !slices.Contains(said, want) {
				t.Errorf("%s: %q", command, said)
			}
		}
		f.slow.Store(false)
	})
}
