package imapd

import (
	"bufio"
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
)

const (
	plainLetter = "Date: Mon, 05 Jan 2026 10:20:30 +0100\r\nFrom: Carol Example <carol@example.net>\r\nTo: alice@example.org\r\n" +
		"Cc: Dave <dave@example.net>, erin@example.net\r\nSubject: Lunch on Friday\r\nMessage-ID: <1@example.net>\r\nIn-Reply-To: <0@example.net>\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n\r\nSoup, or noodles?\r\nYours, C.\r\n"
	mixedLetter = "Date: Tue, 06 Jan 2026 11:00:00 +0000\r\nFrom: dave@example.net\r\nTo: alice@example.org\r\nSubject: Two parts\r\n" +
		"Message-ID: <2@example.net>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nOne.\r\n--b\r\nContent-Type: text/html; charset=us-ascii\r\n" +
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>Two=2E</p>\r\n--b--\r\n"
)

func appendLetter(mailbox, flags, letter string) string {
	return fmt.Sprintf("APPEND %s (%s) \"07-Jan-2026 08:09:10 +0100\" {%d+}\r\n%s", mailbox, flags, len(letter), letter)
}

// compared is a dialog that both servers can hold, a command to a line. Where
// imapserver and imapmemserver answer otherwise, differs says what they do; such
// a difference must be there, and none else.
var compared = []struct{ say, differs string }{
	{say: `NAMESPACE`},
	{say: `CREATE work`},
	{say: `CREATE work/2026/`},
	{say: `CREATE work`},
	{say: `CREATE "with space"`},
	{say: `CREATE Entw&APw-rfe`},
	{say: `SUBSCRIBE work/2026`},
	{say: `SUBSCRIBE "with space"`},
	{say: `UNSUBSCRIBE "with space"`},
	{say: `LIST "" ""`},
	{say: `LIST "" *`},
	{say: `LIST "" %`},
	{say: `LIST work/ %`},
	{say: `LIST "" (INBOX w%)`},
	{say: `LIST "" Entw&APw-*`},
	{say: `LIST "" nothing`},
	{say: `LIST (SUBSCRIBED) "" *`},
	{say: `LIST "" work RETURN (SUBSCRIBED STATUS (MESSAGES UIDNEXT UNSEEN))`},
	{say: `LIST (RECURSIVEMATCH) "" *`},
	{say: `LIST (FROB) "" *`},
	{say: `LSUB "" *`},
	{say: `RENAME "with space" without`},
	{say: `RENAME nothing something`},
	{say: `RENAME without work`},
	{say: `SUBSCRIBE later`, differs: "only what is there can be subscribed"},
	{say: `UNSUBSCRIBE later`, differs: "only what is there can be unsubscribed"},
	{say: `DELETE without`},
	{say: `DELETE without`},
	{say: `STATUS work (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE RECENT)`},
	{say: `STATUS nothing (MESSAGES)`},
	{say: `STATUS work (FROB)`},
	{say: `SELECT nothing`},
	{say: `FETCH 1 FLAGS`},

	{say: appendLetter("work", "", plainLetter)},
	{say: appendLetter("work", `\Seen \Flagged`, mixedLetter)},
	{say: appendLetter("work", "$Label", plainLetter)},
	{say: appendLetter("work", `\Draft`, mixedLetter)},
	{say: appendLetter("nothing", "", plainLetter)},
	{say: `STATUS work (MESSAGES UIDNEXT UNSEEN DELETED SIZE)`},
	{say: `SELECT work`},
	{say: `FETCH 1:* (FLAGS UID)`},
	{say: `FETCH 1:2 FAST`},
	{say: `FETCH 1 ALL`},
	{say: `FETCH 1 ENVELOPE`},
	{say: `UID FETCH 2:* (INTERNALDATE RFC822.SIZE)`},
	{say: `UID FETCH 99 FLAGS`},
	{say: `FETCH 1 BODYSTRUCTURE`},
	{say: `FETCH 2 BODY`},
	{say: `FETCH 2 BODYSTRUCTURE`},
	{say: `FETCH 1 (BODY.PEEK[HEADER] BODY.PEEK[TEXT])`},
	{say: `FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT DATE)]`},
	{say: `FETCH 1 BODY.PEEK[]<4.10>`},
	{say: `FETCH 2 (BODY.PEEK[1] BODY.PEEK[2.MIME] BODY.PEEK[2]<0.5>)`},
	{say: `FETCH 2 (BINARY.PEEK[2] BINARY.SIZE[2])`},
	{say: `FETCH 1 BODY[TEXT]`},
	{say: `FETCH 3 RFC822.TEXT`},
	{say: `FETCH 1:* FLAGS`},
	{say: `FETCH 1`},
	{say: `FETCH 1 FROB`},
	{say: `SEARCH ALL`},
	{say: `SEARCH SEEN`},
	{say: `SEARCH UNSEEN KEYWORD $Label`},
	{say: `SEARCH FROM carol SUBJECT lunch`},
	{say: `SEARCH OR SUBJECT parts TEXT noodles`},
	{say: `SEARCH NOT BODY noodles`},
	{say: `SEARCH LARGER 100 SMALLER 100000`},
	{say: `SEARCH SENTSINCE 6-Jan-2026`},
	{say: `SEARCH ON 7-Jan-2026 2:3`},
	{say: `SEARCH HEADER Message-ID <2@`},
	{say: `UID SEARCH UID 2:3 UNDELETED`},
	{say: `SEARCH RETURN (MIN MAX COUNT ALL) ALL`},
	{say: `UID SEARCH RETURN () FLAGGED`},
	{say: `SEARCH CHARSET KOI8-R TEXT x`},
	{say: `STORE 1 +FLAGS (\Answered)`},
	{say: `STORE 1:2 -FLAGS (\Seen)`},
	{say: `STORE 2 FLAGS (\Deleted $Other)`},
	{say: `UID STORE 4 +FLAGS.SILENT (\Deleted)`},
	{say: `STORE 1 FLAGS ()`},
	{say: `FETCH 1:* FLAGS`},
	{say: `COPY 1:2 INBOX`},
	{say: `UID COPY 4 INBOX`},
	{say: `COPY 1 nothing`},
	{say: `UID EXPUNGE 1:2`},
	{say: `EXPUNGE`},
	{say: `NOOP`},
	{say: `FETCH 1:* (UID FLAGS)`},
	{say: `MOVE 1 INBOX`, differs: "MOVE tells of each expunge twice"},
	{say: `UID MOVE 3 INBOX`, differs: "MOVE tells of each expunge twice, once as 0"},
	{say: `CHECK`},
	{say: `SEARCH ALL`},
	{say: `CLOSE`},
	{say: `FETCH 1 FLAGS`},
	{say: `STATUS INBOX (MESSAGES UNSEEN DELETED SIZE)`},
	{say: `EXAMINE INBOX`},
	{say: `FETCH 1:* (FLAGS RFC822.SIZE)`},
	{say: `STORE 1 +FLAGS (\Flagged)`, differs: "STORE works after EXAMINE"},
	{say: `UNSELECT`},
	{say: `SELECT INBOX`},
	{say: `STORE 1 FLAGS.SILENT (\Flagged)`},
	{say: `EXPUNGE`},
	{say: `FETCH 1:* FLAGS`},
	{say: `SELECT work`},
	{say: `CLOSE`},
	{say: `RENAME work play`},
	{say: `LIST "" *`, differs: "RENAME leaves mailboxes below behind"},
	{say: `DELETE inbox`, differs: "INBOX can be deleted"},
	{say: `LOGOUT`},
}

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
	conn, err := f.dial("")
	check(t, err)
	ours, stock := newPeer(t, conn), newPeer(t, dialStock(t, u))
	login := `LOGIN alice@example.org "` + password + `"`
	ours.ask("login", login)
	stock.ask("login", login)
	for i, c := range compared {
		tag := fmt.Sprintf("t%d", i)
		here, there := ours.ask(tag, c.say), stock.ask(tag, c.say)
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
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return c.result(rest)
		}
		c.untagged(line)
	}
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

// validity is UIDVALIDITY's value, which no two servers share.
var validity = regexp.MustCompile(`(?i)((APPENDUID|COPYUID|UIDVALIDITY) )\d+`)

// status is a status response without what only one of the two says.
func comparedStatus(line string) string {
	kind, rest, _ := strings.Cut(line, " ")
	return strings.TrimSpace(kind + " " + validity.ReplaceAllString(toldCodes.FindString(rest), "${1}V"))
}

func (c *comparison) untagged(line string) {
	rest := strings.TrimPrefix(line, "* ")
	items := parseItems(rest)
	switch word := strings.ToUpper(items[0].text); {
	case word == "OK" || word == "NO" || word == "BAD" || word == "BYE":
		if s := comparedStatus(rest); s != "OK" {
			c.lines = append(c.lines, s)
		}
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
