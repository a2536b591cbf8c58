//go:build attack

package attack

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

const (
	// dropTime is how long the server may bear a client that has not logged in
	// and trickles, dropSlack what the machine may add.
	dropTime  = 60 * time.Second
	dropSlack = 5 * time.Second
	// trickle is the pause between two octets.
	trickle = 3 * time.Second
)

// slowly is what a slow client sends: first at once, then the rest octet by
// octet, again and again.
type slowly struct {
	what  string
	first []string // pairs for talk
	rest  string
}

func (w slowly) String() string { return w.what }

// slowWays are the ways to be slow before login on a service.
func slowWays(service string) []slowly {
	switch service {
	case "smtp":
		return []slowly{
			{"a line without end", nil, "NOOP "},
			{"a body without end", []string{
				"EHLO client.example", "250", "MAIL FROM:<x@client.example>", "250",
				"RCPT TO:<alice@" + testserver.Domain + ">", "250", "DATA", "354",
			}, "word\r\n"},
			{"a chunk", []string{
				"EHLO client.example", "250", "MAIL FROM:<x@client.example>", "250",
				"RCPT TO:<alice@" + testserver.Domain + ">", "250", "BDAT 100000", "",
			}, "word\r\n"},
			{"a handshake", []string{"EHLO client.example", "250", "STARTTLS", "220"}, clientHello()},
		}
	case "submission", "submissions":
		return []slowly{
			{"a line without end", nil, "NOOP "},
			{"command after command", nil, "NOOP\r\n"},
			{"a line of AUTH", []string{"EHLO client.example", "250", "AUTH LOGIN", "334"}, "QUJD"},
		}
	case "pop3", "pop3s":
		return []slowly{
			{"a line without end", nil, "USER "},
			{"command after command", nil, "CAPA\r\n"},
			{"a line of AUTH", []string{"AUTH PLAIN", "+"}, "QUJD"},
		}
	default:
		return []slowly{
			{"a line without end", nil, "a NOOP "},
			{"command after command", nil, "a NOOP\r\n"},
			{"a literal", []string{"a LOGIN {4000}", "+"}, "word "},
			{"a line of AUTHENTICATE", []string{"a AUTHENTICATE PLAIN", "+"}, "QUJD"},
		}
	}
}

// clientHello is the beginning of a TLS handshake: a record of 16,384 octets
// that never comes whole.
func clientHello() string {
	return "\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03" + strings.Repeat("r", 40)
}

// slow is one slow client.
type slow struct {
	*client
	way   slowly
	began time.Time
	sent  int
	over  chan struct{} // closed when the server has hung up
	said  string
	after time.Duration
}

// crawl begins a slow client. With TLS in it, it is slow either below or within.
func crawl(s *testserver.Server, service, from string, way slowly, handshake bool) (*slow, error) {
	c, err := dial(from, s.Address(service))
	if err != nil {
		return nil, err
	}
	w := &slow{client: c, way: way, over: make(chan struct{})}
	greeting := "220"
	switch service {
	case "pop3", "pop3s":
		greeting = "+OK"
	case "imap", "imaps":
		greeting = "* OK"
	}
	w.began = time.Now()
	switch {
	case !handshake:
		w.way = slowly{"a handshake from the first octet on", nil, clientHello()}
	case strings.HasSuffix(service, "s"):
		if err = c.secure(clientTLS()); err != nil {
			break
		}
		fallthrough
	default:
		pairs := way.first
		last := ""
		if n := len(pairs); n > 0 && pairs[n-1] == "" { // nothing is answered
			pairs, last = pairs[:n-2], pairs[n-2]+"\r\n"
		}
		if err = c.talk(greeting, pairs...); err == nil {
			err = c.say(last)
		}
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: %w", way.what, err)
	}
	w.send() // a line's time begins with its first octet
	go func() {
		defer close(w.over)
		w.said, _ = c.ended(time.Now().Add(2 * dropTime))
		w.after = time.Since(w.began)
	}()
	return w, nil
}

// send sends the next octet; errors show in over.
func (w *slow) send() {
	octet := []byte{w.way.rest[w.sent%len(w.way.rest)]}
	w.sent++
	w.SetWriteDeadline(time.Now().Add(time.Second))
	w.Write(octet)
}

// TestTrickle keeps connections to every port that send an octet every few
// seconds, in each way that there is before login. Each must be dropped within
// a minute, and a good client beside them must not notice them.
func TestTrickle(t *testing.T) {
	t.Parallel()
	each := pick(150, 1000)
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.Set("limits", "loopback", true)
	s.MustStart()
	good := begin(s, 40*time.Millisecond)

	var crawlers []*slow
	defer func() {
		for _, w := range crawlers {
			w.Close()
		}
	}()
	for i, service := range services() {
		ways := slowWays(service)
		implicit := strings.HasSuffix(service, "s")
		for n := range each {
			way := n % (len(ways) + 1)
			handshake := !(implicit && way == len(ways))
			w, err := crawl(s, service, source(i*2000+n/2), ways[way%len(ways)], handshake)
			if err != nil {
				t.Fatalf("%s, connection %d: %v\n%s", service, n+1, err, tail(s))
			}
			crawlers = append(crawlers, w)
		}
	}
	t.Logf("%d slow clients in %v; the server: %v", len(crawlers), time.Since(crawlers[0].began), figures(t, s))
	stop := time.After(time.Until(crawlers[len(crawlers)-1].began.Add(dropTime + dropSlack)))
	var wait sync.WaitGroup
	for i, w := range crawlers {
		wait.Go(func() {
			pause := trickle * time.Duration(i%len(services())+1) / time.Duration(len(services()))
			for {
				select {
				case <-w.over:
					return
				case <-stop:
					return
				case <-time.After(pause):
					w.send()
				}
				pause = trickle
			}
		})
	}
	wait.Wait()
	good.end(t, time.Duration(pick(5, 1))*time.Second) // CI's machines are shared
	dropped := map[string]time.Duration{}
	for i, w := range crawlers {
		key := services()[i/each] + ": " + w.way.what
		select {
		case <-w.over:
			dropped[key] = max(dropped[key], w.after)
		default:
			dropped[key] = 2 * dropTime
		}
	}
	for key, after := range dropped {
		if after > dropTime+dropSlack {
			t.Errorf("%s: not dropped after %v", key, after.Round(time.Second))
		}
	}
	t.Logf("dropped after, at most: %v", dropped)
}
