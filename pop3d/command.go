package pop3d

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// command is what can be done.
type command struct {
	in       state // the states in which it may be given
	min, max int   // how many arguments it has
	usage    string
	run      func(s *session, args []string) error
}

// find returns the command of a name in capitals.
func find(name string) *command {
	switch name {
	case "USER":
		return &command{authorization, 1, 1, "USER and your address, such as USER alice@example.org", (*session).cmdUser}
	case "PASS": // its argument is taken as it stands: see run
		return &command{authorization, 0, 1, "PASS and your password", (*session).cmdPass}
	case "APOP":
		return &command{authorization, 0, 2, "APOP", (*session).cmdAPOP}
	case "AUTH":
		return &command{authorization, 0, 2, "AUTH and a mechanism", (*session).cmdAuth}
	case "STLS":
		return &command{authorization | transaction, 0, 0, "STLS", (*session).cmdSTLS}
	case "CAPA":
		return &command{authorization | transaction, 0, 0, "CAPA", (*session).cmdCapa}
	case "UTF8":
		return &command{authorization | transaction, 0, 0, "UTF8", (*session).cmdUTF8}
	case "LANG":
		return &command{authorization | transaction, 0, 1, "LANG and a language, such as LANG en", (*session).cmdLang}
	case "QUIT":
		return &command{authorization | transaction, 0, 0, "QUIT", (*session).cmdQuit}
	case "STAT":
		return &command{transaction, 0, 0, "STAT", (*session).cmdStat}
	case "LIST":
		return &command{transaction, 0, 1, "LIST, or LIST and a message's number", (*session).cmdList}
	case "UIDL":
		return &command{transaction, 0, 1, "UIDL, or UIDL and a message's number", (*session).cmdUIDL}
	case "RETR":
		return &command{transaction, 1, 1, "RETR and a message's number, such as RETR 1", (*session).cmdRetr}
	case "TOP":
		return &command{transaction, 2, 2, "TOP, a message's number and a number of lines, such as TOP 1 10", (*session).cmdTop}
	case "DELE":
		return &command{transaction, 1, 1, "DELE and a message's number, such as DELE 1", (*session).cmdDele}
	case "RSET":
		return &command{transaction, 0, 0, "RSET", (*session).cmdRset}
	case "NOOP":
		return &command{transaction, 0, 0, "NOOP", (*session).cmdNoop}
	}
	return nil
}

// names are the commands for a person who asks; HELP is no command of POP3.
const names = "USER PASS AUTH STLS CAPA STAT LIST UIDL RETR TOP DELE RSET NOOP UTF8 LANG QUIT"

// run runs a command line.
func (s *session) run(line []byte) {
	name, rest := cut(string(line))
	s.mask(name, rest)
	if bytes.ContainsFunc(line, isControl) {
		s.fault("A command must not have control characters")
		return
	}
	c := find(name)
	switch {
	case name == "":
		s.fault("Say a command; there are %s", names)
		return
	case c == nil:
		s.fault("Unknown command; there are %s", names)
		return
	case c.in&s.state == 0:
		s.wrongState()
		return
	}
	args := strings.Fields(rest)
	if name == "PASS" && rest != "" {
		args = []string{rest} // spaces belong to it (RFC 1939 §7)
	}
	if len(args) < c.min || len(args) > c.max {
		s.fault("Write %s", c.usage)
		return
	}
	s.answer(name, c.run(s, args))
}

// cut parts a command's name, in capitals, from what follows the space (or tab)
// behind it.
func cut(line string) (name, rest string) {
	line = strings.TrimLeft(line, " \t")
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		line, rest = line[:i], line[i+1:]
	}
	return strings.ToUpper(line), rest
}

// mask hides passwords from the transcript, also behind a typing error.
func (s *session) mask(name, rest string) {
	switch {
	case strings.HasPrefix(name, "PASS"):
		s.tried = true
		s.conn.Mask("PASS ********")
	case name == "AUTH":
		s.tried = true
		if mechanism, initial := cut(strings.TrimSpace(rest)); initial != "" {
			s.conn.Mask("AUTH " + mechanism + " ********")
		}
	case s.tried && s.state == authorization && find(name) == nil:
		s.conn.Mask("********")
	}
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func (s *session) wrongState() {
	if s.state == authorization {
		s.fault("Log in first: USER alice@example.org, then PASS")
	} else {
		s.fault("You are logged in already")
	}
}

// number reads a decimal number. What is larger than messages can be, or lines,
// is as good as the largest.
func number(arg string) (int, bool) {
	n, err := strconv.ParseUint(arg, 10, 31)
	return int(n), err == nil || errors.Is(err, strconv.ErrRange)
}
