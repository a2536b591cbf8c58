package wire

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

var kindNames = map[EventKind]string{
	Opened: "opened", ClientLine: "C:", ServerLine: "S:", ClientData: "c:", ServerData: "s:", ClientLeft: "c:", ServerLeft: "s:",
	TLSStarted: "tls", Noted: "note", LoggedIn: "login", Closed: "closed",
}

// transcript renders events, each a line.
func transcript(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		if e.Skipped > 0 {
			fmt.Fprintf(&b, "(%d skipped)\n", e.Skipped)
		}
		fmt.Fprintf(&b, "%s %s\n", kindNames[e.Kind], e.Text)
	}
	return b.String()
}

func TestTap(t *testing.T) {
	var tap Tap
	sub := tap.Subscribe(100)
	c, client := pipe(t, &Config{Protocol: "imap", Tap: &tap})
	literal := strings.Repeat("x", 10000)
	go io.WriteString(client, "a LOGIN bob hush\r\nhush again\r\nb APPEND {10000}\r\n"+literal+"c NOOP\r\n")
	go io.Copy(io.Discard, client)
	io.WriteString(c, "* OK hel")
	io.WriteString(c, "lo\r\n")
	c.ReadLine(100)
	c.Mask("a LOGIN bob ****")
	c.Authenticated("bob")
	io.WriteString(c, "a OK\r\n* one\r\n")
	c.ReadSecretLine(100)
	c.ReadLine(100)
	c.SetPhase(Data)
	c.Discard(10000)
	c.SetPhase(Commands)
	c.ReadLine(100)
	c.Note(Note{Kind: "appended", UIDs: "7", Mailbox: "INBOX"})
	io.WriteString(c, "* 1 FETCH (BODY[] {10000}\r\n")
	io.WriteString(c, "") // nothing
	c.WriteBody([]byte(literal))
	io.WriteString(c, ")\r\n"+strings.Repeat("y", 3000)+"\r\n")
	c.Hangup("* BYE")
	sub.Close()
	var events []Event
	for more := true; more; {
		events, more = sub.Next(events)
	}
	got := transcript(events)
	// A literal is shown in pieces.
	if i, j := strings.Index(got, "c: "), strings.LastIndex(got, "\nc: "); i >= 0 {
		end := j + 1 + strings.Index(got[j+1:], "\n")
		if n := strings.Count(got[i:end], "x"); n != 4096 || !strings.HasSuffix(got[i:end], "c: [5904 octets more]") {
			t.Errorf("the literal: %d of %q", n, got[i:end])
		}
		got = got[:i] + "c: literal" + got[end:]
	}
	got = strings.ReplaceAll(got, literal[:4096], "X*4096")
	want := `opened 
S: * OK hello
login bob
C: a LOGIN bob ****
S: a OK
S: * one
C: ********
C: b APPEND {10000}
c: literal
C: c NOOP
note UID 7 put into INBOX
S: * 1 FETCH (BODY[] {10000}
s: X*4096
s: [5904 octets more]
S: )
S: ` + strings.Repeat("y", 1000) + `
S: * BYE
closed 
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for i, e := range events {
		if e.Seq != uint64(i+1) || e.Time.IsZero() || e.Conn != c.ID() || e.Protocol != "imap" || e.Remote != "pipe" {
			t.Errorf("event %d: %+v", i, e)
		}
		if strings.Contains(e.Text, "hush") {
			t.Errorf("a secret: %+v", e)
		}
	}
}

// A body's line is shown as one however it comes: a line's end in two segments
// makes no empty line.
func TestTapJoinsSegments(t *testing.T) {
	for segments, want := range map[string]string{
		"one\r|\n|two|\r\n\r\n|.\r|\n":            "c: one\r\n\nc: two\r\n\r\n\nc: .\r\n\n",
		"one\r\ntw|o\r\nthree":                    "c: one\r\n\nc: two\r\n\nc: three\n",
		strings.Repeat("x", 990) + "|xxxxxxxxxxx": "c: " + strings.Repeat("x", 1001) + "\n",
		strings.Repeat("x", 4090) + "\r\n|yyyy|z": "c: " + strings.Repeat("x", 4090) + "\r\n\nc: yyyy\nc: [1 octets more]\n",
	} {
		var tap Tap
		sub := tap.Subscribe(100)
		c, client := pipe(t, &Config{Protocol: "smtp", Tap: &tap})
		go func() {
			for segment := range strings.SplitSeq(segments, "|") {
				io.WriteString(client, segment)
			}
			client.Close()
		}()
		c.SetPhase(Data)
		for {
			p, err := c.Fill()
			if err != nil {
				break
			}
			c.Consume(len(p))
		}
		c.Hangup("")
		sub.Close()
		var events []Event
		for more := true; more; {
			events, more = sub.Next(events)
		}
		octets := 0
		for _, e := range events {
			octets += int(e.Octets)
		}
		got := strings.TrimPrefix(transcript(events), "opened \n")
		got, _, _ = strings.Cut(got, "closed")
		if got != want || octets != len(strings.ReplaceAll(segments, "|", "")) {
			t.Errorf("%.100q: %d octets in %q", segments, octets, got)
		}
	}
}

func TestTapSkips(t *testing.T) {
	var tap Tap
	slow, fast := tap.Subscribe(3), tap.Subscribe(100)
	for i := range 10 {
		tap.publish(Event{Kind: Noted, Text: fmt.Sprint(i)})
	}
	events, _ := slow.Next(nil)
	tap.publish(Event{Kind: Noted, Text: "after"})
	events, _ = slow.Next(events)
	if got := transcript(events); got != "note 0\nnote 1\nnote 2\n(7 skipped)\nnote after\n" {
		t.Errorf("got %s", got)
	}
	if events, _ := fast.Next(nil); len(events) != 11 {
		t.Errorf("the fast one got %d", len(events))
	}
	slow.Close()
	slow.Close()
	if tap.watchers.Load() != 1 {
		t.Errorf("%d watchers", tap.watchers.Load())
	}
	if _, more := slow.Next(nil); more {
		t.Error("more after Close")
	}
	fast.Close()
	if tap.watchers.Load() != 0 || len(tap.subs) != 0 {
		t.Error("a watcher is left")
	}
}

// Nobody watching costs nothing: not even an allocation.
func TestUnwatchedTapAllocatesNothing(t *testing.T) {
	var tap Tap
	c, client := pipe(t, &Config{Protocol: "imap", Tap: &tap})
	go io.Copy(io.Discard, client)
	p := []byte("* 1 FETCH (FLAGS (\\Seen))\r\n")
	c.Write(p)
	if n := testing.AllocsPerRun(100, func() { c.Write(p) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
