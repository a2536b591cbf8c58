package imapd

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"posthorn/internal/daemontest"
)

// evil is what hides in literals: run as a command it would be answered.
const evil = "evil NOOP\r\n"

// literalDialogs are commands that hold evil in every place where a literal may
// stand or be refused, each followed by a NOOP of the client's own.
func literalDialogs() map[string]string {
	lit := func(times int) string {
		text := strings.Repeat(evil, times)
		return fmt.Sprintf("{%d+}\r\n%s", len(text), text)
	}
	return map[string]string{
		"login":          "a LOGIN " + lit(1) + " " + lit(1) + "\r\n",
		"login large":    "a LOGIN " + lit(1000) + " " + lit(2) + "\r\n",
		"login too much": "a LOGIN x " + lit(2000) + " " + lit(1) + "\r\n",
		"login syntax":   "a LOGIN (" + lit(1) + " " + lit(1) + "\r\n",
		"unknown":        "a FROB " + lit(3) + " " + lit(1) + "\r\n",
		"no arguments":   "a NOOP " + lit(1) + "\r\n",
		"no command":     "a " + lit(1) + "\r\n",
		"no tag":         lit(1) + "\r\n",
		"bad tag":        "+ NOOP " + lit(1) + "\r\n",
		"wrong state":    "a SELECT " + lit(500) + "\r\n",
		"early append":   "a APPEND INBOX " + lit(600) + "\r\n",
		"empty literals": "a LOGIN {0+}\r\n {0+}\r\n\r\n",
		"in quotes":      "a LOGIN \"" + lit(1) + "\" x\r\n",
		"sasl":           "a AUTHENTICATE PLAIN\r\n" + evil,
		"sasl literal":   "a AUTHENTICATE " + lit(1) + "\r\n",
		"sasl initial":   "a AUTHENTICATE PLAIN " + lit(1) + "\r\n",

		"in select":           "in SELECT " + lit(500) + "\r\n",
		"in append":           "in APPEND INBOX " + lit(5) + "\r\n",
		"in append name":      "in APPEND {5+}\r\nINBOX " + lit(5) + "\r\n",
		"in append long name": "in APPEND " + lit(500) + " " + lit(5) + "\r\n",
		"in append nowhere":   "in APPEND nowhere " + lit(700) + "\r\n",
		"in append tail":      "in APPEND INBOX " + lit(5) + " " + evil,
		"in append more":      "in APPEND INBOX " + lit(5) + " " + lit(5) + "\r\n",
		"in append flags":     "in APPEND INBOX (\\Seen " + lit(5) + " " + lit(5) + "\r\n",
		"in append utf8":      "in APPEND INBOX UTF8 (~" + lit(5) + ")\r\n",
		"in append nothing":   "in APPEND INBOX {0+}\r\n" + "\r\n",
		"in search":           "in SEARCH SUBJECT " + lit(1) + " TEXT " + lit(100) + "\r\n",
		"in search too much":  "in SEARCH TEXT " + lit(maxCommand/len(evil)) + " TEXT " + lit(3) + "\r\n",
		"in list":             "in LIST " + lit(1) + " " + lit(1) + "\r\n",
		"in store":            "in STORE 1 FLAGS " + lit(1) + "\r\n",
		"in unknown":          "in FROB " + lit(5000) + "\r\n",
	}
}

// TestLiteralsAreNoCommands feeds every prefix of commands with literals and
// then stalls and closes: nothing of a literal may run as a command, and what
// comes after a whole one must be understood.
func TestLiteralsAreNoCommands(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	for name, dialog := range literalDialogs() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				login := ""
				if strings.HasPrefix(dialog, "in ") {
					login = `l LOGIN alice@example.org "` + password + "\"\r\ns SELECT INBOX\r\n"
				}
				whole := dialog + "mine NOOP\r\n"
				for n := range len(whole) + 1 {
					if n > 120 && n < len(whole)-60 && n%(len(whole)/10+1) != 0 {
						continue // in the middle of a long literal
					}
					said := f.talk(login + whole[:n])
					if strings.Contains(said, "evil ") {
						t.Fatalf("after %q: a literal ran as a command:\n%s", tail(whole[:n]), said)
					}
					if n == len(whole) && !strings.Contains(said, "mine OK") && !strings.Contains(said, "* BYE") {
						t.Errorf("the next command was not understood:\n%s", said)
					}
				}
				if login != "" {
					f.checkNothingPartial(t, dialog)
				}
			})
		})
	}
}

// checkNothingPartial: only whole messages were stored.
func (f *fixture) checkNothingPartial(t *testing.T, dialog string) {
	said := f.talk(`l LOGIN alice@example.org "` + password + "\"\r\ns SELECT INBOX\r\nf UID FETCH 1:* RFC822.SIZE\r\n")
	for line := range strings.Lines(said) {
		if strings.Contains(line, " FETCH (") && !strings.Contains(line, fmt.Sprintf("RFC822.SIZE %d)", 5*len(evil))) {
			t.Errorf("stored after %q: %s", tail(dialog), line)
		}
	}
}

func tail(s string) string { return s[max(0, len(s)-80):] }

// talk sends text, waits for all that the server has to say, and hangs up.
func (f *fixture) talk(text string) string {
	conn, err := f.dial("")
	check(f.t, err)
	var said strings.Builder
	var mu sync.Mutex
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := conn.Read(b)
			mu.Lock()
			said.Write(b[:n])
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	go func(c net.Conn) { c.Write([]byte(text)) }(conn)
	time.Sleep(time.Second) // a wrong password is answered a little later
	synctest.Wait()
	conn.Close()
	synctest.Wait()
	mu.Lock()
	defer mu.Unlock()
	return said.String()
}
