package smtpd

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"posthorn/internal/daemontest"
	"posthorn/internal/stall"
)

const (
	evil     = "MAIL FROM:<evil@crepes.fr>\r\nRCPT TO:<bob@hamburger.edu>\r\nDATA\r\nevil\r\n.\r\n"
	envelope = "RSET\r\nMAIL FROM:<a@b.org>%s\r\nRCPT TO:<bob@hamburger.edu>\r\n"
	probe    = "HELP\r\n"
)

// TestSmuggling: whatever stands around a lone dot, and however it is parted on
// its way, a second message is taken out of the first only where RFC 5321
// §4.1.1.4 says that the first ended, and none has a bare CR or LF.
func TestSmuggling(t *testing.T) {
	most := 4
	if stall.Full() {
		most = 7
	}
	login := "AUTH PLAIN AGJvYkBoYW1idXJnZXIuZWR1AGtldGNodXA=\r\n"
	for port, login := range map[string]string{"mx": "", "submission clear": login, "submissions": login} {
		t.Run(port, func(t *testing.T) {
			t.Parallel()
			most := most
			s := &smuggler{t: t, h: newHarness(t), port: port, login: login}
			defer s.close()
			if port == "submissions" && stall.Full() {
				most-- // TLS costs more, and changes nothing behind it
			}
			for i, mix := range stall.Mixes(most) {
				text := "a" + mix
				for _, parted := range partings(text, i) {
					s.data(text, parted)
				}
				s.chunks(text, i%(len(text)+1))
			}
			t.Logf("%d messages sent, %d taken", s.sent, s.taken)
			if s.taken < s.sent/20 || s.taken > s.sent {
				t.Error("the mixes prove little")
			}
		})
	}
}

// partings are the ways in which a text arrives: at once, octet by octet, and in
// two pieces, parted anywhere (or in one place out of all, that depends on i).
func partings(text string, i int) (all [][]string) {
	all = append(all, []string{text}, strings.Split(text, ""))
	if !stall.Full() {
		at := i % len(text)
		return append(all, []string{text[:at], text[at:]})
	}
	for at := range text {
		all = append(all, []string{text[:at], text[at:]})
	}
	return all
}

// smuggler is a client that sends one message after another over a connection.
type smuggler struct {
	t           *testing.T
	h           *harness
	port, login string
	conn        net.Conn
	in          *bufio.Reader
	sent, taken int
}

func (s *smuggler) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// say sends pieces, each in a write of its own, and the probe, and returns what
// is heard up to the probe's answer. The server may hang up.
func (s *smuggler) say(pieces ...string) (heard string, messages []taken) {
	if s.conn == nil {
		conn, err := s.h.dial(s.port)
		if err != nil {
			s.t.Fatal(err)
		}
		if s.port == "submissions" {
			conn = tls.Client(conn, daemontest.Localhost(s.t).Client())
		}
		s.conn, s.in = conn, bufio.NewReader(conn)
		s.say("EHLO c\r\n" + s.login)
	}
	conn := s.conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, piece := range append(pieces, probe) {
			io.WriteString(conn, piece)
		}
	}()
	var b strings.Builder
	for {
		line, err := s.in.ReadString('\n')
		b.WriteString(line)
		if err != nil {
			s.close()
		}
		if err != nil || strings.HasPrefix(line, "214 ") {
			break
		}
	}
	<-done
	messages = s.h.backend.take()
	s.taken += len(messages)
	return b.String(), messages
}

// data sends "a" and a mix as a message, and evil behind it.
func (s *smuggler) data(text string, parted []string) {
	s.sent++
	pieces := slices.Concat([]string{fmt.Sprintf(envelope, "") + "DATA\r\n"}, parted, []string{evil + "\r\n.\r\n"})
	heard, messages := s.say(pieces...)

	// Where the client itself ended the first message, what follows are
	// commands.
	end := strings.Index("\r\n"+text+evil, "\r\n.\r\n")
	commands := strings.FieldsFunc((text + evil)[end+len(".\r\n"):], func(r rune) bool { return r == '\n' })
	split := slices.Contains(commands, "MAIL FROM:<evil@crepes.fr>\r")
	if smuggled := len(messages) > 0 && messages[len(messages)-1].envelope.From.Local == "evil"; smuggled && !split {
		s.t.Errorf("%q: smuggled: %v", parted, messages)
	}
	s.check(parted, messages)
	want := 1
	if split {
		want = 2
	}
	if n := strings.Count("\r\n"+heard, "\r\n354 "); n != want && s.conn != nil {
		s.t.Errorf("%q: out of step: %q", parted, heard)
	}
	if s.port == "mx" && bare(text[:min(end, len(text))]) && !strings.Contains(heard, "\r\n550 5.6.11 ") {
		s.t.Errorf("%q: not refused: %q", parted, heard)
	}
}

// chunks sends the same with BDAT, where evil is a part of the message, in two
// chunks, and as BINARYMIME.
func (s *smuggler) chunks(text string, at int) {
	whole := text + evil
	for _, binary := range []string{"", " BODY=BINARYMIME"} {
		s.sent++
		parted := []string{fmt.Sprintf(envelope, binary), fmt.Sprintf("BDAT %d\r\n", at), whole[:at], fmt.Sprintf("BDAT %d LAST\r\n", len(whole)-at), whole[at:]}
		heard, messages := s.say(parted...)
		refused := strings.Contains(heard, "\r\n550 5.6.11 ")
		switch {
		case strings.Contains(heard, "\r\n354 ") || len(messages) > 1 || len(messages) == 0 && !refused:
			s.t.Errorf("%q: a chunk ran as commands: %q", parted, heard)
		case binary != "":
			if len(messages) != 1 || messages[0].body != whole {
				s.t.Errorf("%q: kept as %v", parted, messages)
			}
			continue
		case s.port == "mx" && refused != bare(whole):
			s.t.Errorf("%q: refused or not: %q", parted, heard)
		case s.port == "mx" && !refused && messages[0].body != whole:
			s.t.Errorf("%q: kept as %v", parted, messages)
		}
		s.check(parted, messages)
	}
}

// check looks at what was taken as text.
func (s *smuggler) check(parted []string, messages []taken) {
	for _, m := range messages {
		if bare(m.body) {
			s.t.Errorf("%q: a bare CR, LF or NUL was taken: %q", parted, m.body)
		}
	}
}

func bare(s string) bool {
	s = strings.ReplaceAll(s, "\r\n", "")
	return strings.ContainsAny(s, "\r\n\x00")
}
