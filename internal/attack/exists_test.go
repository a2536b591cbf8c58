//go:build attack

package attack

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"posthorn/internal/testserver"
)

// TestWhoExists tries to learn which accounts there are, from what each way of
// logging in says and from how long it takes to say it.
func TestWhoExists(t *testing.T) {
	s := testserver.New(t, testserver.Config{Users: []string{"alice", "off"}})
	s.Must("user", "disable", "off@"+testserver.Domain)
	s.Must("alias", "add", "desk@"+testserver.Domain, "alice@"+testserver.Domain)
	s.Set("log", "level", "error")
	s.Set("auth", "channel_binding", true)
	s.MustStart() // on loopback, guesses are not counted: each is hashed
	names := []string{"alice", "nobody", "off", "desk"}
	rounds := pick(9, 1000)
	most := 1.05
	if !full() {
		most = 2 // an answer without the hash, or the wait, is off by five times
	}
	for _, way := range append(ways(), asking()...) {
		t.Run(way.service+" "+way.name, func(t *testing.T) {
			var report string
			for try := range 10 { // what else the machine does may come between
				answers, times := guessAll(t, s, way, names, rounds, fmt.Sprint(way.service, way.name, try))
				for i, name := range names {
					if answers[i] != answers[0] {
						t.Fatalf("%s is answered %q, %s %q", names[0], answers[0], name, answers[i])
					}
				}
				var ok bool
				if report, ok = compareMedians(names, times, most); ok {
					t.Logf("%d timings each:%s; %q", rounds, report, answers[0])
					return
				}
			}
			t.Errorf("the times tell which accounts there are:%s", report)
		})
	}
}

// guessAll has each name guessed in turn, so that what else the machine does
// meets all of them.
func guessAll(t *testing.T, s *testserver.Server, way way, names []string, rounds int, password string) (answers []string, times [][]time.Duration) {
	t.Helper()
	answers, times = make([]string, len(names)), make([][]time.Duration, len(names))
	for round := range rounds {
		for k := range names {
			i := (k + round) % len(names)
			answer, took := guessOnce(t, s, way, names[i]+"@"+testserver.Domain, fmt.Sprint(password, round))
			if round > 0 && answer != answers[i] {
				t.Fatalf("%s is answered %q, and then %q", names[i], answers[i], answer)
			}
			answers[i] = answer
			times[i] = append(times[i], took)
		}
	}
	return answers, times
}

// guessOnce guesses once on a connection of its own. The time is from the last
// line of the guess to its answer; SCRAM's salt is part of it.
func guessOnce(t *testing.T, s *testserver.Server, way way, user, password string) (answer string, took time.Duration) {
	t.Helper()
	c, err := connect("127.0.0.1", way.service, s)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.greet(strings.TrimSuffix(way.service, "s")); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	answer, err = way.guess(c, user, password)
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(s))
	}
	return answer, time.Since(began)
}

// compareMedians tells whether the longest median is at most so many times the
// shortest.
func compareMedians(names []string, times [][]time.Duration, most float64) (report string, ok bool) {
	var medians []time.Duration
	for i, name := range names {
		slices.Sort(times[i])
		m := times[i][len(times[i])/2]
		medians = append(medians, m)
		report += fmt.Sprintf(" %s %v", name, m.Round(10*time.Microsecond))
	}
	ratio := float64(slices.Max(medians)) / float64(slices.Min(medians))
	return fmt.Sprintf("%s (%.3f)", report, ratio), ratio <= most
}

// way is one way of giving a password to a service, or of asking it for a name.
type way struct {
	service, name string
	// guess logs in and returns the last line of the answer, without a tag.
	guess func(c *client, user, password string) (string, error)
}

// repeated is a guess that was found wrong before, which is not hashed again.
var repeated = way{"pop3", "the same again", func(c *client, user, _ string) (string, error) {
	return c.sasl("pop3", "AUTH PLAIN", "", "\x00"+user+"\x00wrong")
}}

// greet reads the greeting, and says EHLO where that is due.
func (c *client) greet(service string) error {
	switch service {
	case "imap":
		return c.talk("* OK")
	case "pop3":
		return c.talk("+OK")
	case "http":
		return nil
	}
	return c.talk("220", "EHLO client.example", "250")
}

// ways are all ways of all three protocols.
func ways() []way {
	list := []way{
		{"imap", "LOGIN", func(c *client, user, password string) (string, error) {
			return c.last(fmt.Sprintf("a LOGIN %q %q", user, password), "imap")
		}},
		{"pop3", "USER", func(c *client, user, password string) (string, error) {
			if _, err := c.ask("USER "+user, "+OK"); err != nil {
				return "", err
			}
			return c.last("PASS "+password, "pop3")
		}},
	}
	commands := map[string]string{"imap": "a AUTHENTICATE ", "pop3": "AUTH ", "submission": "AUTH "}
	for _, service := range []string{"submission", "imap", "pop3"} {
		command := commands[service]
		list = append(list,
			way{service, "PLAIN", func(c *client, user, password string) (string, error) {
				return c.sasl(service, command+"PLAIN", "", "\x00"+user+"\x00"+password)
			}},
			way{service, "AUTH LOGIN", func(c *client, user, password string) (string, error) {
				return c.sasl(service, command+"LOGIN", "", user, password)
			}},
			way{service, "SCRAM", func(c *client, user, _ string) (string, error) { return c.guessScram(service, command, user) }},
		)
	}
	return list
}

// last says a line and reads the answer to it, whatever it is.
func (c *client) last(line, service string) (string, error) {
	if err := c.say(line + "\r\n"); err != nil {
		return "", err
	}
	for {
		s, err := c.line()
		switch {
		case err != nil:
			return s, fmt.Errorf("after %.60q: %w", line, err)
		case service == "submission" && len(s) > 3 && s[3] == '-', strings.HasPrefix(s, "* "):
		default:
			return strings.TrimPrefix(s, "a "), nil
		}
	}
}

// sasl leads an exchange: a command, an initial response where it isn't empty,
// and a response to each challenge. The answer is the last one.
func (c *client) sasl(service, command, initial string, responses ...string) (answer string, err error) {
	if initial != "" {
		command += " " + base64.StdEncoding.EncodeToString([]byte(initial))
	}
	answer, err = c.last(command, service)
	for _, r := range responses {
		if err != nil || !isChallenge(answer) {
			return answer, err
		}
		answer, err = c.last(base64.StdEncoding.EncodeToString([]byte(r)), service)
	}
	return answer, err
}

func isChallenge(answer string) bool {
	return strings.HasPrefix(answer, "334 ") || strings.HasPrefix(answer, "+ ")
}
