package smtpd

import (
	"strings"
	"testing"

	"posthorn/internal/daemontest"
)

// TestSecrets: neither the transcript nor the log has a password in it, wherever
// a client says it.
func TestSecrets(t *testing.T) {
	const secret = "dkVyWXNFY1JlVA=="
	talk(t, "submission clear", func(t *testing.T, h *harness, c *conversation) {
		sub := h.tap.Subscribe(1000)
		c.say("EHLO a\r\nAUTH PLAIN " + secret + "\r\nauth  plain   " + secret + "\r\nAUTH PLAIN\r\n" + secret + "\r\n" + secret + "\r\n")
		c.say("AUTH PLAIN AGJvYkBoYW1idXJnZXIuZWR1AGtldGNodXA=\r\nMAIL FROM:<bob@hamburger.edu>\r\nAUTH PLAIN " + secret + "\r\n")
		c.say("RCPT TO:<bob@hamburger.edu>\r\nBDAT 1\r\nxAUTH PLAIN " + secret + "\r\nBDAT 0 LAST\r\nQUIT\r\n")
		c.leave()
		sub.Close()
		seen := daemontest.Transcript(sub)
		for what, text := range map[string]string{"transcript": seen, "log": h.log.String()} {
			if strings.Contains(text, secret) || !strings.Contains(text, "bob@hamburger.edu") {
				t.Errorf("%s: %s", what, text)
			}
		}
		if n := strings.Count(strings.ToUpper(seen), "AUTH PLAIN ***"); n != 5 || !strings.Contains(c.all(), "503 5.5.1 Not between the chunks") {
			t.Errorf("%d are hidden:\n%s\n%s", n, seen, c.all())
		}
	})
}
