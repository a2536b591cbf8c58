//go:build attack

package attack

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// mostCommand is how long any of these commands may take; it may also be refused.
const mostCommand = 2 * time.Second

// demand is a command that asks for more than it seems.
type demand struct {
	what, command string
	// refusable: NO or BAD will do. Else the answer must be OK.
	refusable bool
}

// demands are what one client asks of a mailbox of n messages.
func demands(n int) []demand {
	repeat := strings.Repeat
	odd := func(most int) string { // 1,3,5…: as many ranges as there can be
		var b strings.Builder
		for i := 1; i < most; i += 2 {
			fmt.Fprintf(&b, "%d,", i)
		}
		return b.String() + "*"
	}
	words := func(key string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " %s w%dx", key, i)
		}
		return b.String()
	}
	// Three letters, as FUZZY looks for: all that there are of common ones.
	shorts := func(before string, n int) string {
		const letters = "etaoinshrldc"
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " %s %c%c%c", before, letters[i%12], letters[i/12%12], letters[i/144%12])
		}
		return b.String()
	}
	return []demand{
		{"12,000 NOTs before one key", "SEARCH " + repeat("NOT ", 12_000) + "SEEN", true},
		{"499 NOTs before one key", "SEARCH " + repeat("NOT ", 499) + "SEEN", false},
		{"12,000 keys with NOT", "SEARCH" + repeat(" NOT SEEN", 12_000), true},
		{"1,900 keys with NOT", "SEARCH" + repeat(" NOT SEEN", 950), false},
		{"OR 12,000 deep", "SEARCH " + repeat("OR SEEN ", 12_000) + "SEEN", true},
		{"OR 499 deep", "SEARCH " + repeat("OR SEEN ", 499) + "FLAGGED", false},
		{"12,000 parentheses", "SEARCH " + repeat("(", 12_000) + "SEEN" + repeat(")", 12_000), true},
		{"a key of 900,000 octets", fmt.Sprintf("SEARCH TEXT {900000+}\r\n%s", repeat("a", 900_000)), true},
		{"a key that nearly matches", fmt.Sprintf("SEARCH BODY {3000+}\r\n%sb", repeat("a", 2999)), true},
		{"one word everywhere", "SEARCH TEXT zebra", false},
		{"one letter everywhere", "SEARCH TEXT z", true},
		{"a header everywhere", "SEARCH HEADER X-None z", true},
		{"500 words", "SEARCH" + words("NOT TEXT", 500), true},
		{"499 words, any of them", "SEARCH" + strings.ReplaceAll(words("OR TEXT", 499), "x O", "x O") + " SEEN", true},
		{"900 headers", "SEARCH" + words("NOT HEADER X-None", 900), true},
		{"900 subjects", "SEARCH" + words("NOT SUBJECT", 900), true},
		{"many ranges to search", "SEARCH " + odd(100_000), true},
		{"many ranges not to search", "SEARCH NOT UID " + odd(100_000), true},
		{"200 sets of many ranges", "SEARCH" + repeat(" NOT "+odd(800), 200), true},
		{"sorted for the first time", "SORT (SUBJECT) UTF-8 ALL", false},
		{"500 words, sorted", "SORT (SUBJECT) UTF-8" + words("NOT TEXT", 500), true},
		{"12,000 NOTs, sorted", "SORT (SUBJECT) UTF-8 " + repeat("NOT ", 12_000) + "SEEN", true},
		{"500 words in threads", "THREAD REFERENCES UTF-8" + words("NOT TEXT", 500), true},
		{"200 fuzzy words", "SEARCH" + words("NOT FUZZY TEXT", 200), true},
		{"500 fuzzy words in one key", `SEARCH FUZZY TEXT "` + words("", 500) + `"`, true},
		{"500 short fuzzy words in one key", `SEARCH FUZZY TEXT "` + shorts("", 500) + `"`, true},
		{"1,700 short words in one fuzzy key", `SEARCH FUZZY BODY "` + shorts("", 1700) + `"`, true},
		{"499 short fuzzy words, any of them", "SEARCH" + shorts("OR FUZZY TEXT", 499) + " SEEN", true},
		{"900 fuzzy words that are there", `SEARCH FUZZY TEXT "` + repeat("sender client number ", 300) + `"`, true},
		{"900 fuzzy words, sorted", `SORT (RELEVANCY) UTF-8 FUZZY TEXT "` + repeat("sender client number ", 300) + `"`, true},
		{"950 dates", "SEARCH" + repeat(" NOT SENTBEFORE 1-Jan-2020", 950), true},
		{"950 dates and a word", "SEARCH" + repeat(" NOT SENTBEFORE 1-Jan-2020", 950) + " TEXT zebra", true},
		{"950 keywords and a word", "SEARCH" + repeat(" NOT KEYWORD $Junk", 950) + " TEXT zebra", true},
		{"499 NOTs before words", "SEARCH" + repeat(" "+repeat("NOT ", 499)+"TEXT zebra", 3), true},
		{"300 of each, nested", "SEARCH" + repeat(" OR (FUZZY SUBJECT the NOT BODY eat) OR (SENTON 1-Jan-2020 KEYWORD $Junk) (HEADER X-None z", 150) +
			" SEEN" + repeat(")", 150), true},
		{"many ranges to fetch", "FETCH " + odd(n) + " UID", false},
		{"many ranges of UIDs to fetch", "UID FETCH " + odd(100_000) + " UID", true},
		{"ranges that overlap", "FETCH " + repeat(fmt.Sprintf("1:%d,", n), 20_000) + "1 UID", true},
		{"1,000 sections", "FETCH 1 (" + repeat("BODY.PEEK[1] ", 999) + "BODY.PEEK[TEXT])", true},
		{"20,000 sections", "FETCH 1 (" + repeat("BODY.PEEK[1] ", 20_000) + "FLAGS)", true},
		{"a section 20,000 deep", "FETCH 1 BODY.PEEK[1" + repeat(".1", 20_000) + "]", true},
		{"20,000 names of fields", "FETCH 1:100 BODY.PEEK[HEADER.FIELDS (" + strings.TrimSpace(repeat("Subject ", 20_000)) + ")]", true},
		{"200 lists of fields", "FETCH 1:100 (" + repeat("BODY.PEEK[HEADER.FIELDS (Subject X-None)] ", 200) + "FLAGS)", true},
		{"the first of a thread", "SEARCH THREADID T0123456789abcdef", false},
		{"500 threads", "SEARCH" + words("NOT THREADID", 500), true},
		{"all sorted by ten keys", "SORT (SUBJECT FROM TO CC DATE ARRIVAL SIZE DISPLAYFROM DISPLAYTO REVERSE SUBJECT) UTF-8 ALL", false},
		{"all sorted by 10,000 keys", "SORT (" + repeat("SUBJECT ", 10_000) + "DATE) UTF-8 ALL", true},
		{"all in threads by subject", "THREAD ORDEREDSUBJECT UTF-8 ALL", false},
		{"all in threads by references", "THREAD REFERENCES UTF-8 ALL", false},
		{"all in threads by arrival", "THREAD REFS UTF-8 ALL", false},
		{"a pattern of stars", `LIST "" "` + repeat("*%", 4000) + `"`, true},
		{"a pattern that nearly matches", `LIST "" "` + repeat("*a", 400) + `b"`, true},
		{"a long pattern", fmt.Sprintf("LIST \"\" {900000+}\r\n%s", repeat("%*", 450_000)), true},
		{"2,000 patterns", `LIST "" (` + repeat("*a*e*i* ", 1999) + "*)", true},
		{"20,000 patterns", `LIST "" (` + repeat("*a*e*i* ", 20_000) + "*)", true},
		{"the status of all mailboxes", `LIST "" * RETURN (STATUS (MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE))`, true},
		{"flags without end", "STORE 1 +FLAGS (" + strings.TrimSpace(repeat("\\Seen ", 20_000)) + ")", true},
	}
}

// TestDemands gives commands that cost much for their length to a server with a
// large mailbox and many mailboxes. Each must be answered, or refused, soon.
func TestDemands(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	n := pick(10_000, 100_000)
	began := time.Now()
	fillMailbox(t, s, n)
	makeMailboxes(t, s, pick(500, 5000))
	t.Logf("%d messages in %v", n, time.Since(began).Round(time.Second))
	c := login(t, s)
	slowest := time.Duration(0)
	for _, d := range demands(n) {
		began, before := time.Now(), processorTime(t, s)
		err := c.say("c " + d.command + "\r\n")
		answer, received := "", 0
		for err == nil && answer == "" {
			var line []byte
			c.SetReadDeadline(time.Now().Add(patience))
			line, err = c.r.ReadSlice('\n')
			received += len(line)
			if bytes.HasPrefix(line, []byte("c ")) || bytes.HasPrefix(line, []byte("* BYE")) {
				answer = string(line[:min(len(line), 80)])
			} else if len(line) == 2048 {
				err = nil // a long line goes on
			}
		}
		// Where the machine is busy with other things the processor's time counts.
		wall, took := time.Since(began), processorTime(t, s)-before
		t.Logf("%-32s %9v (processor %v) %9d octets: %.60q", d.what, wall.Round(100*time.Microsecond), took, received, answer)
		took = min(took, wall)
		slowest = max(slowest, took)
		if took > mostCommand {
			t.Errorf("%s took %v, most %v", d.what, took, mostCommand)
		}
		if err != nil || !d.refusable && !strings.HasPrefix(answer, "c OK") {
			t.Errorf("%s was answered with %q, %v", d.what, answer, err)
		}
		if err != nil || strings.HasPrefix(answer, "* BYE") {
			c.Close()
			c = login(t, s)
		}
	}
	t.Logf("the slowest took %v; the server: %v", slowest.Round(time.Millisecond), figures(t, s))
	s.Stop()
}

// processorTime is what the server has used of the processors, in steps of a
// hundredth of a second.
func processorTime(t *testing.T, s *testserver.Server) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(b, []byte(") ")) // from the third field on
	fields := strings.Fields(string(rest))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * time.Second / 100
}

// login selects alice's INBOX.
func login(t *testing.T, s *testserver.Server) *client {
	t.Helper()
	c, err := loggedIn(s, "imap", "* OK", append(imapLogin("alice"), "b SELECT INBOX", "b OK")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(s))
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// pipeline sends n commands without waiting for answers, and counts those that
// are OK.
func pipeline(t *testing.T, s *testserver.Server, n int, command func(i int) string) {
	t.Helper()
	c, err := loggedIn(s, "imap", "* OK", imapLogin("alice")...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() {
		var b bytes.Buffer
		for i := range n {
			b.WriteString(command(i))
			if b.Len() > 64<<10 || i == n-1 {
				if c.say(b.String()) != nil {
					return
				}
				b.Reset()
			}
		}
	}()
	for range n {
		if _, err := c.reply("p OK"); err != nil {
			t.Fatalf("%v\n%s", err, tail(s))
		}
	}
}

// fillMailbox puts n messages into alice's INBOX.
func fillMailbox(t *testing.T, s *testserver.Server, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("ask bring carry drive even fifty gather house inside jacket kettle lemon mostly night orange paper quiet river stone table under valley window yellow aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	pipeline(t, s, n, func(i int) string {
		var m strings.Builder
		fmt.Fprintf(&m, "From: Sender %d <s%d@client.example>\r\nTo: <alice@%s>\r\nSubject: Number %d\r\nMessage-ID: <%d@client.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n",
			i%100, i%100, testserver.Domain, i, i)
		for k := range 60 {
			m.WriteString(words[r.IntN(len(words))])
			m.WriteString([]string{" ", " ", " ", "\r\n"}[k%4])
		}
		return fmt.Sprintf("p APPEND INBOX {%d+}\r\n%s\r\n", m.Len(), m.String())
	})
}

// makeMailboxes makes n of them, some deep.
func makeMailboxes(t *testing.T, s *testserver.Server, n int) {
	t.Helper()
	pipeline(t, s, n, func(i int) string {
		return fmt.Sprintf("p CREATE aaaa%d/aaaaaaaaaaaa/%saaaa%d\r\n", i%50, strings.Repeat("a/", i%10), i)
	})
}

// TestSearchers has an account search all its messages' texts on as many
// connections as it may have, again and again. Whoever comes beside is served.
func TestSearchers(t *testing.T) {
	most := time.Duration(pick(10, 1)) * time.Second // CI's machines are shared
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	fillMailbox(t, s, pick(3000, 20_000))
	stop := make(chan struct{})
	var searching sync.WaitGroup
	var searches atomic.Int64
	for range 20 {
		c := login(t, s)
		searching.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := c.ask("c SEARCH BODY zebra", "c OK"); err != nil {
					t.Error(err)
					return
				}
				searches.Add(1)
			}
		})
	}
	var times []time.Duration
	for i := range pick(5, 50) * len(services()) {
		began := time.Now()
		if err := visit(s, services()[i%len(services())]); err != nil {
			t.Errorf("a good client beside: %v", err)
		}
		times = append(times, time.Since(began))
	}
	close(stop)
	searching.Wait()
	p99 := percentile99(times)
	t.Logf("a good client's visits beside %d searches: %v (99th of 100), %v on average; the server: %v", searches.Load(), p99, average(times), figures(t, s))
	if p99 > most {
		t.Errorf("a good client's visits took %v (99th of 100), most %v", p99, most)
	}
}

func average(times []time.Duration) (sum time.Duration) {
	for _, t := range times {
		sum += t
	}
	return sum / time.Duration(len(times))
}
