package show

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"time"
)

// mailboxLook is how often a mailbox is looked into.
const mailboxLook = 200 * time.Millisecond

// maxMessage is how much of a message is looked at.
const maxMessage = 1 << 20

// arrives waits until the newest message of a user has a line that begins with
// want, reading it by POP3.
func (p *play) arrives(ctx context.Context, server, want string) error {
	for {
		line, err := p.stage.newest(ctx, server, want)
		if err != nil {
			return err
		}
		if line != "" {
			p.last = line
			p.said = append(p.said, "S: "+line)
			return nil
		}
		select {
		case <-time.After(mailboxLook):
		case <-ctx.Done():
			return errors.New("no such message arrives")
		}
	}
}

// newest returns the line of the newest message that begins with want; empty:
// there is none.
func (s *Stage) newest(ctx context.Context, server, want string) (string, error) {
	who := s.Alice
	if server == "bob" {
		who = s.Bob
	}
	raw, err := s.Dial(ctx, server, "pop3s")
	if err != nil {
		return "", err
	}
	defer raw.Close()
	raw.SetDeadline(time.Now().Add(stepTime))
	c := textproto.NewConn(tls.Client(raw, &tls.Config{InsecureSkipVerify: true}))
	if _, err := pop3(c, ""); err != nil {
		return "", err
	}
	if _, err := pop3(c, "USER "+who.Address); err != nil {
		return "", err
	}
	if _, err := pop3(c, "PASS "+who.Password); err != nil {
		return "", nil // another session has the mailbox: look again later
	}
	defer pop3(c, "QUIT")
	stat, err := pop3(c, "STAT")
	if err != nil {
		return "", err
	}
	count, _, _ := strings.Cut(stat, " ")
	if count == "0" {
		return "", nil
	}
	if _, err := pop3(c, "RETR "+count); err != nil {
		return "", err
	}
	message, err := io.ReadAll(io.LimitReader(c.DotReader(), maxMessage))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(message)) {
		if strings.HasPrefix(line, want) {
			return strings.TrimRight(line, "\r\n"), nil
		}
	}
	return "", nil
}

// pop3 says a command, if there is one, and returns what follows +OK.
func pop3(c *textproto.Conn, command string) (string, error) {
	if command != "" {
		if err := c.PrintfLine("%s", command); err != nil {
			return "", err
		}
	}
	line, err := c.ReadLine()
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(line, "+OK ")
	if !ok {
		return "", fmt.Errorf("POP3 says %q", line)
	}
	return rest, nil
}
