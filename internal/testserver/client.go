package testserver

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"time"
)

// Client speaks SMTP or POP3 and knows exactly what it was answered. Each
// exchange has a minute.
type Client struct {
	Conn net.Conn
	In   *bufio.Reader
}

// DialSMTP connects and says EHLO.
func DialSMTP(address string) (*Client, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	if _, err = c.Expect(1, "220"); err == nil {
		_, err = c.Say("EHLO client.example\r\n", 1, "250")
	}
	if err != nil {
		c.Conn.Close()
		return nil, err
	}
	return c, nil
}

// DialPOP3 connects and logs an account in.
func DialPOP3(address, user string) (*Client, error) {
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	if _, err = c.Expect(1, "+OK"); err == nil {
		_, err = c.Say("USER "+user+"\r\nPASS "+Password+"\r\n", 2, "+OK")
	}
	if err != nil {
		c.Conn.Close()
		return nil, err
	}
	return c, nil
}

func dial(address string) (*Client, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	return &Client{conn, bufio.NewReader(conn)}, nil
}

// Expect reads n replies, of which the last must begin with prefix, and returns
// that one's last line. On an error line is what came instead, or empty.
func (c *Client) Expect(n int, prefix string) (line string, err error) {
	c.Conn.SetDeadline(time.Now().Add(time.Minute))
	for n > 0 {
		if line, err = c.In.ReadString('\n'); err != nil {
			return "", err
		}
		if len(line) < 4 || line[3] != '-' {
			n--
		}
	}
	if !strings.HasPrefix(line, prefix) {
		return line, fmt.Errorf("reply %q", line)
	}
	return line, nil
}

// Say sends text, which ends its lines itself, and reads n replies (Expect).
func (c *Client) Say(text string, n int, prefix string) (line string, err error) {
	c.Conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.Conn.Write([]byte(text)); err != nil {
		return "", err
	}
	return c.Expect(n, prefix)
}

// Multi reads the rest of a multi-line reply (RFC 1939 §3), without its last
// line and without the dots that were put in front of others.
func (c *Client) Multi() (string, error) {
	c.Conn.SetDeadline(time.Now().Add(time.Minute))
	var b strings.Builder
	for {
		line, err := c.In.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String(), err
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}
