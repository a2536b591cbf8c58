package class

import (
	"strings"
)

// imapMachine follows IMAP's four states (RFC 9051 §3).
type imapMachine struct {
	waiting []imapCommand
	literal bool // the client's last line announced a literal: the next goes on with it
	auth    bool // the server has asked: the client's next line is no command
}

type imapCommand struct{ tag, verb, mailbox string }

func (m *imapMachine) forget() { m.waiting, m.literal, m.auth = nil, false, false }

func (m *imapMachine) login(st *SessionState) { st.Phase, st.Step = "authenticated", "" }

func (m *imapMachine) oldest() string {
	if len(m.waiting) == 0 {
		return ""
	}
	return m.waiting[0].verb
}

func (m *imapMachine) client(line string, st *SessionState) string {
	goesOn := m.literal
	m.literal = announcesLiteral(line)
	switch {
	case goesOn:
		return ""
	case m.auth:
		m.auth = false
		return m.oldest()
	case st.Step == "idle":
		st.Step = ""
		return "DONE"
	}
	tag, rest := word(line)
	if strings.HasPrefix(tag, "***") { // a secret gone astray
		return ""
	}
	first, args := word(rest)
	c := imapCommand{tag: tag, verb: verb(first)}
	if c.verb == "UID" {
		first, args = word(args)
		if second := verb(first); second != "" {
			c.verb += " " + second
		}
	}
	switch c.verb {
	case "SELECT", "EXAMINE":
		c.mailbox = astring(args)
	case "AUTHENTICATE":
		st.Step = "auth"
	case "APPEND":
		st.Step = "append"
	}
	if len(m.waiting) < maxWaiting {
		m.waiting = append(m.waiting, c)
	}
	return c.verb
}

func (m *imapMachine) data(bool, string, *SessionState) {}

func (m *imapMachine) prompt(line string) (string, bool) {
	if m.oldest() != "AUTHENTICATE" {
		return "", false
	}
	return strings.CutPrefix(line, "+ ")
}

func (m *imapMachine) server(line string, st *SessionState) string {
	tag, rest := word(line)
	switch tag {
	case "*":
		if w, _ := word(rest); verb(w) == "BYE" {
			st.Phase, st.Step = "logout", ""
		}
		return m.oldest()
	case "+":
		switch m.oldest() {
		case "AUTHENTICATE":
			m.auth = true
		case "IDLE":
			st.Step = "idle"
		}
		return m.oldest()
	}
	for i, c := range m.waiting {
		if c.tag == tag {
			m.waiting = append(m.waiting[:i:i], m.waiting[i+1:]...)
			w, _ := word(rest)
			m.answered(c, verb(w) == "OK", st)
			return c.verb
		}
	}
	return m.oldest()
}

// answered moves the state by a command's tagged response.
func (m *imapMachine) answered(c imapCommand, ok bool, st *SessionState) {
	switch c.verb {
	case "SELECT", "EXAMINE":
		if st.Phase == "not-authenticated" || st.Phase == "logout" {
			return
		}
		st.Phase, st.Mailbox, st.ReadOnly = "authenticated", "", false
		if ok {
			st.Phase, st.Mailbox, st.ReadOnly = "selected", c.mailbox, c.verb == "EXAMINE"
		}
	case "CLOSE", "UNSELECT":
		if ok && st.Phase == "selected" {
			st.Phase, st.Mailbox, st.ReadOnly = "authenticated", "", false
		}
	case "UNAUTHENTICATE":
		if ok {
			*st = SessionState{Phase: "not-authenticated"}
		}
	case "AUTHENTICATE", "APPEND", "IDLE":
		st.Step = ""
		m.auth = false
	}
}

// announcesLiteral: the line ends in {n}, {n+} or {n-}.
func announcesLiteral(line string) bool {
	if !strings.HasSuffix(line, "}") {
		return false
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return false
	}
	digits := strings.TrimRight(line[i+1:len(line)-1], "+-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

// astring is the first atom or quoted string of a command's arguments.
func astring(args string) string {
	quoted, ok := strings.CutPrefix(args, `"`)
	if !ok {
		name, _ := word(args)
		return printable(name)
	}
	var b strings.Builder
	for i := 0; i < len(quoted) && quoted[i] != '"'; i++ {
		if quoted[i] == '\\' && i+1 < len(quoted) {
			i++
		}
		b.WriteByte(quoted[i])
	}
	return printable(b.String())
}
