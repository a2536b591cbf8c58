package imapd

import (
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
)

// exchanges are played up to each octet, in each way in which they can go
// wrong. evil is the line in them that must not run.
func exchanges() []stall.Exchange {
	type parts = []stall.Part
	const (
		message  = "Subject: x\r\n\r\n" + evil + evil
		octets   = "Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + evil + "\x00\n\r" + evil
		appended = `^\S+ OK \[APPENDUID`
		tagged   = `^a OK \[APPENDUID`
		ready    = `^\+ `
	)
	login := stall.Part{Say: "l LOGIN " + stall.Login + ` "` + stall.Password + "\"\r\n", Hear: "^l OK"}
	selected := stall.Part{Say: "s SELECT INBOX\r\n", Hear: "^s OK"}
	compress := stall.Part{Say: "z COMPRESS DEFLATE\r\n", Hear: "^z OK"}
	appending := func(tag, announced, ready, hear, text string) stall.Part {
		tail := "\r\n"
		if strings.Contains(announced, "UTF8") {
			tail = ")\r\n"
		}
		return stall.Part{Say: tag + " APPEND " + announced + "\r\n", Octets: text, Tail: tail, Ready: ready, Hear: hear, Keeps: text}
	}
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + stall.Login + "\x00" + stall.Password))
	first, final := stall.SCRAM()
	return []stall.Exchange{
		{Name: "LOGIN", Port: "clear", Secret: stall.Password, Parts: parts{login, selected}},
		{Name: "LOGIN with literals", Port: "clear", Secret: stall.Password, Parts: parts{
			{Say: "l LOGIN {%d}\r\n", Ready: ready, Octets: stall.Login},
			{Say: " {%d}\r\n", Ready: ready, Octets: stall.Password, Tail: "\r\n", Hear: "^l OK"}}},
		{Name: "LOGIN in one write", Port: "clear", Secret: stall.Password, Parts: parts{
			{Say: "l LOGIN {%d+}\r\n", Octets: stall.Login}, {Say: " {%d+}\r\n", Octets: stall.Password, Tail: "\r\n", Hear: "^l OK"}}},
		{Name: "LOGIN refused", Port: "clear", Parts: parts{
			{Say: "l LOGIN {%d+}\r\n", Octets: evil}, {Say: " {%d+}\r\n", Octets: evil + evil, Tail: "\r\n", Hear: "^l NO"}}},
		{Name: "AUTHENTICATE PLAIN", Port: "clear", Secret: secret,
			Parts: parts{{Say: "l AUTHENTICATE PLAIN\r\n", Hear: ready}, {Say: secret + "\r\n", Hear: "^l OK"}}},
		{Name: "AUTHENTICATE PLAIN initial", Port: "clear", Secret: secret, Parts: parts{{Say: "l AUTHENTICATE PLAIN " + secret + "\r\n", Hear: "^l OK"}}},
		{Name: "AUTHENTICATE SCRAM", Port: "clear",
			Parts: parts{{Say: "l AUTHENTICATE SCRAM-SHA-256\r\n", Hear: ready}, {Say: first + "\r\n", Hear: ready}, {Answer: final, Hear: ready}, {Say: "\r\n", Hear: "^l OK"}}},
		{Name: "AUTHENTICATE cancelled", Port: "clear", Parts: parts{{Say: "l AUTHENTICATE PLAIN\r\n", Hear: ready}, {Say: "*\r\n", Hear: "^l BAD"}}},
		{Name: "AUTHENTICATE with a command for an answer", Port: "clear",
			Parts: parts{{Say: "l AUTHENTICATE PLAIN\r\n", Hear: ready}, {Say: evil, Hear: "^l BAD"}}},
		{Name: "STARTTLS", Port: "far",
			Parts: parts{{Say: "t STARTTLS\r\n", Hear: "^t OK"}, {TLS: true}, login, appending("a", "INBOX {%d+}", "", appended, message)}, Kept: appended},
		{Name: "implicit TLS", Port: "implicit", Parts: parts{{TLS: true}, login, appending("a", "INBOX {%d}", ready, appended, message)}, Kept: appended},
		{Name: "APPEND", Port: "clear", Parts: parts{login, appending("a", "INBOX (\\Seen) {%d}", ready, appended, message)}, Kept: appended},
		{Name: "APPEND in one write", Port: "clear", Parts: parts{login, appending("a", "INBOX {%d+}", "", appended, message)}, Kept: appended},
		{Name: "APPEND of octets", Port: "clear", Parts: parts{login, appending("a", "INBOX ~{%d}", ready, appended, octets)}, Kept: appended},
		{Name: "APPEND UTF8", Port: "clear", Parts: parts{login, {Say: "e ENABLE UTF8=ACCEPT\r\n", Hear: "^e OK"},
			appending("a", "INBOX UTF8 (~{%d+}", "", appended, octets)}, Kept: appended},
		{Name: "APPEND to a literal name", Port: "clear",
			Parts: parts{login, {Say: "a APPEND {%d+}\r\n", Octets: "INBOX"},
				{Say: " {%d+}\r\n", Octets: message, Tail: "\r\n", Hear: appended, Keeps: message}}, Kept: appended},
		{Name: "APPEND pipelined", Port: "clear",
			Parts: parts{login, selected, appending("a", "INBOX {%d+}", "", "", message), appending("b", "INBOX {%d+}", "", "", octets),
				appending("c", "INBOX {%d+}", "", `^c OK \[APPENDUID`, message)}, Kept: appended},
		{Name: "COMPRESS", Port: "clear", Parts: parts{login, compress, {Deflate: true}, selected,
			appending("a", "INBOX {%d}", ready, tagged, message), appending("b", "INBOX {%d+}", "", `^b OK \[APPENDUID`, octets)}, Kept: appended},
		{Name: "COMPRESS with TLS", Port: "implicit", Parts: parts{{TLS: true}, login, compress, {Deflate: true},
			{Say: "i IDLE\r\n", Hear: ready}, {Say: "DONE\r\n", Hear: "^i OK"}, appending("a", "INBOX {%d+}", "", appended, message)}, Kept: appended},
		{Name: "MULTIAPPEND", Port: "clear", Parts: parts{login, selected,
			{Say: "a APPEND INBOX {%d}\r\n", Ready: ready, Octets: message, Keeps: message},
			{Say: " (\\Seen) ~{%d+}\r\n", Octets: octets, Keeps: octets},
			{Say: " {%d}\r\n", Ready: ready, Octets: message, Tail: "\r\n", Hear: appended, Keeps: message}}, Kept: appended, Together: 3},
		{Name: "MULTIAPPEND refused", Port: "clear", Parts: parts{login,
			{Say: "a APPEND INBOX {%d+}\r\n", Octets: message},
			{Say: " (\\Seen {%d+}\r\n", Octets: message},
			{Say: " {%d+}\r\n", Octets: message, Tail: "\r\n", Hear: `^a BAD`}}},
		{Name: "REPLACE", Port: "clear", Parts: parts{login, selected, appending("a", "INBOX {%d+}", "", tagged, octets),
			{Say: "r REPLACE 1 {%d}\r\n", Ready: ready, Octets: "INBOX"},
			{Say: " {%d+}\r\n", Octets: message, Tail: "\r\n", Hear: "^r OK", Keeps: message, Replaces: true}}, Kept: tagged},
		{Name: "APPEND refused", Port: "clear",
			Parts: parts{login, {Say: "a APPEND nowhere {%d+}\r\n", Octets: message, Tail: "\r\n", Hear: `^a NO \[TRYCREATE`}}},
		{Name: "CREATE", Port: "clear",
			Parts: parts{login, {Say: "c CREATE {%d}\r\n", Ready: ready, Octets: "new evil NOOP", Tail: "\r\n", Hear: "^c OK", Keeps: "mailbox new evil NOOP"}}, Kept: "^c OK"},
		{Name: "CREATE in one write", Port: "clear",
			Parts: parts{login, {Say: "c CREATE {%d+}\r\n", Octets: "new", Tail: "\r\n", Hear: "^c OK", Keeps: "mailbox new"}}, Kept: "^c OK"},
		{Name: "SETMETADATA", Port: "clear", Parts: parts{login,
			{Say: "m SETMETADATA INBOX (/private/comment {%d}\r\n", Ready: ready, Octets: evil},
			{Say: " /private/vendor/x/y ~{%d+}\r\n", Octets: octets, Tail: ")\r\n", Hear: "^m OK"}}},
		{Name: "SEARCH", Port: "clear", Parts: parts{login, selected,
			{Say: "f SEARCH CHARSET UTF-8 TEXT {%d}\r\n", Ready: ready, Octets: evil}, {Say: " SUBJECT {%d+}\r\n", Octets: evil, Tail: "\r\n", Hear: "^f OK"}}},
		{Name: "SORT", Port: "clear", Parts: parts{login, selected,
			{Say: "f SORT (SUBJECT REVERSE DATE) UTF-8 TEXT {%d}\r\n", Ready: ready, Octets: evil}, {Say: " SUBJECT {%d+}\r\n", Octets: evil, Tail: "\r\n", Hear: "^f OK"}}},
		{Name: "THREAD", Port: "clear", Parts: parts{login, selected,
			{Say: "f UID THREAD REFS UTF-8 TEXT {%d+}\r\n", Octets: evil}, {Say: " SUBJECT {%d}\r\n", Ready: ready, Octets: evil, Tail: "\r\n", Hear: "^f OK"}}},
		{Name: "STORE", Port: "clear", Parts: parts{login, selected, appending("a", "INBOX {%d+}", "", appended, message),
			{Say: "f STORE 1 FLAGS.SILENT (new)\r\n", Hear: "^f OK"}, {Say: "g STORE {%d+}\r\n", Octets: evil, Tail: " x\r\n", Hear: "^g BAD"}}, Kept: appended},
		{Name: "unknown", Port: "clear", Parts: parts{{Say: "u FROB {%d+}\r\n", Octets: evil}, {Say: " {%d+}\r\n", Octets: evil, Tail: "\r\n", Hear: "^u BAD"}}},
		{Name: "IDLE", Port: "clear", Parts: parts{login, selected, {Say: "i IDLE\r\n", Hear: ready}, {Say: "DONE\r\n", Hear: "^i OK"}}},
		{Name: "IDLE ended otherwise", Port: "clear", Parts: parts{login, selected, {Say: "i IDLE\r\n", Hear: ready}, {Say: evil, Hear: "^i BAD"}}},
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
	srv := New(house.Store, house.Auth, Config{ClearFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxMessage: 2000, Compress: true, Version: "1.0", Log: events})
	far := New(house.Store, house.Auth, Config{MaxMessage: 2000, Compress: true, Log: events})
	t.Cleanup(func() {
		srv.driver.Close()
		far.driver.Close()
	})
	return &stall.Server{
		Serve: func(port string, ln net.Listener) error {
			if port == "clear" {
				return srv.Serve(ln)
			}
			return far.Serve(ln)
		},
		Wire: func(port string) *wire.Config {
			return &wire.Config{Protocol: "imap", Hostname: "localhost", Implicit: port == "implicit", TLS: certs.Server("imap"), Refusal: Refusal, Log: events}
		},
		TLS: certs.Client(), Take: house.Take, Log: log.Take,
		Refusals: map[string]func(bool){"quota": house.Full, "store broken": house.Broken},
		Refused:  `^\S+ (?:NO|BAD) `,
		Canary:   evil, Ran: "^evil ", Probe: "probe CAPABILITY\r\n", Probed: `\* CAPABILITY .*\r\nprobe OK .*\r\n`, Bye: `^\* BYE `,
		MaxLine: maxCommand, MaxMessage: 2000,
	}
}
