package relay

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// FuzzSession has a next hop say anything: every recipient gets a result, nobody
// is told "relayed" without a word of success, and what the hop is sent has
// neither a bare CR nor a bare LF.
func FuzzSession(f *testing.F) {
	for _, s := range []string{
		"220 hop\r\n250-hop\r\n250-PIPELINING\r\n250-SIZE 100\r\n250 CHUNKING\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 kept\r\n221 bye\r\n",
		"220 hop\r\n500 what\r\n250 hop\r\n250 ok\r\n450 later\r\n250 ok\r\n354 go\r\n451 no\r\n", "554 go away\r\n", "220-a\r\n220 b\r\n421 x\r\n",
		"220 hop\r\n250-hop\r\n250-STARTTLS\r\n250-REQUIRETLS\r\n250-SMTPUTF8\r\n250-8BITMIME\r\n250-DSN\r\n250-LIMITS MAILMAX=1 RCPTMAX=1\r\n250 AUTH PLAIN\r\n220 go\r\nx",
		"\x16\x03\x01", "220 hop\n250 hop\n250 ok\n250 ok\n250 ok\n354 go\n250 2.0.0 kept\n", "250\r\n250\r\n250\r\n250\r\n250\r\n354\r\n250\r\n",
	} {
		f.Add([]byte(s), "Subject: x\r\n\r\n.\r\n..\r\n", true)
	}
	f.Add([]byte("220 hop\r\n250 hop\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 kept\r\n"), "\x00\r.\r\n.\n\u00e9", false)
	f.Fuzz(func(t *testing.T, says []byte, body string, binary bool) {
		hop := &said{in: bytes.NewReader(says)}
		r := &Relay{Hostname: "mail.crepes.fr", Default: &Route{Address: "hop:25"}, Dial: func(context.Context, string, string) (net.Conn, error) { return hop, nil }}
		m := outgoing(body, "a@b.c", "d@b.c")
		if binary {
			m.Body = "BINARYMIME"
		}
		results, down := deliver(t, r, m)
		heard := hop.out.String()
		if rest := strings.ReplaceAll(heard, "\r\n", ""); strings.ContainsAny(rest, "\r\n") {
			t.Errorf("sent %q", heard)
		}
		if len(results) == 0 && down == nil || len(results) == 1 && len(results[0]) != 2 {
			t.Errorf("results %v, down %v", results, down)
		}
		for _, list := range results {
			for _, res := range list {
				if strings.HasPrefix(kind(res), "relayed") && !bytes.Contains(says, []byte("2")) {
					t.Errorf("%q: %+v", says, res)
				}
			}
		}
	})
}

// said is a connection whose peer has said all that it will say.
type said struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *said) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *said) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *said) Close() error                     { return nil }
func (c *said) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *said) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *said) SetDeadline(time.Time) error      { return nil }
func (c *said) SetReadDeadline(time.Time) error  { return nil }
func (c *said) SetWriteDeadline(time.Time) error { return nil }
