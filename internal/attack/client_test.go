//go:build attack

package attack

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// patience is how long a client waits for an answer before it calls the server
// dead.
const patience = 30 * time.Second

// source is the n-th of the loopback addresses that attackers come from; the
// well-behaved come from 127.0.0.1.
func source(n int) string { return fmt.Sprintf("127.%d.%d.%d", 1+n>>16, n>>8&0xff, n&0xff) }

// client is a connection on which a test speaks any of the protocols by hand.
type client struct {
	net.Conn
	r *bufio.Reader
}

func newClient(c net.Conn) *client { return &client{c, bufio.NewReaderSize(c, 2048)} }

// dial connects from a source address; nothing is read.
func dial(from, address string) (*client, error) {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return newClient(c), nil
}

// session is a session cache for a client that must not do a whole handshake
// each time.
func clientTLS() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(8)}
}

// secure puts TLS over the connection.
func (c *client) secure(cfg *tls.Config) error {
	t := tls.Client(c.Conn, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		return err
	}
	c.Conn, c.r = t, bufio.NewReaderSize(t, 512)
	return nil
}

// line reads a line without its line end.
func (c *client) line() (string, error) {
	c.SetReadDeadline(time.Now().Add(patience))
	s, err := c.r.ReadString('\n')
	return strings.TrimRight(s, "\r\n"), err
}

// reply reads lines until one that begins with prefix and a space. A line that
// refuses what was asked is an error.
func (c *client) reply(prefix string) (string, error) {
	for {
		s, err := c.line()
		switch {
		case err != nil:
			return s, fmt.Errorf("waiting for %q: %w", prefix, err)
		case s == prefix, strings.HasPrefix(s, prefix+" "):
			return s, nil
		case refuses(s, prefix):
			return s, fmt.Errorf("waiting for %q: %w: %s", prefix, errRefused, s)
		}
	}
}

var errRefused = errors.New("refused")

// refuses reports whether a line is a last one in its protocol, of a reply
// other than the one that begins with prefix.
func refuses(s, prefix string) bool {
	tag, _, _ := strings.Cut(prefix, " ")
	switch {
	case strings.HasPrefix(s, "-ERR"), strings.HasPrefix(s, "* BYE"):
		return true
	case len(prefix) == 3 && len(s) > 3 && s[3] == ' ' && strings.Trim(s[:3], "0123456789") == "": // SMTP
		return true
	}
	return tag != prefix && tag != "*" && strings.HasPrefix(s, tag+" ") // IMAP
}

// say writes; the text has its own line ends.
func (c *client) say(text string) error {
	c.SetWriteDeadline(time.Now().Add(patience))
	_, err := c.Write([]byte(text))
	return err
}

// ask says a line, and reads up to the reply that begins with prefix.
func (c *client) ask(line, prefix string) (string, error) {
	if err := c.say(line + "\r\n"); err != nil {
		return "", err
	}
	return c.reply(prefix)
}

// talk greets and asks: pairs of lines and what the replies begin with.
func (c *client) talk(greeting string, pairs ...string) error {
	if _, err := c.reply(greeting); err != nil {
		return err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if _, err := c.ask(pairs[i], pairs[i+1]); err != nil {
			return fmt.Errorf("%.80q: %w", pairs[i], err)
		}
	}
	return nil
}

// plain is SASL PLAIN's response.
func plainResponse(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// ended waits until the server closes the connection, reading what it says;
// false when it hasn't by then.
func (c *client) ended(by time.Time) (said string, ok bool) {
	c.SetReadDeadline(by)
	var b strings.Builder
	for {
		s, err := c.r.ReadString('\n')
		b.WriteString(s)
		var late net.Error
		if errors.As(err, &late) && late.Timeout() {
			return b.String(), false
		}
		if err != nil {
			return b.String(), true
		}
	}
}
