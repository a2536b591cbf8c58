//go:build attack

package attack

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	xdg "github.com/xdg-go/scram"

	"posthorn/internal/testserver"
)

// entry is a way to log in by SASL.
type entry struct {
	service string
	secure  bool // by the protocol's STARTTLS, where it is not implicit
}

func (e entry) String() string {
	if e.secure {
		return e.service + " with STARTTLS"
	}
	return e.service
}

func entries() []entry {
	return []entry{{"submission", true}, {"submissions", false}, {"pop3", true}, {"pop3s", false}, {"imap", true}, {"imaps", false}}
}

// open connects, up to where AUTH may come.
func (e entry) open(s *testserver.Server, cfg *tls.Config) (*client, error) {
	c, err := dial("127.0.0.1", s.Address(e.service))
	if err != nil {
		return nil, err
	}
	if strings.HasSuffix(e.service, "s") {
		if err = c.secure(cfg); err == nil {
			_, err = c.line()
		}
	} else {
		_, err = c.line()
	}
	for _, u := range upgrades() {
		if err == nil && e.secure && u.service == e.service {
			for i := 0; i < len(u.hello) && err == nil; i += 2 {
				_, err = c.ask(u.hello[i], u.hello[i+1])
			}
			if err == nil {
				_, err = c.ask(u.command, u.ready)
			}
			if err == nil {
				err = c.secure(cfg)
			}
		}
	}
	if err == nil && strings.HasPrefix(e.service, "submission") {
		_, err = c.ask("EHLO client.example", "250")
	}
	if err != nil {
		c.Close()
	}
	return c, err
}

// authenticate leads an exchange whose messages step makes of the challenges,
// the first of none, and returns the last answer.
func (e entry) authenticate(c *client, mechanism string, step func(challenge string) (string, error)) (string, error) {
	verb := "AUTH "
	if strings.HasPrefix(e.service, "imap") {
		verb = "x AUTHENTICATE "
	}
	first, err := step("")
	if err != nil {
		return "", err
	}
	for line := verb + mechanism + " " + base64.StdEncoding.EncodeToString([]byte(first)); ; {
		if err := c.say(line + "\r\n"); err != nil {
			return "", err
		}
		answer, err := c.line()
		if err != nil {
			return "", err
		}
		text, more := strings.CutPrefix(answer, "334 ")
		if !more {
			text, more = strings.CutPrefix(answer, "+ ")
		}
		if !more {
			return answer, nil
		}
		challenge, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return answer, err
		}
		if line, err = step(string(challenge)); err != nil {
			return answer, err
		}
		line = base64.StdEncoding.EncodeToString([]byte(line))
	}
}

// letIn reports whether an answer lets somebody in.
func letIn(answer string) bool {
	return strings.HasPrefix(answer, "235 ") || strings.HasPrefix(answer, "+OK") || strings.HasPrefix(answer, "x OK")
}

// TestChannelBinding logs in with and without channel binding, truly and
// falsely, by every protocol, as a client of the library does.
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	s := testserver.New(t, testserver.Config{Users: []string{"alice"}})
	s.Set("auth", "channel_binding", true)
	s.MustStart()
	own := func(over tls.ConnectionState) xdg.ChannelBinding {
		b, err := xdg.NewTLSExporterBinding(&over)
		if err != nil {
			t.Error(err)
		}
		return b
	}
	foreign := xdg.ChannelBinding{Type: xdg.ChannelBindingTLSExporter, Data: make([]byte, 32)}
	const plain, plus = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"
	for _, e := range entries() {
		for _, tt := range []struct {
			what, mechanism string
			flag            string // in place of the client's own; it fails at once
			binding         func(tls.ConnectionState) xdg.ChannelBinding
			version         uint16
			in              bool
		}{
			{"this connection", plus, "", own, tls.VersionTLS13, true},
			{"another connection", plus, "", func(tls.ConnectionState) xdg.ChannelBinding { return foreign }, tls.VersionTLS13, false},
			{"the certificate", plus, "p=tls-server-end-point", nil, tls.VersionTLS13, false},
			{"tls-unique", plus, "p=tls-unique", nil, tls.VersionTLS13, false},
			{"a kind unheard of", plus, "p=tls-nonsense", nil, tls.VersionTLS13, false},
			{"n with -PLUS", plus, "n", nil, tls.VersionTLS13, false},
			{"y with -PLUS", plus, "y", nil, tls.VersionTLS13, false},
			{"y, though offered", plain, "y", nil, tls.VersionTLS13, false},
			{"p without -PLUS", plain, "p=tls-exporter", nil, tls.VersionTLS13, false},
			{"none", plain, "", nil, tls.VersionTLS13, true},
			{"none in TLS 1.2", plain, "", nil, tls.VersionTLS12, true},
			{"in TLS 1.2", plus, "p=tls-exporter", nil, tls.VersionTLS12, false},
		} {
			c, err := e.open(s, &tls.Config{InsecureSkipVerify: true, MaxVersion: tt.version})
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			user, err := xdg.SHA256.NewClient("alice@"+testserver.Domain, testserver.Password, "")
			if err != nil {
				t.Fatal(err)
			}
			conversation := user.NewConversation()
			if tt.binding != nil {
				conversation = user.NewConversationWithChannelBinding(tt.binding(c.Conn.(*tls.Conn).ConnectionState()))
			}
			step := conversation.Step
			if tt.flag != "" {
				step = func(challenge string) (string, error) {
					if challenge != "" {
						return "", fmt.Errorf("it goes on with %q", challenge)
					}
					return tt.flag + ",,n=alice@" + testserver.Domain + ",r=abcdefgh", nil
				}
			}
			answer, err := e.authenticate(c, tt.mechanism, step)
			if err != nil || letIn(answer) != tt.in || tt.in && !conversation.Valid() {
				t.Errorf("%s, %s: %q, %v", e, tt.what, answer, err)
			}
			c.Close()
		}
	}
	wantOffers(t, s)
	if n := strings.Count(s.Log(), "somebody may be in between"); n != 2*len(entries()) {
		t.Errorf("the log names %d of %d attacks", n, 2*len(entries()))
	}
}

// wantOffers: -PLUS comes first in the lists, under TLS 1.3 alone.
func wantOffers(t *testing.T, s *testserver.Server) {
	t.Helper()
	ask := map[string][]string{
		"submission": {"EHLO client.example", "250", "250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"},
		"pop3":       {"CAPA", ".", "SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"},
		"imap":       {"y CAPABILITY", "y", " AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN"},
	}
	for _, e := range append(entries(), entry{"submission", false}, entry{"pop3", false}, entry{"imap", false}) {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			c, err := e.open(s, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			in := ask[strings.TrimSuffix(e.service, "s")]
			var said strings.Builder
			c.say(in[0] + "\r\n")
			for line := "-"; err == nil && (line == "-" || !strings.HasPrefix(line, in[1]) || strings.HasPrefix(line, "250-")); {
				line, err = c.line()
				said.WriteString(line + "\n")
			}
			_, secure := c.Conn.(*tls.Conn)
			want := in[2]
			if !secure || version != tls.VersionTLS13 {
				want = strings.NewReplacer("AUTH=SCRAM-SHA-256-PLUS ", "", "SCRAM-SHA-256-PLUS ", "").Replace(want)
			}
			if err != nil || !strings.Contains(said.String(), want) || strings.Contains(want, "PLUS") != strings.Contains(said.String(), "PLUS") {
				t.Errorf("%s, %s: %v, it offers\n%s", e, tls.VersionName(version), err, &said)
			}
			c.Close()
		}
	}
}
