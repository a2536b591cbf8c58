package relay

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"posthorn/internal/mail"
	"posthorn/internal/stall"
)

// TestSmuggling: whatever a stored message has round a lone dot, what a next hop
// is sent has no bare CR or LF, no dot that any server could take for an end,
// and one message in it.
func TestSmuggling(t *testing.T) {
	most := 4
	if stall.Full() {
		most = 8
	}
	const begin, end = "220 hop\r\n250-hop\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n", "250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n221 bye\r\n"
	for _, hop := range []struct{ name, replies string }{
		{"plain", "220 hop\r\n500 what\r\n250 hop\r\n" + end},
		{"8BITMIME", begin + "250 PIPELINING\r\n" + end},
		{"CHUNKING", begin + "250 CHUNKING\r\n" + end},
		{"BINARYMIME", begin + "250-CHUNKING\r\n250 BINARYMIME\r\n" + end},
	} {
		for _, body := range []mail.BodyType{mail.Body7Bit, mail.Body8BitMIME, mail.BodyBinaryMIME} {
			t.Run(hop.name+" "+string(body), func(t *testing.T) {
				n, relayed := 0, 0
				for _, mix := range stall.Mixes(most) {
					n++
					if checkOutgoing(t, hop.replies, body, "Subject: x\r\n\r\na"+mix) {
						relayed++
					}
				}
				t.Logf("%d messages, %d relayed", n, relayed)
				if relayed < n/10 {
					t.Error("the mixes prove little")
				}
			})
		}
	}
}

const evil = "MAIL FROM:<evil@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\nevil\r\n.\r\n"

// checkOutgoing relays one message and looks at each octet that was sent. It
// reports whether there was a message in them.
func checkOutgoing(t *testing.T, replies string, body mail.BodyType, text string) bool {
	hop := &said{in: bytes.NewReader([]byte(replies))}
	r := &Relay{Hostname: "mail.crepes.fr", Default: &Route{Address: "hop:25"}, Dial: func(context.Context, string, string) (net.Conn, error) { return hop, nil }}
	m := outgoing(text+evil, "bob@hamburger.edu")
	m.Body = body
	deliver(t, r, m)
	sent := hop.out.String()
	if rest := strings.ReplaceAll(sent, "\r\n", ""); strings.ContainsAny(rest, "\r\n") {
		t.Errorf("%q: bare octets were sent: %q", text, sent)
	}
	_, after, ok := strings.Cut(sent, "DATA\r\n")
	if !ok {
		return false
	}
	// Everything up to the last dot is one message.
	data, rest, ok := cutLast(after, "\r\n.\r\n")
	if !ok || rest != "QUIT\r\n" || strings.Contains(data, "\r\n.\r\n") {
		t.Errorf("%q: sent as %q", text, sent)
	}
	for line := range strings.SplitSeq(data, "\r\n") {
		if strings.HasPrefix(line, ".") && !strings.HasPrefix(line, "..") || strings.Contains(line, "\x00") && body == mail.BodyBinaryMIME {
			t.Errorf("%q: sent as %q", text, sent)
		}
	}
	return true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
