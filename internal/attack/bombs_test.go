//go:build attack

package attack

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

const (
	// mostBombTime is what a FETCH of everything may take, mostBombMemory the whole
	// process.
	mostBombTime   = time.Second
	mostBombMemory = 100 << 20
)

// bomb is a message that is dear to take apart.
type bomb struct {
	what string
	text string
}

// bombs are at most 25 MB each.
func bombs() []bomb {
	repeat := strings.Repeat
	head := "From: <x@client.example>\r\nSubject: bomb\r\nMIME-Version: 1.0\r\n"
	nested := func(depth int) string {
		var b strings.Builder
		b.WriteString(head)
		for i := range depth {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		b.WriteString("\r\nin the middle\r\n")
		for i := depth - 1; i >= 0; i-- {
			fmt.Fprintf(&b, "--b%d--\r\n", i)
		}
		return b.String()
	}
	var lines, params, parts, addresses, references strings.Builder
	for i := range 120_000 {
		fmt.Fprintf(&lines, "X-Line-%d: word word word word word word\r\n", i)
	}
	for i := range 100_000 {
		fmt.Fprintf(&params, ";\r\n name*%d*=UTF-8''%%41%%42%%43", i)
	}
	for i := range 100_000 {
		fmt.Fprintf(&parts, "--b\r\nContent-Type: text/plain; name=p%d\r\n\r\n%d\r\n", i, i)
	}
	for i := range 500_000 {
		fmt.Fprintf(&addresses, "\"A B\" <a%d@client.example>,\r\n ", i)
	}
	for i := range 500_000 {
		fmt.Fprintf(&references, " <%d@client.example>\r\n", i)
	}
	const most = 24_000_000
	return []bomb{
		{"multiparts 5,000 deep", nested(5000)},
		{"messages 5,000 deep", head + repeat("Content-Type: message/rfc822\r\n\r\n", 5000) + "\r\nend\r\n"},
		{"120,000 header lines", head + lines.String() + "\r\nbody\r\n"},
		{"one field of 24 MB", head + "X-Long: " + repeat("long\r\n ", most/7) + "\r\n\r\nbody\r\n"},
		{"a chain of RFC 2231 parameters", head + "Content-Type: text/plain" + params.String() + "\r\n\r\nbody\r\n"},
		{"an empty multipart", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n"},
		{"empty parts", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--b\r\n", most/5) + "--b--\r\n"},
		{"100,000 parts", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts.String() + "--b--\r\n"},
		{"500,000 addresses", "From: <x@client.example>\r\nTo: " + addresses.String() + "<x@client.example>\r\n\r\nbody\r\n"},
		{"500,000 references", head + "References:" + references.String() + "\r\nbody\r\n"},
		{"encoded words", head + "Comments:" + repeat(" =?UTF-8?Q?=41?=\r\n", most/18) + "\r\nbody\r\n"},
		{"comments 1,000,000 deep", "From: <x@client.example>\r\nTo: " + repeat("(", 1_000_000) + "\r\n\r\nbody\r\n"},
		{"a line of 24 MB", head + "\r\n" + repeat("x", most) + "\r\n"},
		{"24 MB of line ends", head + "\r\n" + repeat("\r\n", most/2)},
		{"boundaries that are none", head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + repeat("--bb\r\n", most/6) + "--b--\r\n"},
		{"HTML that never ends", head + "Content-Type: text/html\r\n\r\n" + repeat("<a<b<!--", most/8) + "\r\n"},
		{"base64 that is none", head + "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" + repeat("QQ==\r\n", most/6)},
	}
}

// TestBombs delivers messages that are dear to take apart, and fetches all
// that there is of each: soon, without much memory, and the same octets.
func TestBombs(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.MustStart()
	for _, b := range bombs() {
		if len(b.text) > 25<<20 {
			t.Fatalf("%s has %d octets", b.what, len(b.text))
		}
	}
	for i, b := range bombs() {
		began, used := time.Now(), processorTime(t, s)
		if err := sendAppend(s, "alice", []byte(b.text)); err != nil {
			t.Fatalf("%s: %v\n%s", b.what, err, tail(s))
		}
		taken, processor := time.Since(began), processorTime(t, s)-used
		c := login(t, s)
		began, used = time.Now(), processorTime(t, s)
		size := fetchEverything(t, c, i+1)
		fetched := min(time.Since(began), processorTime(t, s)-used)
		f := figures(t, s)
		t.Logf("%-32s %8d octets: taken in %v (processor %v), fetched in %v, %d octets: peak %d MiB",
			b.what, len(b.text), taken.Round(time.Millisecond), processor, fetched.Round(time.Millisecond), size, f.PeakRSS>>20)
		if fetched > mostBombTime {
			t.Errorf("%s: fetching everything took %v, most %v", b.what, fetched, mostBombTime)
		}
		c.Close()
		if err := fetchSame(s, i+1, b.text); err != nil {
			t.Errorf("%s: %v", b.what, err)
		}
	}
	searchBombs(t, s, len(bombs()))
	if peak := figures(t, s).PeakRSS; peak > mostBombMemory {
		t.Errorf("the server took %d MiB, most %d", peak>>20, int64(mostBombMemory)>>20)
	}
	if strings.Contains(s.Log(), "panic") {
		t.Errorf("the server panicked:\n%s", tail(s))
	}
	s.Stop()
	s.Must("check", "--deep")
}

// searchBombs has the bombs decoded, previewed, searched, sorted and threaded, all
// of them by one command where that is possible.
func searchBombs(t *testing.T, s *testserver.Server, n int) {
	t.Helper()
	c := login(t, s)
	var commands []string
	for _, key := range []string{
		"TEXT zebra", "BODY zebra", "SUBJECT zebra", "FROM zebra", "TO zebra", "CC zebra", "BCC zebra", "HEADER X-Long zebra", "HEADER References zebra", "HEADER Content-Type zebra",
		"SENTBEFORE 1-Jan-2020", "SENTSINCE 1-Jan-2020", "LARGER 20000000", "OLDER 10", "FUZZY TEXT zebra", "FUZZY SUBJECT zebra", "NOT (OR TEXT zebra BODY okapi)",
	} {
		commands = append(commands, "SEARCH "+key)
	}
	for _, key := range []string{"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO", "REVERSE SUBJECT FROM TO"} {
		commands = append(commands, "SORT ("+key+") UTF-8 ALL")
	}
	for _, algorithm := range []string{"REFERENCES", "ORDEREDSUBJECT"} {
		commands = append(commands, "THREAD "+algorithm+" UTF-8 ALL", "THREAD "+algorithm+" UTF-8 SUBJECT bomb")
	}
	for i := range n {
		commands = append(commands, fmt.Sprintf("FETCH %d (PREVIEW THREADID EMAILID BINARY.SIZE[1] BINARY.PEEK[1])", i+1))
	}
	for _, command := range commands {
		began, used := time.Now(), processorTime(t, s)
		if err := c.say("f " + command + "\r\n"); err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		size := c.tagged(t, "f", command)
		took := min(time.Since(began), processorTime(t, s)-used)
		t.Logf("%-60s %v, %d octets: peak %d MiB", command, took.Round(time.Millisecond), size, figures(t, s).PeakRSS>>20)
		most := mostBombTime
		if !strings.HasPrefix(command, "FETCH") { // all bombs together
			most = mostCommand
		}
		if took > most {
			t.Errorf("%s took %v, most %v", command, took, most)
		}
	}
}

// fetchEverything fetches what the server knows of a message, but for its
// octets, and returns how much that was.
func fetchEverything(t *testing.T, c *client, n int) int {
	t.Helper()
	if err := c.say(fmt.Sprintf("f FETCH %d (FLAGS INTERNALDATE ENVELOPE BODY BODYSTRUCTURE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[1] BODY.PEEK[1.1] BODY.PEEK[1.MIME] BODY.PEEK[TEXT]<0.1000>)\r\n", n)); err != nil {
		t.Fatal(err)
	}
	return c.tagged(t, "f", "fetching everything")
}

// tagged reads answers up to the one with a tag, which must be OK, and returns how
// much that was.
func (c *client) tagged(t *testing.T, tag, what string) (size int) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	for begins := true; ; {
		line, err := c.r.ReadSlice('\n')
		size += len(line)
		if begins && bytes.HasPrefix(line, []byte(tag+" ")) {
			if !bytes.HasPrefix(line, []byte(tag+" OK")) {
				t.Errorf("%s: %s", what, line)
			}
			return size
		}
		if err != nil && err != bufio.ErrBufferFull {
			t.Fatalf("%s: after %d octets: %v", what, size, err)
		}
		begins = err == nil
	}
}

// fetchSame demands that a message has the octets that it came with.
func fetchSame(s *testserver.Server, n int, text string) error {
	c, err := loggedIn(s, "imap", "* OK", append(imapLogin("alice"), "b EXAMINE INBOX", "b OK")...)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.say(fmt.Sprintf("g FETCH %d BODY.PEEK[]\r\n", n)); err != nil {
		return err
	}
	size, err := c.literalOctets()
	if err != nil {
		return err
	}
	if size != int64(len(text)) {
		return fmt.Errorf("%d octets came back of %d", size, len(text))
	}
	if err := c.wantOctets(size, []byte(text)); err != nil {
		return err
	}
	_, err = c.reply("g OK")
	return err
}
