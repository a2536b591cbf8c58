//go:build soak

package soak

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"posthorn/internal/ledger"
	"posthorn/internal/testserver"
)

// mailer submits mail for away.example, of which some is refused for good.
type mailer struct {
	n     int
	acked []string // lines of "check --ledger"
}

func (m *mailer) work(ctx context.Context, d *day) error {
	c, err := testserver.DialSMTP(d.Address("submission"))
	if err != nil {
		return nil
	}
	defer c.Conn.Close()
	sender := "sender@" + testserver.Domain
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + sender + "\x00" + testserver.Password))
	if _, err := c.Say("AUTH PLAIN "+plain+"\r\n", 1, "235"); err != nil {
		return nil
	}
	for ctx.Err() == nil {
		to := "x@" + away
		if rand.IntN(10) == 0 {
			to = "nobody@" + away
		}
		letter := d.ledger.Letter(500+rand.IntN(20_000), to)
		letter.From = sender
		data := letter.Data()
		reply, _, err := ledger.SendTo(c, letter, data)
		if err != nil || strings.HasPrefix(reply, "421") {
			return nil
		}
		if !strings.HasPrefix(reply, "250") {
			return errors.New("a submission was refused: " + reply)
		}
		sum := sha256.Sum256(data)
		m.acked = append(m.acked, fmt.Sprintf("<%s> %s %s", letter.ID, hex.EncodeToString(sum[:]), to))
		wait(ctx, rand.N(100*time.Millisecond))
	}
	return nil
}

// login is an account's connection, which ends with ctx; said has its last
// words.
func (d *day) login(ctx context.Context, local string, said *tail) (*imapclient.Client, func(), error) {
	conn, err := net.DialTimeout("tcp", d.Address("imap"), 5*time.Second)
	if err != nil {
		return nil, nil, err
	}
	c := imapclient.New(conn, &imapclient.Options{DebugWriter: said})
	if err := c.Login(local+"@"+testserver.Domain, testserver.Password).Wait(); err != nil {
		c.Close()
		return nil, nil, err
	}
	ended := context.AfterFunc(ctx, func() { conn.Close() })
	return c, func() { ended(); c.Close() }, nil
}

// idle waits for news.
func (d *day) idle(ctx context.Context, local string) error {
	c, end, err := d.login(ctx, local, &tail{})
	if err != nil {
		return err
	}
	defer end()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		return err
	}
	for range 5 {
		cmd, err := c.Idle()
		if err != nil {
			return err
		}
		wait(ctx, rand.N(2*time.Second))
		if err := errors.Join(cmd.Close(), cmd.Wait()); err != nil {
			return err
		}
	}
	return c.Logout().Wait()
}

// browse looks at everything, as a mail program does that is opened.
func (d *day) browse(ctx context.Context, local string) (err error) {
	said := &tail{}
	defer func() { err = said.excuse(err) }()
	c, end, err := d.login(ctx, local, said)
	if err != nil {
		return err
	}
	defer end()
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return err
	}
	for _, mb := range list {
		if _, err := c.Status(mb.Mailbox, &imap.StatusOptions{NumMessages: true, NumUnseen: true, UIDNext: true}).Wait(); gone(err) {
			continue
		} else if err != nil {
			return err
		}
		data, err := c.Select(mb.Mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
		if gone(err) { // another client has deleted or renamed it
			continue
		} else if err != nil {
			return err
		}
		if data.NumMessages == 0 {
			continue
		}
		all := imap.UIDSet{{Start: 1, Stop: 0}}
		if err := c.Fetch(all, &imap.FetchOptions{Flags: true, Envelope: true, BodyStructure: &imap.FetchItemBodyStructure{Extended: true}}).Close(); err != nil {
			return err
		}
		word := []string{"words that repeat", "QUFB", "nowhere"}[rand.IntN(3)]
		if _, err := c.UIDSearch(&imap.SearchCriteria{Body: []string{word}}, nil).Wait(); err != nil {
			return err
		}
		wait(ctx, rand.N(100*time.Millisecond))
	}
	return c.Logout().Wait()
}

// gone reports whether a mailbox wasn't there any more.
func gone(err error) bool {
	var no *imap.Error
	return errors.As(err, &no) && no.Type == imap.StatusResponseTypeNo
}

// beginnings are commands that break off.
var beginnings = []struct{ service, text string }{
	{"smtp", "EHLO x.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<alice@" + testserver.Domain + ">\r\nDATA\r\nSubject: broken off\r\n\r\nthe beg"},
	{"smtp", "EHLO x.example\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<alice@" + testserver.Domain + ">\r\nBDAT 100000\r\nSubject: broken off\r\n\r\nthe beg"},
	{"submission", "EHLO x.example\r\nSTARTTLS\r\n\x16\x03\x01"},
	{"smtp", "EHLO x.exa"},
	{"imap", "a LOGIN alice@" + testserver.Domain + " {15+}\r\nsesame"},
	{"imap", "a LOGIN alice@" + testserver.Domain + " \"" + testserver.Password + "\"\r\nb APPEND INBOX {100000+}\r\nSubject: broken off\r\n\r\n"},
	{"imap", "a LOGIN alice@" + testserver.Domain + " \"" + testserver.Password + "\"\r\nb SELECT INBOX\r\nc FETCH 1:* BODY.PEEK[]\r\nd SEAR"},
	{"imap", "a LOGIN bob@" + testserver.Domain + " \"" + testserver.Password + "\"\r\nb SELECT INBOX\r\nc IDLE\r\n"},
	{"imaps", "\x16\x03\x01\x02"},
	{"pop3", "USER carol@" + testserver.Domain + "\r\nPASS " + testserver.Password + "\r\nUIDL\r\nDELE 1\r\nRETR"},
}

// vanish begins something and is gone.
func (d *day) vanish() error {
	b := beginnings[rand.IntN(len(beginnings))]
	conn, err := net.DialTimeout("tcp", d.Address(b.service), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(conn, b.text); err != nil {
		return err
	}
	time.Sleep(rand.N(100 * time.Millisecond))
	if rand.IntN(2) == 0 {
		conn.(*net.TCPConn).SetLinger(0) // with a reset
	}
	return nil
}

// stall asks for everything and reads nothing for a while.
func (d *day) stall(ctx context.Context) error {
	conn, err := net.DialTimeout("tcp", d.Address("imap"), 5*time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	conn.(*net.TCPConn).SetReadBuffer(4096)
	text := fmt.Sprintf("a LOGIN bob@%s \"%s\"\r\nb EXAMINE INBOX\r\n", testserver.Domain, testserver.Password)
	text += strings.Repeat("c FETCH 1:* BODY.PEEK[]\r\n", 20)
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	wait(ctx, rand.N(5*time.Second))
	return nil
}

// tail is the end of what a connection said.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = append(l.last, p...)
	l.last = append([]byte(nil), l.last[max(0, len(l.last)-500):]...)
	return len(p), nil
}

// excuse takes an error back whose reason is that another client has deleted
// the mailbox.
func (l *tail) excuse(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(l.last, []byte("* BYE The selected mailbox was deleted")) {
		return nil
	}
	return err
}
