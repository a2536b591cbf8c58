package pop3d

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"

	"posthorn/internal/daemontest"
	"posthorn/internal/maillog"
	"posthorn/internal/stall"
	"posthorn/internal/wire"
	"posthorn/store"
)

// canary is a line that lists capabilities if it is run.
const canary = "CAPA\r\n"

// large is a message that no connection takes at once.
var large = "Subject: large\r\n\r\n" + strings.Repeat(".\r\nCAPA\r\n", 2000)

// exchanges are played up to each octet, in each way in which they can go wrong.
// There are two messages; what a session deletes, and nothing else, is "kept".
func exchanges() []stall.Exchange {
	type parts = []stall.Part
	const (
		in, more = `^\+OK bob@`, `^\+ `
		end      = `(?s)\+OK .*\r\n\.\r\n`
	)
	login := parts{{Say: "USER " + stall.Login + "\r\n", Hear: `^\+OK Now`}, {Say: "PASS " + stall.Password + "\r\n", Hear: in}}
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + stall.Login + "\x00" + stall.Password))
	user, password := base64.StdEncoding.EncodeToString([]byte(stall.Login)), base64.StdEncoding.EncodeToString([]byte(stall.Password))
	first, final := stall.SCRAM()
	join := func(more ...stall.Part) parts { return append(login[:len(login):len(login)], more...) }
	return []stall.Exchange{
		{Name: "USER PASS", Port: "clear", Secret: stall.Password, Parts: login},
		{Name: "pipelined", Port: "clear", Parts: parts{{Say: login[0].Say}, {Say: login[1].Say}, {Say: "STAT\r\n"}, {Say: "RETR 1\r\n"}, {Say: "NOOP\r\n", Hear: `^\+OK Nothing`}}},
		{Name: "AUTH PLAIN", Port: "clear", Secret: secret, Parts: parts{{Say: "AUTH PLAIN\r\n", Hear: more}, {Say: secret + "\r\n", Hear: in}}},
		{Name: "AUTH PLAIN initial", Port: "clear", Secret: secret, Parts: parts{{Say: "AUTH PLAIN " + secret + "\r\n", Hear: in}}},
		{Name: "AUTH LOGIN", Port: "clear", Secret: password,
			Parts: parts{{Say: "AUTH LOGIN\r\n", Hear: more}, {Say: user + "\r\n", Hear: more}, {Say: password + "\r\n", Hear: in}}},
		{Name: "AUTH SCRAM", Port: "clear",
			Parts: parts{{Say: "AUTH SCRAM-SHA-256\r\n", Hear: more}, {Say: first + "\r\n", Hear: more}, {Answer: final, Hear: more}, {Say: "\r\n", Hear: in}}},
		{Name: "AUTH cancelled", Port: "clear", Parts: parts{{Say: "AUTH LOGIN\r\n", Hear: more}, {Say: user + "\r\n", Hear: more}, {Say: "*\r\n", Hear: "^-ERR AUTH cancelled"}}},
		{Name: "AUTH with a command for an answer", Port: "clear", Parts: parts{{Say: "AUTH LOGIN\r\n", Hear: more}, {Say: canary, Hear: more}, {Say: "*\r\n", Hear: "^-ERR AUTH cancelled"}}},
		{Name: "STLS", Port: "far", Secret: stall.Password, Parts: append(parts{{Say: "STLS\r\n", Hear: `^\+OK Begin`}, {TLS: true}}, login...)},
		{Name: "implicit TLS", Port: "implicit", Secret: stall.Password, Parts: append(parts{{TLS: true}}, login...)},
		{Name: "RETR", Port: "clear", Parts: join(stall.Part{Say: "RETR 1\r\n", Hear: end}, stall.Part{Say: "RETR 2\r\n", Hear: end})},
		{Name: "TOP", Port: "clear", Parts: join(stall.Part{Say: "TOP 2 3000\r\n", Hear: end}, stall.Part{Say: "TOP 1 0\r\n", Hear: end})},
		{Name: "DELE", Port: "clear", Parts: join(stall.Part{Say: "DELE 1\r\n", Hear: `^\+OK Message 1`}, stall.Part{Say: "RSET\r\n", Hear: `^\+OK 2 messages`})},
	}
}

// TestEveryOctet: see package stall.
func TestEveryOctet(t *testing.T) {
	daemontest.Localhost(t) // not in a bubble
	stall.Run(t, exchanges(), newStalled)
}

func newStalled(t *testing.T) *stall.Server {
	house := stall.NewHouse(t)
	certs := daemontest.Localhost(t)
	var log daemontest.Output
	events := maillog.New(slog.New(slog.NewTextHandler(&log, nil)))
	f := &fixture{t: t, store: house.Store}
	fill := func() {
		for _, text := range []string{"Subject: small\r\n\r\n.\r\nCAPA\r\n", large} {
			body := house.Store.NewBody(context.Background())
			_, err := body.Write([]byte(text))
			check(t, err)
			_, err = house.Store.Accept(context.Background(), store.Delivery{Body: body, Copies: []store.Copy{{Account: house.Bob.ID, Mailbox: f.inboxOf(house.Bob.ID).ID}}})
			check(t, err)
		}
	}
	fill()
	var locked func()
	removed := false // by the test
	return &stall.Server{
		Serve: func(port string, ln net.Listener) error {
			cfg := Config{Hostname: "localhost", Store: house.Store, Auth: house.Auth, Version: "1.0", Log: events}
			if port == "clear" {
				cfg.PlainAuth = netip.Addr.IsLoopback
			}
			return New(cfg).Serve(ln)
		},
		Wire: func(port string) *wire.Config {
			return &wire.Config{Protocol: "pop3", Hostname: "localhost", Implicit: port == "implicit", TLS: certs.Server("pop3"), Refusal: Refusal, Log: events}
		},
		TLS: certs.Client(), Log: log.Take,
		// Nothing may be gone, and nobody may have the drop locked still.
		Take: func() (gone []string) {
			if n := f.inboxOf(house.Bob.ID).Messages; n != 2 {
				if !removed {
					gone = append(gone, "deleted")
				}
				house.Take()
				fill()
			}
			removed = false
			release, err := house.Store.LockDrop(house.Bob.ID)
			if err != nil {
				return append(gone, "locked")
			}
			release()
			return gone
		},
		Refusals: map[string]func(bool){
			"in use": func(on bool) {
				if locked != nil {
					locked()
					locked = nil
				}
				if on {
					locked, _ = house.Store.LockDrop(house.Bob.ID) // unless the session has it
				}
			},
			"gone": func(on bool) {
				if on {
					house.Take()
					removed = true
				}
			},
		},
		Refused: "^-ERR", Canary: canary, Ran: "^IMPLEMENTATION", Probe: "LANG\r\n", Probed: `\+OK [^\n]*\n(?:[^\n.]*\n)*\.\r\n`, Bye: "^-ERR ", Silent: true,
		MaxLine: maxSASLLine, MaxMessage: 2000,
	}
}
