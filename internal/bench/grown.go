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

// turns is how often a command is given, the median of which counts.
const turns = 15

// selected is a connection of the mailbox's owner that has it selected, and how
// many messages it has.
func selected(ctx context.Context, s *server) (c *imapConn, messages int, err error) {
	if c, err = dialIMAP(ctx, s); err != nil {
		return nil, 0, err
	}
	answers, _, err := c.do("SELECT INBOX")
	for _, a := range answers {
		if strings.HasSuffix(a, " EXISTS") {
			fmt.Sscanf(a, "* %d EXISTS", &messages)
		}
	}
	if err == nil && messages < s.messages {
		err = fmt.Errorf("%s: %d messages of %d", s.name, messages, s.messages)
	}
	if err != nil {
		c.Close()
		return nil, 0, err
	}
	return c, messages, nil
}

// middle is the median of what commands take, in milliseconds. Those before are
// given each time, too.
func (c *imapConn) middle(turns int, command string, before ...string) (float64, error) {
	var times []float64
	for range turns {
		for _, b := range before {
			if _, _, err := c.do(b); err != nil {
				return 0, err
			}
		}
		_, took, err := c.do(command)
		if err != nil {
			return 0, err
		}
		times = append(times, milliseconds(took))
	}
	return median(times), nil
}

// selectCost is of each message that a session has a view of.
func selectCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	c, n, err := selected(ctx, s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	took, err := c.middle(turns, "SELECT INBOX")
	return took / float64(n), err
}

// fetchCost is of each message; what is answered is thrown away, so that it is
// not the client that slows down.
func fetchCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	c, n, err := selected(ctx, s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var times []float64
	for range turns {
		took, err := c.discard("FETCH 1:* (UID FLAGS)", n)
		if err != nil {
			return 0, err
		}
		times = append(times, milliseconds(took)/float64(n))
	}
	return median(times), nil
}

// discard runs a command that has n answers, each shorter than the buffer.
func (c *imapConn) discard(command string, n int) (took time.Duration, err error) {
	began := time.Now()
	if _, err := fmt.Fprintf(c, "last %s\r\n", command); err != nil {
		return 0, err
	}
	for got := 0; ; got++ {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if bytes.HasPrefix(line, []byte("last ")) {
			if took = time.Since(began); got != n || !bytes.HasPrefix(line, []byte("last OK")) {
				err = fmt.Errorf("%s had %d answers, not %d, and ended in %.100q", command, got, n, line)
			}
			return took, err
		}
	}
}

// storeCost is of 1,000 messages in the middle.
func storeCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	c, n, err := selected(ctx, s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	some := fmt.Sprintf("STORE %d:%d ", n/2, n/2+999)
	return c.middle(turns, some+`+FLAGS.SILENT (\Flagged)`, some+`-FLAGS.SILENT (\Flagged)`)
}

// expungeCost takes away as many as were delivered and appended.
func expungeCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	c, n, err := selected(ctx, s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	return c.middle((n-s.messages)/1000, "EXPUNGE", `STORE 1:1000 +FLAGS.SILENT (\Deleted)`)
}

// popConn is a client of POP3, logged in as the mailbox's owner.
type popConn struct {
	net.Conn
	r *bufio.Reader
}

func dialPOP3(ctx context.Context, s *server) (*popConn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.pop3)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(mostIMAP))
	c := &popConn{conn, bufio.NewReaderSize(conn, 1<<20)}
	for _, command := range []string{"", "USER " + s.owner, "PASS " + password} {
		if _, err = c.do(command); err != nil {
			conn.Close()
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return c, nil
}

// do gives a command, where there is one, and returns its status.
func (c *popConn) do(command string) (string, error) {
	if command != "" {
		if _, err := fmt.Fprintf(c, "%s\r\n", command); err != nil {
			return "", err
		}
	}
	status, err := c.r.ReadString('\n')
	if err == nil && !strings.HasPrefix(status, "+OK") {
		err = fmt.Errorf("%.4s was answered with %.100q", command, status)
	}
	return status, err
}

// lines gives a command whose answer has many, and counts them.
func (c *popConn) lines(command string) (n int, err error) {
	if _, err := c.do(command); err != nil {
		return 0, err
	}
	for {
		switch line, err := c.r.ReadSlice('\n'); {
		case err != nil:
			return n, err
		case string(line) == ".\r\n":
			return n, nil
		}
		n++
	}
}

// uidlCost is of each message that a session is told of.
func uidlCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	var times []float64
	for range turns {
		began := time.Now()
		c, err := dialPOP3(ctx, s)
		if err != nil {
			return 0, err
		}
		defer c.Close()
		if _, err := c.do("STAT"); err != nil {
			return 0, err
		}
		n, err := c.lines("UIDL")
		if err == nil && n < s.messages {
			err = fmt.Errorf("%s: UIDL told of %d messages of %d", s.name, n, s.messages)
		}
		if err != nil {
			return 0, err
		}
		times = append(times, milliseconds(time.Since(began))/float64(n))
		if _, err := c.do("QUIT"); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

// retrCost is of messages in the middle, one after the other.
func retrCost(_ *bench, ctx context.Context, s *server) (float64, error) {
	c, err := dialPOP3(ctx, s)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	for i := range grownLoad {
		if _, err := c.lines(fmt.Sprintf("RETR %d", s.messages/2+i)); err != nil {
			return 0, err
		}
	}
	took := milliseconds(time.Since(began))
	_, err = c.do("QUIT") // the next session finds the drop free
	return took, err
}
