package smtpd

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slow runs a conversation that says one thing again and again, and returns
// what it heard and how long the server bore it.
func slow(t *testing.T, first, again string, every time.Duration) (heard string, borne time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		conn, err := h.dial("mx")
		must(t, err)
		c := converse(conn)
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
	if !strings.Contains(heard, "\r\n421 4.4.2 ") || borne > maxChunks+10*time.Minute {
		t.Errorf("chunks: after %v, %.300q", borne, heard)
	}
	heard, borne = slow(t, begin+"DATA\r\n", "\n.\n", 9*time.Second)
	if !strings.Contains(heard, "\r\n550 5.6.11 ") || borne > 5*time.Minute {
		t.Errorf("lone dots: after %v, %.300q", borne, heard)
	}
}

// TestDrain: a message that is far too large is not read away to its end.
func TestDrain(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 256 MiB")
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		conn, err := h.dial("mx small")
		must(t, err)
		c := converse(conn)
		c.say(begin + "DATA\r\n")
		piece := strings.Repeat("It goes on and on\r\n", 50_000)
		sent := 0
		for sent < 2*maxDrain && !strings.Contains(c.all(), "closing") {
			c.say(piece)
			sent += len(piece)
		}
		c.leave()
		if !strings.HasSuffix(c.all(), errDrain.reply.String()+"\r\n") || sent > maxDrain+2*len(piece) {
			t.Errorf("after %d octets: %q", sent, c.all())
		}
	})
}
