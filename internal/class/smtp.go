package class

import (
	"strings"
)

// smtpMachine follows SMTP's three phases: handshake, transfer, closure.
type smtpMachine struct {
	helo    *string
	waiting []smtpCommand // commands that are not answered yet
	auth    bool          // the client's next line is no command
	last    string        // what was answered last, for further lines
}

type smtpCommand struct{ verb, arg string }

func (m *smtpMachine) forget() { m.waiting, m.auth = nil, false }

func (m *smtpMachine) login(st *SessionState) { st.Step = "" }

func (m *smtpMachine) client(line string, st *SessionState) string {
	if m.auth {
		m.auth = false
		return "AUTH"
	}
	first, rest := word(line)
	c := smtpCommand{verb(first), rest}
	if len(m.waiting) < maxWaiting {
		m.waiting = append(m.waiting, c)
	}
	switch c.verb {
	case "AUTH":
		st.Step = "auth"
	case "BDAT":
		st.Step = "data"
	}
	return c.verb
}

func (m *smtpMachine) data(bool, string, *SessionState) {}

func (m *smtpMachine) prompt(line string) (string, bool) {
	return strings.CutPrefix(line, "334 ")
}

func (m *smtpMachine) server(line string, st *SessionState) string {
	if len(line) < 3 {
		return m.last
	}
	code, more := line[:3], len(line) > 3 && line[3] == '-'
	if len(m.waiting) == 0 {
		m.last = ""
		if code[0] == '5' || code == "421" {
			st.Phase, st.Step = "closure", ""
		}
		return ""
	}
	c := m.waiting[0]
	m.last = c.verb
	if more {
		return c.verb
	}
	if code == "334" {
		m.auth = true
		return c.verb
	}
	if code == "354" {
		st.Step = "data"
		return c.verb
	}
	m.waiting = m.waiting[1:]
	if code == "421" {
		st.Phase, st.Step = "closure", ""
		return c.verb
	}
	m.answered(c, code[0] == '2', st)
	return c.verb
}

// answered moves the state by a command's last reply.
func (m *smtpMachine) answered(c smtpCommand, ok bool, st *SessionState) {
	clearEnvelope := func(phase, step string) {
		st.Phase, st.Step, st.From, st.To = phase, step, "", nil
	}
	switch c.verb {
	case "EHLO", "HELO", "LHLO":
		if ok {
			*m.helo = printable(c.arg)
			clearEnvelope("handshake", "")
		}
	case "AUTH":
		st.Step = ""
	case "MAIL":
		if ok {
			clearEnvelope("transfer", "mail")
			st.From = path(c.arg)
		}
	case "RCPT":
		if ok {
			st.Phase, st.Step = "transfer", "rcpt"
			if len(st.To) < maxTo {
				st.To = append(st.To[:len(st.To):len(st.To)], path(c.arg))
			}
		}
	case "BDAT":
		if !ok {
			clearEnvelope("transfer", "")
		} else if strings.HasSuffix(strings.ToUpper(strings.TrimRight(c.arg, " ")), "LAST") {
			clearEnvelope("transfer", "done")
			st.Messages++
		}
	case "DATA":
		if ok {
			clearEnvelope("transfer", "done")
			st.Messages++
		} else {
			clearEnvelope("transfer", "")
		}
	case "RSET":
		if ok {
			clearEnvelope(st.Phase, "")
		}
	case "QUIT":
		if ok {
			clearEnvelope("closure", "")
		}
	}
}

// path is the address between angle brackets of MAIL's or RCPT's argument.
func path(arg string) string {
	_, arg, _ = strings.Cut(arg, ":")
	arg = strings.TrimLeft(arg, " ")
	if rest, ok := strings.CutPrefix(arg, "<"); ok {
		arg, _, _ = strings.Cut(rest, ">")
	} else {
		arg, _, _ = strings.Cut(arg, " ")
	}
	return printable(arg)
}
