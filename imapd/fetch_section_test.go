package imapd

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"posthorn/internal/mail"
	"posthorn/internal/message"
	"posthorn/internal/wire"
	"posthorn/store"
)

// TestLongHeaders: fields are chosen from a header that is never held whole just
// as they are from any other (RFC 9051 §6.4.5.1).
func TestLongHeaders(t *testing.T) {
	const trace = "Return-Path: <carol@example.net>\r\n" // of fixture.deliver
	long := "Subject: one\r\n two\r\nX-Long: " + strings.Repeat("long\r\n ", longHeader/6) + "end\r\nno field\r\nsubject : three\r\n"
	part := long + "Content-Type: text/plain\r\n\r\n"
	text := long + "Content-Type: message/rfc822\r\n\r\n" + part + "text\r\n"
	f := newFixture(t)
	check(t, f.deliver("alice", "INBOX", []byte(text)))
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.selectInbox()
	header := trace + strings.TrimSuffix(text, part+"text\r\n")
	for _, tt := range []struct {
		section, whole string
		names          []string
		not            bool
	}{
		{"HEADER.FIELDS (Subject)", header, []string{"subject"}, false},
		{"HEADER.FIELDS (Return-Path None)", header, []string{"return-path"}, false},
		{"HEADER.FIELDS.NOT (X-Long)", header, []string{"x-long"}, true},
		{"HEADER.FIELDS.NOT (Subject)", header, []string{"subject"}, true},
		{"1.HEADER.FIELDS (Subject)", part, []string{"subject"}, false},
		{"1.HEADER.FIELDS.NOT (Subject)", part, []string{"subject"}, true},
	} {
		want := string(message.FilterHeader(nil, []byte(tt.whole), tt.names, tt.not))
		for _, cut := range [][2]int{{0, len(want)}, {3, 20}, {len(want) - 5, 100}, {len(want), 1}, {len(want) + 9, 1}} {
			piece := want[min(cut[0], len(want)):min(cut[0]+cut[1], len(want))]
			c.say(fmt.Sprintf("f FETCH 1 BODY.PEEK[%s]<%d.%d>\r\n", tt.section, cut[0], cut[1]))
			answer := fmt.Sprintf("* 1 FETCH (BODY[%s]<%d> {%d}\r\n%s)\r\nf OK", tt.section, cut[0], len(piece), piece)
			for want := range strings.SplitAfterSeq(answer, "\n") {
				if line := c.until(""); !strings.HasPrefix(line, want) {
					t.Fatalf("%s %v: got %q, want %q", tt.section, cut, line, want)
				}
			}
		}
	}
}

// fetchSlowly has a client fetch two messages, and stop in the middle of the first,
// of so many octets, while another session expunges one of them and its octets go.
func fetchSlowly(t *testing.T, octets int, expunged mail.UID) *telnet {
	f := newFixture(t)
	check(t, f.deliver("alice", "INBOX", []byte("Subject: 1\r\n\r\n"+strings.Repeat("x\r\n", octets/3))))
	check(t, f.deliver("alice", "INBOX", []byte("Subject: 2\r\n\r\nx\r\n")))
	inbox, err := f.store.MailboxByName(t.Context(), f.account("alice").ID, "INBOX")
	check(t, err)
	var content store.ContentID
	for m, err := range f.store.Messages(t.Context(), inbox.ID, mail.UIDs(expunged), store.Brief) {
		check(t, err)
		content = m.Content
	}
	addr, _ := f.startTCP(wire.Limits{})
	var both [2]*telnet
	for i := range both {
		both[i] = dialTCP(t, addr)
		both[i].selectInbox()
	}
	both[0].say("f FETCH 1:2 BODY.PEEK[]\r\n")
	both[0].until("* 1 FETCH")
	both[1].say(fmt.Sprintf("d STORE %d +FLAGS (\\Deleted)\r\ne EXPUNGE\r\n", expunged))
	both[1].until("e OK")
	for end := time.Now().Add(30 * time.Second); err == nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		_, err = f.store.Content(t.Context(), content)
	}
	return both[0]
}

// slowOctets are more than the system's buffers hold.
const slowOctets = 28 << 20

// TestExpungedWhileSent: who reads a message slowly, while another session
// expunges it, loses the connection in the middle of it, and that is nobody's
// fault: the log has no error (see fixture.Write).
func TestExpungedWhileSent(t *testing.T) {
	c := fetchSlowly(t, slowOctets, 1)
	if n, _ := io.Copy(io.Discard, c.r); n >= slowOctets {
		t.Errorf("%d octets came", n)
	}
}

// TestExpungedBeforeSent: of a message that another session expunged before its
// turn came nothing is told, but why.
func TestExpungedBeforeSent(t *testing.T) {
	c := fetchSlowly(t, slowOctets, 2)
	if answer := c.until("f "); !strings.HasPrefix(answer, "f NO [EXPUNGEISSUED]") {
		t.Errorf("%q", answer)
	}
}
