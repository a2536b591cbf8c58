//go:build crash || powercut

package crash

import (
	"bufio"
	"net"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// imap logs a client in.
func (s *server) imap(user string) *imapclient.Client {
	s.t.Helper()
	c, err := imapclient.DialInsecure(s.address(143), nil)
	if err == nil {
		err = c.Login(user+"@"+domain, password).Wait()
	}
	if err != nil {
		s.t.Fatalf("logging %s in: %v\n%s", user, err, &s.log)
	}
	return c
}

// dialPOP3 logs in by POP3, whose replies are single lines beginning in +OK or
// -ERR.
func dialPOP3(address, user string) (*client, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	c := &client{conn, bufio.NewReader(conn)}
	if _, err = c.expect(1, "+OK"); err == nil {
		_, err = c.say("USER "+user+"\r\nPASS "+password+"\r\n", 2, "+OK")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}
