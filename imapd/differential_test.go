package imapd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"posthorn/internal/daemontest"
)

// TestDifferential holds a dialog with both servers: where go-imap's own server
// can do a command, ours does the same, but for that one's faults.
func TestDifferential(t *testing.T) {
	u := imapmemserver.NewUser("alice@example.org", password)
	f := newFixture(t)
	a := f.account("alice")
	boxes, err := f.store.Mailboxes(t.Context(), a.ID)
	check(t, err)
	for _, mb := range boxes {
		check(t, u.Create(mb.Name, nil))
		check(t, u.Subscribe(mb.Name))
	}
	var ours, stock [2]*peer
	for i := range ours {
		conn, err := f.dial("")
		check(t, err)
		ours[i], stock[i] = newPeer(t, conn), newPeer(t, dialStock(t, u, f.wires.TLS))
	}
	for i, c := range compared {
		tag, by := fmt.Sprintf("t%d", i), 0
		say, ok := strings.CutPrefix(c.say, other)
		if ok {
			by = 1
		}
		here, there := ours[by].ask(tag, say), stock[by].ask(tag, say)
		switch same := here == there; {
		case same && c.differs != "":
			t.Errorf("%s\nno longer differs: %s\n%s", c.say, c.differs, here)
		case !same && c.differs == "":
			t.Errorf("%s\nhere:\n%s\nimapserver:\n%s", c.say, here, there)
		}
	}
}

// peer is one end of a dialog.
type peer struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func newPeer(t *testing.T, conn net.Conn) *peer {
	t.Cleanup(func() { conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	p := &peer{t, conn, bufio.NewReader(conn)}
	p.line() // the greeting
	return p
}

// line reads an answer with its literals.
func (p *peer) line() string {
	p.t.Helper()
	var answer strings.Builder
	for {
		line, err := p.r.ReadString('\n')
		if err != nil {
			p.t.Fatalf("%v after %q", err, answer.String()+line)
		}
		answer.WriteString(line)
		m := announced.FindStringSubmatch(line)
		if m == nil {
			return strings.TrimSuffix(answer.String(), "\r\n")
		}
		n, err := strconv.Atoi(m[1])
		check(p.t, err)
		octets := make([]byte, n)
		_, err = io.ReadFull(p.r, octets)
		check(p.t, err)
		answer.Write(octets)
	}
}

// ask sends a command and returns what is answered, in the form in which two
// servers' answers can be compared.
func (p *peer) ask(tag, say string) string {
	p.t.Helper()
	go p.conn.Write([]byte(tag + " " + say + "\r\n")) // a server may answer before it has read all
	c := comparison{say: say, fetched: make(map[string]map[string]string)}
	for {
		line := p.line()
		switch rest, ok := strings.CutPrefix(line, tag+" "); {
		case ok && say == "STARTTLS" && strings.HasPrefix(rest, "OK"):
			p.startTLS()
			fallthrough
		case ok:
			return c.result(rest)
		}
		c.untagged(line)
	}
}

func (p *peer) startTLS() {
	conn := tls.Client(p.conn, daemontest.Localhost(p.t).Client())
	check(p.t, conn.Handshake())
	p.conn, p.r = conn, bufio.NewReader(conn)
}

// comparison gathers the answers to a command. What RFC 9051 leaves to a server
// is evened out: texts, order, letters' case, how strings are quoted, in which
// order EXPUNGE tells of messages, and in how many FETCHes a message is told of.
type comparison struct {
	say     string
	lines   []string
	fetched map[string]map[string]string // by number, then by item
	gone    []int                        // numbers in EXPUNGEs
}

// toldCodes are the response codes that both servers have.
var toldCodes = regexp.MustCompile(`(?i)^\[(APPENDUID|COPYUID|UIDNEXT|UIDVALIDITY|UNSEEN|CLOSED|READ-ONLY|READ-WRITE|TRYCREATE|NONEXISTENT|ALREADYEXISTS)\b([^\]]*)\]`)

// bothOffer is what imapserver offers (and LITERAL-, which RFC 7888 forbids beside
// LITERAL+).
var bothOffer = []string{"IMAP4rev1", "IMAP4rev2", "SASL-IR", "LITERAL+", "UNSELECT", "ENABLE", "IDLE", "UTF8=ACCEPT"}

// validity is UIDVALIDITY's value, which no two servers share.
var validity = regexp.MustCompile(`(?i)((APPENDUID|COPYUID|UIDVALIDITY) )\d+`)

// status is a status response without what only one of the two says.
func comparedStatus(line string) string {
	kind, rest, _ := strings.Cut(line, " ")
	return strings.TrimSpace(kind + " " + validity.ReplaceAllString(toldCodes.FindString(rest), "${1}V"))
}

func (c *comparison) untagged(line string) {
	if strings.HasPrefix(line, "+") {
		c.lines = append(c.lines, "+")
		return
	}
	rest := strings.TrimPrefix(line, "* ")
	items := parseItems(rest)
	switch word := strings.ToUpper(items[0].text); {
	case word == "OK" || word == "NO" || word == "BAD" || word == "BYE":
		if s := comparedStatus(rest); s != "OK" {
			c.lines = append(c.lines, s)
		}
	case word == "CAPABILITY":
		var both []string
		for _, i := range items[1:] {
			if slices.Contains(bothOffer, i.text) {
				both = append(both, i.text)
			}
		}
		slices.Sort(both)
		c.lines = append(c.lines, "CAPABILITY "+strings.Join(both, " "))
	case word == "FLAGS": // those in use, or all: as the server likes
	case len(items) == 2 && items[1].text == "EXPUNGE":
		n, _ := strconv.Atoi(items[0].text)
		c.gone = append(c.gone, n)
	case len(items) == 3 && items[1].text == "FETCH":
		c.fetch(items[0].text, items[2].list)
	case word == "STATUS":
		pairs := pairsOf(items[2].list)
		if _, ok := pairs["UIDVALIDITY"]; ok {
			pairs["UIDVALIDITY"] = "V"
		}
		c.lines = append(c.lines, "STATUS "+items[1].String()+" "+fmt.Sprint(pairs))
	case word == "LIST" || word == "LSUB":
		items[1].list = slices.DeleteFunc(items[1].list, func(a item) bool { return c.ownAttr(a.text) })
		slices.SortFunc(items[1].list, func(a, b item) int { return strings.Compare(a.text, b.text) })
		c.lines = append(c.lines, item{list: items, isList: true}.String())
	case word == "ESEARCH":
		c.lines = append(c.lines, "ESEARCH "+items[1].String()+" "+fmt.Sprint(esearchPairs(items[2:])))
	default:
		c.lines = append(c.lines, item{list: items, isList: true}.String())
	}
}

// ownAttr: an attribute that only one of the two tells: imapmemserver knows no
// CHILDREN and can't be given special uses, but tells \Subscribed unasked.
func (c *comparison) ownAttr(attr string) bool {
	return strings.HasPrefix(attr, `\Has`) || attr == `\Subscribed` && !strings.Contains(c.say, "SUBSCRIBED") ||
		slices.ContainsFunc(specialUses[:], func(use string) bool { return strings.EqualFold(use, attr) })
}

// fetch takes a FETCH's items; a UID only where it was asked for, since
// imapmemserver always tells it.
func (c *comparison) fetch(number string, list []item) {
	if c.fetched[number] == nil {
		c.fetched[number] = make(map[string]string)
	}
	for name, value := range pairsOf(list) {
		if name == "FLAGS" {
			flags := strings.Fields(strings.Trim(value, "()"))
			slices.Sort(flags)
			value = strings.Join(flags, " ")
		}
		if name != "UID" || strings.Contains(c.say, "UID") {
			c.fetched[number][name] = value
		}
	}
}

// result ends the comparison with the tagged answer.
func (c *comparison) result(tagged string) string {
	if len(c.gone) > 0 {
		c.lines = append(c.lines, fmt.Sprint("gone ", goneOf(c.gone)))
	}
	for number, items := range c.fetched {
		if len(items) > 0 {
			c.lines = append(c.lines, "FETCH "+number+" "+fmt.Sprint(items)) // maps print in order
		}
	}
	slices.Sort(c.lines)
	return strings.ToLower(strings.Join(append(c.lines, comparedStatus(tagged)), "\n"))
}

// goneOf is which messages, by their numbers before, EXPUNGEs took away.
func goneOf(numbers []int) []int {
	view := make([]int, 1000)
	for i := range view {
		view[i] = i + 1
	}
	var gone []int
	for _, n := range numbers {
		if n < 1 || n > len(view) {
			return numbers // which is no answer
		}
		gone = append(gone, view[n-1])
		view = slices.Delete(view, n-1, n)
	}
	slices.Sort(gone)
	return gone
}

// item is a piece of an answer: an atom or a string, or a list.
type item struct {
	text   string
	list   []item
	isList bool
}

func (i item) String() string {
	if !i.isList {
		return i.text
	}
	var parts []string
	for _, p := range i.list {
		parts = append(parts, p.String())
	}
	return "(" + strings.Join(parts, " ") + ")"
}

func pairsOf(list []item) map[string]string {
	pairs := make(map[string]string)
	for i := 0; i+1 < len(list); i += 2 {
		name := strings.ReplaceAll(strings.ToUpper(list[i].text), `"`, "") // of fields in a section
		pairs[name] = list[i+1].String()
	}
	return pairs
}

// esearchPairs is pairsOf what follows ESEARCH's tag; UID stands alone.
func esearchPairs(list []item) map[string]string {
	if len(list) > 0 && list[0].text == "UID" {
		list = append([]item{{text: "UID"}, {text: "yes"}}, list[1:]...)
	}
	return pairsOf(list)
}

// parseItems takes an answer apart.
func parseItems(s string) []item {
	items, _ := cutItems(s)
	return items
}

// cutItems takes items up to a closing parenthesis, or the end.
func cutItems(s string) (items []item, rest string) {
	for s != "" {
		switch s[0] {
		case ' ':
			s = s[1:]
		case ')':
			return items, s[1:]
		case '(':
			var list []item
			list, s = cutItems(s[1:])
			items = append(items, item{list: list, isList: true})
		default:
			var text string
			text, s = cutText(s)
			items = append(items, item{text: text})
		}
	}
	return items, ""
}

var announcement = regexp.MustCompile(`^~?\{(\d+)\}\r\n`)

// cutText takes a literal, a quoted string, or an atom with its section.
func cutText(s string) (text, rest string) {
	if m := announcement.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		s = s[len(m[0]):]
		return s[:n], s[n:]
	}
	quoted := s[0] == '"'
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case quoted && c == '"' && i > 0:
			return unescape([]byte(s[1:i])), s[i+1:]
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth == 0 && (c == ' ' || c == '(' || c == ')'):
			return s[:i], s[i:]
		}
	}
	return s, ""
}
