package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"posthorn/internal/mail"
)

// session is a connection to a next hop on which messages can be sent.
type session struct {
	relay    *Relay
	route    *Route
	timeouts Timeouts
	host     string // of the route, for certificates
	mta      string // the server's name, for results

	conn *timedConn
	br   *bufio.Reader
	bw   *bufio.Writer
	stop func() bool // undoes what the context would do to the connection

	extensions map[string]string // keywords in capitals → parameters (RFC 5321 §4.1.1.1)
	esmtp      bool
	tls        string // version and cipher; empty in clear
	verified   bool   // the certificate is for host, by an authority we trust
	// broken is why nothing more can be said on the connection.
	broken  error
	carried int  // messages, of which the hop has said what became of them
	begun   bool // the hop has accepted MAIL for the message in hand
}

// setupError is a failure to get a session. fallback: in clear it may work.
type setupError struct {
	result   mail.Result
	fallback bool
}

func (e *setupError) Error() string { return e.result.Text }

// open connects to a hop, down to AUTH. With TLSOpportunistic a second try in
// clear follows when TLS itself is what failed (RFC 7435 §3).
func (r *Relay) open(ctx context.Context, route *Route) (*session, *mail.Result) {
	s, err := r.connect(ctx, route, false)
	if err != nil && err.fallback {
		s, err = r.connect(ctx, route, true)
	}
	if err != nil {
		return nil, &err.result
	}
	return s, nil
}

func (r *Relay) connect(ctx context.Context, route *Route, clear bool) (_ *session, fail *setupError) {
	s := &session{relay: r, route: route, timeouts: r.Timeouts.withDefaults()}
	host, _, err := net.SplitHostPort(route.Address)
	if err != nil {
		return nil, s.failure("4.3.5", fmt.Errorf("the route's address %q is not host:port", route.Address))
	}
	s.host, s.mta = host, host
	if net.ParseIP(host) != nil {
		s.mta = "[" + host + "]"
	}
	conn, err := r.dial(ctx, s.timeouts.Connect, route.Address)
	if err != nil {
		return nil, s.failure("4.4.1", err)
	}
	s.attach(conn)
	s.stop = context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		if fail != nil {
			s.abandon()
		}
	}()
	if route.TLS == TLSImplicit {
		if fail := s.handshake(true); fail != nil {
			return nil, fail
		}
	}
	if fail := s.greeting(); fail != nil {
		return nil, fail
	}
	if fail := s.hello(); fail != nil {
		return nil, fail
	}
	if !clear {
		if fail := s.startTLS(); fail != nil {
			return nil, fail
		}
	}
	return s, s.authenticate()
}

func (r *Relay) dial(ctx context.Context, timeout time.Duration, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if r.Dial != nil {
		return r.Dial(ctx, "tcp", address)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", address)
}

// attach makes conn what the session speaks on; what was read ahead is gone.
func (s *session) attach(conn net.Conn) {
	s.conn = &timedConn{Conn: conn, timeout: s.timeouts.DataBlock}
	s.br = bufio.NewReaderSize(s.conn, maxReplyLine)
	s.bw = bufio.NewWriterSize(s.conn, 32<<10)
}

// greeting reads the first reply, and notices a hop that is this server (RFC
// 5321 §6.3).
func (s *session) greeting() *setupError {
	r, err := s.read(s.timeouts.Command)
	if err != nil {
		return s.failure("4.4.2", err)
	}
	if r.code != 220 {
		return s.refusal(r)
	}
	return s.checkName(r)
}

// checkName refuses a server that has this server's name. Where the route has
// none for it, only an address, the name that it gives itself is taken.
func (s *session) checkName(r *reply) *setupError {
	name, _, _ := strings.Cut(r.lines[0], " ")
	if strings.HasPrefix(s.mta, "[") && strings.Contains(name, ".") && mail.ValidDomain(name) {
		s.mta = name
	}
	if s.relay.Hostname == "" || !strings.EqualFold(name, s.relay.Hostname) {
		return nil
	}
	return &setupError{result: mail.Result{Disposition: mail.Failed, MTA: s.mta, Status: "5.4.6",
		Text: "the route leads back to this server"}}
}

// hello says EHLO, or HELO to a server that does not know that (RFC 5321
// §3.2).
func (s *session) hello() *setupError {
	s.extensions, s.esmtp = make(map[string]string), true
	r, err := s.command(s.timeouts.Command, "EHLO %s", s.relay.Hostname)
	if err == nil && r.code/100 == 5 {
		s.esmtp = false
		r, err = s.command(s.timeouts.Command, "HELO %s", s.relay.Hostname)
	}
	if err != nil {
		return s.failure("4.4.2", err)
	}
	if r.code != 250 {
		return s.refusal(r)
	}
	if s.esmtp {
		for _, line := range r.lines[1:] {
			keyword, params, _ := strings.Cut(line, " ")
			s.extensions[strings.ToUpper(keyword)] = strings.TrimSpace(params)
		}
	}
	return s.checkName(r)
}

// offers reports whether the hop has an extension.
func (s *session) offers(keyword string) bool {
	_, ok := s.extensions[keyword]
	return ok
}

// startTLS secures the connection as the route says (RFC 3207).
func (s *session) startTLS() *setupError {
	mode := s.route.TLS
	if mode == TLSNone || mode == TLSImplicit {
		return nil
	}
	required := mode == TLSRequired
	if !s.offers("STARTTLS") {
		if required {
			return s.failure("4.7.4", errors.New("TLS is required, and the server does not offer it"))
		}
		return nil
	}
	r, err := s.command(s.timeouts.Command, "STARTTLS")
	if err != nil {
		return s.failure("4.4.2", err)
	}
	if r.code != 220 {
		if required {
			return s.refusal(r)
		}
		return nil
	}
	// What came with the reply came in clear, from whomever: using it after
	// the handshake would mean to believe them (RFC 3207 §6, CVE-2011-0411).
	if s.br.Buffered() > 0 {
		return s.failure("4.7.0", errors.New("the server said something between STARTTLS and the handshake"))
	}
	if fail := s.handshake(required); fail != nil {
		return fail
	}
	return s.hello()
}

// handshake secures the connection. With verify it fails where the certificate
// does not verify; else it notes whether it does.
func (s *session) handshake(verify bool) *setupError {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.relay.TLS != nil {
		cfg = s.relay.TLS.Clone()
	}
	cfg.ServerName = s.host
	if s.route.CA != nil {
		cfg.RootCAs = s.route.CA
	}
	cfg.InsecureSkipVerify = true // VerifyConnection does it
	cfg.VerifyConnection = func(state tls.ConnectionState) error {
		err := verifyCertificate(state, cfg.RootCAs, s.host)
		s.verified = err == nil
		if verify {
			return err
		}
		return nil
	}
	conn := tls.Client(s.conn.Conn, cfg)
	ctx, cancel := context.WithTimeout(context.Background(), s.timeouts.Connect)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		fail := s.failure("4.7.5", fmt.Errorf("TLS: %w", err))
		fail.fallback = s.route.TLS == TLSOpportunistic || s.route.TLS == ""
		return fail
	}
	state := conn.ConnectionState()
	s.tls = tls.VersionName(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
	s.tls = strings.Replace(s.tls, "TLS ", "TLS", 1) // "TLS1.3", one word
	s.attach(conn)
	return nil
}

// verifyCertificate verifies what crypto/tls would.
func verifyCertificate(state tls.ConnectionState, roots *x509.CertPool, host string) error {
	opts := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, c := range state.PeerCertificates[1:] {
		opts.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(opts)
	return err
}

// authenticate logs in where the route says so (RFC 4954).
func (s *session) authenticate() *setupError {
	if s.route.User == "" {
		return nil
	}
	if !s.verified && s.route.TLS != TLSNone {
		return s.failure("4.7.11", errors.New("the password is sent only in TLS, to a server whose certificate verifies"))
	}
	var mechanism sasl.Client
	offered := " " + strings.ToUpper(s.extensions["AUTH"]) + " "
	switch {
	case strings.Contains(offered, " PLAIN "):
		mechanism = sasl.NewPlainClient("", s.route.User, s.route.Password)
	case strings.Contains(offered, " LOGIN "):
		mechanism = &loginClient{answers: []string{s.route.User, s.route.Password}}
	default:
		return s.failure("4.7.0", errors.New("the server offers no AUTH mechanism that this one knows"))
	}
	f := newFront(s, "")
	if err := smtp.NewClient(f).Auth(mechanism); err != nil {
		if f.last != nil && !f.last.ok() {
			return s.refusal(f.last)
		}
		return s.failure("4.7.8", err)
	}
	return nil
}

// loginClient is AUTH LOGIN without an initial response, which not every server
// takes (go-sasl's sends one). What is asked for may be called anything.
type loginClient struct{ answers []string }

func (*loginClient) Start() (mechanism string, response []byte, err error) { return "LOGIN", nil, nil }

func (l *loginClient) Next([]byte) ([]byte, error) {
	if len(l.answers) == 0 {
		return nil, errors.New("the server asks for more than a name and a password")
	}
	answer := l.answers[0]
	l.answers = l.answers[1:]
	return []byte(answer), nil
}

// command sends a command and reads its reply.
func (s *session) command(timeout time.Duration, format string, args ...any) (*reply, error) {
	fmt.Fprintf(s.bw, format+"\r\n", args...)
	return s.read(timeout)
}

// read sends what was written and reads one reply. An error, or a 421, is the
// end of the session.
func (s *session) read(timeout time.Duration) (*reply, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	if s.broken = s.bw.Flush(); s.broken != nil {
		return nil, s.broken
	}
	s.conn.SetReadDeadline(time.Now().Add(timeout))
	r, err := readReply(s.br)
	if err != nil {
		s.broken = err
		return nil, err
	}
	if r.code == 421 { // RFC 5321 §3.8: the server closes the connection
		s.broken = errors.New("the server closed the connection: " + r.text())
	}
	return r, nil
}

// close ends the session, politely where that is possible.
func (s *session) close() {
	if s.broken == nil {
		s.command(min(s.timeouts.Command, quitTimeout), "QUIT")
	}
	s.abandon()
}

// quitTimeout is how long the reply to QUIT is waited for. Nothing depends on
// it.
const quitTimeout = 5 * time.Second

func (s *session) abandon() {
	s.stop()
	s.conn.Close()
	if s.broken == nil {
		s.broken = net.ErrClosed
	}
}

// lost is the result for recipients whose fate the connection's end left open.
func (s *session) lost() mail.Result {
	return mail.Result{MTA: s.mta, Status: "4.4.2", Text: clip("connection lost: " + explain(s.broken)), TLS: s.tls}
}

// failure is a set-up that failed on our side or on the way.
func (s *session) failure(status string, err error) *setupError {
	return &setupError{result: mail.Result{MTA: s.mta, Status: status, Text: clip(explain(err))}}
}

// refusal is a set-up that the server refused. It is no judgement on any
// message: so it is a reason to try again, with one exception, the reply of a
// host that never takes mail (RFC 7504).
func (s *session) refusal(r *reply) *setupError {
	res := s.result(r)
	if res.Disposition != mail.Failed || r.code != 521 {
		res.Disposition = mail.Deferred
	}
	return &setupError{result: res}
}

// explain is an error in words for the sender.
func explain(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "the server did not answer in time"
	}
	// Which system call it was, and with what addresses, is of no use to a
	// sender.
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "the server closed the connection"
	}
	return printable(err.Error())
}

// timedConn gives each write a deadline: a hop that reads ever more slowly
// does not hold a connection for ever.
type timedConn struct {
	net.Conn
	timeout time.Duration
	// until, when set, is when the whole of what is being sent must be out.
	until time.Time
}

func (c *timedConn) Write(p []byte) (int, error) {
	deadline := time.Now().Add(c.timeout)
	if !c.until.IsZero() && c.until.Before(deadline) {
		deadline = c.until
	}
	c.SetWriteDeadline(deadline)
	return c.Conn.Write(p)
}
