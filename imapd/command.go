package imapd

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"strings"

	"posthorn/internal/fault"
	"posthorn/internal/wire"
)

// What a client can make the server hold of one command.
const (
	// maxCommand bounds a command with its literals (APPEND's message aside):
	// UID sets over a scattered mailbox are long.
	maxCommand = 1 << 20
	// maxCommandEarly does so before login, where anybody may ask: the 8,000
	// octets of RFC 2683 §3.2.1.5, into which the longest SASL response that auth
	// reads fits.
	maxCommandEarly = 8 << 10
	// maxDiscard bounds what is read away of a refused command's
	// non-synchronizing literals beyond the largest message, maxDiscardEarly
	// before login; past it the connection is closed (RFC 7888 §4).
	maxDiscard      = 16 << 20
	maxDiscardEarly = 64 << 10
	// maxFaults is how many commands that make no sense a client may send
	// before login.
	maxFaults = 10
)

// next reads one command and runs it. An error ends the connection.
func (s *session) next() (err error) {
	defer s.conn.Recover(&err)
	s.secret = false
	line, err := s.readLine(s.maxCommand())
	if err != nil {
		return s.hangup(err)
	}
	s.out.open()
	defer s.out.close()
	// Not within command: a connection that idles waits in here, and each frame
	// below counts for the size of its stack.
	if run, args := s.command(line); run != nil {
		s.finish(run(s, args))
	}
	if !s.lineAtHand() {
		s.settle()
	}
	if s.lost == nil && s.faults > maxFaults && s.state == notAuthenticated {
		s.lost = errors.New("too many bad commands")
		s.bye("Too many bad commands")
	}
	if s.lost != nil {
		s.out.flush()
		return s.hangup(s.lost)
	}
	return nil
}

// command begins the command that begins with line: it returns its handler and
// its arguments, or no handler where it has answered already.
func (s *session) command(line []byte) (run func(*session, *decoder) error, d *decoder) {
	s.tag, s.name, s.done, s.limit, s.answered, s.numbers = "*", "", status{}, 0, false, false
	if s.state == notAuthenticated && wire.ForeignProtocol(line) {
		s.bye("This is an IMAP server")
		s.lose(errors.New("another protocol's client"))
		return nil, nil
	}
	tag, name, args := cutHead(line)
	s.hide(line, tag, name)
	if tag == "" {
		s.fault(line, bad("Expected a tag, a space and a command"))
		return nil, nil
	}
	s.tag, s.name = tag, name
	if _, ok := s.conn.Fault(fault.Bye, name); ok {
		s.bye("Closing on demand")
		s.lose(errOnDemand)
		return nil, nil
	}
	if name != "APPEND" {
		s.settle()
	}

	c, ok := s.srv.commands[name]
	s.numbers = c.numbers
	switch {
	case !ok:
		s.fault(line, bad("Unknown command"))
		return nil, nil
	case s.state&c.in == 0:
		s.fault(line, wrongState(s.state, c.in))
		return nil, nil
	case c.byNumber && s.enabled.uidOnly:
		s.fault(line, errUIDRequired)
		return nil, nil
	case !c.streams:
		whole, err := s.gather(line)
		if err != nil {
			s.finish(err)
			return nil, nil
		}
		args = whole[len(line)-len(args):]
	}
	return c.run, newDecoder(args, s.enabled.unicode())
}

// hide keeps passwords out of the transcript: also where the tag was forgotten,
// or has two spaces behind it, and in a line after a login that is no command:
// it may be a literal that was refused.
func (s *session) hide(line []byte, tag, name string) {
	if s.secret = isLogin(name); s.state != notAuthenticated {
		return
	}
	_, known := s.srv.commands[name]
	after := s.tried
	s.tried = s.tried || s.secret
	if s.secret {
		s.conn.Mask(tag + " " + name + " ********")
		return
	}
	if after && !known {
		s.conn.Mask("********")
	}
	for i, word := range strings.Fields(string(line)) {
		if i < 3 && isLogin(word) {
			s.tried = true
			s.conn.Mask(word + " ********")
		}
	}
}

func isLogin(word string) bool {
	return strings.EqualFold(word, "LOGIN") || strings.EqualFold(word, "AUTHENTICATE")
}

// wrongState refuses a command in a state where it isn't allowed.
func wrongState(st, allowed state) error {
	text := "Select a mailbox first"
	switch {
	case st == notAuthenticated:
		text = "Log in first"
	case allowed == notAuthenticated:
		text = "You are logged in already"
	}
	return &refusal{status{"BAD", "CLIENTBUG", text}}
}

// cutHead parts a command line into its tag, its name in capitals (with UID's
// second word) and the arguments, which begin with their space. tag is empty
// when there is no tag (RFC 9051 §9, tag) or no name.
func cutHead(line []byte) (tag, name string, args []byte) {
	t, rest, _ := bytes.Cut(line, []byte(" "))
	n := atomLen(rest)
	if len(t) == 0 || n == 0 || !isTag(t) {
		return "", "", nil
	}
	name = strings.ToUpper(string(rest[:n]))
	args = rest[n:]
	if name == "UID" && len(args) > 1 && args[0] == ' ' {
		n = atomLen(args[1:])
		name += " " + strings.ToUpper(string(args[1:1+n]))
		args = args[1+n:]
	}
	return string(t), name, args
}

func atomLen(b []byte) int {
	n := 0
	for n < len(b) && isAtomChar(b[n]) {
		n++
	}
	return n
}

// isTag reports whether all of t are ASTRING-CHARs except "+".
func isTag(t []byte) bool {
	for _, c := range t {
		if !isAtomChar(c) && c != ']' || c == '+' {
			return false
		}
	}
	return len(t) <= 256
}

// literal is the announcement of a literal at the end of a line.
type literal struct {
	size    int64
	nonSync bool // {n+}: the octets come without being asked for (RFC 7888)
	binary  bool // ~{n}: literal8, which may hold NULs (RFC 9051 §4.3.1)
	start   int  // where the announcement begins in the line
}

// cutLiteral finds a literal's announcement at the end of line. RFC 7888 §3
// wants that looked for in every line, whatever stands before it. A size that
// is no number of 63 bits comes as -1.
func cutLiteral(line []byte) (lit literal, ok bool) {
	if len(line) < 3 || line[len(line)-1] != '}' {
		return literal{}, false
	}
	lit.start = bytes.LastIndexByte(line, '{')
	if lit.start < 0 {
		return literal{}, false
	}
	digits := line[lit.start+1 : len(line)-1]
	if n := len(digits); n > 0 && digits[n-1] == '+' {
		lit.nonSync, digits = true, digits[:n-1]
	}
	if len(digits) == 0 {
		return literal{}, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return literal{}, false
		}
	}
	var err error
	if lit.size, err = strconv.ParseInt(string(digits), 10, 64); err != nil {
		lit.size = -1
	}
	if lit.start > 0 && line[lit.start-1] == '~' {
		lit.binary = true
		lit.start--
	}
	return lit, true
}

// gather reads what belongs to the command that begins with line: its
// literals, and the lines after them. It returns the whole command, or a
// refusal after having read away what the client sends in any case.
func (s *session) gather(line []byte) ([]byte, error) {
	lit, ok := cutLiteral(line)
	if !ok {
		return line, nil
	}
	whole := append(s.whole[:0], line...)
	for ok {
		if lit.size < 0 || lit.size > int64(s.maxCommand()-len(whole)) {
			return nil, s.refuse(lit, no("TOOBIG", "Too much for one command"))
		}
		whole = append(whole, "\r\n"...)
		var err error
		if whole, err = s.readLiteral(whole, lit); err != nil {
			return nil, err
		}
		if line, err = s.readLine(s.maxCommand() - min(len(whole), s.maxCommand())); err != nil {
			return nil, s.lose(err)
		}
		whole = append(whole, line...)
		lit, ok = cutLiteral(line)
	}
	if s.whole = whole[:0]; cap(whole) > 4<<10 {
		s.whole = nil
	}
	return whole, nil
}

// readLiteral asks for a literal, unless it comes by itself, and appends its
// octets to dst.
func (s *session) readLiteral(dst []byte, lit literal) ([]byte, error) {
	if !lit.nonSync {
		s.proceed("Ready for literal data")
		defer s.resume()
	}
	for left := lit.size; left > 0; {
		b, err := s.fill()
		if err != nil {
			return nil, err
		}
		b = b[:min(int64(len(b)), left)]
		dst = append(dst, b...)
		s.consume(len(b))
		left -= int64(len(b))
	}
	return dst, nil
}

// discard reads n octets of a refused literal away.
func (s *session) discard(n int64) error {
	for n > 0 {
		b, err := s.fill()
		if err != nil {
			return err
		}
		k := min(int64(len(b)), n)
		s.consume(int(k))
		n -= k
	}
	return nil
}

// consume takes octets of a literal, which the transcript may not show where
// they belong to a password.
func (s *session) consume(n int) {
	if s.secret {
		s.conn.ConsumeSecret(n)
	} else {
		s.conn.Consume(n)
	}
}

// refuse ends a command at a literal that isn't taken: a synchronizing one is
// simply not asked for; the others arrive in any case, and are read away with
// the rest of the command, so that none of it runs as commands. It returns why,
// or the error that ended the connection.
func (s *session) refuse(lit literal, why error) error {
	left := s.srv.cfg.MaxMessage + maxDiscard
	if s.state == notAuthenticated {
		left = maxDiscardEarly
	}
	for ok := true; ok && lit.nonSync; {
		if left -= lit.size; lit.size < 0 || left < 0 {
			s.bye("[TOOBIG] Too much to read away")
			return s.lose(errors.New("refused literal too large"))
		}
		if err := s.discard(lit.size); err != nil {
			return err
		}
		line, err := s.readLine(s.maxCommand())
		if err != nil {
			return s.lose(err)
		}
		lit, ok = cutLiteral(line)
	}
	return why
}

// fault refuses the whole of a command that makes no sense.
func (s *session) fault(line []byte, why error) {
	s.faults++
	if lit, ok := cutLiteral(line); ok {
		why = s.refuse(lit, why)
	}
	s.finish(why)
}

func (s *session) maxCommand() int {
	if s.state == notAuthenticated {
		return maxCommandEarly
	}
	return maxCommand
}

// readLine reads a line. A wake-up that came too late for the IDLE that it was
// meant for is passed over.
func (s *session) readLine(max int) ([]byte, error) {
	for {
		line, _, err := s.conn.ReadLine(max)
		if errors.Is(err, wire.ErrInterrupted) {
			continue
		}
		if s.secret && err == nil {
			s.conn.Mask("********")
		}
		return line, err
	}
}

// fill returns what the client sent, for Consume.
func (s *session) fill() ([]byte, error) {
	for {
		b, err := s.conn.Fill()
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, wire.ErrInterrupted) {
			return nil, s.lose(err)
		}
	}
}

// lose notes what ended the connection in the middle of a command: nothing
// more is answered.
func (s *session) lose(err error) error {
	s.settle()
	s.lost = err
	return err
}

// hangup closes the connection for what err tells, and returns net.ErrClosed,
// which imapserver passes over in silence: the wire logs why. It has also said
// so where the client was too slow or the server goes down.
func (s *session) hangup(err error) error {
	s.settle()
	last := ""
	switch {
	case errors.Is(err, wire.ErrLineTooLong):
		// Its end may announce a literal that is on its way: what follows
		// can't be trusted to be a command.
		last = "* BYE [TOOBIG] The line is too long"
	case errors.Is(err, wire.ErrDeflate):
		last = "* BYE What you send is not compressed"
	}
	s.conn.Hangup(last)
	return net.ErrClosed
}
