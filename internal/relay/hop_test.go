package relay

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"posthorn/internal/mail"
)

// fakeHop is a next hop that does as it is told. It is written without any
// SMTP library, so that it can be wrong in every way.
type fakeHop struct {
	greeting string   // "220 hop ESMTP" by default
	offers   []string // EHLO keywords
	// reply answers a command ("." for a message's end, "LINE" for each of its
	// lines); empty: the usual. "drop" closes the connection, "hang" says nothing any more.
	reply func(verb, line string) string
	tls   *tls.Config
	// implicit: TLS from the first octet. inject is sent together with the
	// reply to STARTTLS.
	implicit bool
	inject   string

	mu sync.Mutex
	history
}

// history is what a hop has seen.
type history struct {
	connections int
	lines       []string // the commands, as they came
	got         []received
	unfinished  []string // messages whose end never came, or that are to nobody
}

// received is a message that a hop has taken.
type received struct {
	from string
	to   []string
	data string
}

// saw is what the hop has seen so far.
func (h *fakeHop) saw() history {
	h.mu.Lock()
	defer h.mu.Unlock()
	return history{h.connections, slices.Clone(h.lines), slices.Clone(h.got), slices.Clone(h.unfinished)}
}

func (h *fakeHop) serve(conn net.Conn) {
	defer conn.Close()
	h.mu.Lock()
	h.connections++
	h.mu.Unlock()
	s := &hopSession{h: h, conn: conn}
	if h.implicit && !s.secure() {
		return
	}
	s.br = bufio.NewReader(s.conn)
	greeting := "220 hop ESMTP"
	if h.greeting != "" {
		greeting = h.greeting
	}
	if !s.say(greeting) {
		return
	}
	for {
		line, err := s.br.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSuffix(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		h.mu.Lock()
		h.lines = append(h.lines, line)
		h.mu.Unlock()
		if !s.command(verb, line) {
			return
		}
	}
}

type hopSession struct {
	h    *fakeHop
	conn net.Conn
	br   *bufio.Reader
	tx   received
}

func (s *hopSession) secure() bool {
	conn := tls.Server(s.conn, s.h.tls)
	if conn.Handshake() != nil {
		return false
	}
	s.conn, s.br = conn, bufio.NewReader(conn)
	return true
}

// say sends a reply, and does what is not one. False ends the connection.
func (s *hopSession) say(reply string) bool {
	switch reply {
	case "drop":
		return false
	case "hang":
		io.Copy(io.Discard, s.conn)
		return false
	}
	_, err := io.WriteString(s.conn, strings.ReplaceAll(reply, "\n", "\r\n")+"\r\n")
	return err == nil && !strings.HasPrefix(reply, "421")
}

func (s *hopSession) command(verb, line string) bool {
	reply := ""
	if s.h.reply != nil {
		reply = s.h.reply(verb, line)
	}
	if reply == "" {
		reply = s.usual(verb)
	}
	if verb == "MAIL" && s.tx.from != "" {
		reply = "503 5.5.1 there is a transaction already"
	}
	switch good := reply[0] == '2'; {
	case verb == "MAIL" && good:
		s.tx = received{from: line}
	case verb == "RCPT" && good:
		s.tx.to = append(s.tx.to, line)
	case verb == "RSET", verb == "EHLO", verb == "HELO":
		s.tx = received{}
	case verb == "DATA" && reply[:3] == "354":
		return s.say(reply) && s.data()
	case verb == "STARTTLS" && good:
		return s.say(reply+s.h.inject) && s.secure()
	case verb == "QUIT":
		s.say(reply)
		return false
	}
	return s.say(reply)
}

func (s *hopSession) usual(verb string) string {
	switch verb {
	case "EHLO":
		reply := "250-hop greets you\n"
		for _, keyword := range s.h.offers {
			reply += "250-" + keyword + "\n"
		}
		return reply + "250 HELP"
	case "STARTTLS":
		return "220 go ahead"
	case "DATA":
		if s.tx.from == "" || len(s.tx.to) == 0 {
			return "503 5.5.1 no recipients"
		}
		return "354 go ahead"
	case "RCPT":
		if s.tx.from == "" {
			return "503 5.5.1 MAIL first"
		}
	case "QUIT":
		return "221 bye"
	}
	return "250 2.0.0 ok"
}

// data reads a message to its end, and answers what reply("." …) says.
func (s *hopSession) data() bool {
	var b strings.Builder
	for {
		line, err := s.br.ReadString('\n')
		if err != nil {
			s.h.mu.Lock()
			defer s.h.mu.Unlock()
			s.h.unfinished = append(s.h.unfinished, b.String())
			return false
		}
		if s.h.reply != nil && s.h.reply("LINE", line) == "drop" {
			return false
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	s.tx.data = b.String()
	if len(s.tx.to) == 0 && s.tx.data != "" {
		s.h.mu.Lock()
		s.h.unfinished = append(s.h.unfinished, s.tx.data)
		s.h.mu.Unlock()
	}
	reply := ""
	if s.h.reply != nil {
		reply = s.h.reply(".", "")
	}
	if reply == "" {
		reply = "250 2.6.0 kept"
		if len(s.tx.to) == 0 {
			reply = "554 5.5.1 no recipients"
		}
	}
	if reply[0] == '2' {
		s.h.mu.Lock()
		s.h.got = append(s.h.got, s.tx)
		s.h.mu.Unlock()
	}
	s.tx = received{}
	return s.say(reply)
}

// listen serves the hop on a port of loopback and returns a relay to it for
// every domain.
func (h *fakeHop) listen(t testing.TB) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return &Relay{Hostname: "mail.crepes.fr", Default: &Route{Address: l.Addr().String()},
		Timeouts: Timeouts{Connect: 5 * time.Second, Command: 5 * time.Second, DataStart: 5 * time.Second, DataEnd: 5 * time.Second}}
}

// deliver has a relay deliver messages, and returns the results of each and
// what the relay said of the hop.
func deliver(t testing.TB, r *Relay, messages ...*mail.Outgoing) (results [][]mail.Result, down *mail.Result) {
	t.Helper()
	i := 0
	next := func() *mail.Outgoing {
		if i != len(results) {
			t.Error("next was called before the last message was reported")
		}
		if i == len(messages) {
			return nil
		}
		i++
		return messages[i-1]
	}
	down = r.Deliver(context.Background(), r.Hop("hamburger.edu"), next, func(res []mail.Result) {
		for _, one := range res {
			checkResult(t, one)
		}
		results = append(results, res)
	})
	if down != nil {
		checkResult(t, *down)
	}
	return results, down
}

// checkResult checks what package mail promises of a result.
func checkResult(t testing.TB, res mail.Result) {
	t.Helper()
	if len(res.Text) > mail.MaxResultText || res.Status == "" || !isStatus(res.Status) {
		t.Errorf("result %+v", res)
	}
	for _, c := range res.Text {
		if c < ' ' || c == 0x7f || c == '\uFFFD' {
			t.Errorf("result with unprintable text %q", res.Text)
		}
	}
}

// outgoing is a message to some recipients.
func outgoing(body string, to ...string) *mail.Outgoing {
	m := &mail.Outgoing{Content: content(body)}
	m.From = addr("alice@crepes.fr")
	for _, a := range to {
		m.To = append(m.To, mail.Recipient{Address: addr(a)})
	}
	return m
}

func addr(s string) mail.Address {
	a, err := mail.ParseAddress(s)
	if err != nil {
		panic(err)
	}
	return a
}

// content is a message in memory.
type content string

func (c content) Size() int64 { return int64(len(c)) }
func (c content) WriteRange(w io.Writer, off, n int64) error {
	_, err := io.WriteString(w, string(c[off:off+n]))
	return err
}

// certificate makes a CA and a certificate of its for a host.
func certificate(t testing.TB, host string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	caKey, caCert, _ := sign(t, &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour)}, nil, nil)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour)}
	if ip := net.ParseIP(host); ip != nil {
		leaf.IPAddresses = []net.IP{ip}
	} else {
		leaf.DNSNames = []string{host}
	}
	key, _, der := sign(t, leaf, caCert, caKey)
	pool := x509.NewCertPool()
	pool.AddCert(caCert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func sign(t testing.TB, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, *x509.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert, der
}

// kind says a result in short, such as "failed 550 5.1.1 mx text".
func kind(res mail.Result) string {
	word := map[mail.Disposition]string{mail.Relayed: "relayed", mail.Deferred: "deferred", mail.Failed: "failed"}[res.Disposition]
	return fmt.Sprintf("%s %d %s %s", word, res.Code, res.Status, res.Text)
}

func kinds(results []mail.Result) (list []string) {
	for _, r := range results {
		list = append(list, kind(r))
	}
	return list
}
