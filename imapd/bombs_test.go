package imapd

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"posthorn/internal/stall"
	"posthorn/internal/wire"
)

// mostHeap is how many octets a FETCH of everything may take, those that it
// sends aside.
const mostHeap = 100 << 20

// bombs are messages that are made to cost more than their size. (Package
// message has more of them, for its parser.)
func bombs(size int) map[string]string {
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	nested := func(s string) string {
		var b strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&b, s, i)
		}
		return b.String() + "\r\n" + fill("text\r\n")
	}
	var sections strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&sections, ";\r\n x*%d*=utf-8''%%41", i)
	}
	return map[string]string{
		"multiparts":          nested("Content-Type: multipart/mixed; boundary=b%[1]d\r\n\r\n--b%[1]d\r\n"),
		"messages":            nested("Content-Type: message/rfc822\r\n\r\nSubject: %d\r\n"),
		"120,000 headerlines": strings.Repeat("X-Bomb: "+strings.Repeat("x", size/130_000)+"\r\n", 120_000) + "\r\ntext\r\n",
		"continuations":       "Subject: x\r\n" + fill(" y\r\n") + "\r\n",
		"empty multiparts":    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"),
		"empty parts":         "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + fill("--b\r\n"),
		"RFC 2231 chain":      "Content-Type: text/plain" + sections.String() + "\r\n\r\n" + fill("text\r\n"),
		"addresses":           "From: " + fill("a,") + "\r\n\r\n",
		"one line":            fill("x"),
	}
}

// TestBombs fetches everything that there is of each bomb.
func TestBombs(t *testing.T) {
	// Small bombs may take long: the race detector is likely there.
	size, most := 1<<19, 8*time.Second
	if stall.Full() {
		size, most = 24<<20, time.Second
	}
	f := newFixture(t)
	addr, _ := f.startTCP(wire.Limits{})
	c := dialTCP(t, addr)
	c.login()
	n := 0
	for name, bomb := range bombs(size) {
		n++
		c.SetDeadline(time.Now().Add(time.Minute))
		c.say(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s\r\n", len(bomb), bomb))
		c.until("a OK")
		c.say("s SELECT INBOX\r\n")
		c.until("s OK")
		runtime.GC()
		peak, begin := watchHeap(), processor(t)
		c.say(fmt.Sprintf("f FETCH %d (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[1] BODY.PEEK[1.MIME] BODY.PEEK[1.1.1.1.1.1.HEADER] "+
			"BODY.PEEK[HEADER.FIELDS (X-Bomb Subject)] BINARY.SIZE[1] BODY.PEEK[]<100.1000> BODY.PEEK[])\r\n", n))
		last, sent := literals(t, c.r, "f OK")
		took := processor(t) - begin
		grown := peak()
		t.Logf("%s: %d kB sent, %v, the heap grew by %d kB", name, sent>>10, took, grown>>10)
		if took > most || grown > mostHeap {
			t.Errorf("%s: it took %v, and the heap grew by %d octets", name, took, grown)
		}
		if last != sha256.Sum256([]byte(bomb)) {
			t.Errorf("%s: BODY[] is not what was uploaded", name)
		}
	}
}

// literals reads answers up to one that begins with end. It returns the sum of
// the last literal, and how many octets there were.
func literals(t *testing.T, r *bufio.Reader, end string) (last [sha256.Size]byte, sent int) {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			t.Fatal(err)
		}
		if sent += len(line); bytes.HasPrefix(line, []byte(end)) {
			return last, sent
		}
		m := announced.FindSubmatch(line)
		if m == nil {
			continue
		}
		n, err := strconv.ParseInt(string(m[1]), 10, 64)
		check(t, err)
		h := sha256.New()
		_, err = io.CopyN(h, r, n)
		check(t, err)
		h.Sum(last[:0])
		sent += int(n)
	}
}

// watchHeap looks at the heap, garbage included, until it is asked for by how
// much it has grown at most.
func watchHeap() (peak func() int64) {
	const name = "/memory/classes/heap/objects:bytes"
	read := func() int64 {
		sample := []metrics.Sample{{Name: name}}
		metrics.Read(sample)
		return int64(sample[0].Value.Uint64())
	}
	before, most := read(), int64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			most = max(most, read())
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-done
		return most - before
	}
}

// processor is the processor time that this process has used.
func processor(t *testing.T) time.Duration {
	var u syscall.Rusage
	check(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
