package wire

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Who samples sees a server at rest whole, of a busy one so much as can be read,
// and is told what is missing. Who subscribes sees everything.
func TestSample(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tap Tap
		sampled := tap.Sample(100_000)
		defer sampled.Close()
		c, client := pipe(t, &Config{Protocol: "imap", Tap: &tap})
		go io.Copy(io.Discard, client)
		go func() {
			for i := range 20_000 {
				fmt.Fprintf(client, "%d NOOP\r\n", i)
			}
			time.Sleep(20 * time.Second)
			io.WriteString(client, "a last one\r\n")
		}()
		for {
			line, _, err := c.ReadLine(100)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(string(line), "a last") {
				break
			}
			io.WriteString(c, "* OK\r\n")
		}
		io.WriteString(c, "* OK it is seen\r\n")
		c.Close()
		events, _ := sampled.Next(nil)
		quiet, last := 0, ""
		for _, e := range events {
			quiet += e.Quiet
			if e.Kind == ServerLine {
				last = e.Text
			}
		}
		if n := len(events); n < sampleBurst || n > sampleBurst+2*sampleOverdraft+2*sampleRate {
			t.Errorf("%d events of 40,000 are shown", n)
		}
		if quiet < 10_000 {
			t.Errorf("%d lines are said to be missing", quiet)
		}
		if last != "* OK it is seen" || events[len(events)-1].Kind != Closed {
			t.Errorf("when all is quiet again: %q, %v", last, events[len(events)-1])
		}
	})
}

// Five thousand events are shown at once, then a thousand a second, where each 256
// octets of text count as one more; a tenth of a second is how often it is asked
// whether the load is over.
func TestSampleRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tap Tap
		defer tap.Sample(100_000).Close()
		level := func(want int32) {
			t.Helper()
			if is := tap.level.Load(); is != want {
				t.Errorf("level %d, not %d", is, want)
			}
		}
		for range 4999 {
			tap.publish(Event{})
		}
		level(calm)
		tap.publish(Event{})
		level(full)
		tap.publish(Event{Text: strings.Repeat("x", 1000*256)})
		level(spent)
		time.Sleep(1099 * time.Millisecond)
		level(full)
		time.Sleep(2 * time.Millisecond)
		level(calm)
	})
}

// New connections are left out whole, and counted.
func TestSampleLeavesOutConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tap Tap
		sampled := tap.Sample(100_000)
		defer sampled.Close()
		tap.tokens, tap.filled = 0, time.Now()
		tap.publish(Event{Kind: Noted})
		c, client := pipe(t, &Config{Protocol: "imap", Tap: &tap})
		go io.Copy(io.Discard, client)
		io.WriteString(c, "* OK\r\n")
		c.Close()
		time.Sleep(time.Minute)
		c, client = pipe(t, &Config{Protocol: "imap", Tap: &tap})
		go io.Copy(io.Discard, client)
		io.WriteString(c, "* OK\r\n")
		c.Close()
		events, _ := sampled.Next(nil)
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(kindNames[e.Kind], " ", e.Unseen))
		}
		if fmt.Sprint(got) != "[note 0 opened 1 S: 0 closed 0]" {
			t.Errorf("got %q", got)
		}
	})
}

// What is masked is told only while somebody wants it revealed.
func TestReveal(t *testing.T) {
	var tap Tap
	sub := tap.Subscribe(100)
	c, client := pipe(t, &Config{Protocol: "imap", Tap: &tap})
	go io.Copy(io.Discard, client)
	go io.WriteString(client, "a LOGIN bob hush\r\na LOGIN bob hush\r\nhushxa LOGIN bob hush\r\nb NOOP\r\n")
	ask := func() {
		c.ReadLine(100)
		c.Mask("LOGIN ****")
		c.Mask("a LOGIN ****")
		c.MaskAnswer("+ ****")
		io.WriteString(c, "+ c2VjcmV0\r\n")
	}
	ask()
	tap.Reveal(true)
	ask()
	c.Fill()
	c.ConsumeSecret(4)
	c.Consume(1)
	tap.Reveal(false)
	ask()
	c.ReadLine(100)
	io.WriteString(c, "b OK\r\n")
	c.Close()
	sub.Close()
	var secrets []string
	var events []Event
	for more := true; more; {
		events, more = sub.Next(events)
	}
	for _, e := range events {
		if strings.Contains(e.Text, "hush") || strings.Contains(e.Text, "c2Vj") || e.Masked != strings.Contains(e.Text, "****") {
			t.Errorf("%+v", e)
		}
		if e.Masked {
			secrets = append(secrets, e.Secret)
		}
	}
	if want := `["" "" "a LOGIN bob hush" "+ c2VjcmV0" "hush" "" ""]`; fmt.Sprintf("%q", secrets) != want {
		t.Errorf("secrets %q, want %s", secrets, want)
	}
}
