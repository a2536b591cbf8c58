//go:build crash

package crash

import (
	"bufio"
	"bytes"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// body is a piece of a message's octets as the database has it.
type body struct {
	content int
	blob    []byte
}

// bodies are all pieces: headers, chunks, what is attached, and part trees.
func (s *server) bodies() (list []body) {
	s.t.Helper()
	s.query(func(db *sql.DB) error {
		rows, err := db.Query(`SELECT content, header FROM meta UNION ALL SELECT content, parts FROM meta
			UNION ALL SELECT key >> 16, data FROM chunks UNION ALL SELECT key >> 16, attached FROM chunks WHERE attached NOT NULL`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var b body
			if err := rows.Scan(&b.content, &b.blob); err != nil {
				return err
			}
			list = append(list, b)
		}
		return rows.Err()
	})
	return list
}

// locate finds where in the database file an octet of a blob is: -1 where the
// octets around it are not next to each other there, or not there once.
func locate(file, blob []byte, i int) int {
	const around = 12
	from, to := max(0, i-around), min(len(blob), i+around)
	at := bytes.Index(file, blob[from:to])
	if at < 0 || bytes.Contains(file[at+1:], blob[from:to]) {
		return -1
	}
	return at + i - from
}

// Bits of bodies turn over on the disk: the check names every message that has
// one, and no client gets wrong octets for right ones, whole or in parts.
func TestBitFlips(t *testing.T) {
	const perRound = 10
	s := newServer(t, t.TempDir(), plain, "alice")
	s.MustStart()
	l := &acks{dir: s.Dir}
	for range 20 {
		for _, size := range []int{600, 5000, 40_000, 500_000} {
			s.deliver(l, size, 1, "alice@"+domain)
		}
	}
	s.deliver(l, staged, 2, "alice@"+domain)
	good := s.readEverything(nil)
	s.Stop()
	pristine, err := os.ReadFile(s.Data("posthorn.db"))
	if err != nil {
		t.Fatal(err)
	}
	uids := map[int]int{}
	s.query(func(db *sql.DB) error { return eachPair(db, "SELECT content, uid FROM messages", uids) })
	all := s.bodies()
	flips, errors, right := 0, 0, 0
	for range pick(3, 20) {
		file := bytes.Clone(pristine)
		hit := map[int]bool{}
		for len(hit) < perRound {
			b := all[rand.IntN(len(all))]
			bit := rand.IntN(8 * len(b.blob))
			at := locate(pristine, b.blob, bit/8)
			if at < 0 || hit[b.content] {
				continue
			}
			hit[b.content] = true
			file[at] ^= 1 << (bit % 8)
			flips++
		}
		if err := os.WriteFile(s.Data("posthorn.db"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, _, err := s.Command(nil, "", "check", "--deep")
		if err == nil {
			t.Errorf("the check found nothing")
		}
		read := map[int]bool{}
		for id := range hit {
			read[uids[id]] = true
			if !regexp.MustCompile(fmt.Sprintf(`content %d\b`, id)).MatchString(out) {
				t.Errorf("the check did not find the damage in content %d:\n%s", id, out)
			}
		}
		s.MustStart()
		for key, got := range s.readEverything(read) {
			switch {
			case got == good[key]:
				right++ // that part is not the damaged one
			case got == "":
				errors++
			default:
				t.Errorf("%s was served with wrong octets", key)
			}
		}
		s.Stop()
	}
	t.Logf("%d flips: all found; reading the messages gave %d errors, %d parts that are right, none that is wrong", flips, errors, right)
	if errors < flips {
		t.Errorf("%d flips gave only %d errors to clients", flips, errors)
	}
}

func eachPair(db *sql.DB, query string, into map[int]int) error {
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k, v int
		if err := rows.Scan(&k, &v); err != nil {
			return err
		}
		into[k] = v
	}
	return rows.Err()
}

// readEverything reads messages (nil: all) of alice's INBOX in every way there
// is. What could not be read, or was cut off, is empty.
func (s *server) readEverything(uids map[int]bool) map[string]string {
	s.t.Helper()
	got := map[string]string{}
	n := s.number("SELECT max(uid) FROM messages")
	for uid := 1; uid <= n; uid++ {
		if uids != nil && !uids[uid] {
			continue
		}
		for _, item := range []string{"BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BODY.PEEK[1]", "BODY.PEEK[]<0.300>", "BODY.PEEK[]<700.900>", "BINARY.PEEK[1]", "RFC822.HEADER"} {
			got[fmt.Sprint(uid, " ", item)] = s.fetch(uid, item)
		}
		// No message was expunged: numbers are UIDs.
		got[fmt.Sprint(uid, " RETR")] = s.pop3(fmt.Sprintf("RETR %d", uid))
		got[fmt.Sprint(uid, " TOP")] = s.pop3(fmt.Sprintf("TOP %d 5", uid))
	}
	return got
}

var literal = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// fetch returns the octets of one item, empty when the server gave an error,
// or broke off.
func (s *server) fetch(uid int, item string) string {
	conn, err := net.Dial("tcp", s.Address("imap"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "a LOGIN alice@%s \"%s\"\r\nb EXAMINE INBOX\r\nc UID FETCH %d (%s)\r\n", domain, testserver.Password, uid, item)
	in := bufio.NewReader(conn)
	octets := ""
	for {
		line, err := in.ReadString('\n')
		switch {
		case err != nil:
			return ""
		case strings.HasPrefix(line, "c OK"):
			return octets
		case strings.HasPrefix(line, "c "):
			return ""
		}
		if m := literal.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1])
			buf := make([]byte, n)
			if _, err := io.ReadFull(in, buf); err != nil {
				return ""
			}
			octets = string(buf)
		}
	}
}

// pop3 returns a multi-line reply, empty when there was an error or no end.
func (s *server) pop3(command string) string {
	var c *testserver.Client
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var err error
		if c, err = testserver.DialPOP3(s.Address("pop3"), "alice@"+domain); err == nil {
			break
		}
		if time.Now().After(deadline) { // until then, the last session may still hold the mailbox
			s.t.Fatal(err)
		}
	}
	defer c.Conn.Close()
	if _, err := c.Say(command+"\r\n", 1, "+OK"); err != nil {
		return ""
	}
	text, err := c.Multi()
	if err != nil {
		return ""
	}
	return text
}

// The write-ahead log is damaged, cut or gone: what is missing then is said at
// start, never silently.
func TestDamagedLog(t *testing.T) {
	prepared := newServer(t, t.TempDir(), plain, "alice", "bob")
	prepared.route("127.0.0.1:1")
	prepared.MustStart()
	l := &acks{dir: prepared.Dir}
	for range 10 {
		prepared.deliver(l, 3000, 3, "alice@"+domain, "x@"+away)
		prepared.deliver(l, 50_000, 1, "bob@"+domain)
	}
	prepared.Kill()
	log, err := os.ReadFile(prepared.Data("posthorn.db-wal"))
	if err != nil {
		t.Fatal(err)
	}
	lost, reported := 0, 0
	try := func(name string, damage func(s *server)) {
		s := prepared.clone(t)
		defer s.Kill()
		damage(s)
		s.MustStart()
		said := strings.Contains(s.Log(), "acknowledged commits are missing")
		f := s.compare(&acks{dir: s.Dir, lines: l.lines})
		s.Stop()
		if len(f.Missing) > 0 {
			lost++
		}
		if said {
			reported++
		}
		if len(f.Missing) > 0 && !said {
			t.Errorf("%s: %d messages are missing, and nothing was said", name, len(f.Missing))
		}
		if len(f.Altered) > 0 {
			t.Errorf("%s: %d messages are altered", name, len(f.Altered))
		}
		s.checkDeep()
	}
	flips := pick(6, 50)
	for range flips {
		bit := rand.IntN(8 * len(log))
		try(fmt.Sprintf("bit %d of %d octets", bit, len(log)), func(s *server) {
			b := bytes.Clone(log)
			b[bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(s.Data("posthorn.db-wal"), b, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
	try("cut in half", func(s *server) {
		if err := os.Truncate(s.Data("posthorn.db-wal"), int64(len(log)/2)); err != nil {
			t.Fatal(err)
		}
	})
	try("deleted", func(s *server) {
		if err := os.Remove(s.Data("posthorn.db-wal")); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d flips, a cut and a deletion: messages missing after %d, reported at start %d times", flips, lost, reported)
	if lost < flips/2 {
		t.Errorf("only %d of the damages took anything away: they were none", lost)
	}
}
