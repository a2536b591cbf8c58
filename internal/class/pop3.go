package class

import (
	"slices"
	"strings"
)

// pop3Machine follows POP3's three states (RFC 1939 §3): authorization,
// transaction, update.
type pop3Machine struct {
	waiting []string // commands that are not answered yet
	lines   bool     // the answer goes on until a lone dot
	auth    bool     // the client's next line is no command
	last    string
}

func (m *pop3Machine) forget() { m.waiting, m.lines, m.auth = nil, false, false }

func (m *pop3Machine) login(st *SessionState) { st.Phase, st.Step = "transaction", "" }

func (m *pop3Machine) client(line string, st *SessionState) string {
	if m.auth {
		m.auth = false
		return "AUTH"
	}
	first, rest := word(line)
	v := verb(first)
	if (v == "LIST" || v == "UIDL" || v == "LANG") && rest != "" {
		v += " N" // answered in one line
	}
	if len(m.waiting) < maxWaiting {
		m.waiting = append(m.waiting, v)
	}
	v = strings.TrimSuffix(v, " N")
	switch v {
	case "USER":
		st.Step = "user"
	case "AUTH":
		st.Step = "auth"
	case "QUIT":
		if st.Phase == "transaction" {
			st.Phase = "update"
		}
	}
	return v
}

func (m *pop3Machine) data(fromServer bool, text string, _ *SessionState) {
	if m.lines && fromServer && (text == ".\r\n" || strings.HasSuffix(text, "\r\n.\r\n")) {
		m.lines = false
	}
}

func (m *pop3Machine) prompt(line string) (string, bool) {
	if m.lines {
		return "", false
	}
	return strings.CutPrefix(line, "+ ")
}

func (m *pop3Machine) server(line string, st *SessionState) string {
	if m.lines {
		m.lines = line != "."
		return m.last
	}
	if len(m.waiting) == 0 {
		m.last = ""
		return ""
	}
	v := m.waiting[0]
	m.last = strings.TrimSuffix(v, " N")
	if strings.HasPrefix(line, "+ ") || line == "+" {
		m.auth = true
		return m.last
	}
	m.waiting = m.waiting[1:]
	ok := strings.HasPrefix(line, "+OK")
	switch v {
	case "AUTH", "PASS":
		if !ok {
			st.Step = ""
		}
		m.lines = false
	case "DELE":
		if ok {
			st.Deleted++
		}
	case "RSET":
		if ok {
			st.Deleted = 0
		}
	}
	if ok && slices.Contains([]string{"RETR", "TOP", "LIST", "UIDL", "CAPA", "LANG"}, v) {
		m.lines = true
	}
	return m.last
}
