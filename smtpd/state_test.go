package smtpd

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/wire"
)

// protocolRun is one client's part of a protocol exchange, said in one go. Its
// bodies are made of lines that look like commands (VRFY bob), so a 252 is the
// sign that a body ran.
type protocolRun struct {
	name, port, text string
	// whole is the shortest prefix after which all may be complete, whatever
	// follows.
	whole int
	// secret must not be seen in transcript or log.
	secret string
}

func runs() []protocolRun {
	const poison = "VRFY bob\r\n"
	secret := base64.StdEncoding.EncodeToString([]byte("\x00bob@hamburger.edu\x00ketchup"))
	data := begin + "DATA\r\n" + poison + ".." + poison + poison + ".\r\n"
	bdat := fmt.Sprintf("%sBDAT %d\r\n%sBDAT %d LAST\r\n%s", begin, len(poison), poison, len(poison), poison)
	auth := "EHLO a\r\nAUTH PLAIN\r\n" + secret + "\r\n"
	login := "EHLO a\r\nAUTH LOGIN\r\nYm9iQGhhbWJ1cmdlci5lZHU=\r\na2V0Y2h1cA==\r\n"
	initial := "EHLO a\r\nAUTH PLAIN " + secret + "\r\n"
	all := []protocolRun{
		{"DATA", "mx small", data, len(data), ""},
		// What follows LAST's line is the chunk, whoever meant it as what.
		{"BDAT", "mx small", bdat, len(bdat) - len(poison), ""},
		{"AUTH PLAIN", "submission clear", auth, len(auth), secret},
		{"AUTH PLAIN initial", "submission clear", initial, len(initial), secret},
		{"AUTH LOGIN", "submission clear", login, len(login), "a2V0Y2h1cA=="},
		{"STARTTLS", "mx", "EHLO a\r\nSTARTTLS\r\n" + poison + poison, -1, ""},
	}
	return all
}

// TestEveryPrefix stops each exchange after each octet, in each way that a
// client can: it falls silent, it leaves, or it floods.
func TestEveryPrefix(t *testing.T) {
	ways := []struct {
		name string
		end  func(c *conversation, rest string) (flooded bool)
	}{
		{"stall", func(c *conversation, rest string) bool {
			time.Sleep(6 * time.Minute)
			synctest.Wait()
			c.say(rest)
			return false
		}},
		{"close", func(c *conversation, rest string) bool { return false }},
		{"overflow", func(c *conversation, rest string) bool {
			c.say(strings.Repeat("A", 20<<10))
			c.say(strings.Repeat("VRFX bob\r\n", 100))
			return true
		}},
	}
	for _, run := range runs() {
		for _, way := range ways {
			t.Run(run.name+"/"+way.name, func(t *testing.T) {
				for n := range len(run.text) {
					synctest.Test(t, func(t *testing.T) { checkPrefix(t, run, n, way.end) })
				}
			})
		}
		t.Run(run.name+"/whole", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { checkWhole(t, run) })
		})
	}
}

func checkPrefix(t *testing.T, run protocolRun, n int, end func(*conversation, string) bool) {
	h := newHarness(t)
	watched := watch(h)
	conn, err := h.dial(run.port)
	if err != nil {
		t.Fatal(err)
	}
	c := converse(conn)
	c.say(run.text[:n])
	flooded := end(c, run.text[n:])
	c.leave()
	heard := c.all()
	if messages := h.backend.take(); len(messages) > 0 && (n < run.whole || !flooded) {
		t.Errorf("after %q: accepted %v", run.text[:n], messages)
	}
	if strings.Contains(heard, "\r\n252 ") {
		t.Errorf("after %q: a body ran as commands: %q", run.text[:n], heard)
	}
	if run.name != "DATA" && run.name != "BDAT" && strings.Contains(heard, "\r\n235 ") && n < run.whole {
		// Only the whole response logs in; in a stall it comes too late.
		t.Errorf("after %q: logged in: %q", run.text[:n], heard)
	}
	if seen := watched() + h.log.String(); run.secret != "" && strings.Contains(seen, run.secret) {
		t.Errorf("after %q: the secret is seen: %s", run.text[:n], seen)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(heard, "\r\n"), "\r\n") {
		if heard != "" {
			checkReplyLine(t, line)
		}
	}
}

// checkWhole shows that the exchange works when nothing goes wrong: without
// it, checkPrefix would prove nothing.
func checkWhole(t *testing.T, run protocolRun) {
	h := newHarness(t)
	watched := watch(h)
	conn, err := h.dial(run.port)
	if err != nil {
		t.Fatal(err)
	}
	c := converse(conn)
	c.say(run.text)
	heard := c.all()
	c.leave()
	switch messages := h.backend.take(); {
	case run.secret != "":
		if !strings.Contains(heard, "\r\n235 ") {
			t.Errorf("not logged in: %q", heard)
		}
	case run.name == "STARTTLS":
		if !strings.HasSuffix(heard, "\r\n220 2.0.0 Ready to start TLS\r\n") {
			t.Errorf("STARTTLS: %q", heard)
		}
	case len(messages) != 1 || !strings.HasPrefix(messages[0].body, "VRFY bob\r\n"):
		t.Errorf("accepted %v, heard %q", messages, heard)
	}
	if seen := watched(); run.secret != "" && (strings.Contains(seen, run.secret) || !strings.Contains(seen, "AUTH")) {
		t.Errorf("transcript: %s", seen)
	}
}

// watch collects the transcript.
func watch(h *harness) func() string {
	sub := h.tap.Subscribe(1000)
	var lines []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		var events []wire.Event
		for ok := true; ok; {
			if events, ok = sub.Next(events[:0]); ok {
				for _, e := range events {
					lines = append(lines, e.Text)
				}
			}
		}
	}()
	h.t.Cleanup(func() { sub.Close(); <-done })
	return func() string {
		synctest.Wait()
		return strings.Join(slices.Clone(lines), "\n")
	}
}
