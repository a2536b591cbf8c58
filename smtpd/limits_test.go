package smtpd

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow runs a conversation that says one thing again and again, and returns
// what it heard and how long the server bore it.
func slow(t *testing.T, first, again string, every time.Duration) (heard string, borne time.Duration) {
	talk(t, "mx", func(t *testing.T, h *harness, c *conversation) {
		c.say(first)
		since := time.Now()
		for time.Since(since) < 3*time.Hour && !strings.Contains(c.all(), "losing") {
			time.Sleep(every)
			c.say(again)
		}
		borne, heard = time.Since(since), c.all()
		c.leave()
		if messages := h.backend.take(); len(messages) > 0 {
			t.Errorf("accepted %v", messages)
		}
	})
	return heard, borne
}

// TestSlowClients: none of the ways to be slow that begin wire's times anew
// goes on for ever.
func TestSlowClients(t *testing.T) {
	heard, borne := slow(t, begin, "BDAT 1\r\nx", 4*time.Minute)
	if !strings.Contains(heard, "\r\n421 4.4.2 ") || borne < time.Hour || borne > time.Hour+10*time.Minute {
		t.Errorf("chunks: after %v, %.300q", borne, heard)
	}
	heard, borne = slow(t, begin+"DATA\r\n", "\n.\n", 9*time.Second)
	if !strings.Contains(heard, "\r\n550 5.6.11 ") || borne < 3*time.Minute || borne > 5*time.Minute {
		t.Errorf("lone dots: after %v, %.300q", borne, heard)
	}
}

// TestFruitless: who keeps a connection without sending a message loses it,
// however fast or slow, with whatever commands that are no mistakes.
func TestFruitless(t *testing.T) {
	const asking = "EHLO a\r\nMAIL FROM:<a@b>\r\n"
	for _, tt := range []struct {
		what, first, again string
		every, most        time.Duration
		reply              string
	}{
		{"NOOP after NOOP", "", "NOOP\r\n", 100 * time.Millisecond, time.Minute, "Too many commands without a message"},
		{"NOOP every few seconds", "", "NOOP\r\n", 5 * time.Second, 10 * time.Minute, "Too many commands without a message"},
		{"NOOP every few minutes", "", "NOOP\r\n", 4 * time.Minute, maxFruitlessTime + 5*time.Minute, "Too long without a message"},
		{"EHLO, MAIL, RSET", "", asking + "RSET\r\n", time.Second, 2 * time.Minute, "Too many commands without a message"},
		{"recipients that are taken", asking, "RCPT TO:<bob@hamburger.edu>\r\n", 4 * time.Second, maxFruitlessTime + 5*time.Minute, "Too long without a message"},
		{"recipients that are not there", asking, "RCPT TO:<nobody@hamburger.edu>\r\n", time.Second, 2 * time.Minute, "Too many recipients that are not to be had"},
		{"messages that are refused", "", begin + "DATA\r\n\n\r\n.\r\nRSET\r\n", 4 * time.Minute, maxFruitlessTime + 5*time.Minute, "Too long without a message"},
	} {
		heard, borne := slow(t, tt.first, tt.again, tt.every)
		if !strings.Contains(heard, "\r\n421 4.7.0 hamburger.edu "+tt.reply+": closing\r\n") || borne > tt.most {
			t.Errorf("%s: after %v, %.300q", tt.what, borne, heard)
		}
	}
}

// TestFruitful: a message that is taken gives a client its time and its
// commands again.
func TestFruitful(t *testing.T) {
	talk(t, "mx", func(t *testing.T, h *harness, c *conversation) {
		const messages = 20
		for range messages {
			c.say(begin + strings.Repeat("RCPT TO:<nobody@hamburger.edu>\r\n", 99) + "DATA\r\nx\r\n.\r\n")
			for range maxFruitless - 2 { // EHLO is one of them, too
				time.Sleep(time.Second)
				c.say("NOOP\r\n")
			}
			time.Sleep(4 * time.Minute)
		}
		if got := len(h.backend.take()); got != messages {
			t.Errorf("%d messages were taken of %d: %.300q", got, messages, c.all())
		}
		c.leave()
	})
}

// TestRecipientsOfAStranger: a hundred are taken whatever their names, and what
// they take up is bounded, whatever else stands in their commands.
func TestRecipientsOfAStranger(t *testing.T) {
	local := func(i int) string { return fmt.Sprintf("%s%d", strings.Repeat("x", 60), 1000+i) }
	orcpt := strings.Repeat("y", 480)
	for _, tt := range []struct {
		what        string
		command     func(i int) string
		least, most int
	}{
		{"short ones", func(i int) string { return fmt.Sprintf("RCPT TO:<a%d@hamburger.edu>\r\n", 1000+i) }, 100, 100},
		{"long ones", func(i int) string { return "RCPT TO:<" + local(i) + "@hamburger.edu>\r\n" }, 100, 100},
		{"with ORCPT", func(i int) string {
			return fmt.Sprintf("RCPT TO:<a%d@hamburger.edu> NOTIFY=FAILURE ORCPT=rfc822;a%d@hamburger.edu\r\n", 1000+i, 1000+i)
		}, 100, 100},
		{"with the longest ORCPT", func(i int) string { return "RCPT TO:<" + local(i) + "@hamburger.edu> ORCPT=rfc822;" + orcpt + "\r\n" }, 25, 30},
		{"in long commands", func(i int) string {
			return fmt.Sprintf("RCPT TO:<a%d@hamburger.edu>%s\r\n", 1000+i, strings.Repeat(" ", maxCommand-50))
		}, 100, 100},
	} {
		talk(t, "mx", func(t *testing.T, h *harness, c *conversation) {
			c.say("EHLO a\r\nMAIL FROM:<a@b>\r\n")
			for i := range 500 {
				c.say(tt.command(i))
			}
			if n := strings.Count(c.all(), "\r\n250 2.1.5 "); n < tt.least || n > tt.most || strings.Count(c.all(), "\r\n452 4.5.3 ") != 500-n {
				t.Errorf("%s: %d of 500 were taken, want %d to %d", tt.what, n, tt.least, tt.most)
			}
			c.say("DATA\r\nx\r\n.\r\n")
			c.leave()
			if got := h.backend.take(); len(got) != 1 || got[0].envelope.To[1].Address.Domain != "hamburger.edu" {
				t.Errorf("%s: took %d messages", tt.what, len(got))
			}
		})
	}
}

// TestRecipientsOfAnAccount: a thousand, unless configured.
func TestRecipientsOfAnAccount(t *testing.T) {
	talk(t, "submission clear", func(t *testing.T, h *harness, c *conversation) {
		c.say("EHLO a\r\nAUTH PLAIN AGJvYkBoYW1idXJnZXIuZWR1AGtldGNodXA=\r\nMAIL FROM:<bob@hamburger.edu>\r\n")
		for range 1010 {
			c.say("RCPT TO:<a@example.net>\r\n")
		}
		if taken, refused := strings.Count(c.all(), "\r\n250 2.1.5 "), strings.Count(c.all(), "\r\n452 4.5.3 "); taken != 1000 || refused != 10 {
			t.Errorf("%d were taken, %d refused: %.500q", taken, refused, c.all())
		}
		c.leave()
	})
}

// TestLongParameters: the longest values that RFC 3461 has are taken (§4.4: 100
// octets; §4.2: 500), and any other of a thousand is read. The figures are not
// the constants', so that these cannot change unnoticed.
func TestLongParameters(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct{ command, want string }{
		{"MAIL FROM:<a@b> ENVID=" + x(100), "250 2.1.0 "},
		{"MAIL FROM:<a@b> ENVID=" + x(101), "501 5.5.4 Bad value for the parameter ENVID"},
		{"RCPT TO:<bob@hamburger.edu> ORCPT=rfc822;" + x(500-len("rfc822;")), "250 2.1.5 "},
		{"RCPT TO:<bob@hamburger.edu> ORCPT=rfc822;" + x(501-len("rfc822;")), "501 5.5.4 Bad value for the parameter ORCPT"},
		{"RCPT TO:<bob@hamburger.edu> XX=" + x(1000), "555 5.5.4 "},
		{"RCPT TO:<bob@hamburger.edu> XX=" + x(1001), "501 5.5.4 Parameters"},
	} {
		talk(t, "mx", func(t *testing.T, h *harness, c *conversation) {
			c.say("EHLO a\r\n")
			if !strings.HasPrefix(tt.command, "MAIL") {
				c.say("MAIL FROM:<a@b>\r\n")
			}
			before := len(c.all())
			c.say(tt.command + "\r\n")
			if got := c.all()[before:]; !strings.HasPrefix(got, tt.want) {
				t.Errorf("%.60s… of %d octets: %q, want %q", tt.command, len(tt.command), got, tt.want)
			}
			c.leave()
		})
	}
}

// TestEndlessLine: of a line that is too long a quarter of a megabyte is read
// away, and then no more.
func TestEndlessLine(t *testing.T) {
	for _, tt := range []struct {
		octets int
		closes bool
	}{{200 << 10, false}, {300 << 10, true}} {
		talk(t, "mx", func(t *testing.T, h *harness, c *conversation) {
			c.say("NOOP " + strings.Repeat("x", tt.octets) + "\r\nNOOP\r\n")
			want := "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n"
			if tt.closes {
				want = "500 5.5.2 Line too long: closing\r\n"
			}
			if !strings.HasSuffix(c.all(), want) {
				t.Errorf("after a line of %d octets: %q", tt.octets, c.all())
			}
			c.leave()
		})
	}
}

// TestStrangersTogether: what the recipients of all strangers take up is bounded,
// and given back however a transaction ends; meanwhile nobody goes without.
func TestStrangersTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s, w, err := h.configure("mx")
		must(t, err)
		h.ports["mx"] = h.serve(s, w)
		var hundred strings.Builder
		for i := range strangersRecipients {
			fmt.Fprintf(&hundred, "RCPT TO:<%s%d@hamburger.edu>\r\n", strings.Repeat("x", 60), 1000+i)
		}
		ask := func() (c *conversation, taken int) {
			conn, err := h.dial("mx")
			must(t, err)
			c = converse(conn)
			c.say("EHLO a\r\nMAIL FROM:<a@b>\r\n" + hundred.String())
			return c, strings.Count(c.all(), "\r\n250 2.1.5 ")
		}
		var all []*conversation
		full, least, more := 0, strangersRecipients, 0
		for range 300 {
			c, taken := ask()
			if all = append(all, c); taken == strangersRecipients {
				full++
			} else if taken > 10 {
				more++
			}
			least = min(least, taken)
		}
		if full < 25 || full > 40 || least < 5 || more > 1 {
			t.Errorf("%d of %d got all recipients, %d more than ten, the others %d", full, len(all), more, least)
		}
		if held := s.strangers.Load(); held > strangersTogether+int64(len(all)-full)*strangersShare {
			t.Errorf("%d octets are held", held)
		}
		for i, end := range []string{"RSET\r\n", "EHLO a\r\n", "QUIT\r\n", "DATA\r\nx\r\n.\r\n", "BDAT 1 LAST\r\nx", "STARTTLS\r\n", ""} {
			for n := i; n < len(all); n += 7 {
				all[n].say(end)
				if end == "" || end == "STARTTLS\r\n" {
					all[n].leave()
				}
			}
		}
		if held := s.strangers.Load(); held != 0 {
			t.Errorf("%d octets are held when all is over", held)
		}
		c, taken := ask()
		if all = append(all, c); taken != strangersRecipients {
			t.Errorf("then somebody got %d recipients", taken)
		}
		for _, c := range all {
			c.leave()
		}
	})
}

// TestDrain: a message that is far too large is not read away to its end.
func TestDrain(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 256 MiB")
	}
	talk(t, "mx small", func(t *testing.T, h *harness, c *conversation) {
		c.say(begin + "DATA\r\n")
		piece := strings.Repeat("It goes on and on\r\n", 50_000)
		sent := 0
		for sent < 512<<20 && !strings.Contains(c.all(), "closing") {
			c.say(piece)
			sent += len(piece)
		}
		c.leave()
		if !strings.HasSuffix(c.all(), errDrain.reply.String()+"\r\n") || sent < 256<<20 || sent > 256<<20+2*len(piece) {
			t.Errorf("after %d octets: %q", sent, c.all())
		}
	})
}
