package imapd

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"posthorn/internal/daemontest"
)

// believer is a client that keeps the state of its mailbox by what it is told,
// as RFC 9051 has clients do, and complains about what may not be said.
type believer struct {
	conn net.Conn
	r    *bufio.Reader
	rand *rand.Rand
	tags int
	msgs []believed // by sequence number
	log  []string
	err  error
}

// believed is what a client knows of a message.
type believed struct {
	uid   int    // 0: not known
	flags string // sorted; valid when known
	known bool
}

func (c *believer) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(c.log[max(0, len(c.log)-30):], "\n"))
	}
}

var (
	untagged = regexp.MustCompile(`^\* (\d+) (EXISTS|EXPUNGE|FETCH)(?: \((.*)\))?$`)
	uidItem  = regexp.MustCompile(`\bUID (\d+)`)
	flagItem = regexp.MustCompile(`\bFLAGS \(([^)]*)\)`)
)

// run sends a command and takes in all that comes until it is answered.
func (c *believer) run(command string) string {
	if c.err != nil {
		return ""
	}
	c.tags++
	tag := fmt.Sprintf("t%d", c.tags)
	c.log = append(c.log, tag+" "+command)
	if _, err := c.conn.Write([]byte(tag + " " + command + "\r\n")); err != nil {
		c.fail("writing: %v", err)
		return ""
	}
	name, _, _ := strings.Cut(command, " ")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.fail("reading: %v", err)
			return ""
		}
		line = strings.TrimSuffix(line, "\r\n")
		c.log = append(c.log, "    "+line)
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if strings.HasPrefix(rest, "BAD") || strings.Contains(rest, "SERVERBUG") {
				c.fail("%s", line)
			}
			return rest
		}
		c.take(line, name)
	}
}

// take is what a client does with an untagged answer.
func (c *believer) take(line, command string) {
	m := untagged.FindStringSubmatch(line)
	if m == nil {
		return
	}
	n, _ := strconv.Atoi(m[1])
	switch m[2] {
	case "EXISTS":
		if n < len(c.msgs) {
			c.fail("%s, of %d", line, len(c.msgs))
		}
		for len(c.msgs) < n {
			c.msgs = append(c.msgs, believed{})
		}
		return
	case "EXPUNGE":
		if command == "FETCH" || command == "STORE" || command == "SEARCH" {
			c.fail("%s during %s", line, command)
		}
	}
	if n < 1 || n > len(c.msgs) {
		c.fail("%s, of %d", line, len(c.msgs))
		return
	}
	if m[2] == "EXPUNGE" {
		c.msgs = slices.Delete(c.msgs, n-1, n)
		return
	}
	msg := &c.msgs[n-1]
	if u := uidItem.FindStringSubmatch(m[3]); u != nil {
		uid, _ := strconv.Atoi(u[1])
		if msg.uid != 0 && msg.uid != uid {
			c.fail("%s: it was %d", line, msg.uid)
		}
		msg.uid = uid
	}
	if f := flagItem.FindStringSubmatch(m[3]); f != nil {
		msg.flags, msg.known = sortedFlags(strings.Fields(f[1])), true
	}
}

func sortedFlags(flags []string) string {
	slices.Sort(flags)
	return strings.Join(slices.Compact(flags), " ")
}

// step is a random command.
func (c *believer) step() {
	n := len(c.msgs)
	if n == 0 {
		c.run("NOOP")
		return
	}
	from := 1 + c.rand.IntN(n)
	to := min(n, from+c.rand.IntN(4))
	set := fmt.Sprintf("%d:%d", from, to)
	switch c.rand.IntN(12) {
	case 0, 1:
		c.run("NOOP")
	case 2, 3:
		c.run("FETCH " + set + " (UID FLAGS)")
	case 4, 5, 6:
		c.store(from, to, set)
	case 7:
		c.run("EXPUNGE")
	case 8:
		c.run("COPY " + set + " INBOX")
	case 9:
		c.run("MOVE " + set + " INBOX")
	case 10:
		c.run(fmt.Sprintf("UID EXPUNGE %d:%d", 1+c.rand.IntN(40), 41+c.rand.IntN(40)))
	case 11:
		c.run("SEARCH ALL")
	}
}

// store is STORE, by number or UID, silent or not. Of a silent one the client
// reckons the flags itself, before it sends the command.
func (c *believer) store(from, to int, set string) {
	op := []string{"+", "-", ""}[c.rand.IntN(3)]
	flags := [][]string{{`\Seen`}, {`\Deleted`}, {`\Flagged`, "$Label1"}, {`\Draft`, "$Label2", `\Deleted`}, nil}[c.rand.IntN(5)]
	item := op + "FLAGS"
	if c.rand.IntN(2) == 0 {
		item += ".SILENT"
		for i := from - 1; i < to; i++ {
			if msg := &c.msgs[i]; msg.known || op == "" {
				msg.flags, msg.known = applied(msg.flags, op, flags), true
			}
		}
	}
	c.run(fmt.Sprintf("STORE %s %s (%s)", set, item, strings.Join(flags, " ")))
}

func applied(have, op string, flags []string) string {
	all := strings.Fields(have)
	switch op {
	case "":
		all = nil
		fallthrough
	case "+":
		return sortedFlags(append(all, flags...))
	}
	return sortedFlags(slices.DeleteFunc(all, func(f string) bool { return slices.Contains(flags, f) }))
}

// TestSessionsAgree has several clients change one mailbox at the same time,
// while mail comes. In the end each must believe what is so.
func TestSessionsAgree(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				for range 8 {
					check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\nx\r\n")))
				}
				var clients []*believer
				for i := range 3 {
					conn, err := f.dial("")
					check(t, err)
					defer conn.Close()
					c := &believer{conn: conn, r: bufio.NewReader(conn), rand: rand.New(rand.NewPCG(seed, uint64(i)))}
					c.r.ReadString('\n')
					c.run(`LOGIN alice@example.org "` + password + `"`)
					c.run("SELECT INBOX")
					clients = append(clients, c)
				}
				var wg sync.WaitGroup
				for _, c := range clients {
					wg.Go(func() {
						for range 60 {
							c.step()
						}
					})
				}
				wg.Go(func() {
					for range 20 {
						check(t, f.deliver("alice", "INBOX", []byte("Subject: x\r\n\r\nx\r\n")))
					}
				})
				wg.Wait()
				for _, c := range clients {
					c.checkBeliefs()
					if c.err != nil {
						t.Error(c.err)
					}
				}
			})
		})
	}
}

// checkBeliefs compares what the client believes with what a fresh look gives.
func (c *believer) checkBeliefs() {
	c.run("NOOP")
	before := slices.Clone(c.msgs)
	c.run("FETCH 1:* (UID FLAGS)")
	if len(before) != len(c.msgs) {
		c.fail("NOOP left something to tell: %d messages, then %d", len(before), len(c.msgs))
		return
	}
	uid := 0
	for i, b := range before {
		now := c.msgs[i]
		if b.uid != 0 && b.uid != now.uid || b.known && b.flags != now.flags || now.uid <= uid {
			c.fail("message %d: believed %+v, is %+v", i+1, b, now)
		}
		uid = now.uid
	}
}
