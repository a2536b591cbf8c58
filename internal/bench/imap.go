package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"
	"time"
)

// imapConn is a client's connection to a server under load, logged in: it does
// what the load driver cannot.
type imapConn struct {
	net.Conn
	r   *bufio.Reader
	tag int
}

// mostIMAP is how long all that one connection does may take.
const mostIMAP = 5 * time.Minute

// dialIMAP logs in as the owner of the driver's mailboxes.
func dialIMAP(ctx context.Context, s *server) (*imapConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.imap)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(mostIMAP))
	c := &imapConn{Conn: conn, r: bufio.NewReaderSize(conn, 1<<20)}
	_, err = c.r.ReadBytes('\n')
	if err == nil {
		_, _, err = c.do("LOGIN " + s.owner + " " + password)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	return c, nil
}

// do runs a command whose answers hold no literals, and returns them with the
// time that they took.
func (c *imapConn) do(command string) (answers []string, took time.Duration, err error) {
	c.tag++
	tag := fmt.Sprintf("b%d ", c.tag)
	began := time.Now()
	if _, err := fmt.Fprintf(c, "%s%s\r\n", tag, command); err != nil {
		return nil, 0, err
	}
	for {
		line, err := c.r.ReadBytes('\n')
		if err != nil {
			return nil, 0, err
		}
		if answer, ok := bytes.CutPrefix(line, []byte(tag)); ok {
			took = time.Since(began)
			if !bytes.HasPrefix(answer, []byte("OK")) {
				err = fmt.Errorf("%.60s was answered with %.100s", command, bytes.TrimSpace(answer))
			}
			return answers, took, err
		}
		answers = append(answers, string(bytes.TrimRight(line, "\r\n")))
	}
}

// code is the number behind a word in square brackets in one of the answers.
func code(answers []string, word string) (n uint64, err error) {
	for _, a := range answers {
		if _, rest, ok := strings.Cut(a, "["+word+" "); ok {
			_, err := fmt.Sscanf(rest, "%d]", &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("no answer has %s", word)
}
